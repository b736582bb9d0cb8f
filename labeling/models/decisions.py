"""What an expert decided where people differed. It never enters agreement, and wins in scores."""

from __future__ import annotations

from typing import Self

from django.db import models

from evalhub.accounts.models import User
from labeling.models.units import Unit


class DecisionReason(models.TextChoices):
    """Why people differed."""

    AMBIGUOUS = "ambiguous", "ambiguous item"
    GUIDELINE_GAP = "guideline_gap", "guideline gap"
    SLIP = "slip", "slip"
    EDGE_CASE = "edge_case", "edge case"
    TASTE = "taste", "taste"


class Decision(models.Model):
    """The answers of record for one unit, for the questions that were decided."""

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, related_name="decision")
    answers = models.JSONField()  # {question: value, or null for "cannot be judged"}
    reason = models.CharField(max_length=13, choices=DecisionReason)
    note = models.CharField(max_length=2000, blank=True, default="")
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"decision on unit {self.unit_id}"


class DecisionRevision(models.Model):
    """What a decision was before it changed. Rows are only added."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    answers = models.JSONField()
    reason = models.CharField(max_length=13, choices=DecisionReason)
    note = models.CharField(max_length=2000, blank=True, default="")
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "decision", "number", name="decision_revision_once_per_number"
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of decision {self.decision_id}"

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Return the unsaved copy of a decision as it is."""
        return cls(
            decision=decision,
            number=decision.revision,
            answers=decision.answers,
            reason=decision.reason,
            note=decision.note,
            decided_by_id=decision.decided_by_id,
            at=decision.at,
        )
