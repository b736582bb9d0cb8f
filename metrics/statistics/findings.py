"""The outcome of a finding: improved, regressed, equivalent, or not enough evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family
from metrics.statistics.distributions import normal_quantile
from metrics.statistics.intervals import ALPHA
from metrics.statistics.margins import (
    ONE_SIDED,
    RESERVE,
    mirrored,
    one_sided,
    pairs_of_right_or_wrong,
)
from metrics.statistics.pairs import POWER, Compared, compare
from metrics.statistics.yardstick import Column, Yardstick

MIN_PAIRS = 20
LEVEL = 0.05
MAX_UNSCORED_SHARE = 0.05
MAX_UNSCORED_DIFFERENCE = 0.01
# In the reason of what is open for the gaps alone.
UNSCORED = "examples are unscored on the two sides"


class Outcome(StrEnum):
    """What a finding says about the candidate."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    EQUIVALENT = "equivalent"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


class Within(StrEnum):
    """What is surely smaller than the margin: nothing, a loss if there is one, any difference."""

    NOTHING = ""
    LOSS = "loss"
    DIFFERENCE = "difference"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An outcome and, in a sentence, what made or limits it.

    `within` says what is surely smaller than the margin, where there is one.
    """

    outcome: Outcome
    reason: str
    within: Within = Within.NOTHING

    @property
    def is_within_margin(self) -> bool:
        """Whether this is a regression that is surely smaller than the margin."""
        return self.outcome is Outcome.REGRESSED and self.within is not Within.NOTHING


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
    if not gaps.matter:
        return _with_note(decision)
    filled = (gaps.best, gaps.worst)
    inside = _least_within(compared, filled, margin)
    decision = _with_note(replace(decision, within=inside))
    if decision.outcome is Outcome.INSUFFICIENT_EVIDENCE:
        return decision
    if all(side and _outcome(side, margin) is decision.outcome for side in filled):
        return replace(decision, reason=f"{decision.reason} However the gaps are filled.")
    unscored = f"{gaps.baseline} and {gaps.candidate} of {gaps.pairs} {UNSCORED}"
    why = (
        "and nothing bounds what they would have changed"
        if None in filled
        else "enough to turn the outcome"
    )
    return _insufficient(f"{unscored}, {why}.", decision.within)


def within(compared: Compared, margin: float | None) -> Within:
    """Say what is surely smaller than a margin, each side by a test at 5 %.

    It is what a gate asks of one bound, here of both: two one-sided tests (Schuirmann 1987),
    which put the 90 % interval within the margin.
    """
    if margin is None or compared.n < MIN_PAIRS or has_few_clusters(compared):
        return Within.NOTHING
    loss = one_sided(compared, margin)
    if loss is None or not loss.excludes_the_loss:
        return Within.NOTHING
    gain = one_sided(mirrored(compared), margin)
    is_both = gain is not None and gain.excludes_the_loss and _lies_within(compared, margin)
    return Within.DIFFERENCE if is_both else Within.LOSS


def has_few_clusters(compared: Compared) -> bool:
    """Say whether there are clusters, and so few that nothing is held against a margin."""
    return compared.clusters is not None and compared.clusters < MIN_PAIRS


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


def pairs_to_equal(margin: float, *, n: int, detectable: float, is_exact: bool) -> int:
    """Return how many pairs show with 80 % power that any difference is smaller than a margin.

    From the observed error, by which n pairs find `detectable`, and a true gain of 0: Julious
    (2004), "Sample sizes for clinical trials with normal data". `is_exact` is said of right or
    wrong, whose tests have an error of their own.
    """
    found, power = normal_quantile(1 - ALPHA / 2) + normal_quantile(POWER), (1 + POWER) / 2
    if is_exact:
        discordance = n * (detectable / found) ** 2
        needed = pairs_of_right_or_wrong(margin, discordance=discordance, power=power)
        return max(MIN_PAIRS, needed)
    reach = normal_quantile(1 - RESERVE * ONE_SIDED) + normal_quantile(power)
    return max(MIN_PAIRS, math.ceil(n * (reach * detectable / (found * margin)) ** 2))


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
    inside = within(compared, margin)
    if compared.high < 0.0 and is_clear:
        return Decision(
            outcome=Outcome.REGRESSED, reason="The whole interval lies below zero.", within=inside
        )
    if compared.low > 0.0 and is_clear:
        return Decision(
            outcome=Outcome.IMPROVED, reason="The whole interval lies above zero.", within=inside
        )
    if inside is Within.DIFFERENCE:
        return Decision(
            outcome=Outcome.EQUIVALENT,
            reason="The 90 % interval lies within the margin on both sides.",
            within=inside,
        )
    if compared.high < 0.0 or compared.low > 0.0:
        return _insufficient(
            f"The interval leaves zero out, but {_why_unclear(compared)}.", inside
        )
    if is_clear:
        return _insufficient("p is at most 0.05, but the interval has room for zero.", inside)
    return _insufficient("The interval has room for a loss and for a gain.", inside)


def _with_note(decision: Decision) -> Decision:
    """Add to the reason of a loss that it is small, if it is however gaps are filled."""
    if not decision.is_within_margin:
        return decision
    return replace(decision, reason=f"{decision.reason} The loss is smaller than the margin.")


def _why_unclear(compared: Compared) -> str:
    is_clear_alone = compared.p_value is not None and compared.p_value <= LEVEL
    return "p is above 0.05" + (" among all the findings explored" if is_clear_alone else "")


def _lies_within(compared: Compared, margin: float) -> bool:
    ends = (compared.low90, compared.high90)
    return all(end is not None and abs(end) < margin for end in ends)


def _least_within(
    compared: Compared, filled: Iterable[Compared | None], margin: float | None
) -> Within:
    """Return what is within the margin however gaps are filled; nothing where they cannot be."""
    order = list(Within)
    every = [Within.NOTHING if one is None else within(one, margin) for one in filled]
    return min([within(compared, margin), *every], key=order.index)


def _insufficient(reason: str, inside: Within = Within.NOTHING) -> Decision:
    return Decision(outcome=Outcome.INSUFFICIENT_EVIDENCE, reason=reason, within=inside)
