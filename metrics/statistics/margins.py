"""One-sided tests of a gain against a margin, for gates and for outcomes alike.

Both rest on these, so that a comparison never calls equivalent what a gate leaves open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from metrics.statistics.distributions import normal_quantile, t_below
from metrics.statistics.pairs import EQUIVALENCE_ALPHA, Compared
from metrics.statistics.studentized import Studentized

# Of each test; the ends of a 90 % interval are bounds at this level.
ONE_SIDED = EQUIVALENCE_ALPHA / 2
# What a t test answers at 4.5 % errs in 5 % at most where data are as skewed as scores are. The
# bounds of right or wrong, which hold by enumeration, need none.
RESERVE = 0.9


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """One-sided 95 % bounds of a gain, and the p of two tests.

    `p_pass` tests that the gain is -margin or less, `p_fail` that it is -margin or more.
    """

    margin: float
    low: float
    high: float
    p_pass: float
    p_fail: float

    @property
    def excludes_the_loss(self) -> bool:
        """Whether a loss as large as the margin is excluded."""
        return self.low > -self.margin and self.p_pass <= ONE_SIDED


def one_sided(compared: Compared, margin: float) -> OneSided | None:
    """Test a gain against -margin from both sides, None where it has no interval."""
    gain, low, high = compared.gain, compared.low90, compared.high90
    if gain is None or low is None or high is None:
        return None
    if compared.p_exact is not None:
        p_pass, p_fail = _tango(compared, margin)
    elif compared.standard_error is not None and compared.degrees is not None:
        found = Studentized(
            value=gain,
            error=compared.standard_error,
            degrees=compared.degrees,
            lean=compared.lean,
        )
        return _with_reserve(found, margin, width=compared.width)
    else:
        n = compared.n if compared.clusters is None else compared.clusters
        p_pass = _unseen(gain + margin, room=gain - low, n=n)
        p_fail = _unseen(-margin - gain, room=high - gain, n=n)
    return OneSided(margin=margin, low=low, high=high, p_pass=p_pass, p_fail=p_fail)


def mirrored(compared: Compared) -> Compared:
    """Return what the pairs say of the baseline's gain over the candidate, as far as tests ask."""
    return replace(
        compared,
        gain=None if compared.gain is None else -compared.gain,
        low90=None if compared.high90 is None else -compared.high90,
        high90=None if compared.low90 is None else -compared.low90,
        n_lost=compared.n_won,
        n_won=compared.n_lost,
        skewness=-compared.skewness,
    )


def _with_reserve(gain: Studentized, margin: float, *, width: float) -> OneSided:
    """Test by Student's t and by Hall's for skewness at nine tenths of the level: decision 30."""
    low, high = gain.ends(2 * RESERVE * ONE_SIDED)
    return OneSided(
        margin=margin,
        low=max(low, -width),
        high=min(high, width),
        p_pass=min(1.0, gain.p_at_most(-margin) / RESERVE),
        p_fail=min(1.0, gain.p_at_least(-margin) / RESERVE),
    )


def _tango(compared: Compared, margin: float) -> tuple[float, float]:
    """Return both p of a difference of two paired shares: Tango's (1998) score test.

    With a continuity correction of half a pair, and asked beside the interval: Wald's alone lets
    up to 7.5 % of runs that are worse by the margin pass, and the score test alone fails up to
    7.3 % of good ones. Together they err in less than 5 % either way: by enumeration, at 20 to
    1,000 pairs, discordance of 10 to 70 % and margins of 0.01 to 0.2.
    """
    if margin >= 1.0:  # nothing loses more than all
        return 0.0, 1.0
    n, lost, won = compared.n, compared.n_lost, compared.n_won
    error = _error_at(margin, n, lost, won)
    excess = lost - won - n * margin
    return t_below((excess + 0.5) / error, math.inf), t_below(-(excess - 0.5) / error, math.inf)


def _error_at(margin: float, n: float, lost: float, won: float) -> float:
    """Return the error of losses less wins, were the candidate worse by exactly the margin."""
    # The most likely share of wins then.
    half = (2 * n - lost + won) * margin - lost - won
    share = (math.sqrt(half**2 + 8 * n * won * margin * (1 - margin)) - half) / (4 * n)
    return math.sqrt(n * (2 * share + margin * (1 - margin)))


def pairs_of_right_or_wrong(margin: float, *, discordance: float, power: float) -> int:
    """Return how many pairs exclude a loss as large as the margin with a power, at a gain of 0.

    By the error that the test has under the margin, and its half pair: Nam (1997), "Establishing
    equivalence of two treatments and sample size requirements in matched-pairs design". Without
    them it is up to half too few where the margin is as large as the share of pairs that differ.
    """
    if margin >= 1.0:
        return 0
    critical = normal_quantile(1 - ONE_SIDED) * _error_at(margin, 1, *[discordance / 2] * 2)
    reach = critical + normal_quantile(power) * math.sqrt(discordance)
    return math.ceil(((reach + math.sqrt(reach**2 + 2 * margin)) / (2 * margin)) ** 2)


def reach_of_right_or_wrong(margin: float, *, n: int, discordance: float) -> float:
    """Return the normal quantile of the power that so many pairs have, the same way."""
    if margin >= 1.0:
        return math.inf
    half = n * discordance / 2
    critical = normal_quantile(1 - ONE_SIDED) * _error_at(margin, n, half, half)
    return (n * margin - 0.5 - critical) / math.sqrt(n * discordance)


def _unseen(way: float, *, room: float, n: int) -> float:
    """Return p where n pairs moved alike: the level at which the rule of three's bound, `room`
    away at 5 %, would lie just `way` off. Unseen examples are a share of 1 - p^(1/n) at most."""
    if way <= 0.0:
        return 1.0
    share = -math.expm1(math.log(ONE_SIDED) / n) * way / room if room > 0.0 else 1.0
    return math.exp(n * math.log1p(-share)) if share < 1.0 else 0.0
