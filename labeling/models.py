"""People judge outputs: campaigns, questions, units, slots, annotations."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property

from evalhub.accounts.models import Project, User
from evalhub.identifiers import new_id
from evalhub.runs.models import Run

new_campaign_id = partial(new_id, "cam")
new_unit_id = partial(new_id, "unt")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def for_member(self, user: User) -> Self:
        return self.ready().filter(project__memberships__user=user)

    def ready(self) -> Self:
        """Leave out what is still being set up, or was given up on the way."""
        return self.exclude(state=Campaign.State.PREPARING)


class Campaign(models.Model):
    """One labeling effort: outputs, questions, an overlap, people."""

    class State(models.TextChoices):
        PREPARING = "preparing"  # its units are being written
        OPEN = "open"
        CLOSED = "closed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="campaigns")
    public_id = models.CharField(max_length=24, unique=True, default=new_campaign_id)
    name = models.CharField(max_length=200)
    guidelines = models.TextField(blank=True, default="")
    overlap = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    shows_reference = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    runs = models.ManyToManyField(Run, related_name="campaigns")
    n_outputs = models.PositiveIntegerField(default=0)
    n_units = models.PositiveIntegerField(default=0)  # equal outputs of one example are one
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

    @property
    def is_open(self) -> bool:
        return self.state == Campaign.State.OPEN

    @cached_property
    def asked(self) -> list[Question]:
        """The questions in order. They never change once a campaign is open."""
        return sorted(self.questions.all(), key=lambda question: question.order)


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
    text = models.TextField(blank=True, default="")  # asked under the name
    kind = models.CharField(max_length=10, choices=Kind)
    scale = models.CharField(max_length=10, choices=Scale)
    options = models.JSONField(default=list, blank=True)  # [{value, label}] in order
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    higher_is_better = models.BooleanField(default=True)
    is_required = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "name", name="question_once_per_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of campaign {self.campaign_id}"


class Annotator(models.Model):
    """Someone who answers in a campaign: a member, or a name that came with an import.

    The row is locked by whatever this person does, so that two tabs are one queue.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="annotators")
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="annotators"
    )
    name = models.CharField(max_length=200)
    seed = models.BigIntegerField()  # of the order in which this person sees units
    unit = models.ForeignKey(  # on the desk now, since shown_at
        "Unit", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    shown_at = models.DateTimeField(null=True, blank=True)
    last_bundle = models.PositiveIntegerField(null=True, blank=True)  # never two of one example
    n_answered = models.PositiveIntegerField(default=0)
    n_skipped = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(null=True, blank=True)

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

    `bundle` numbers the examples of the campaign: the outputs of one example go to the same
    people. Equal outputs of one example are shown once: `twin` names the unit that stands for
    this one on the desk, and whose answers count for both when labels are published.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="units")
    public_id = models.CharField(max_length=24, unique=True, default=new_unit_id)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="units")
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    bundle = models.PositiveIntegerField()
    twin = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="stands_for"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "campaign", "run", "position", "attempt", name="unit_once_per_output"
            ),
        ]
        indexes = [models.Index(fields=["campaign", "bundle"], name="units_of_bundle")]

    def __str__(self) -> str:
        return self.public_id


class SlotQuerySet(models.QuerySet["Slot"]):
    def claimable(self, now: datetime) -> Self:
        return self.filter(
            Q(state=Slot.State.OPEN) | Q(state=Slot.State.LEASED, lease_until__lt=now)
        )

    def held_by(self, annotator: Annotator) -> Self:
        """Return what a person has in hand; an expired lease is theirs until somebody takes it."""
        return self.filter(annotator=annotator, state=Slot.State.LEASED)


class Slot(models.Model):
    """A place for one annotator on one example, that is on all its units.

    The row that is claimed is the row that changes, so nobody can be let in twice. An
    annotation takes the slot's place on its unit; `unique(slot, unit)` bounds the overlap.
    """

    class State(models.TextChoices):
        OPEN = "open"
        LEASED = "leased"
        DONE = "done"

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="slots", db_index=False
    )
    bundle = models.PositiveIntegerField()
    number = models.PositiveSmallIntegerField()  # from 1 to the overlap
    order = models.PositiveIntegerField()  # of the campaign's shuffled examples
    n_units = models.PositiveIntegerField()
    n_answered = models.PositiveIntegerField(default=0)
    annotator = models.ForeignKey(
        Annotator,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="slots",
        db_index=False,
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = SlotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "bundle", "number", name="slot_once_per_number"),
            models.CheckConstraint(
                name="slot_is_never_overfull", condition=Q(n_answered__lte=F("n_units"))
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "order", "number"], name="slots_to_claim"),
            models.Index(fields=["annotator", "state"], name="slots_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"slot {self.number} of example {self.bundle} in campaign {self.campaign_id}"


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def given(self) -> Self:
        """Return the answers that count."""
        return self.filter(state=Annotation.State.GIVEN)


class Annotation(models.Model):
    """What one annotator did with one unit: their answers, the newest revision of them."""

    class State(models.TextChoices):
        GIVEN = "given"
        WITHDRAWN = "withdrawn"  # undone, and not yet answered again
        SKIPPED = "skipped"

    unit = models.ForeignKey(
        Unit, on_delete=models.CASCADE, related_name="annotations", db_index=False
    )
    annotator = models.ForeignKey(
        Annotator, on_delete=models.RESTRICT, related_name="annotations", db_index=False
    )
    slot = models.ForeignKey(  # the place it takes; imported ones take none
        Slot,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="annotations",
        db_index=False,
    )
    bundle = models.PositiveIntegerField()  # of the unit
    state = models.CharField(max_length=10, choices=State, default=State.GIVEN)
    answers = models.JSONField(default=dict)  # {question: value, or null for "cannot judge"}
    seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("unit", "annotator", name="annotation_once_per_annotator"),
            models.UniqueConstraint("slot", "unit", name="annotation_once_per_place"),
        ]
        indexes = [
            models.Index(fields=["annotator", "bundle"], name="annotations_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk} of unit {self.unit_id}"


class AnnotationRevision(models.Model):
    """What an annotation was before it changed. Rows are only added."""

    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=Annotation.State)
    answers = models.JSONField(default=dict)
    seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("annotation", "number", name="revision_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of annotation {self.annotation_id}"

    @classmethod
    def of(cls, annotation: Annotation) -> Self:
        """Return the unsaved copy of an annotation as it is."""
        return cls(
            annotation=annotation,
            number=annotation.revision,
            state=annotation.state,
            answers=annotation.answers,
            seconds=annotation.seconds,
            at=annotation.at,
        )
