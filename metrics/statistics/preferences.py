"""Preferences between two systems' outputs: read, checked, added up by group and pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.batch import Codes, Floats

WIN, TIE, LOSS = 1.0, 0.5, 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What was preferred to what, a cell for each group and pair of systems that met in it.

    `systems` are in rising order, and the systems of a cell are indices of it: `low` < `high`.
    `points` counts the wins of `low` and half its ties; `ties` includes those that are `both_bad`.
    The sums are exact, so nothing depends on the order in which preferences came or on sides.
    """

    systems: NDArray[Any]
    groups: Codes
    low: Codes
    high: Codes
    played: Floats
    points: Floats
    ties: Floats
    both_bad: Floats

    @property
    def n_systems(self) -> int:
        return len(self.systems)

    @property
    def n_groups(self) -> int:
        """How many groups have a preference."""
        return int(self.groups.max(initial=-1)) + 1

    @property
    def n_preferences(self) -> int:
        return int(self.played.sum())

    def matrix_of(self, counts: Floats) -> Floats:
        """Add one number of each cell up over groups: (systems, systems), `low` by `high`."""
        n = self.n_systems
        sums = np.bincount(self.low * n + self.high, weights=counts, minlength=n * n)
        return sums.astype(np.float64).reshape(n, n)

    def symmetric(self, counts: Floats) -> Floats:
        """Add up over groups what both systems of a cell share."""
        matrix = self.matrix_of(counts)
        return matrix + matrix.T

    def points_matrix(self) -> Floats:
        """Return the points of each row's system against each column's."""
        return self.matrix_of(self.points) + self.matrix_of(self.played - self.points).T

    def by_group(self, low: Floats, high: Floats) -> Floats:
        """Add up a number of each cell's two systems: (groups, systems)."""
        n, rows = self.n_systems, self.groups * self.n_systems
        places = np.concatenate([rows + self.low, rows + self.high])
        sums = np.bincount(
            places, weights=np.concatenate([low, high]), minlength=self.n_groups * n
        )
        return sums.astype(np.float64).reshape(self.n_groups, n)

    def among(self, members: Codes) -> Tally:
        """Return the preferences between some of the systems."""
        kept = np.isin(self.low, members) & np.isin(self.high, members)
        place = np.zeros(self.n_systems, dtype=np.intp)
        place[members] = np.arange(len(members))
        return replace(
            self,
            systems=self.systems[members],
            groups=np.unique(self.groups[kept], return_inverse=True)[1],
            low=place[self.low[kept]],
            high=place[self.high[kept]],
            played=self.played[kept],
            points=self.points[kept],
            ties=self.ties[kept],
            both_bad=self.both_bad[kept],
        )


def tally(
    *,
    first: ArrayLike,
    second: ArrayLike,
    outcomes: ArrayLike,
    groups: ArrayLike,
    both_bad: ArrayLike | None = None,
) -> Tally:
    """Add up preferences given as columns: two systems, what was said of the first, the group.

    An outcome is 1 where the first was preferred, 0.5 for a tie, 0 where the second was, and NaN
    is "cannot judge". `both_bad` marks the ties in which both were called bad. A system that is
    only in preferences nobody could judge is among the systems all the same.
    """
    outcome = np.asarray(outcomes, dtype=np.float64)
    bad = np.zeros(len(outcome), bool) if both_bad is None else np.asarray(both_bad, dtype=bool)
    sides = [np.asarray(first), np.asarray(second)]
    _check([*sides, np.asarray(groups), bad], outcome, bad)
    systems, codes = np.unique(np.concatenate(sides), return_inverse=True)
    left, right = np.split(codes, 2)
    if (left == right).any():
        raise ValueError("A system is compared with itself.")
    given = ~np.isnan(outcome)
    left, right, outcome, bad = left[given], right[given], outcome[given], bad[given]
    group = np.unique(np.asarray(groups)[given], return_inverse=True)[1]
    n = len(systems)
    keys = (group * n + np.minimum(left, right)) * n + np.maximum(left, right)
    cells, cell = np.unique(keys, return_inverse=True)

    def summed(numbers: NDArray[Any]) -> Floats:
        return np.bincount(cell, weights=numbers, minlength=len(cells)).astype(np.float64)

    pair_group, high = np.divmod(cells, max(n, 1))
    cell_group, low = np.divmod(pair_group, max(n, 1))
    return Tally(
        systems=systems,
        groups=cell_group,
        low=low,
        high=high,
        played=summed(np.ones(len(cell))),
        points=summed(np.where(left < right, outcome, 1.0 - outcome)),
        ties=summed(outcome == TIE),
        both_bad=summed(bad),
    )


def _check(columns: list[NDArray[Any]], outcome: Floats, bad: NDArray[np.bool_]) -> None:
    if any(column.shape != outcome.shape for column in columns):
        raise ValueError("Systems, outcomes, groups and what is bad differ in length.")
    check_outcomes(outcome)
    if (bad & (outcome != TIE)).any():
        raise ValueError("Both are called bad, but the outcome is not a tie.")


def check_outcomes(outcome: Floats) -> None:
    """Refuse what is neither a win, a tie, a loss nor "cannot judge"."""
    if not (np.isnan(outcome) | np.isin(outcome, (WIN, TIE, LOSS))).all():
        raise ValueError("An outcome is 1, 0.5 or 0.")
