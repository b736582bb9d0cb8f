"""chrF and chrF++: shared n-grams of characters, and of words, with sacrebleu's numbers."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Workspace
from metrics.batch import Floats, Scores, blank_scores
from metrics.overlap.ngrams import (
    Sequences,
    blocks,
    clipped_matches,
    encode_characters,
    encode_tokens,
)
from metrics.overlap.pairs_of_texts import OverlapMetric, Pairs

_CHARACTER_ORDER = 6
_BETA_SQUARED = 4
_BLOCK_CHARACTERS = 1 << 13
_PUNCTUATION = frozenset(string.punctuation)


def _statistic_names(word_order: int) -> tuple[str, ...]:
    orders = [str(n) for n in range(1, _CHARACTER_ORDER + 1)]
    orders += [f"words_{n}" for n in range(1, word_order + 1)]
    return tuple(f"{what}_{n}" for n in orders for what in ("output", "reference", "both"))


@dataclass(frozen=True, kw_only=True)
class _CharacterF(OverlapMetric):
    """F over the whole run; an example's own value is only indicative.

    The statistics are, for each length of n-grams, those of the output, of the reference and of
    both. Of several references the one with the best value counts, the first of equal ones.
    """

    version: ClassVar[int] = 1
    family: ClassVar[Family] = Family.CORPUS
    high: ClassVar[float] = 100.0
    word_order: ClassVar[int]

    def score_in(self, workspace: Workspace) -> Scores:
        """Count n-grams of every pair and keep each row's best reference."""
        scores = blank_scores(self.prepared(workspace).reasons, len(self.statistic_names))
        pairs = self.pairs(workspace)
        if pairs.rows:
            statistics = workspace.once(
                (_CharacterF, self._preparation), lambda: _character_statistics(pairs)
            )
            if self.word_order:
                in_words = _word_statistics(pairs, self.word_order)
                statistics = np.concatenate([statistics, in_words], axis=1)
            values = _f_scores(statistics)
            rows = np.array(pairs.rows, np.int64)
            best = np.lexsort((-values, rows))[pairs.starts]
            rows = rows[best]
            scores.values[rows] = values[best]
            scores.statistics[rows] = statistics[best]
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return the F of summed counts; undefined where no reference has any text."""
        return np.where(totals[..., 1] > 0, _f_scores(totals), np.nan)


@dataclass(frozen=True, kw_only=True)
class Chrf(_CharacterF):
    """chrF2: characters alone."""

    name: ClassVar[str] = "chrf"
    title: ClassVar[str] = "chrF"
    summary: ClassVar[str] = "How many runs of up to six characters output and reference share."
    formula: ClassVar[str] = (
        "100 (1 + 4) P R / (4 P + R) with P and R averaged over character n-grams of length 1 to "
        "6, white space left out; the run's value is that of the summed counts."
    )
    source: ClassVar[str] = (
        "Popovic 2015, chrF: character n-gram F-score for automatic MT evaluation; as sacrebleu "
        "computes it."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="the cats sat", expected_output="the cat sat", value=74.7757),
        Example(
            output="cats sat on mats", expected_output="the cat sat on the mat", value=33.3847
        ),
        Example(output="", expected_output="the cat sat", value=0.0),
    )
    word_order: ClassVar[int] = 0
    statistic_names: ClassVar[tuple[str, ...]] = _statistic_names(0)
    defined_by: ClassVar[tuple[str, ...]] = (
        "chars:6",
        "words:0",
        "beta:2",
        f"sacrebleu:{metadata.version('sacrebleu')}",
    )


@dataclass(frozen=True, kw_only=True)
class ChrfPlusPlus(_CharacterF):
    """chrF2 with words and pairs of words."""

    name: ClassVar[str] = "chrf_pp"
    title: ClassVar[str] = "chrF++"
    summary: ClassVar[str] = (
        "How many runs of up to six characters and of one or two words output and reference share."
    )
    formula: ClassVar[str] = (
        "100 (1 + 4) P R / (4 P + R) with P and R averaged over character n-grams of length 1 to "
        "6, white space left out, and word n-grams of length 1 and 2, punctuation at the end or "
        "else the beginning of a word cut off; the run's value is that of the summed counts."
    )
    source: ClassVar[str] = (
        "Popovic 2017, chrF++: words helping character n-grams; as sacrebleu computes it."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="the cats sat", expected_output="the cat sat", value=64.4404),
        Example(output="cats sat on mats", expected_output="the cat sat on the mat", value=32.239),
        Example(output="", expected_output="the cat sat", value=0.0),
    )
    word_order: ClassVar[int] = 2
    statistic_names: ClassVar[tuple[str, ...]] = _statistic_names(2)
    defined_by: ClassVar[tuple[str, ...]] = (
        "chars:6",
        "words:2",
        "beta:2",
        f"sacrebleu:{metadata.version('sacrebleu')}",
    )


def _character_statistics(pairs: Pairs) -> Floats:
    statistics = np.zeros((len(pairs.rows), 3 * _CHARACTER_ORDER))
    for block in blocks(pairs.sizes, most=_BLOCK_CHARACTERS):
        sides = encode_characters(
            [
                ["".join(text.split()) for text in pairs.outputs[block]],
                ["".join(text.split()) for text in pairs.references[block]],
            ]
        )
        statistics[block] = _statistics(sides, _CHARACTER_ORDER)
    return statistics


def _word_statistics(pairs: Pairs, order: int) -> Floats:
    statistics = np.zeros((len(pairs.rows), 3 * order))
    for block in blocks(pairs.sizes, most=_BLOCK_CHARACTERS * 4):
        sides = encode_tokens(
            [list(map(_words, pairs.outputs[block])), list(map(_words, pairs.references[block]))]
        )
        statistics[block] = _statistics(sides, order)
    return statistics


def _statistics(sides: Sequence[Sequences], order: int) -> Floats:
    in_output, in_reference = (side.ngram_counts(order) for side in sides)
    statistics = np.zeros((len(sides[0]), order, 3))
    statistics[..., 0] = np.where(in_reference > 0, in_output, 0)
    statistics[..., 1] = in_reference
    statistics[..., 2] = clipped_matches(sides, order=order)
    return statistics.reshape(len(statistics), 3 * order)


def _words(text: str) -> list[str]:
    """Cut the last character off a word where it is punctuation, else the first."""
    words: list[str] = []
    for word in text.split():
        if len(word) == 1:
            words.append(word)
        elif word[-1] in _PUNCTUATION:
            words += (word[:-1], word[-1])
        elif word[0] in _PUNCTUATION:
            words += (word[0], word[1:])
        else:
            words.append(word)
    return words


def _f_scores(statistics: Floats) -> Floats:
    """Return chrF of each row of counts, in sacrebleu's order of operations."""
    precision = np.zeros(statistics.shape[:-1])
    recall = np.zeros(statistics.shape[:-1])
    orders = np.zeros(statistics.shape[:-1])
    for n in range(statistics.shape[-1] // 3):
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
