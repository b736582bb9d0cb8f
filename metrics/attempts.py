"""Metrics of several attempts per example: one value for the example, the same on each attempt.

An error and a missing output are attempts too, with the inner metric's worst value. The value
stands on every scored attempt, so that a run, a slice and an interval, which average the attempts
of an example first, are over examples. An attempt that the inner metric cannot score is passed
over and keeps its reason, so that it is counted; an example with fewer scored attempts than the
metric needs has no value.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from metrics.base import Example, Family, Metric, Workspace
from metrics.batch import Floats, Scores
from metrics.fields import whole_parameter
from metrics.nested import (
    check_direction,
    check_per_example,
    inner_parameter,
    passes,
    per_example,
    resolved_threshold,
    same_scale,
    take_over,
    threshold_parameter,
)
from metrics.reasons import Reason
from metrics.text import TextMetric, normalize_parameter

MAX_K = 1_000

_CHEN = "Chen et al. 2021 (HumanEval)"
_YAO = "Yao et al. 2024 (τ-bench)"
_WANG = "Wang et al. 2022 (self-consistency)"


def _attempted(*outputs: str, value: float, note: str = "", **params: int) -> Example:
    """Return a worked example whose right answer is 13."""
    return Example(
        output=outputs[0],
        further_attempts=outputs[1:],
        expected_output="13",
        value=value,
        note=note,
        params=params,
    )


def on_every_attempt(
    values: Floats, reasons: NDArray[np.uint8], enough: NDArray[np.bool_]
) -> Scores:
    """Return the scores of a batch from one value for each example.

    `reasons` are those of the attempts, and stay. Where an example has not `enough` scored ones,
    these say that they are too few.
    """
    attempts = len(reasons) // max(len(values), 1)
    is_scored = np.repeat(enough, attempts) & (reasons == Reason.SCORED)
    why = np.where(reasons == Reason.SCORED, Reason.TOO_FEW_ATTEMPTS, reasons)
    return Scores(
        values=np.where(is_scored, np.repeat(values, attempts), np.nan),
        reasons=np.where(is_scored, Reason.SCORED, why).astype(np.uint8),
        statistics=np.zeros((len(reasons), 0)),
    )


@dataclass(frozen=True, kw_only=True)
class AttemptsMetric(Metric):
    """A metric of the values that another one gives the attempts of an example."""

    version: ClassVar[int] = 1
    needs: ClassVar[str] = "what the inner metric needs, for several attempts at each example"
    family: ClassVar[Family] = Family.MEAN

    of: Metric = inner_parameter("The metric that says what each attempt is worth.")

    def __post_init__(self) -> None:
        check_per_example(self.name, self.of)
        take_over(self, [self.of])

    @property
    def least_attempts(self) -> int:
        """How many scored attempts an example needs."""
        return 1

    def score_in(self, workspace: Workspace) -> Scores:
        """Give each example its value, on every attempt."""
        inner = workspace.scores_of(self.of)
        values = per_example(inner.values, workspace.batch.attempts)
        scored = ~np.isnan(values)
        enough = scored.sum(axis=1) >= self.least_attempts
        found = np.full(len(values), np.nan)
        found[enough] = self.example_values(values[enough], scored[enough])
        return on_every_attempt(found, inner.reasons, enough)

    @abstractmethod
    def example_values(
        self, values: Floats, scored: NDArray[np.bool_]
    ) -> Sequence[float] | Floats:
        """Return the value of each example from (examples, attempts), NaN where not `scored`.

        Every example has the attempts it needs.
        """


@dataclass(frozen=True, kw_only=True)
class DrawnAttemptsMetric(AttemptsMetric):
    """A chance that something holds of k attempts, drawn from those there are without return."""

    k: int = whole_parameter(default=1, low=1, high=MAX_K, meaning="How many attempts are drawn")
    threshold: float | None = threshold_parameter()

    def __post_init__(self) -> None:
        super().__post_init__()
        threshold = resolved_threshold(self.name, self.of, self.threshold)
        object.__setattr__(self, "threshold", threshold)

    @property
    def least_attempts(self) -> int:
        """K: fewer cannot be drawn."""
        return self.k

    @property
    def attempts_asked(self) -> int:
        """K, which a run that has fewer attempts can never give."""
        return self.k

    def example_values(
        self, values: Floats, scored: NDArray[np.bool_]
    ) -> Sequence[float] | Floats:
        """Return the chance of each example from how many of its attempts pass."""
        threshold = resolved_threshold(self.name, self.of, self.threshold)
        passed = passes(values, self.of, threshold).sum(axis=1).tolist()
        counts = zip(scored.sum(axis=1).tolist(), passed, strict=True)
        return [self.chance(n, c, self.k) for n, c in counts]

    @staticmethod
    @abstractmethod
    def chance(n: int, c: int, k: int) -> float:
        """Return the chance for k of n attempts, c of which pass."""


@dataclass(frozen=True, kw_only=True)
class PassAtK(DrawnAttemptsMetric):
    """The chance that at least one of k attempts passes, without bias."""

    name: ClassVar[str] = "pass_at_k"
    title: ClassVar[str] = "pass@k"
    summary: ClassVar[str] = "The chance that at least one of k attempts passes."
    formula: ClassVar[str] = (
        "1 - C(n - c, k) / C(n, k) for an example with n scored attempts, c of which pass; the "
        "run's value is the mean over examples."
    )
    source: ClassVar[str] = _CHEN
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("13", "12", "13", "", k=1, value=0.5),
        _attempted("13", "12", "11", "", k=2, value=0.5, note="1 - C(3, 2) / C(4, 2)"),
    )

    @staticmethod
    @lru_cache(maxsize=10_000)
    def chance(n: int, c: int, k: int) -> float:
        """Return the chance that one of k passes; exact whole numbers until the one division."""
        return (math.comb(n, k) - math.comb(n - c, k)) / math.comb(n, k)


@dataclass(frozen=True, kw_only=True)
class PassHatK(DrawnAttemptsMetric):
    """The chance that all of k attempts pass."""

    name: ClassVar[str] = "pass_hat_k"
    title: ClassVar[str] = "pass^k"
    summary: ClassVar[str] = "The chance that all of k attempts pass: whether one can rely on it."
    formula: ClassVar[str] = (
        "C(c, k) / C(n, k) for an example with n scored attempts, c of which pass; the run's "
        "value is the mean over examples."
    )
    source: ClassVar[str] = _YAO
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("13", "12", "13", "13", k=1, value=0.75),
        _attempted("13", "12", "13", "13", k=2, value=0.5, note="C(3, 2) / C(4, 2)"),
    )

    @staticmethod
    @lru_cache(maxsize=10_000)
    def chance(n: int, c: int, k: int) -> float:
        """Return the chance that all k pass; exact whole numbers until the one division."""
        return math.comb(c, k) / math.comb(n, k)


@dataclass(frozen=True, kw_only=True)
class ChosenAttemptMetric(AttemptsMetric):
    """The value of one attempt out of an example's, on the inner metric's own scale."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_direction(self.name, self.of)
        take_over(self, [self.of], **same_scale(self.of), family=self.of.family)


