"""ROUGE-1, ROUGE-2 and ROUGE-L: shared words and word order, with rouge-score's numbers."""

from __future__ import annotations

import importlib
import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import ClassVar

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cpdist

from metrics.base import Floats, Kind, Scores, Workspace, blank_scores, parameter
from metrics.cache import TextCache
from metrics.ngrams import Ints, blocks, clipped_matches, encode_tokens
from metrics.overlap import OverlapMetric, Pairs

_BLOCK_CHARACTERS = 1 << 15
_WORD = re.compile("[a-z0-9]+")
_LONGEST_REMEMBERED_WORD = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counts:
    """What the three metrics need of each pair: shared units and lengths, in words."""

    words: Ints
    bigrams: Ints
    subsequence: Ints
    output_length: Ints
    reference_length: Ints


@dataclass(frozen=True, kw_only=True)
class _Rouge(OverlapMetric):
    """The F value of the best reference. Only the letters a to z and digits are words."""

    version: ClassVar[int] = 1
    defined_by: ClassVar[tuple[str, ...]] = (f"rouge-score:{metadata.version('rouge-score')}",)

    stemmer: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether Porter's stemmer first takes the endings off English words of more than "
        "three letters.",
    )

    @property
    def signature(self) -> str:
        """Everything that defines the number; with the stemmer that is nltk's too."""
        return super().signature + (f"|nltk:{metadata.version('nltk')}" if self.stemmer else "")

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by its best reference."""
        scores = blank_scores(self.prepared(workspace).reasons)
        pairs = self.pairs(workspace)
        if pairs.rows:
            key = ("rouge", self._preparation, self.stemmer)
            counts = workspace.once(
                key, lambda: _count(pairs, workspace.cache, stemmer=self.stemmer)
            )
            best = np.maximum.reduceat(self.f_values(counts), pairs.starts)
            scores.values[np.array(pairs.rows)[pairs.starts]] = best
        return scores

    @abstractmethod
    def f_values(self, counts: _Counts) -> Floats:
        """Return every pair's F value."""


@dataclass(frozen=True, kw_only=True)
class Rouge1(_Rouge):
    """Shared words."""

    name: ClassVar[str] = "rouge_1"
    title: ClassVar[str] = "ROUGE-1"
    summary: ClassVar[str] = "How many words the output and the best reference share."
    formula: ClassVar[str] = (
        "2PR / (P + R) over words, best reference; the run's value is the mean. Lin 2004, as "
        "rouge-score computes it."
    )

    def f_values(self, counts: _Counts) -> Floats:
        """Return every pair's F over words."""
        return _f(counts.words, counts.output_length, counts.reference_length)


@dataclass(frozen=True, kw_only=True)
class Rouge2(_Rouge):
    """Shared pairs of neighboring words."""

    name: ClassVar[str] = "rouge_2"
    title: ClassVar[str] = "ROUGE-2"
    summary: ClassVar[str] = (
        "How many pairs of neighboring words the output and the best reference share."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R) over pairs of neighboring words, best reference; the run's value is the "
        "mean. Lin 2004, as rouge-score computes it."
    )

    def f_values(self, counts: _Counts) -> Floats:
        """Return every pair's F over pairs of neighboring words."""
        return _f(counts.bigrams, counts.output_length - 1, counts.reference_length - 1)


@dataclass(frozen=True, kw_only=True)
class RougeL(_Rouge):
    """The longest common subsequence of words."""

    name: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    summary: ClassVar[str] = (
        "How many words the output and the best reference share in the same order."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R) over the longest common subsequence of words, best reference; the run's "
        "value is the mean. Lin 2004, as rouge-score computes it (the whole text, not "
        "sentence by sentence)."
    )

    def f_values(self, counts: _Counts) -> Floats:
        """Return every pair's F over the longest common subsequence."""
        return _f(counts.subsequence, counts.output_length, counts.reference_length)


def _count(pairs: Pairs, cache: TextCache, *, stemmer: bool) -> _Counts:
    tokenized = _tokenized_and_stemmed if stemmer else _tokenized
    columns = np.zeros((5, len(pairs.rows)), np.int64)
    for block in blocks(pairs.sizes, most=_BLOCK_CHARACTERS):
        outputs, references = encode_tokens(
            [
                [tokenized(text).split() for text in pairs.outputs[block]],
                [
                    cache.derive(tokenized, text, tokenized).split()
                    for text in pairs.references[block]
                ],
            ]
        )
        columns[0:2, block] = clipped_matches([outputs, references], order=2).T
        columns[2, block] = cpdist(
            outputs.as_texts(), references.as_texts(), scorer=LCSseq.similarity, dtype=np.int64
        )
        columns[3, block] = outputs.lengths
        columns[4, block] = references.lengths
    return _Counts(
        words=columns[0],
        bigrams=columns[1],
        subsequence=columns[2],
        output_length=columns[3],
        reference_length=columns[4],
    )


def _f(shared: Ints, output_length: Ints, reference_length: Ints) -> Floats:
    """Return F in rouge-score's order of operations."""
    precision = shared / np.maximum(output_length, 1)
    recall = shared / np.maximum(reference_length, 1)
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


def _tokenized(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _tokenized_and_stemmed(text: str) -> str:
    return " ".join(
        [_stemmed(word) if len(word) > 3 else word for word in _WORD.findall(text.lower())]
    )


def _stemmed(word: str) -> str:
    return _remembered_stem(word) if len(word) <= _LONGEST_REMEMBERED_WORD else _stem()(word)


@lru_cache(maxsize=1 << 16)
def _remembered_stem(word: str) -> str:
    return _stem()(word)


@lru_cache(maxsize=1)
def _stem() -> Callable[[str], str]:
    # nltk takes a second to load and only this option needs it.
    stem: Callable[[str], str] = importlib.import_module("nltk.stem.porter").PorterStemmer().stem
    return stem
