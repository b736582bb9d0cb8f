"""What an expert decided where people differed. It never enters agreement, and wins in scores."""

from __future__ import annotations

from typing import Self

from django.db import models

from evalhub.accounts.models import User
from labeling.models.campaigns import QuestionSet
from labeling.models.units import Unit


class DecisionReason(models.TextChoices):
    """Why people differed."""

    AMBIGUOUS = "ambiguous", "ambiguous item"
    GUIDELINE_GAP = "guideline_gap", "guideline gap"
    SLIP = "slip", "slip"
    EDGE_CASE = "edge_case", "edge case"
    TASTE = "taste", "taste"


class Decision(models.Model):
    """The answers of record for one unit, for the questions that were decided.

    One that is withdrawn is gone, and stays among the unit's revisions.
    """

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, related_name="decision")
    question_set = models.ForeignKey(  # what the answers answer
        QuestionSet, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    answers = models.JSONField()  # {question: value, or null for "cannot be judged"}
    reason = models.CharField(max_length=13, choices=DecisionReason)
    note = models.CharField(max_length=2000, blank=True, default="")
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)  # goes on after one that was withdrawn

    def __str__(self) -> str:
        return f"decision on unit {self.unit_id}"


class DecisionRevision(models.Model):
    """What was decided about a unit before it changed, or was withdrawn. Rows are only added."""

    unit = models.ForeignKey(
        Unit, on_delete=models.CASCADE, related_name="decision_revisions", db_index=False
    )
    number = models.PositiveIntegerField()
    question_set = models.ForeignKey(
        QuestionSet, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    answers = models.JSONField()
    reason = models.CharField(max_length=13, choices=DecisionReason)
    note = models.CharField(max_length=2000, blank=True, default="")
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("unit", "number", name="decision_revision_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of the decision on unit {self.unit_id}"

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Return the unsaved copy of a decision as it is."""
        return cls(
            unit_id=decision.unit_id,
            number=decision.revision,
            question_set_id=decision.question_set_id,
            answers=decision.answers,
            reason=decision.reason,
            note=decision.note,
            decided_by_id=decision.decided_by_id,
            at=decision.at,
        )