@dataclass(frozen=True, kw_only=True)
class BestOfAttempts(ChosenAttemptMetric):
    """What the best attempt is worth."""

    name: ClassVar[str] = "best_of_attempts"
    title: ClassVar[str] = "Best of attempts"
    summary: ClassVar[str] = "What the best attempt of each example is worth."
    formula: ClassVar[str] = (
        "The best value of the inner metric on an example's scored attempts; the run's value is "
        "the mean over examples. It grows with the number of attempts."
    )
    source: ClassVar[str] = "The max of Inspect's epochs, best of n elsewhere."
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("12", "13", value=1.0),
        _attempted("12", "11", value=0.0),
    )

    def example_values(self, values: Floats, scored: NDArray[np.bool_]) -> Floats:
        """Return the best scored value."""
        return _outermost(values, scored, highest=bool(self.higher_is_better))


@dataclass(frozen=True, kw_only=True)
class WorstOfAttempts(ChosenAttemptMetric):
    """What the worst attempt is worth."""

    name: ClassVar[str] = "worst_of_attempts"
    title: ClassVar[str] = "Worst of attempts"
    summary: ClassVar[str] = "What the worst attempt of each example is worth."
    formula: ClassVar[str] = (
        "The worst value of the inner metric on an example's scored attempts; the run's value is "
        "the mean over examples. It falls with the number of attempts."
    )
    source: ClassVar[str] = "The counterpart of the best of n attempts."
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("12", "13", value=0.0),
        _attempted("13", "13", value=1.0),
    )

    def example_values(self, values: Floats, scored: NDArray[np.bool_]) -> Floats:
        """Return the worst scored value."""
        return _outermost(values, scored, highest=not self.higher_is_better)


