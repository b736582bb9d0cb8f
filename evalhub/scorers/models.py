"""Services of other people that score outputs: who they are, what they are, who may be asked."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from evalhub.accounts.models import Project, User

SLUG = r"[a-z0-9][a-z0-9_-]{0,49}"
valid_scorer_slug = RegexValidator(
    rf"^{SLUG}\Z", "Use small letters, digits, dashes and underscores, at most 50."
)


class Scorer(models.Model):
    """A service that scores outputs over HTTP, by its name in a project.

    What stands here changes no number; what does is a revision.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="scorers")
    slug = models.CharField(max_length=50, validators=[valid_scorer_slug])
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    timeout_seconds = models.FloatField()  # for one request, as a whole
    batch_size = models.PositiveSmallIntegerField()  # the most outputs in one request
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "slug", name="scorer_slug_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.slug


class Revision(models.Model):
    """All that defines a scorer's numbers. Never changed: another address is another revision."""

    scorer = models.ForeignKey(Scorer, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    url = models.CharField(max_length=500)
    origin = models.CharField(max_length=300)  # scheme, host and port of the address
    version = models.CharField(max_length=100)  # as its owner calls it
    higher_is_better = models.BooleanField(default=True)
    low = models.FloatField(null=True, blank=True)  # None: no bound
    high = models.FloatField(null=True, blank=True)
    is_binary = models.BooleanField(default=False)  # every value is 0 or 1
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("scorer", "number", name="scorer_revision_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.scorer_id} revision {self.number}"


class Secret(models.Model):
    """The header that a scorer wants to see. A table of its own: nothing else loads it.

    It goes to the origin it was given for and to no other.
    """

    scorer = models.OneToOneField(Scorer, on_delete=models.CASCADE, related_name="secret")
    origin = models.CharField(max_length=300)
    header = models.CharField(max_length=100)
    value = models.CharField(max_length=2_000)

    def __str__(self) -> str:
        return f"header {self.header} of scorer {self.scorer_id}"


class Approval(models.Model):
    """An owner's word that a project's outputs may be sent to a host."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="approved_hosts")
    origin = models.CharField(max_length=300)
    approved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "origin", name="host_approved_once_per_project"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} for project {self.project_id}"
