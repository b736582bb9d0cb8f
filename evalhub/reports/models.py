"""Comparisons and their findings: the question and the answer, never changed afterwards."""

from __future__ import annotations

from functools import partial
from typing import Self

from django.db import models
from django.utils import timezone

from evalhub.accounts.models import Link, Project, User
from evalhub.identifiers import new_id
from evalhub.runs.models import Measurement, Run

new_comparison_id = partial(new_id, "cmp")
new_link_id = partial(new_id, "shr")


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def for_member(self, user: User) -> Self:
        return self.filter(project__memberships__user=user)


class Comparison(models.Model):
    """Candidate against baseline, on shared keys, with equal signatures.

    `digest` covers the measurements on both sides, the margins, the metric that decides and the
    version of the method: asking the same question again finds the same comparison.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="comparisons")
    public_id = models.CharField(max_length=24, unique=True, default=new_comparison_id)
    baseline = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="comparisons_as_baseline"
    )
    candidate = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="comparisons_as_candidate"
    )
    digest = models.CharField(max_length=64)
    method = models.PositiveSmallIntegerField()  # version of the comparing code
    seed = models.BigIntegerField()
    n_pairs = models.PositiveIntegerField()
    coverage = models.JSONField()
    # metrics left out, each with a sentence, and whether it is the candidate's first
    skipped = models.JSONField(default=list)
    # For which metrics the baseline was scored again, when and under which signature.
    rescored = models.JSONField(default=list)
    # Margins and the metrics that may decide (terms.py), with the candidate's own first metric;
    # empty before method 7.
    terms = models.JSONField(default=dict)
    primary_metric = models.CharField(max_length=100)
    # Of the primary metric, over all shared examples; `within` is what is smaller than its margin.
    outcome = models.CharField(max_length=25)
    margin = models.FloatField(null=True, blank=True)
    within = models.CharField(max_length=10, blank=True, default="")
    # What stands out in the primary metric (standing_out.py); empty before method 4.
    searched = models.JSONField(default=dict)
    critical = models.JSONField(default=dict)
    failing = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "digest", name="comparison_once_per_question"),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="comparisons_of_project")]

    def __str__(self) -> str:
        return self.public_id


class Finding(models.Model):
    """One metric's gain, over all shared examples or in one slice."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="findings")
    order = models.PositiveIntegerField()
    metric = models.CharField(max_length=100)
    is_primary = models.BooleanField(default=False)
    slice_field = models.CharField(max_length=200, blank=True, default="")
    slice_level = models.CharField(max_length=400, blank=True, default="")
    baseline_measurement = models.ForeignKey(
        Measurement, on_delete=models.CASCADE, related_name="+"
    )
    candidate_measurement = models.ForeignKey(
        Measurement, on_delete=models.CASCADE, related_name="+"
    )
    n = models.PositiveIntegerField()
    # In how many clusters the pairs lie; null without clusters, and before method 8.
    n_clusters = models.PositiveIntegerField(null=True, blank=True)
    baseline = models.FloatField(null=True, blank=True)
    candidate = models.FloatField(null=True, blank=True)
    gain = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    # At 90 %: where a difference as large as the margin is tested from both sides.
    low90 = models.FloatField(null=True, blank=True)
    high90 = models.FloatField(null=True, blank=True)
    margin = models.FloatField(null=True, blank=True)
    within = models.CharField(max_length=10, blank=True, default="")
    p_value = models.FloatField(null=True, blank=True)
    p_exact = models.FloatField(null=True, blank=True)
    p_adjusted = models.FloatField(null=True, blank=True)
    detectable = models.FloatField(null=True, blank=True)
    # Over the examples that both sides answered; null where no error counts as a worst value.
    answered_gain = models.FloatField(null=True, blank=True)
    n_answered = models.PositiveIntegerField(null=True, blank=True)
    n_lost = models.PositiveIntegerField(null=True, blank=True)
    n_won = models.PositiveIntegerField(null=True, blank=True)
    n_unscored_baseline = models.PositiveIntegerField(default=0)
    n_unscored_candidate = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=25)
    method = models.CharField(max_length=200, blank=True, default="")
    reason = models.TextField(blank=True, default="")  # what limits it, in a sentence

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "comparison", "metric", "slice_field", "slice_level", name="finding_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} in comparison {self.comparison_id}"


class ShareLink(Link):
    """Whoever has the link reads one report without an account, until it expires or is revoked."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="links")
    public_id = models.CharField(max_length=24, unique=True, default=new_link_id)

    def __str__(self) -> str:
        return self.public_id

    @property
    def state(self) -> str:
        """What holds now: revoked, expired or open."""
        if self.revoked_at is not None:
            return "revoked"
        return "open" if timezone.now() < self.expires_at else "expired"
