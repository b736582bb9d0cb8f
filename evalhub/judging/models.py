"""The ledger of calls to language models that judge."""

from __future__ import annotations

from django.db import models

from evalhub.accounts.models import Project


class JudgeCall(models.Model):
    """One question asked of a judge and what came back. Equal questions are asked once.

    `digest` covers model, settings, rubric and messages. `verdict` is null with a `reason`
    (metrics.reasons) where there is none; `cost` is null when unknown.
    """

    class State(models.TextChoices):
        ASKING = "asking"
        ANSWERED = "answered"
        FAILED = "failed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="judge_calls")
    digest = models.CharField(max_length=64)
    rubric = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.ASKING)
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

    def __str__(self) -> str:
        return f"{self.rubric} by {self.model} ({self.digest[:12]})"