def _outermost(values: Floats, scored: NDArray[np.bool_], *, highest: bool) -> Floats:
    outermost, never = (np.max, -np.inf) if highest else (np.min, np.inf)
    found: Floats = outermost(values, axis=1, where=scored, initial=never)
    return found


@dataclass(frozen=True, kw_only=True)
class Flakiness(AttemptsMetric):
    """The chance that two attempts at one example come out differently."""

    name: ClassVar[str] = "flakiness"
    title: ClassVar[str] = "Flakiness"
    summary: ClassVar[str] = (
        "The chance that two attempts at an example differ in value; a system that is always "
        "wrong is not flaky."
    )
    formula: ClassVar[str] = (
        "1 - sum of m (m - 1) / (n (n - 1)) for an example with n scored attempts, m of which "
        "have the same value of the inner metric, over all its values; the run's value is the "
        "mean over examples. Gini-Simpson index without bias."
    )
    source: ClassVar[str] = "Simpson 1949 (Measurement of diversity)"
    higher_is_better: ClassVar[bool | None] = False
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("13", "12", "13", value=0.6667, note="2 of 3 pairs differ"),
        _attempted("12", "11", value=0.0, note="both are wrong"),
    )

    @property
    def least_attempts(self) -> int:
        """Two: one cannot differ."""
        return 2

    def example_values(self, values: Floats, scored: NDArray[np.bool_]) -> list[float]:
        """Return the share of an example's pairs of attempts that differ."""
        return [
            _differing(row[is_there].tolist())
            for row, is_there in zip(values, scored, strict=True)
        ]


def _differing(values: Sequence[float]) -> float:
    pairs = len(values) * (len(values) - 1)
    equal = sum(count * (count - 1) for count in Counter(values).values())
    return (pairs - equal) / pairs


@dataclass(frozen=True, kw_only=True)
class MajorityVote(TextMetric):
    """Whether the answer that most attempts give is right."""

    name: ClassVar[str] = "majority_vote"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Majority vote"
    summary: ClassVar[str] = "Whether the answer that most attempts give is an accepted one."
    formula: ClassVar[str] = (
        "1 if the most frequent prepared output of an example's attempts equals a prepared "
        "reference, else 0; where several are equally frequent, the share of these that is right. "
        "No output is an answer too, and a wrong one. The run's value is the mean over examples."
    )
    source: ClassVar[str] = _WANG
    needs: ClassVar[str] = "text output of several attempts; expected_output or references"
    examples: ClassVar[tuple[Example, ...]] = (
        _attempted("13", "12", "13", value=1.0),
        _attempted("13", "12", value=0.5, note="one of two tied answers is right"),
    )

    normalize: tuple[str, ...] = normalize_parameter("strip")

    def score_in(self, workspace: Workspace) -> Scores:
        """Let the scored attempts of each example vote."""
        prepared = self.prepared(workspace)
        by_example = (prepared.reasons == Reason.SCORED).reshape(-1, workspace.batch.attempts)
        enough = by_example.any(axis=1)
        values = np.full(len(enough), np.nan)
        for example in np.flatnonzero(enough).tolist():
            first = example * workspace.batch.attempts
            voting = np.flatnonzero(by_example[example]).tolist()
            answers = [prepared.outputs[first + attempt] for attempt in voting]
            values[example] = _right_share(answers, prepared.references[first])
        return on_every_attempt(values, prepared.reasons, enough)


def _right_share(answers: Sequence[str | None], accepted: Sequence[str]) -> float:
    """Return which share of the most frequent answers is accepted."""
    votes = Counter(answers)
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    return sum(answer in accepted for answer in winners) / len(winners)
