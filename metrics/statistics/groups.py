"""Independent groups: the clusters of examples, or the examples themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats
from metrics.tallies import AnyRows

MIN_CLUSTERS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """Which rows belong together: `codes` from 0, or None where every row stands alone."""

    codes: NDArray[np.intp] | None
    sizes: Floats

    @classmethod
    def of(cls, clusters: NDArray[Any] | None, n_rows: int) -> Groups:
        """Group rows by cluster id; a negative number is a row without a cluster, on its own."""
        if clusters is None:
            return cls(codes=None, sizes=np.ones(n_rows))
        if len(clusters) != n_rows:
            raise ValueError(f"{n_rows} rows, but {len(clusters)} cluster ids.")
        _, codes = np.unique(with_loners(np.asarray(clusters)), return_inverse=True)
        return cls(codes=codes, sizes=np.bincount(codes).astype(np.float64))

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def are_clusters(self) -> bool:
        """Whether rows were put together by an id."""
        return self.codes is not None

    @property
    def n_rows(self) -> int:
        """How many rows there are in all groups."""
        return int(self.sizes.sum())

    @property
    def too_few(self) -> str:
        """Why these groups carry no interval, as a sentence; empty when they do."""
        if self.n_rows < 2:
            return "An interval needs at least 2 examples."
        if self.are_clusters and len(self) < MIN_CLUSTERS:
            clusters = "1 cluster" if len(self) == 1 else f"{len(self)} clusters"
            return (
                f"The examples come from only {clusters}, and an interval needs at "
                f"least {MIN_CLUSTERS}: examples of one cluster are not independent."
            )
        return ""

    @property
    def suffix(self) -> str:
        """What a method's name adds about clusters."""
        return f" over {len(self)} clusters" if self.are_clusters else ""

    def sums(self, contributions: Floats) -> Floats:
        """Add one number of each row up within each group, always in the same order."""
        if self.codes is None:
            return contributions
        return np.bincount(self.codes, weights=contributions).astype(np.float64)

    def sums_of(self, rows: AnyRows) -> Floats:
        """Add rows up within each group, always in the same order."""
        if self.codes is None:
            return rows.whole()
        return rows.sums(self.codes, len(self))

    def standard_error(self, contributions: Floats) -> float:
        """Return the standard error of a sum of centered contributions: CR1 over the groups.

        Without clusters this is the classical n - 1 formula.
        """
        sums = self.sums(contributions)
        return math.sqrt(len(self) / (len(self) - 1) * float(np.square(sums).sum()))


def with_loners(ids: NDArray[Any]) -> NDArray[Any]:
    """Return cluster ids in which each row without a cluster (a negative id) has its own."""
    if ids.dtype.kind != "i" or not (ids < 0).any():
        return ids
    alone = ids < 0
    filled = ids.astype(np.int64)
    filled[alone] = filled.max(initial=0) + 1 + np.arange(alone.sum())
    return filled
