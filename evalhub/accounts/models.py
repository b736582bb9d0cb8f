"""Who may do what: people, projects, memberships, API keys, links, and what was done."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Self

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from evalhub.accounts.capabilities import Capability, capabilities_of_role
from evalhub.identifiers import new_id

SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
valid_slug = RegexValidator(
    rf"^{SLUG}\Z", "Use letters, digits, dots, dashes and underscores, at most 100."
)
new_invitation_id = partial(new_id, "inv")


class User(AbstractUser):
    """A person with an account. Who is removed gets a neutral name: their answers stay."""

    # The project whose owner or invitation made the account. The operator's own have none.
    made_in = models.ForeignKey(
        "Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )


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
    is_limited = models.BooleanField(default=False)  # sees the campaigns with a place for them
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "user", name="member_once_per_project"),
            models.CheckConstraint(
                name="only_annotators_are_limited",
                condition=Q(is_limited=False) | Q(role="annotator"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"

    @property
    def place(self) -> str:
        """The role as pages name it, where limited annotators have a line of their own."""
        return LIMITED if self.is_limited else self.role

    @property
    def capabilities(self) -> frozenset[Capability]:
        return capabilities_of_role(self.role)


LIMITED = "limited"
PLACES = {
    **{role.value: role.value for role in Membership.Role},
    LIMITED: "annotator of given campaigns",
}


def role_of(place: str) -> tuple[str, bool]:
    """Return role and limit of a place."""
    is_limited = place == LIMITED
    return (Membership.Role.ANNOTATOR.value if is_limited else place), is_limited


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


class Link(models.Model):
    """A way in by an address that was shown once. Only the digest of its secret is kept."""

    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open_at(self, now: datetime) -> Self:
        return self.filter(revoked_at__isnull=True, expires_at__gt=now, uses__lt=F("max_uses"))


class Invitation(Link):
    """Whoever has the link becomes a member, until it is used up, expired or revoked."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    public_id = models.CharField(max_length=24, unique=True, default=new_invitation_id)
    role = models.CharField(max_length=10, choices=Membership.Role)
    is_limited = models.BooleanField(default=False)
    note = models.CharField(max_length=100, blank=True, default="")  # for whom
    max_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="invitation_not_overused", condition=Q(uses__lte=F("max_uses"))
            ),
            models.CheckConstraint(
                name="only_annotators_are_invited_limited",
                condition=Q(is_limited=False) | Q(role="annotator"),
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="invitations_of_project")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def place(self) -> str:
        return LIMITED if self.is_limited else self.role

    @property
    def state(self) -> str:
        """What holds now: revoked, used, expired or open."""
        if self.revoked_at is not None:
            return "revoked"
        if self.uses >= self.max_uses:
            return "used"
        return "open" if timezone.now() < self.expires_at else "expired"


class InvitationUse(models.Model):
    """Who came in by an invitation, each counted once."""

    invitation = models.ForeignKey(
        Invitation, on_delete=models.CASCADE, related_name="used_by", db_index=False
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations_used")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("invitation", "user", name="invitation_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} by {self.invitation_id}"


class PasswordLinkQuerySet(models.QuerySet["PasswordLink"]):
    def open_at(self, now: datetime) -> Self:
        return self.filter(revoked_at__isnull=True, expires_at__gt=now, used_at__isnull=True)


class PasswordLink(Link):
    """Whoever has the link sets the password of one account, once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_links")
    used_at = models.DateTimeField(null=True, blank=True)

    objects = PasswordLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"password link {self.pk} of {self.user_id}"


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
