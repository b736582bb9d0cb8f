"""Retrieved documents as a ranking beside the grades of the example, the way trec_eval reads them.

What decides the order stands in every signature. A document that is listed twice counts once, at
its better place, and what follows moves up. Scores are compared in single precision, as trec_eval
keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from metrics.base import Workspace
from metrics.batch import Floats, Json

Ints = NDArray[np.int64]

BY_SCORE, AS_LISTED = "score", "listed"
BY_ID = "id"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked:
    """The documents of a batch, example after example, each example's in the order of rank.

    `rows` is the example of each document, `ranks` its rank from 1, and `grades` its grade: NaN
    where nobody judged it.
    """

    n_rows: int
    rows: Ints
    ranks: Ints
    grades: Floats

    @classmethod
    def of(cls, grades: Sequence[Sequence[float]]) -> Ranked:
        """Lay the grades of the examples, by rank, end to end."""
        sizes = np.array([len(row) for row in grades], np.int64)
        rows = np.repeat(np.arange(len(sizes)), sizes)
        starts = np.cumsum(sizes) - sizes
        return cls(
            n_rows=len(sizes),
            rows=rows,
            ranks=np.arange(len(rows)) - starts[rows] + 1,
            grades=np.array([grade for row in grades for grade in row], np.float64),
        )

    @cached_property
    def discounts(self) -> Floats:
        """The binary logarithm of each document's rank plus one.

        Python's, which is the C library's and so trec_eval's: numpy's may differ in the last bit.
        """
        depth = int(self.ranks.max(initial=0))
        by_rank = np.array([math.log2(rank + 1) for rank in range(1, depth + 1)], np.float64)
        return by_rank[self.ranks - 1]

    def within(self, k: int | None) -> NDArray[np.bool_]:
        """Return which documents stand at rank `k` or better."""
        return np.ones(len(self.ranks), np.bool_) if k is None else self.ranks <= k

    def sums(self, chosen: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        """Return for each example the chosen documents' number, or weights added up by rank."""
        kept = None if weights is None else weights[chosen]
        return np.bincount(self.rows[chosen], kept, minlength=self.n_rows).astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rankings:
    """What the systems found, and the best that they could have found."""

    found: Ranked
    ideal: Ranked


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How a list of documents becomes a ranking: two parameters of every metric of retrieval."""

    order: str
    ties: str

    def of(self, workspace: Workspace) -> Rankings:
        """Rank the batch's documents; once for all metrics that rank alike."""
        return workspace.once(self, lambda: self._rankings(workspace))

    def _rankings(self, workspace: Workspace) -> Rankings:
        batch = workspace.batch
        found = [
            self._grades(retrieved or (), relevant or {}) if output is not None else ()
            for output, retrieved, relevant in zip(
                batch.outputs, batch.retrieved, batch.relevant, strict=True
            )
        ]
        ideal = [sorted((relevant or {}).values(), reverse=True) for relevant in batch.relevant]
        return Rankings(found=Ranked.of(found), ideal=Ranked.of(ideal))

    def _grades(
        self, retrieved: Sequence[Mapping[str, Json]], relevant: Mapping[str, float]
    ) -> Sequence[float]:
        return [relevant.get(one, math.nan) for one in self.documents(retrieved)]

    def documents(self, retrieved: Sequence[Mapping[str, Json]]) -> Iterable[str]:
        """Return the ids of retrieved documents from the best on, each once."""
        ids: list[str] = list(map(itemgetter("id"), retrieved))
        scores = [document.get("score") for document in retrieved]
        if self.order == BY_SCORE and None not in scores:
            with np.errstate(over="ignore"):
                single = np.array(scores, np.float64).astype(np.float32).tolist()
            pairs = list(zip(single, ids, strict=True))
            # Sorting is stable, also in reverse: equal scores stay as they were listed.
            pairs.sort(key=None if self.ties == BY_ID else itemgetter(0), reverse=True)
            ids = [one for _, one in pairs]
        return dict.fromkeys(ids)
