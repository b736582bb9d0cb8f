"""Gates: is a candidate less than a margin worse, or more, and how sure is that?

A bound is a one-sided test either way. It passes when the one-sided 95 % lower bound of the gain
is above -margin (non-inferiority: Schuirmann 1987), and fails when the upper bound is below it.
A gate passes when every bound passes: the intersection-union test, each at its own level (Berger
1982), so that a run that is worse by the margin on any of them passes in 5 % at most. It fails
when a bound fails with p corrected for all of them (Holm 1979), so that a run that is worse by
the margin on none fails in 5 % at most. In between it does not know, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from metrics.statistics.distributions import normal_quantile, t_below
from metrics.statistics.findings import LEVEL, MIN_PAIRS, NO_GAPS, Gaps, has_few_clusters
from metrics.statistics.margins import (
    ONE_SIDED,
    RESERVE,
    OneSided,
    one_sided,
    pairs_of_right_or_wrong,
    reach_of_right_or_wrong,
)
from metrics.statistics.multiplicity import holm
from metrics.statistics.pairs import POWER, Compared

ROUNDING = 1e-9  # of a gain that is as good as the margin


# Where every filling of the gaps agrees, and where nothing but its width keeps a bound open.
FILLED = " However the gaps are filled."
OPEN = "The loss may be larger or smaller than the margin: the bounds lie on both sides."

# The bounds of right or wrong are an interval's, and the margin is tested beside them.
NEAR = "The bounds alone would settle it; the test of the margin itself is not sure."


class Answer(StrEnum):
    """What a gate, or one of its bounds, says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One gain against its margin.

    `low` and `high` are one-sided 95 % bounds. `p_pass` tests that the gain is -margin or less,
    `p_fail` that it is -margin or more. All four are None together, and then `reason` says why.
    `p_fail_adjusted` is known once a gate has looked at it.
    """

    margin: float
    answer: Answer
    reason: str
    low: float | None = None
    high: float | None = None
    p_pass: float | None = None
    p_fail: float | None = None
    p_fail_adjusted: float | None = None


def bound(compared: Compared, *, margin: float, gaps: Gaps = NO_GAPS) -> Bound:
    """Hold a gain against a margin, on its own.

    Where what is unscored could matter, every filling of the gaps must give the same answer.
    """
    if not (0.0 < margin < math.inf):
        raise ValueError(f"A margin is a number above 0, not {margin}.")
    if compared.n < MIN_PAIRS:
        return unanswered(margin, f"{compared.n} pairs are too few: a gate needs {MIN_PAIRS}.")
    sides = [compared, gaps.best, gaps.worst] if gaps.matter else [compared]
    tests = [None if side is None else one_sided(side, margin) for side in sides]
    known = [test for test in tests if test is not None]
    if tests[0] is None:
        return unanswered(margin, compared.reason)
    if has_few_clusters(compared):
        return unanswered(
            margin,
            f"{compared.clusters} clusters are too few: a gate needs {MIN_PAIRS}, for examples of "
            "one cluster are not independent.",
        )
    if len(known) < len(tests):
        return unanswered(margin, f"{_unscored(gaps)}, and nothing bounds what they would change.")
    found = OneSided(
        margin=margin,
        low=min(test.low for test in known),
        high=max(test.high for test in known),
        p_pass=max(test.p_pass for test in known),
        p_fail=max(test.p_fail for test in known),
    )
    return _answered(found, tests[0], margin, gaps)


def judge(bounds: Sequence[Bound]) -> tuple[Answer, list[Bound]]:
    """Answer for a gate, and for each bound with p of failing corrected for all of them.

    A bound that fails alone and not among all is inconclusive. Without any bound a gate passes:
    there is nothing that it asks.
    """
    p_values = [math.nan if one.p_fail is None else one.p_fail for one in bounds]
    judged = [
        _among_all(one, float(p)) for one, p in zip(bounds, holm(p_values).tolist(), strict=True)
    ]
    return strictest([one.answer for one in judged]), judged


def strictest(answers: Sequence[Answer]) -> Answer:
    """Return what several answers are together: a failure, else a doubt, else a pass."""
    for answer in (Answer.FAIL, Answer.INCONCLUSIVE):
        if answer in answers:
            return answer
    return Answer.PASS


def more_to_pass(compared: Compared, *, margin: float) -> int | None:
    """Return how many more pairs a run as good as the baseline needs to pass in 80 of 100 cases.

    From the observed error and a true gain of 0, never from the observed gain: Julious (2004),
    section 4. None where no error is known, and where more examples of the same clusters would
    not do.
    """
    if compared.standard_error is None or has_few_clusters(compared):
        return None
    if compared.p_exact is not None:
        discordance = _discordance(compared.n, compared.standard_error)
        needed = pairs_of_right_or_wrong(margin, discordance=discordance, power=POWER)
    else:
        needed = math.ceil(compared.n * (_REACH * compared.standard_error / margin) ** 2)
    return max(0, max(needed, MIN_PAIRS) - compared.n)


def alike_to_pass(compared: Compared, *, margin: float) -> int | None:
    """Return how many more pairs, or clusters, make a bound pass if they all move alike as well.

    The rule of three the other way round: n pass when (1 - share)^n is 5 % at most, where such a
    share of unseen examples at the far end of the range would just lose the margin. None where
    the pairs did not move alike, or lost the margin, and where no range bounds what was not seen.
    """
    if compared.standard_error is not None or compared.low90 is None or compared.gain is None:
        return None
    way, room = compared.gain + margin, compared.gain + compared.width
    if way <= ROUNDING * margin:
        return None
    needed = math.ceil(math.log(LEVEL) / math.log1p(-way / room)) if way < room else 0
    n = compared.n if compared.clusters is None else compared.clusters
    return max(0, max(needed, MIN_PAIRS) - n)


def chance_to_pass(compared: Compared, *, margin: float) -> float | None:
    """Return about how often a run as good as the baseline passes, with pairs such as these.

    From the observed error and a true gain of 0, never from the observed gain. None where no
    error is known, and where a gate says that pairs or clusters are too few.
    """
    is_small = compared.n < MIN_PAIRS or has_few_clusters(compared)
    if compared.standard_error is None or is_small:
        return None
    if compared.p_exact is not None:
        reach = _reach_of(compared.n, compared.standard_error, margin)
    else:
        reach = margin / compared.standard_error - _CRITICAL
    return t_below(reach, math.inf)


def margin_in_reach(compared: Compared) -> float | None:
    """Return the margin within which this many pairs show a gain of 0 in 80 of 100 cases."""
    error = compared.standard_error
    if error is None:
        return None
    if compared.p_exact is None:
        return _REACH * error
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_wide = _reach_of(compared.n, error, middle) >= normal_quantile(POWER)
        low, high = (low, middle) if is_wide else (middle, high)
    return high


_CRITICAL = normal_quantile(1 - RESERVE * ONE_SIDED)
# How many errors away a loss must be to be excluded in 80 of 100 cases.
_REACH = _CRITICAL + normal_quantile(POWER)
_HALVINGS = 50


def _reach_of(n: int, error: float, margin: float) -> float:
    return reach_of_right_or_wrong(margin, n=n, discordance=_discordance(n, error))


def _discordance(n: int, error: float) -> float:
    """Return the share of pairs that differ, by the error of right or wrong under no gain."""
    return n * error**2


def _answered(found: OneSided, as_it_is: OneSided, margin: float, gaps: Gaps) -> Bound:
    filled = FILLED if gaps.matter else ""
    if found.excludes_the_loss:
        answer, reason = Answer.PASS, f"A loss as large as the margin is excluded.{filled}"
    elif found.high < -margin and found.p_fail <= LEVEL:
        answer, reason = Answer.FAIL, f"The loss is larger than the margin.{filled}"
    elif gaps.matter and (as_it_is.low > -margin or as_it_is.high < -margin):
        answer, reason = Answer.INCONCLUSIVE, f"{_unscored(gaps)}, enough to turn the answer."
    else:
        is_near = found.low > -margin or found.high < -margin
        answer, reason = Answer.INCONCLUSIVE, NEAR if is_near else OPEN
    return Bound(
        margin=margin,
        answer=answer,
        reason=reason,
        low=found.low,
        high=found.high,
        p_pass=found.p_pass,
        p_fail=found.p_fail,
    )


def _unscored(gaps: Gaps) -> str:
    return (
        f"{gaps.baseline} and {gaps.candidate} of {gaps.pairs} examples are unscored on the two "
        "sides"
    )


def unanswered(margin: float, reason: str) -> Bound:
    """Return the bound of a rule that nothing can be held against."""
    return Bound(margin=margin, answer=Answer.INCONCLUSIVE, reason=reason)


def _among_all(one: Bound, p_adjusted: float) -> Bound:
    if math.isnan(p_adjusted):
        return one
    one = replace(one, p_fail_adjusted=p_adjusted)
    if one.answer is not Answer.FAIL or p_adjusted <= LEVEL:
        return one
    reason = "It would fail alone, but p is above 0.05 among all the bounds of this gate."
    return replace(one, answer=Answer.INCONCLUSIVE, reason=reason)
