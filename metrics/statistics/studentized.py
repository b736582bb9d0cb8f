"""How surely an estimate is on one side of a number: its error, and the skewness of what it sums.

Student's t takes the estimate and its error for independent. Where what they sum is skewed, they
are not, and one side's bound errs more often than it says, the other's less: by 0.11 times the
`lean`, which is the skewness over the root of the number of groups. Hall (1992), "On the removal
of skewness by transformation", Journal of the Royal Statistical Society B 54, makes the statistic
symmetric by a cubic that only rises, so that it can be turned round into bounds. But tails that
are heavy on both sides give a skewness by chance, and there Hall's errs more than Student's.
So a bound is the farther of both, and p the larger of both: it errs as often as the one that errs
less, or less often still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metrics.batch import Floats
from metrics.statistics.distributions import t_below, t_quantile
from metrics.statistics.groups import Groups


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The standard error of a sum over groups, the degrees of t, the skewness over groups."""

    error: float
    degrees: float
    skewness: float

    @classmethod
    def of(cls, groups: Groups, contributions: Floats) -> Spread:
        """Return the spread of a sum of centered contributions, one per row.

        The error is CR2 and the degrees are Satterthwaite's under independence: Bell & McCaffrey
        (2002), "Bias reduction in standard errors for linear regression with multi-stage
        samples". Of groups of one size these are CR1 and one less than there are groups; without
        clusters it is the classical n - 1 formula.
        """
        sums = groups.sums(contributions)
        squares = np.square(sums)
        if groups.codes is None:
            error, degrees = groups.standard_error(contributions), float(len(groups) - 1)
        else:
            total = groups.sizes.sum()
            kept = 1.0 - groups.sizes / total
            error = math.sqrt(float((squares / kept).sum()))
            degrees = _degrees(groups.sizes / total, kept)
        return cls(error=error, degrees=degrees, skewness=_skewness(sums, squares))


def _degrees(shares: Floats, kept: Floats) -> float:
    """Return tr(B)² / tr(B²), where B is the covariance of the groups' weighted residual sums."""
    across = np.square(shares) / kept
    off_diagonal = float(across.sum()) ** 2 - float(np.square(across).sum())
    return 1.0 / (float(np.square(shares).sum()) + off_diagonal)


def _skewness(sums: Floats, squares: Floats) -> float:
    spread = float(squares.mean())
    return float((squares * sums).mean()) / spread**1.5 if spread > 0.0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Studentized:
    """An estimate with what its bounds rest on. Without a `lean` they are Student's alone."""

    value: float
    error: float
    degrees: float
    lean: float = 0.0

    def p_at_most(self, truth: float) -> float:
        """Return the one-sided p of the true value being this or less."""
        statistic = (self.value - truth) / self.error
        return max(self._below(-statistic), self._below(-without_lean(statistic, self.lean)))

    def p_at_least(self, truth: float) -> float:
        """Return the one-sided p of the true value being this or more."""
        statistic = (self.value - truth) / self.error
        return max(self._below(statistic), self._below(without_lean(statistic, self.lean)))

    def p_value(self, truth: float) -> float:
        """Return the two-sided p of the true value being this."""
        return min(1.0, 2.0 * min(self.p_at_most(truth), self.p_at_least(truth)))

    def ends(self, alpha: float) -> tuple[float, float]:
        """Return the one-sided bounds at alpha / 2 each: p is alpha where an end is the truth."""
        reach = t_quantile(1.0 - alpha / 2, self.degrees)
        most, least = max(reach, with_lean(reach, self.lean)), with_lean(-reach, self.lean)
        return self.value - most * self.error, self.value - min(-reach, least) * self.error

    def _below(self, statistic: float) -> float:
        return t_below(statistic, self.degrees)


def without_lean(statistic: float, lean: float) -> float:
    """Return Hall's transformation of a studentized statistic, which takes its skewness away."""
    return statistic + lean * (statistic**2 / 3 + 1 / 6) + lean**2 * statistic**3 / 27


def with_lean(transformed: float, lean: float) -> float:
    """Return the statistic that Hall's transformation turns into this."""
    straight = transformed - lean / 6
    root = math.cbrt(1.0 + lean * straight)
    # (root - 1) * 3 / lean, without the difference of two numbers near 1.
    return 3.0 * straight / (root * (root + 1.0) + 1.0)
