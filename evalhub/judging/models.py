"""The ledger of calls to language models that judge."""

from __future__ import annotations

from django.db import models

from evalhub.accounts.models import Project
from evalhub.runs.models import Run


class JudgeCall(models.Model):
    """One question asked of a judge and what came back. Equal questions are asked once.

    `digest` covers model, settings, rubric and messages. A question that is *asking* belongs to
    the worker `asked_by` until `asked_until`. An *answered* one has a verdict, or a `reason`
    (metrics.reasons) why the judge's reply is none; of a *failed* one there is no reply to read,
    and `error` says why. `cost` is null when unknown. The output that was asked about first is
    named by `run`, `position` and `attempt`.
    """

    class State(models.TextChoices):
        ASKING = "asking"
        ANSWERED = "answered"
        FAILED = "failed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="judge_calls")
    digest = models.CharField(max_length=64)
    rubric = models.CharField(max_length=100)
    rubric_version = models.PositiveIntegerField()
    model = models.CharField(max_length=200)
    settings = models.JSONField(default=dict, blank=True)
    run = models.ForeignKey(
        Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="judge_calls"
    )
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.ASKING)
    asked_by = models.CharField(max_length=100, blank=True, default="")
    asked_until = models.DateTimeField(null=True, blank=True)
    verdict = models.FloatField(null=True, blank=True)
    reason = models.PositiveSmallIntegerField(default=0)
    explanation = models.TextField(blank=True, default="")
    reply = models.TextField(blank=True, default="")
    input_tokens = models.BigIntegerField(null=True, blank=True)
    output_tokens = models.BigIntegerField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "digest", name="judge_call_once_per_project"),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="judge_calls_of_project"),
            models.Index(
                fields=["asked_by"], name="judge_calls_asking", condition=models.Q(state="asking")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rubric} by {self.model} ({self.digest[:12]})"
