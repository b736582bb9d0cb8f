"""Gates, what they answered, and what people decided about it. Rows are added, never changed."""

from __future__ import annotations

from functools import partial
from typing import Self

from django.db import models

from evalhub.accounts.models import User
from evalhub.datasets.models import Dataset
from evalhub.identifiers import new_id
from evalhub.reports.models import Comparison
from evalhub.runs.models import Run

new_answer_id = partial(new_id, "gat")


class GateVersion(models.Model):
    """The rules of a dataset's gate at one time; the newest version is the gate."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="gate_versions")
    number = models.PositiveIntegerField()
    rules = models.JSONField()  # what `rules.as_json` writes
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "number", name="gate_version_once_per_dataset"),
        ]

    def __str__(self) -> str:
        return f"gate {self.number} of dataset {self.dataset_id}"


class Blessing(models.Model):
    """A run that candidates of a branch are held against; the newest one counts."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="blessings")
    tag = models.CharField(max_length=100)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="blessings")
    reason = models.TextField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["dataset", "tag", "-id"], name="blessings_of_tag")]

    def __str__(self) -> str:
        return f"{self.tag} of dataset {self.dataset_id}"


class GateAnswerQuerySet(models.QuerySet["GateAnswer"]):
    def for_member(self, user: User) -> Self:
        return self.filter(comparison__project__memberships__user=user)


class GateAnswer(models.Model):
    """What one version of a gate said about one comparison. It is never computed again."""

    class Answer(models.TextChoices):
        PASS = "pass"  # noqa: S105 - no password
        FAIL = "fail"
        INCONCLUSIVE = "inconclusive"

    public_id = models.CharField(max_length=24, unique=True, default=new_answer_id)
    gate = models.ForeignKey(GateVersion, on_delete=models.CASCADE, related_name="answers")
    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, related_name="gate_answers"
    )
    answer = models.CharField(max_length=12, choices=Answer)
    parts = models.JSONField()  # what each rule said, with its numbers
    chosen = models.TextField()  # how the baseline was chosen, in a sentence
    # The branch that was asked for; empty where the baseline was named in its place.
    tag = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField()

    objects = GateAnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("gate", "comparison", "tag", name="gate_answer_once"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Waiver(models.Model):
    """A lead lets a run through that a gate did not pass, and says why."""

    answer = models.OneToOneField(GateAnswer, on_delete=models.CASCADE, related_name="waiver")
    reason = models.TextField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"waiver of {self.answer_id}"
