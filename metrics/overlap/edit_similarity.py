"""Edit similarity: how few characters must change to turn the output into a reference."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from metrics.base import Example, Workspace
from metrics.batch import Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.overlap.pairs_of_texts import OverlapMetric
from metrics.text import normalize_parameter


@dataclass(frozen=True, kw_only=True)
class EditSimilarity(OverlapMetric):
    """1 for equal texts, 0 where nothing can stay."""

    name: ClassVar[str] = "edit_similarity"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Edit similarity"
    summary: ClassVar[str] = "How few characters must change to give the best reference."
    formula: ClassVar[str] = (
        "1 - edits / length of the longer text, with characters inserted, deleted or replaced; "
        "best reference, 1 where both are empty. The run's value is the mean."
    )
    source: ClassVar[str] = (
        "Levenshtein 1966, Binary codes capable of correcting deletions, insertions and "
        "reversals; as rapidfuzz computes it."
    )
    # Time grows with the product of two lengths.
    max_characters: ClassVar[int] = 400_000
    defined_by: ClassVar[tuple[str, ...]] = (f"rapidfuzz:{metadata.version('rapidfuzz')}",)
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="kitten", expected_output="sitting", value=4 / 7, note="Three edits."),
        Example(output="PARIS", expected_output="paris", params={"ignore_case": True}, value=1.0),
        Example(output="", expected_output="Paris", value=0.0),
    )

    normalize: tuple[str, ...] = normalize_parameter("strip")
    ignore_case: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether capital and small letters count as equal.",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Compare every output with each of its references, and keep the best."""
        prepared, pairs = self.prepared(workspace), self.pairs(workspace)
        scores = blank_scores(prepared.reasons)
        if pairs.rows:
            values = cpdist(
                pairs.outputs,
                pairs.references,
                scorer=Levenshtein.normalized_similarity,
                processor=str.lower if self.ignore_case else None,
                dtype=np.float64,
            )
            rows = np.array(pairs.rows)[pairs.starts]
            is_there = np.array([prepared.outputs[row] is not None for row in rows])
            best = np.maximum.reduceat(values, pairs.starts)
            scores.values[rows] = np.where(is_there, best, self.worst)
        return scores
