"""Other ways to one number for a run: what it makes of another metric's values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.averages import ratio_of
from metrics.base import Example, Family, Metric, Part, Workspace
from metrics.batch import Floats, Json, Scores, blank_scores
from metrics.fields import Kind, MetricParamsError, number_parameter, parameter
from metrics.match.exact_match import ExactMatch
from metrics.match.token_f1 import TokenF1
from metrics.nested import (
    check_per_example,
    inner_parameter,
    passes,
    resolved_threshold,
    same_scale,
    take_over,
    threshold_parameter,
)
from metrics.reasons import Reason

_NEEDS = "what the metric it is of needs"
MAX_WEIGHT_NAME = 200
HIGHEST_WEIGHT = 1e12  # so that sums over a run do not overflow


@dataclass(frozen=True, kw_only=True)
class QuantileMetric(Metric):
    """A quantile of the values of another metric, on its scale."""

    version: ClassVar[int] = 1
    source: ClassVar[str] = "Hyndman & Fan 1996, definition 7"
    needs: ClassVar[str] = _NEEDS
    family: ClassVar[Family] = Family.QUANTILE

    of: Metric = inner_parameter("The metric whose values are taken.")

    def __post_init__(self) -> None:
        check_per_example(self.name, self.of)
        take_over(self, (self.of,), **same_scale(self.of))

    def score_in(self, workspace: Workspace) -> Scores:
        """Return the values of the metric it is of, which speak for themselves."""
        inner = workspace.scores_of(self.of)
        return Scores(
            values=inner.values, reasons=inner.reasons, statistics=np.zeros((len(inner), 0))
        )


@dataclass(frozen=True, kw_only=True)
class Median(QuantileMetric):
    """The value that half of the outputs reach."""

    name: ClassVar[str] = "median"
    title: ClassVar[str] = "Median"
    summary: ClassVar[str] = "The value of another metric that half of the outputs reach."
    formula: ClassVar[str] = (
        "The middle of the outputs' values (of an even number the mean of both middle ones), "
        "attempts counted one by one; interval from order statistics."
    )
    level: ClassVar[float] = 0.5


@dataclass(frozen=True, kw_only=True)
class Quantile(QuantileMetric):
    """The value that a share of the outputs stays below."""

    name: ClassVar[str] = "quantile"
    title: ClassVar[str] = "Quantile"
    summary: ClassVar[str] = "The value of another metric that a share of the outputs stays below."
    formula: ClassVar[str] = (
        "The quantile of the outputs' values, interpolated between order statistics, attempts "
        "counted one by one. Its interval needs 5 expected outputs on its thinner side."
    )
    level: ClassVar[float] = 0.9

    share: float = number_parameter(
        default=0.9, low=0.001, high=0.999, meaning="The share of the outputs below the value"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        take_over(self, (self.of,), level=self.share)


@dataclass(frozen=True, kw_only=True)
class PassRate(Metric):
    """The share of outputs that reach a value."""

    name: ClassVar[str] = "pass_rate"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Pass rate"
    summary: ClassVar[str] = "The share of outputs that reach a threshold of another metric."
    formula: ClassVar[str] = (
        "1 for an output whose value is at least the threshold (at most, where less is better), "
        "else 0; the run's value is the mean."
    )
    source: ClassVar[str] = "A share of yes and no; the threshold of promptfoo's assertions."
    needs: ClassVar[str] = _NEEDS
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="police kill the gunman",
            expected_output="police killed the gunman",
            params={"of": "rouge_l", "threshold": 0.5},
            value=1.0,
            note="rouge_l is 0.75.",
        ),
        Example(
            output="police kill the gunman",
            expected_output="police killed the gunman",
            params={"of": "rouge_l"},
            value=0.0,
            note="Without a threshold only the best value, 1, passes.",
        ),
    )

    of: Metric = inner_parameter("The metric whose values are held against the threshold.")
    threshold: float | None = threshold_parameter()

    def __post_init__(self) -> None:
        check_per_example(self.name, self.of)
        threshold = resolved_threshold(self.name, self.of, self.threshold)
        take_over(self, (self.of,), threshold=threshold)  # one setting, one signature

    def score_in(self, workspace: Workspace) -> Scores:
        """Say of every value whether it passes."""
        inner = workspace.scores_of(self.of)
        threshold = resolved_threshold(self.name, self.of, self.threshold)
        scores = blank_scores(inner.reasons)
        scored = inner.reasons == Reason.SCORED
        scores.values[scored] = passes(inner.values[scored], self.of, threshold)
        return scores


@dataclass(frozen=True, kw_only=True)
class WeightedMean(Metric):
    """A mean in which some examples count more."""

    name: ClassVar[str] = "weighted_mean"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Weighted mean"
    summary: ClassVar[str] = "The mean of another metric, examples weighted by a metadata field."
    formula: ClassVar[str] = (
        "sum of weight x value / sum of weights; an example's value is the inner metric's. An "
        "example whose weight is missing, no number from 0 to 1e12, is unscored."
    )
    source: ClassVar[str] = "the ratio estimator: Cochran 1977, chapter 6"
    needs: ClassVar[str] = f"{_NEEDS}; the weight in the example's metadata"
    family: ClassVar[Family] = Family.CORPUS
    reads: ClassVar[tuple[str, ...]] = ("metadata",)
    statistic_names: ClassVar[tuple[str, ...]] = ("weighted_value", "weight")

    of: Metric = inner_parameter("The metric whose values are averaged.")
    weight: str = parameter(
        default="weight",
        kind=Kind.TEXT,
        meaning="The metadata field that holds an example's weight: a number from 0 to 1e12.",
    )

    def __post_init__(self) -> None:
        check_per_example(self.name, self.of)
        if not 0 < len(self.weight) <= MAX_WEIGHT_NAME:
            raise MetricParamsError(
                f"weight names a metadata field, in 1 to {MAX_WEIGHT_NAME} characters."
            )
        take_over(self, (self.of,), **same_scale(self.of))

    def score_in(self, workspace: Workspace) -> Scores:
        """Return every value with its weight."""
        inner = workspace.scores_of(self.of)
        weights = np.array([weight_of(row.get(self.weight)) for row in workspace.batch.metadata])
        unweighted = (inner.reasons == Reason.SCORED) & np.isnan(weights)
        reasons = np.where(unweighted, Reason.NO_WEIGHT, inner.reasons).astype(np.uint8)
        scores = blank_scores(reasons, len(self.statistic_names))
        scored = reasons == Reason.SCORED
        scores.values[scored] = inner.values[scored]
        scores.statistics[scored, 0] = weights[scored] * inner.values[scored]
        scores.statistics[scored, 1] = weights[scored]
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return the weighted mean of summed rows; undefined where no weight is above 0."""
        return ratio_of(totals[..., 0], totals[..., 1])


