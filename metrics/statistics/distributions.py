"""The quantiles and tail probabilities that the statistics need, from scipy.special."""

from __future__ import annotations

from scipy import special


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile."""
    return float(special.ndtri(probability))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t."""
    return float(special.stdtrit(degrees, probability))


def t_two_sided(statistic: float, degrees: float) -> float:
    """Return how often |t| is at least this large."""
    return min(1.0, 2.0 * float(special.stdtr(degrees, -abs(statistic))))


def fair_coin_at_most(successes: int, tosses: int) -> float:
    """Return P(X <= successes) for X of Binomial(tosses, 1/2)."""
    return float(special.bdtr(successes, tosses, 0.5)) if successes >= 0 else 0.0
