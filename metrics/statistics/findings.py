"""The outcome of a finding: improved, regressed, equivalent, or not enough evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family
from metrics.statistics.pairs import Compared, compare
from metrics.statistics.yardstick import Column, Yardstick

MIN_PAIRS = 20
LEVEL = 0.05
MAX_UNSCORED_SHARE = 0.05
MAX_UNSCORED_DIFFERENCE = 0.01


class Outcome(StrEnum):
    """What a finding says about the candidate."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    EQUIVALENT = "equivalent"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An outcome and, in a sentence, what made or limits it.

    `is_within_margin` marks a regression that is surely smaller than the margin.
    """

    outcome: Outcome
    reason: str
    is_within_margin: bool = False


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What is unscored for reasons of ours, and the two ways of filling it.

    `baseline` and `candidate` count the examples that lack the score of any attempt.
    `best` and `worst` compare with every gap filled for and against the candidate; they are None
    where a metric cannot be filled.
    """

    pairs: int
    baseline: int
    candidate: int
    best: Compared | None = None
    worst: Compared | None = None

    @property
    def matter(self) -> bool:
        """Whether so much is unscored, or so unevenly, that it could decide the outcome."""
        if not self.pairs:
            return False
        shares = self.baseline / self.pairs, self.candidate / self.pairs
        return (
            abs(shares[0] - shares[1]) > MAX_UNSCORED_DIFFERENCE
            or max(shares) > MAX_UNSCORED_SHARE
        )

    def adjusted(self, *, best: float, worst: float) -> Gaps:
        """Return the same with other p-values for the two fillings, where there are any."""
        return replace(
            self,
            best=self.best and replace(self.best, p_value=best),
            worst=self.worst and replace(self.worst, p_value=worst),
        )


NO_GAPS = Gaps(pairs=0, baseline=0, candidate=0)


def decide(
    compared: Compared,
    *,
    p_adjusted: float | None = None,
    margin: float | None = None,
    gaps: Gaps = NO_GAPS,
) -> Decision:
    """Give a comparison its outcome.

    A gain or a loss needs both the 95 % interval and p, which is `p_adjusted` where several
    findings were explored together. Equivalence needs a margin: there is no default.
    """
    decision = _decided(compared, compared.p_value if p_adjusted is None else p_adjusted, margin)
    if not gaps.matter or decision.outcome is Outcome.INSUFFICIENT_EVIDENCE:
        return decision
    filled = (gaps.best, gaps.worst)
    if all(side and _outcome(side, margin) is decision.outcome for side in filled):
        return replace(decision, reason=f"{decision.reason} However the gaps are filled.")
    unscored = (
        f"{gaps.baseline} and {gaps.candidate} of {gaps.pairs} examples are unscored on the two "
        "sides"
    )
    if None in filled:
        return _insufficient(f"{unscored}, and nothing bounds what they would have changed.")
    return _insufficient(f"{unscored}, enough to turn the outcome.")


def find_gaps(
    baseline: Column,
    candidate: Column,
    yardstick: Yardstick,
    *,
    clusters: NDArray[Any] | None = None,
    seed: int = 0,
) -> Gaps:
    """Count what is unscored on either side, and compare both fillings where it matters."""
    counts = [_gappy(side) for side in (baseline, candidate)]
    gaps = Gaps(pairs=len(baseline.values), baseline=counts[0], candidate=counts[1])
    cannot_fill = yardstick.family in (Family.CORPUS, Family.QUANTILE) or math.isinf(
        yardstick.width
    )
    if not gaps.matter or cannot_fill:
        return gaps
    good, bad = yardstick.high, yardstick.low
    if not yardstick.higher_is_better:
        good, bad = bad, good
    best, worst = (
        compare(
            _filled(baseline, against),
            _filled(candidate, by),
            yardstick,
            clusters=clusters,
            seed=seed,
        )
        for against, by in ((bad, good), (good, bad))
    )
    return replace(gaps, best=best, worst=worst)


def pairs_to_find(difference: float, *, n: int, detectable: float) -> int:
    """Return how many pairs find a true difference with 80 % power, where n find `detectable`.

    Errors fall with the root of the number: Bloom (1995), "Minimum Detectable Effects". It rests
    on the observed error and never on the observed gain.
    """
    return max(MIN_PAIRS, math.ceil(n * (detectable / difference) ** 2))


def _gappy(column: Column) -> int:
    """Return how many examples lack a score, be it of one attempt of several."""
    unscored = np.isnan(column.values.reshape(len(column.values), column.attempts))
    return int(unscored.any(axis=1).sum())


def _filled(column: Column, value: float) -> Column:
    return Column(values=np.where(np.isnan(column.values), value, column.values))


def _outcome(compared: Compared, margin: float | None) -> Outcome:
    return _decided(compared, compared.p_value, margin).outcome


def _decided(compared: Compared, p_value: float | None, margin: float | None) -> Decision:
    if compared.n < MIN_PAIRS:
        return _insufficient(f"{compared.n} pairs are too few: an outcome needs {MIN_PAIRS}.")
    if compared.low is None or compared.high is None or p_value is None:
        return _insufficient(compared.reason)
    is_clear = p_value <= LEVEL
    if compared.high < 0.0 and is_clear:
        within = margin is not None and compared.low > -margin
        note = " The loss is smaller than the margin." if within else ""
        return Decision(
            outcome=Outcome.REGRESSED,
            reason=f"The whole interval lies below zero.{note}",
            is_within_margin=within,
        )
    if compared.low > 0.0 and is_clear:
        return Decision(outcome=Outcome.IMPROVED, reason="The whole interval lies above zero.")
    if margin is not None and _lies_within(compared, margin):
        return Decision(
            outcome=Outcome.EQUIVALENT,
            reason="The 90 % interval lies within the margin on both sides.",
        )
    if compared.high < 0.0 or compared.low > 0.0:
        return _insufficient(f"The interval leaves zero out, but {_why_unclear(compared)}.")
    if is_clear:
        return _insufficient("p is at most 0.05, but the interval has room for zero.")
    return _insufficient("The interval has room for a loss and for a gain.")


def _why_unclear(compared: Compared) -> str:
    is_clear_alone = compared.p_value is not None and compared.p_value <= LEVEL
    return "p is above 0.05" + (" among all the findings explored" if is_clear_alone else "")


def _lies_within(compared: Compared, margin: float) -> bool:
    if compared.low90 is None or compared.high90 is None:
        return False
    return -margin < compared.low90 and compared.high90 < margin


def _insufficient(reason: str) -> Decision:
    return Decision(outcome=Outcome.INSUFFICIENT_EVIDENCE, reason=reason)
