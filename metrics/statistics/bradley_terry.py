"""Bradley and Terry's model of preferences: how strong systems are, and how surely.

System i is preferred to j with probability 1 / (1 + exp(s_j - s_i)), and a tie is half a win for
each; Bradley & Terry (1952). Strengths exist where no group of systems won, or lost, every
preference with the others; Ford (1957).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from metrics.batch import Codes, Floats
from metrics.statistics.preferences import Tally

# Newton's last step from here is exact to rounding.
_CLOSE = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """Strengths in log odds that sum to 0, and how much each group moves each of them.

    `influences` is (groups, systems): the first-order change of the strengths by one group, the
    inverse information times its score. `presence` counts the groups that each system is in.
    """

    strengths: Floats
    influences: Floats
    presence: Codes

    @cached_property
    def covariance(self) -> Floats:
        """Return the sandwich estimate: CR1 over groups, White (1982), Liang & Zeger (1986)."""
        n_groups = len(self.influences)
        squares = np.einsum("gi,gj->ij", self.influences, self.influences)
        return np.asarray(n_groups / (n_groups - 1) * squares)

    def error(self, system: int) -> float:
        """Return the standard error of a strength against the systems' mean."""
        return math.sqrt(self.covariance[system, system])

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """Return how far one strength is above another, and the standard error of that."""
        gap = float(self.strengths[one] - self.strengths[other])
        variances = self.covariance[one, one] + self.covariance[other, other]
        return gap, math.sqrt(max(0.0, variances - 2.0 * self.covariance[one, other]))


def fit(tally: Tally) -> Fit:
    """Fit strengths to the preferences among systems that beat one another.

    Raises ValueError where a chain of wins does not lead from every system to every other: then
    no strengths are likeliest.
    """
    points, played = tally.points_matrix(), tally.symmetric(tally.played)
    if not reached_by_wins(points).all():
        raise ValueError("Some systems won, or lost, every preference: no strength fits best.")
    strengths = maximum(points, played)
    expected = tally.played * special.expit(strengths[tally.low] - strengths[tally.high])
    surprise = tally.points - expected
    scores = tally.by_group(surprise, -surprise)
    inverse, _ = _inverse_information(strengths, played)
    return Fit(
        strengths=strengths,
        influences=np.einsum("gi,ij->gj", scores, inverse),
        presence=(tally.by_group(tally.played, tally.played) > 0).sum(axis=0),
    )


def maximum(points: Floats, played: Floats) -> Floats:
    """Return the strengths of highest likelihood, summing to 0, given (systems, systems) sums.

    Newton's method, each step shortened so that it cannot overshoot: the logarithm of the
    logistic function bounds its third derivative by its second; Bach (2010), "Self-concordant
    analysis for logistic regression".
    """
    strengths = np.zeros(len(points))
    step = _newton_step(strengths, points, played)
    while (reach := float(np.ptp(step))) > _CLOSE:
        strengths = strengths + step * (math.log1p(reach) / reach)
        step = _newton_step(strengths, points, played)
    strengths = strengths + step
    centered: Floats = strengths - strengths.mean()
    return centered


def _newton_step(strengths: Floats, points: Floats, played: Floats) -> Floats:
    inverse, probabilities = _inverse_information(strengths, played)
    slope = (points - played * probabilities).sum(axis=1)
    return np.asarray(np.einsum("ij,j->i", inverse, slope))


def _inverse_information(strengths: Floats, played: Floats) -> tuple[Floats, Floats]:
    """Return the inverse information, right for what sums to 0, and the win probabilities.

    The information is blind to a shift of all strengths, which a constant added to it fixes.
    """
    probabilities = special.expit(strengths[:, None] - strengths[None, :])
    weights = played * probabilities * probabilities.T
    totals = weights.sum(axis=1)
    information = np.diag(totals) - weights
    return _inverted(information + totals.mean() / len(played)), probabilities


def _inverted(matrix: Floats) -> Floats:
    """Invert a positive definite matrix by sweeping: without LAPACK, threads change no bit."""
    swept = matrix.copy()
    for k in range(len(swept)):
        pivot = swept[k, k]
        row, column = swept[k] / pivot, swept[:, k].copy()
        swept -= np.multiply.outer(column, row)
        swept[k], swept[:, k] = row, -column / pivot
        swept[k, k] = 1.0 / pivot
    return swept


def reached_by_wins(points: Floats) -> NDArray[np.bool_]:
    """Tell from which system a chain of wins (or ties) leads to which: (systems, systems)."""
    return closed(points > 0)


def components(points: Floats) -> list[Codes]:
    """Return the systems among which strengths exist together, in parts, the winning parts first.

    Within a part a chain of wins leads from every system to every other. A part stands before
    those it leads to; parts that say nothing of each other stand in the order of systems.
    """
    reached = reached_by_wins(points)
    together = reached & reached.T
    label = np.array([row.argmax() for row in together], dtype=np.intp)
    heads = sorted(set(label.tolist()), key=lambda head: (-int(reached[head].sum()), head))
    return [np.flatnonzero(label == head) for head in heads]


def is_linked(points: Floats) -> bool:
    """Tell whether every two systems met, directly or through others."""
    return bool(closed((points > 0) | (points.T > 0)).all())


def closed(direct: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Follow steps to their end: what each row reaches, itself included."""
    n = len(direct)
    reached = direct | np.eye(n, dtype=bool)
    for _ in range(n.bit_length()):
        reached = reached @ reached
    return reached