@dataclass(frozen=True, kw_only=True)
class Composite(Metric):
    """Several metrics in one number."""

    name: ClassVar[str] = "composite"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Composite score"
    summary: ClassVar[str] = "Several metrics in one number, each with its weight."
    formula: ClassVar[str] = (
        "sum of weight x (value - worst) / (best - worst) / sum of weights: each part as its "
        "share of the way from its worst to its best value. With a corpus metric among the parts "
        "the run's value is made of the parts' run values, else it is the mean of the outputs'. "
        "An output that one part leaves unscored is unscored."
    )
    source: ClassVar[str] = "A weighted arithmetic mean of values on one scale, 0 to 1."
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="Bernadette Soubirous",
            expected_output="Saint Bernadette Soubirous",
            value=0.4,
            note="exact_match is 0, token_f1 0.8, both weigh alike.",
        ),
        Example(
            output="Bernadette Soubirous",
            expected_output="Saint Bernadette Soubirous",
            params={
                "parts": [
                    {"metric": "exact_match", "weight": 1},
                    {"metric": "token_f1", "weight": 3},
                ]
            },
            value=0.6,
        ),
    )
    needs: ClassVar[str] = "what its parts need"
    family: ClassVar[Family] = Family.MEAN

    parts: tuple[Part, ...] = parameter(
        default=(
            Part(metric=ExactMatch(), weight=1.0),
            Part(metric=TokenF1(), weight=1.0),
        ),
        kind=Kind.PARTS,
        meaning="The metrics and their weights: [{metric, weight}]. Each has a lowest and a "
        "highest value, one of which is better.",
    )

    def __post_init__(self) -> None:
        for part in self.parts:
            _check_part(part.metric)
        metrics = [part.metric for part in self.parts]
        take_over(self, metrics)
        if any(metric.family is Family.CORPUS for metric in metrics):
            names = [f"{at}_{name}" for at, one in enumerate(metrics) for name in _names(one)]
            take_over(self, metrics, family=Family.CORPUS, statistic_names=tuple(names))

    def score_in(self, workspace: Workspace) -> Scores:
        """Put the parts' values and statistics together."""
        inner = [workspace.scores_of(part.metric) for part in self.parts]
        reasons = inner[0].reasons.copy()
        for one in inner[1:]:
            reasons = np.where(reasons == Reason.SCORED, one.reasons, reasons)
        scores = blank_scores(reasons, len(self.statistic_names))
        scored = reasons == Reason.SCORED
        scores.values[scored] = self._together([one.values[scored] for one in inner])
        if self.statistic_names:
            columns = [_statistics(p.metric, s) for p, s in zip(self.parts, inner, strict=True)]
            scores.statistics[scored] = np.column_stack(columns)[scored]
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return the composite of the parts' values for summed rows."""
        values, at = [], 0
        for part in self.parts:
            own = totals[..., at : at + len(_names(part.metric))]
            at += own.shape[-1]
            is_corpus = part.metric.family is Family.CORPUS
            values.append(
                part.metric.values_of(own) if is_corpus else ratio_of(own[..., 0], own[..., 1])
            )
        return self._together(values)

    def _together(self, values: Sequence[Floats]) -> Floats:
        whole = math.fsum(part.weight for part in self.parts)
        total = np.zeros_like(values[0])
        for part, column in zip(self.parts, values, strict=True):
            worst, best = part.metric.worst, part.metric.best
            total = total + part.weight / whole * ((column - worst) / (best - worst))
        # The last bits of the shares may not add up to 1.
        clipped: Floats = np.clip(total, 0.0, 1.0)
        return clipped


def _check_part(metric: Metric) -> None:
    if metric.family is Family.QUANTILE:
        raise MetricParamsError(f"composite takes no quantiles, and {metric.name} is one.")
    if metric.family is Family.CORPUS and type(metric).additive is not Metric.additive:
        raise MetricParamsError(
            f"composite takes no metric that counts the classes or bins of a run, and "
            f"{metric.name} does: take one that says something of every output, such as accuracy "
            "or brier."
        )
    if not math.isfinite(metric.high - metric.low) or metric.higher_is_better is None:
        raise MetricParamsError(
            f"composite takes metrics with a worst and a best value, and {metric.name} has none."
        )


def _names(metric: Metric) -> tuple[str, ...]:
    """Return the names of the statistics that a part adds: a mean's are its sum and its count."""
    return metric.statistic_names if metric.family is Family.CORPUS else ("value", "count")


def _statistics(metric: Metric, scores: Scores) -> Floats:
    if metric.family is Family.CORPUS:
        return scores.statistics
    return np.column_stack([np.nan_to_num(scores.values), np.ones(len(scores))])


def weight_of(value: Json) -> float:
    """Return an example's weight, NaN where it is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    return float(value) if 0 <= value <= HIGHEST_WEIGHT else math.nan
