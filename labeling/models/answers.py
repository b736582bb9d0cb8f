"""What people said, what they said before, and what they have begun to say."""

from __future__ import annotations

from typing import Self

from django.db import models

from evalhub.accounts.models import User
from labeling.models.campaigns import QuestionSet
from labeling.models.people import Annotator
from labeling.models.units import Slot, Unit


class SkipReason(models.TextChoices):
    UNCLEAR = "unclear", "the task is unclear here"
    EXPERTISE = "expertise", "it needs knowledge that I do not have"
    LANGUAGE = "language", "it is in a language that I do not read"
    BROKEN = "broken", "it is broken or cannot be read"
    UPSETTING = "upsetting", "I do not want to read this"
    OTHER = "other", "something else"


class Draft(models.Model):
    """A unit on a person's desk, or fetched for it: how it is shown, and what is chosen so far.

    It is there from when the unit is dealt until it is submitted or skipped, so the side of an
    output is drawn once. `fields` are those of the form, whole or not. Of a unit that only stands
    between two of one example nothing is asked.
    """

    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, related_name="drafts", db_index=False
    )
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="drafts")
    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="+")
    is_swapped = models.BooleanField(default=False)  # of a pair: the second output is on the left
    fields = models.JSONField(default=dict, blank=True)
    before = models.JSONField(default=dict, blank=True)  # the answers that were taken back, if any
    number = models.PositiveIntegerField(default=0)  # rises with every save
    seconds = models.FloatField(default=0.0)  # before it was put aside, by undo or another item
    saved_at = models.DateTimeField(null=True, blank=True)  # null: nothing is chosen yet
    is_between = models.BooleanField(default=False)  # it is there to be read, and is not asked

    class Meta:
        constraints = [
            models.UniqueConstraint("annotator", "unit", name="draft_once_per_unit"),
        ]

    def __str__(self) -> str:
        return f"draft of annotator {self.annotator_id} for unit {self.unit_id}"


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def given(self) -> Self:
        """Return the answers that count."""
        return self.filter(state=Annotation.State.GIVEN)


class Annotation(models.Model):
    """What one annotator did with one unit: their answers, the newest revision of them.

    Answers to a pair name its first and its second output, whichever side they were on;
    `is_swapped` says which.
    """

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
    question_set = models.ForeignKey(
        QuestionSet, on_delete=models.RESTRICT, related_name="annotations", db_index=False
    )
    guidelines_number = models.PositiveIntegerField(default=0)  # what the person had agreed to
    is_swapped = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.GIVEN)
    answers = models.JSONField(default=dict)  # {question: value, or null for "cannot judge"}
    skip_reason = models.CharField(max_length=10, choices=SkipReason, blank=True, default="")
    note = models.CharField(max_length=1000, blank=True, default="")  # why it was skipped
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
            models.Index(fields=["annotator", "-at"], name="newest_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk} of unit {self.unit_id}"


class AnnotationRevision(models.Model):
    """What an annotation was before it changed. Rows are only added."""

    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    number = models.PositiveIntegerField()
    question_set = models.ForeignKey(
        QuestionSet, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    guidelines_number = models.PositiveIntegerField(default=0)
    is_swapped = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=Annotation.State)
    answers = models.JSONField(default=dict)
    skip_reason = models.CharField(max_length=10, choices=SkipReason, blank=True, default="")
    note = models.CharField(max_length=1000, blank=True, default="")
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
            question_set_id=annotation.question_set_id,
            guidelines_number=annotation.guidelines_number,
            is_swapped=annotation.is_swapped,
            state=annotation.state,
            answers=annotation.answers,
            skip_reason=annotation.skip_reason,
            note=annotation.note,
            seconds=annotation.seconds,
            at=annotation.at,
        )


class Flag(models.Model):
    """An annotator wants the lead to look at a unit. It says nothing about the answers."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="flags")
    annotator = models.ForeignKey(Annotator, on_delete=models.RESTRICT, related_name="flags")
    note = models.CharField(max_length=1000, blank=True, default="")
    at = models.DateTimeField()
    resolved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("unit", "annotator", name="flag_once_per_annotator"),
        ]

    def __str__(self) -> str:
        return f"flag of annotator {self.annotator_id} on unit {self.unit_id}"
