"""chrF: shared character n-grams, with sacrebleu's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np

from metrics.base import Family, Floats, Scores, Workspace, blank_scores
from metrics.ngrams import blocks, clipped_matches, encode_characters
from metrics.overlap import OverlapMetric, Pairs

_ORDER = 6
_BETA_SQUARED = 4
_BLOCK_CHARACTERS = 1 << 13


@dataclass(frozen=True, kw_only=True)
class Chrf(OverlapMetric):
    """chrF2 over the whole run; an example's own value is only indicative.

    The statistics are, for n from 1 to 6, the n-grams of the output, of the reference and of
    both. Of several references the one with the best value counts, the first of equal ones.
    """

    name: ClassVar[str] = "chrf"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "chrF"
    summary: ClassVar[str] = "How many runs of up to six characters output and reference share."
    formula: ClassVar[str] = (
        "100 (1 + 4) P R / (4 P + R) with P and R averaged over character n-grams of length 1 to "
        "6, white space left out; the run's value is that of the summed counts. Popovic 2015, "
        "as sacrebleu computes it by default."
    )
    family: ClassVar[Family] = Family.CORPUS
    high: ClassVar[float] = 100.0
    statistic_names: ClassVar[tuple[str, ...]] = tuple(
        f"{what}_{n}" for n in range(1, _ORDER + 1) for what in ("output", "reference", "both")
    )
    defined_by: ClassVar[tuple[str, ...]] = (
        "chars:6",
        "words:0",
        "beta:2",
        f"sacrebleu:{metadata.version('sacrebleu')}",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Count character n-grams of every pair and keep each row's best reference."""
        scores = blank_scores(self.prepared(workspace).reasons, 3 * _ORDER)
        pairs = self.pairs(workspace)
        if pairs.rows:
            statistics = _pair_statistics(pairs)
            values = _f_scores(statistics)
            rows = np.array(pairs.rows, np.int64)
            best = np.lexsort((-values, rows))[pairs.starts]
            rows = rows[best]
            scores.values[rows] = values[best]
            scores.statistics[rows] = statistics[best]
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return chrF for summed counts; undefined where no reference has any text."""
        return np.where(totals[..., 1] > 0, _f_scores(totals), np.nan)


def _pair_statistics(pairs: Pairs) -> Floats:
    statistics = np.zeros((len(pairs.rows), _ORDER, 3))
    for block in blocks(pairs.sizes, most=_BLOCK_CHARACTERS):
        sides = encode_characters(
            [
                ["".join(text.split()) for text in pairs.outputs[block]],
                ["".join(text.split()) for text in pairs.references[block]],
            ]
        )
        in_output, in_reference = (side.ngram_counts(_ORDER) for side in sides)
        statistics[block, :, 0] = np.where(in_reference > 0, in_output, 0)
        statistics[block, :, 1] = in_reference
        statistics[block, :, 2] = clipped_matches(sides, order=_ORDER)
    return statistics.reshape(len(pairs.rows), 3 * _ORDER)


def _f_scores(statistics: Floats) -> Floats:
    """Return chrF of each row of counts, in sacrebleu's order of operations."""
    precision = np.zeros(statistics.shape[:-1])
    recall = np.zeros(statistics.shape[:-1])
    orders = np.zeros(statistics.shape[:-1])
    for n in range(_ORDER):
        in_output, in_reference, in_both = np.moveaxis(statistics[..., 3 * n : 3 * n + 3], -1, 0)
        both_have = (in_output > 0) & (in_reference > 0)
        precision += np.divide(in_both, in_output, out=np.zeros_like(in_both), where=both_have)
        recall += np.divide(in_both, in_reference, out=np.zeros_like(in_both), where=both_have)
        orders += both_have
    precision /= np.maximum(orders, 1)
    recall /= np.maximum(orders, 1)
    score = (1 + _BETA_SQUARED) * precision * recall
    weight = _BETA_SQUARED * precision + recall
    return 100 * np.divide(score, weight, out=np.zeros_like(score), where=weight > 0)
