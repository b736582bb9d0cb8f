"""What metrics of shared n-grams have in common: pairs of texts, in blocks, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from metrics.base import Family, Workspace
from metrics.overlap.ngrams import Ints
from metrics.preparation import Prepared
from metrics.reasons import Reason
from metrics.text import TextMetric

# The longest common subsequence takes time that grows with the product of two lengths.
MAX_CHARACTERS = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Every output beside each of its references; an output that is not there is empty text."""

    rows: Sequence[int]
    outputs: Sequence[str]
    references: Sequence[str]

    @classmethod
    def of(cls, prepared: Prepared) -> Pairs:
        """Pair the outputs of a batch's scored rows, row by row."""
        rows: list[int] = []
        outputs: list[str] = []
        references: list[str] = []
        for row in prepared.scored_rows:
            texts = prepared.references[row]
            rows.extend([row] * len(texts))
            outputs.extend([prepared.outputs[row] or ""] * len(texts))
            references.extend(texts)
        return cls(rows=rows, outputs=outputs, references=references)

    @cached_property
    def starts(self) -> Ints:
        """Where the pairs of each row begin."""
        rows = np.array(self.rows, np.int64)
        return np.flatnonzero(np.diff(rows, prepend=-1))

    @property
    def sizes(self) -> list[int]:
        """Characters of each pair."""
        pairs = zip(self.outputs, self.references, strict=True)
        return [len(output) + len(reference) for output, reference in pairs]


@dataclass(frozen=True, kw_only=True)
class OverlapMetric(TextMetric):
    """A metric of what texts share. It changes nothing in the texts unless asked to."""

    family: ClassVar[Family] = Family.MEAN
    max_characters: ClassVar[int] = MAX_CHARACTERS

    def prepared(self, workspace: Workspace) -> Prepared:
        """Return the batch without the examples that are too long to compare."""
        whole = super().prepared(workspace)
        key = (OverlapMetric, self._preparation, self.max_characters)
        return workspace.once(key, lambda: _within_bounds(whole, self.max_characters))

    def pairs(self, workspace: Workspace) -> Pairs:
        """Return the batch's pairs, the same for all metrics that prepare alike."""
        prepared = self.prepared(workspace)
        key = (Pairs, self._preparation, self.max_characters)
        return workspace.once(key, lambda: Pairs.of(prepared))


def _within_bounds(prepared: Prepared, most: int) -> Prepared:
    reasons = prepared.reasons.copy()
    for row in prepared.scored_rows:
        references = prepared.references[row]
        output = prepared.outputs[row] or ""
        if len(output) * len(references) + sum(map(len, references)) > most:
            reasons[row] = Reason.TOO_LONG
    return replace(prepared, reasons=reasons)
