"""Calibration: whether outputs given with a confidence of 80 % are right 80 % of the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metrics.averages import ratio_of
from metrics.base import Family, Metric, Workspace
from metrics.batch import Floats, Scores
from metrics.classes.classification import Accuracy
from metrics.fields import Kind, MetricParamsError, parameter, whole_parameter
from metrics.nested import take_over
from metrics.reasons import Reason
from metrics.rows import Rows
from metrics.tallies import Tallies

_RIGHT = Accuracy()


@dataclass(frozen=True, kw_only=True)
class CalibrationMetric(Metric):
    """A metric of the confidence given with an output beside whether the output is right.

    An error or a missing output counts as wrong with full confidence, whatever its confidence: a
    system must not become better calibrated by failing. An output without a confidence, or with
    one outside 0 to 1, is unscored.
    """

    needs: ClassVar[str] = "a confidence from 0 to 1 with each output; what `of` needs"
    higher_is_better: ClassVar[bool | None] = False
    reads: ClassVar[tuple[str, ...]] = ("confidence",)

    of: Metric = parameter(
        default=_RIGHT,
        kind=Kind.METRIC,
        meaning="The metric that says whether an output is right: one whose values are 0 and 1.",
    )

    def __post_init__(self) -> None:
        if self.of.family is not Family.BINARY or self.of.higher_is_better is not True:
            raise MetricParamsError(
                f"{self.name} needs a metric that says right or wrong, such as accuracy or "
                f"exact_match, and {self.of.name} does not."
            )
        take_over(self, [self.of])

    def judged(self, workspace: Workspace) -> tuple[Floats, Floats, np.ndarray[Any, Any]]:
        """Return the confidences, whether each output is right, and the reasons for no value."""
        batch, right = workspace.batch, workspace.scores_of(self.of)
        missing = np.array([output is None for output in batch.outputs], np.bool_)
        confidences = np.where(missing, 1.0, batch.fact("confidence"))
        reasons = right.reasons.copy()
        scored = reasons == Reason.SCORED
        reasons[scored & np.isnan(confidences)] = Reason.NOT_SUBMITTED
        reasons[scored & ((confidences < 0.0) | (confidences > 1.0))] = Reason.NOT_A_CONFIDENCE
        scored = reasons == Reason.SCORED
        return np.where(scored, confidences, 0.0), np.where(scored, right.values, 0.0), reasons


@dataclass(frozen=True, kw_only=True)
class Ece(CalibrationMetric):
    """The expected calibration error: how far confidence and accuracy are apart, bin by bin."""

    name: ClassVar[str] = "ece"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Expected calibration error"
    summary: ClassVar[str] = "How far the confidence is from the share that is right."
    formula: ClassVar[str] = (
        "Σ over the bins of |Σ confidence - right answers| / n. The bins are (0, 1/b], (1/b, 2/b] "
        "to (1 - 1/b, 1], and 0 is in the first. An example's own value is |confidence - right| "
        "and only indicative. It is biased upwards: with few examples in a bin also a perfectly "
        "calibrated system is not at 0."
    )
    source: ClassVar[str] = (
        "Naeini, Cooper and Hauskrecht 2015, Obtaining well calibrated probabilities using "
        "Bayesian binning; 15 bins as in Guo et al. 2017, On calibration of modern neural networks"
    )
    family: ClassVar[Family] = Family.CORPUS
    statistic_names: ClassVar[tuple[str, ...]] = ("confidence", "right", "scored")

    bins: int = whole_parameter(
        default=15, low=1, high=100, meaning="How many bins of equal width there are."
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Keep the confidence of each output beside whether it is right."""
        confidences, right, reasons = self.judged(workspace)
        scored = reasons == Reason.SCORED
        return Scores(
            values=np.where(scored, np.abs(confidences - right), np.nan),
            reasons=reasons,
            statistics=np.column_stack([confidences, right, scored.astype(np.float64)]),
        )

    def additive(self, rows: Rows, labels: tuple[str, ...]) -> Tallies:
        """Count each output in the bin of its confidence."""
        statistics = rows.whole()
        # Not by multiplying: 0.07 x 100 is above 7, and 0.07 belongs to (0.06, 0.07].
        tops = np.arange(1, self.bins + 1) / self.bins
        bins = np.searchsorted(tops, statistics[..., 0]).astype(np.int32)
        codes = np.where(statistics[..., 2] > 0.0, bins, np.int32(-1))
        return Tallies(
            codes=np.repeat(codes[..., None], 3, axis=-1), size=self.bins, weights=statistics
        )

    def values_of(self, totals: Floats) -> Floats:
        """Return the error of summed bins."""
        confidences, right, n = np.split(totals, 3, axis=-1)
        return ratio_of(np.abs(confidences - right).sum(axis=-1), n.sum(axis=-1))


@dataclass(frozen=True, kw_only=True)
class Brier(CalibrationMetric):
    """The mean squared distance of the confidence from what came true."""

    name: ClassVar[str] = "brier"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Brier score"
    summary: ClassVar[str] = "The mean squared distance of confidence from right or wrong."
    formula: ClassVar[str] = (
        "(confidence - 1)² where the output is right, else confidence²; the run's value is the "
        "mean."
    )
    source: ClassVar[str] = (
        "Brier 1950, Verification of forecasts expressed in terms of probability"
    )
    family: ClassVar[Family] = Family.MEAN

    def score_in(self, workspace: Workspace) -> Scores:
        """Square the distance of each confidence."""
        confidences, right, reasons = self.judged(workspace)
        values = np.where(reasons == Reason.SCORED, (confidences - right) ** 2, np.nan)
        return Scores(values=values, reasons=reasons, statistics=np.zeros((len(values), 0)))
