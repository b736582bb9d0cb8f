"""People judge outputs: campaigns, questions, units, slots, annotations."""

from __future__ import annotations

from functools import partial
from typing import Self

from django.db import models
from django.db.models import Q

from evalhub.accounts.models import Project, User
from evalhub.identifiers import new_id
from evalhub.runs.models import Run

new_campaign_id = partial(new_id, "cam")
new_unit_id = partial(new_id, "unt")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def for_member(self, user: User) -> Self:
        return self.filter(project__memberships__user=user)


class Campaign(models.Model):
    """One labeling effort: outputs, questions, an overlap, people."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="campaigns")
    public_id = models.CharField(max_length=24, unique=True, default=new_campaign_id)
    name = models.CharField(max_length=200)
    guidelines = models.TextField(blank=True, default="")
    overlap = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    runs = models.ManyToManyField(Run, related_name="campaigns")
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="campaigns_of_project")]

    def __str__(self) -> str:
        return self.public_id


class Question(models.Model):
    """What an annotator is asked, and the scale of the answers."""

    class Kind(models.TextChoices):
        RATING = "rating"  # labelled points in order
        CHOICE = "choice"  # one of several
        NUMBER = "number"  # a number, within a range where one is given
        YES_NO = "yes_no"

    class Scale(models.TextChoices):
        NOMINAL = "nominal"
        ORDINAL = "ordinal"
        INTERVAL = "interval"
        RATIO = "ratio"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="questions")
    order = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    text = models.TextField(blank=True, default="")  # as shown; the name where empty
    kind = models.CharField(max_length=10, choices=Kind)
    scale = models.CharField(max_length=10, choices=Scale)
    options = models.JSONField(default=list, blank=True)  # [{value, label}] in order
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    is_required = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "name", name="question_once_per_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of campaign {self.campaign_id}"


class Annotator(models.Model):
    """Someone who answers in a campaign: a member, or a name that came with an import."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="annotators")
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="annotators"
    )
    name = models.CharField(max_length=200)
    seed = models.BigIntegerField()  # of the order in which this person sees units
    last_position = models.PositiveIntegerField(null=True, blank=True)  # never two of one example

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "name", name="annotator_name_once_per_campaign"),
            models.UniqueConstraint(
                "campaign",
                "user",
                condition=Q(user__isnull=False),
                name="annotator_user_once_per_campaign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} in campaign {self.campaign_id}"


class Unit(models.Model):
    """One output to be labeled.

    Equal outputs of one example are shown once: `twin` names the unit that stands for this one
    on the desk, whose answers count for both when scores are published.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="units")
    public_id = models.CharField(max_length=24, unique=True, default=new_unit_id)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="units")
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    twin = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="stands_for"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "campaign", "run", "position", "attempt", name="unit_once_per_output"
            ),
        ]
        indexes = [models.Index(fields=["campaign", "position"], name="units_by_position")]

    def __str__(self) -> str:
        return self.public_id


class Slot(models.Model):
    """A place for one annotator on one unit. The row that is claimed is the row that changes.

    The slots of one number and position are claimed together: all systems' outputs of an
    example go to the same people.
    """

    class State(models.TextChoices):
        OPEN = "open"
        LEASED = "leased"
        ANSWERED = "answered"
        SKIPPED = "skipped"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="slots")
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="slots")
    position = models.PositiveIntegerField()
    number = models.PositiveSmallIntegerField()
    order = models.BigIntegerField()  # of the campaign's shuffled examples
    annotator = models.ForeignKey(
        Annotator, on_delete=models.PROTECT, null=True, blank=True, related_name="slots"
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("unit", "number", name="slot_once_per_number"),
            models.UniqueConstraint("unit", "annotator", name="slot_once_per_annotator"),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "order"], name="slots_to_claim"),
            models.Index(fields=["annotator", "state"], name="slots_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"slot {self.number} of unit {self.unit_id}"


class Annotation(models.Model):
    """One annotator's answers for one unit: the newest revision."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="annotations")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="annotations")
    answers = models.JSONField()  # {question: value, or null for "cannot judge"}
    seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)
    is_withdrawn = models.BooleanField(default=False)  # undone, and not yet answered again

    class Meta:
        constraints = [
            models.UniqueConstraint("unit", "annotator", name="annotation_once_per_annotator"),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk} of unit {self.unit_id}"


class AnnotationRevision(models.Model):
    """Every state an annotation has had. Rows are only added."""

    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    answers = models.JSONField(null=True)  # null where the annotation was undone
    seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("annotation", "number", name="revision_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of annotation {self.annotation_id}"
