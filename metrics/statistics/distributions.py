"""The quantiles and tail probabilities that the statistics need, from scipy.special."""

from __future__ import annotations

from scipy import special


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile."""
    return float(special.ndtri(probability))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t; infinite degrees are the normal's."""
    if degrees == float("inf"):
        return normal_quantile(probability)
    return float(special.stdtrit(degrees, probability))


def t_below(statistic: float, degrees: float) -> float:
    """Return how often t is at most this large; infinite degrees are the normal's."""
    if degrees == float("inf"):
        return float(special.ndtr(statistic))
    return float(special.stdtr(degrees, statistic))


def t_two_sided(statistic: float, degrees: float) -> float:
    """Return how often |t| is at least this large."""
    return min(1.0, 2.0 * float(special.stdtr(degrees, -abs(statistic))))


def fair_coin_at_most(successes: int, tosses: int) -> float:
    """Return P(X <= successes) for X of Binomial(tosses, 1/2)."""
    return float(special.bdtr(successes, tosses, 0.5)) if successes >= 0 else 0.0


def binomial_limits(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """Return the exact interval of a probability: Clopper & Pearson (1934)."""
    low = special.betaincinv(successes, trials - successes + 1, alpha / 2) if successes else 0.0
    failures = trials - successes
    high = special.betaincinv(successes + 1, failures, 1 - alpha / 2) if failures else 1.0
    return float(low), float(high)
