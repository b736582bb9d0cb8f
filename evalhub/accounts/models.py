"""Who may do what: people, projects, memberships, API keys, and what was done."""

from __future__ import annotations

from typing import Self

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models

from evalhub.accounts.capabilities import Capability, capabilities_of_role

SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
valid_slug = RegexValidator(
    rf"^{SLUG}\Z", "Use letters, digits, dots, dashes and underscores, at most 100."
)


class User(AbstractUser):
    """A person with an account. Removed people are deactivated: their answers stay."""


class ProjectQuerySet(models.QuerySet["Project"]):
    def for_member(self, user: User) -> Self:
        return self.filter(memberships__user=user)


class Project(models.Model):
    """The boundary of membership and visibility."""

    slug = models.CharField(max_length=100, unique=True, validators=[valid_slug])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """What a person is in a project."""

    class Role(models.TextChoices):
        OWNER = "owner"
        LEAD = "lead"
        EXPERT = "expert"
        ANNOTATOR = "annotator"
        VIEWER = "viewer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "user", name="member_once_per_project"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"

    @property
    def capabilities(self) -> frozenset[Capability]:
        return capabilities_of_role(self.role)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        return self.filter(revoked_at__isnull=True)


class ApiKey(models.Model):
    """A program's way in. Only the digest of its secret is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="api_keys"
    )
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.prefix} of project {self.project_id}"


class IdempotentAnswer(models.Model):
    """What a creating request was answered, so that a repeated one is answered the same."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="idempotent_answers")
    token = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("key", "token", name="idempotency_token_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.token} of key {self.key_id}"


class AuditEvent(models.Model):
    """Something that was done, by whom. Rows are only added."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="audit_events")
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="audit_events"
    )
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="audit_events"
    )
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-at"], name="audit_of_project")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


class LoginFailure(models.Model):
    """A failed login, counted against guessing."""

    username_digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["username_digest", "at"], name="failures_of_username")]

    def __str__(self) -> str:
        return f"failed at {self.at:%Y-%m-%d %H:%M:%S}"
