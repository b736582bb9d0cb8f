"""What is judged, and the places that people take on it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Self

from django.db import models
from django.db.models import F, Q

from evalhub.accounts.models import User
from evalhub.identifiers import new_id
from evalhub.runs.models import Run
from labeling.models.campaigns import Campaign
from labeling.models.people import Annotator

new_unit_id = partial(new_id, "unt")


class Purpose(models.TextChoices):
    """Why people are asked. All outputs of one example are there for the same purpose."""

    LABEL = "label"
    CONTROL = "control"  # mixed in, with known answers that nobody is told
    QUALIFICATION = "qualification"  # answered first, with feedback


class Unit(models.Model):
    """One output to be labeled, or two of one example to be compared.

    `bundle` numbers the examples of the campaign: the units of one example go to the same
    people. Equal units of one example are shown once: `twin` names the unit that stands for
    this one on the desk, and whose answers count for both when labels are published; of a pair
    `is_reversed` says that the twin has the two outputs the other way round.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="units")
    public_id = models.CharField(max_length=24, unique=True, default=new_unit_id)
    purpose = models.CharField(max_length=13, choices=Purpose, default=Purpose.LABEL)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="units")
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    second_run = models.ForeignKey(
        Run, on_delete=models.CASCADE, null=True, blank=True, related_name="second_units"
    )
    second_position = models.PositiveIntegerField(null=True, blank=True)
    second_attempt = models.PositiveSmallIntegerField(null=True, blank=True)
    bundle = models.PositiveIntegerField()
    twin = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="stands_for"
    )
    is_reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "run", "position", "attempt"],
                condition=Q(second_run__isnull=True),
                name="unit_once_per_output",
            ),
            models.UniqueConstraint(
                fields=[
                    *("campaign", "run", "position", "attempt"),
                    *("second_run", "second_position", "second_attempt"),
                ],
                condition=Q(second_run__isnull=False),
                name="unit_once_per_pair",
            ),
            models.CheckConstraint(
                name="a_pair_is_whole",
                condition=Q(
                    second_run__isnull=True,
                    second_position__isnull=True,
                    second_attempt__isnull=True,
                )
                | Q(
                    second_run__isnull=False,
                    second_position__isnull=False,
                    second_attempt__isnull=False,
                ),
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
    Controls and qualifications have no overlap: a slot is made for each person who gets one.
    """

    class State(models.TextChoices):
        OPEN = "open"
        LEASED = "leased"
        DONE = "done"

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="slots", db_index=False
    )
    purpose = models.CharField(max_length=13, choices=Purpose, default=Purpose.LABEL)
    bundle = models.PositiveIntegerField()
    number = models.PositiveIntegerField()  # from 1; beyond the overlap it is an extra place
    priority = models.SmallIntegerField(default=0)  # higher is handed out first
    order = models.PositiveIntegerField()  # of the campaign's shuffled examples
    n_units = models.PositiveIntegerField()
    n_answered = models.PositiveIntegerField(default=0)
    reserved_for = models.ForeignKey(  # a lead gave it to this person
        Annotator, on_delete=models.SET_NULL, null=True, blank=True, related_name="reserved"
    )
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
            models.Index(
                fields=["campaign", "state", "-priority", "order", "number"],
                name="slots_to_claim",
            ),
            models.Index(fields=["annotator", "state"], name="slots_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"slot {self.number} of example {self.bundle} in campaign {self.campaign_id}"


class Control(models.Model):
    """What the right answers to a unit are, and where they are used."""

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, related_name="control")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="controls")
    bundle = models.PositiveIntegerField()  # of the unit
    purpose = models.CharField(max_length=13, choices=Purpose)  # of the unit
    answers = models.JSONField()  # {question: value}, for the questions that have a right answer
    tolerance = models.FloatField(default=0.0)  # of numbers and points: still right when as far
    explanation = models.TextField(blank=True, default="")  # shown in the qualification
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"right answers to unit {self.unit_id}"
