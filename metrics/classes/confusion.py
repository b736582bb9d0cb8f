"""The confusion matrix: which labels were said where which were expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.rows import Rows


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class: precision and recall are NaN where it is never said, and never expected."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int

    @property
    def is_said(self) -> bool:
        """Whether any output says the class: without, it has no precision."""
        return not math.isnan(self.precision)


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """How often each label (column) was said where each (row) was expected, in outputs.

    `matrix` is (classes, classes + 1): the last column counts what is no class.
    """

    labels: tuple[str, ...]
    matrix: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, labels: Sequence[str]) -> Confusion:
        """Count rows (..., 2) of places in the labels, the expected one and the predicted one."""
        n = len(labels)
        counts = np.zeros((n + 1) ** 2, np.int64)
        for _, block in rows.blocks():
            places = block.reshape(-1, block.shape[-1]).astype(np.intp)
            counts += np.bincount(places @ np.array([n + 1, 1]), minlength=len(counts))
        whole = counts.reshape(n + 1, n + 1)[1:]
        return cls(labels=tuple(labels), matrix=np.roll(whole, -1, axis=1))

    @property
    def n(self) -> int:
        """How many outputs are counted."""
        return int(self.matrix.sum())

    @property
    def other(self) -> list[int]:
        """How often what is no class was said, by expected class."""
        counts: list[int] = self.matrix[:, -1].tolist()
        return counts

    def classes(self) -> list[ClassRow]:
        """Return the classes in order, each with its precision, recall, F1 and support."""
        square = self.matrix[:, :-1]
        hits, said, support = np.diag(square), square.sum(axis=0), self.matrix.sum(axis=1)
        numbers = zip(hits.tolist(), said.tolist(), support.tolist(), strict=True)
        return [
            ClassRow(
                label=label,
                precision=_share(hit, told),
                recall=_share(hit, expected),
                f1=_share(2 * hit, told + expected),
                support=expected,
            )
            for label, (hit, told, expected) in zip(self.labels, numbers, strict=True)
        ]

    def largest(self, most: int) -> Confusion:
        """Return the classes with most support, the largest first; the rest is among the other.

        Outputs that expect a class of the rest are left out.
        """
        support = self.matrix.sum(axis=1)
        kept = np.argsort(-support, kind="stable")[:most]
        square = self.matrix[np.ix_(kept, kept)]
        rest = support[kept] - square.sum(axis=1)
        return Confusion(
            labels=tuple(self.labels[row] for row in kept),
            matrix=np.column_stack([square, rest]),
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
