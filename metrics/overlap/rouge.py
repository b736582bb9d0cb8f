"""ROUGE-1, ROUGE-2 and ROUGE-L: shared words and word order, with rouge-score's numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cpdist

from metrics.base import Example, Workspace
from metrics.batch import Floats, Scores, blank_scores
from metrics.cache import TextCache
from metrics.fields import Kind, parameter
from metrics.overlap.ascii_words import encode_words
from metrics.overlap.ngrams import Ints, Sequences, blocks, clipped_matches, encode_tokens
from metrics.overlap.pairs_of_texts import OverlapMetric, Pairs
from metrics.overlap.unicode_words import UNICODE_VERSION, unicode_stems, unicode_words

BLOCK_CHARACTERS = 1 << 16
ASCII, UNICODE = "rouge_score", "unicode"
# What Lin 2004 holds "police kill the gunman" and "the gunman kill police" against.
_LIN = "police killed the gunman"


@dataclass(frozen=True, kw_only=True)
class Words:
    """How a metric cuts texts into words."""

    tokenizer: str
    stemmer: bool

    def encode(
        self, outputs: Sequence[str], references: Sequence[str], cache: TextCache
    ) -> tuple[Sequences, Sequences]:
        """Return the words of both sides of a block as codes, equal words as equal ones."""
        if self.tokenizer == ASCII:
            ours, theirs = encode_words([outputs, references], stemmer=self.stemmer)
            return ours, theirs
        words = unicode_stems if self.stemmer else unicode_words

        def joined(text: str) -> str:
            return " ".join(words(text))

        ours, theirs = encode_tokens(
            [
                [words(text) for text in outputs],
                [cache.derive(self, text, joined).split() for text in references],
            ]
        )
        return ours, theirs


@dataclass(frozen=True, kw_only=True)
class RougeMetric(OverlapMetric):
    """The F value of the best reference.

    With the tokenizer of rouge-score only the letters a to z and digits are words. Another one
    gives other numbers to the same texts, and so another version.
    """

    version: ClassVar[int] = 1
    defined_by: ClassVar[tuple[str, ...]] = (f"rouge-score:{metadata.version('rouge-score')}",)
    source: ClassVar[str] = (
        "Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries; as rouge-score "
        "computes it."
    )

    stemmer: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether Porter's stemmer first takes the endings off English words of more than "
        "three letters.",
    )
    tokenizer: str = parameter(
        default=ASCII,
        kind=Kind.CHOICE,
        choices=(ASCII, UNICODE),
        meaning="What is a word: rouge_score takes the letters a to z and digits alone; unicode "
        "takes those of every script, and cuts Chinese, Japanese, Thai, Lao, Khmer and Myanmar "
        "into characters. It is version 2 of the metric.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokenizer == UNICODE:
            object.__setattr__(self, "version", 2)

    @property
    def signature(self) -> str:
        """Everything that defines the number, with the libraries that stem and cut."""
        parts = [super().signature]
        if self.stemmer:
            parts.append(f"nltk:{metadata.version('nltk')}")
        if self.tokenizer == UNICODE:
            parts.append(f"unicode:{UNICODE_VERSION}")
        return "|".join(parts)

    def signed_params(self) -> dict[str, object]:
        """Return every parameter but the first version's tokenizer, which had no name."""
        params = super().signed_params()
        if self.tokenizer == ASCII:
            del params["tokenizer"]
        return params

    @property
    def words(self) -> Words:
        """How this metric cuts texts."""
        return Words(tokenizer=self.tokenizer, stemmer=self.stemmer)

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by its best reference."""
        scores = blank_scores(self.prepared(workspace).reasons)
        pairs = self.pairs(workspace)
        if pairs.rows:
            best = np.maximum.reduceat(self.pair_values(workspace, pairs), pairs.starts)
            scores.values[np.array(pairs.rows)[pairs.starts]] = best
        return scores

    @abstractmethod
    def pair_values(self, workspace: Workspace, pairs: Pairs) -> Floats:
        """Return every pair's F value."""


def f_values(shared: Ints | Floats, output_length: Ints, reference_length: Ints) -> Floats:
    """Return F in rouge-score's order of operations."""
    return f_of(shared / np.maximum(output_length, 1), shared / np.maximum(reference_length, 1))


def f_of(precision: Floats, recall: Floats) -> Floats:
    """Return the harmonic mean of each precision and recall, 0 where both are."""
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counts:
    """What the three metrics need of each pair: shared units and lengths, in words."""

    words: Ints
    bigrams: Ints
    subsequence: Ints
    output_length: Ints
    reference_length: Ints

    @classmethod
    def of(cls, pairs: Pairs, words: Words, cache: TextCache) -> _Counts:
        """Count for all three at once."""
        columns = np.zeros((5, len(pairs.rows)), np.int64)
        for block in blocks(pairs.sizes, most=BLOCK_CHARACTERS):
            outputs, references = words.encode(
                pairs.outputs[block], pairs.references[block], cache
            )
            columns[0:2, block] = clipped_matches([outputs, references], order=2).T
            columns[2, block] = cpdist(
                outputs.as_texts(), references.as_texts(), scorer=LCSseq.similarity, dtype=np.int64
            )
            columns[3, block] = outputs.lengths
            columns[4, block] = references.lengths
        return cls(
            words=columns[0],
            bigrams=columns[1],
            subsequence=columns[2],
            output_length=columns[3],
            reference_length=columns[4],
        )


@dataclass(frozen=True, kw_only=True)
class _CountedRouge(RougeMetric):
    def pair_values(self, workspace: Workspace, pairs: Pairs) -> Floats:
        """Return every pair's F value from counts that the metrics of a batch share."""
        key = ("rouge", self._preparation, self.words)
        counts = workspace.once(key, lambda: _Counts.of(pairs, self.words, workspace.cache))
        return self.f_from(counts)

    @abstractmethod
    def f_from(self, counts: _Counts) -> Floats:
        """Return every pair's F value."""


@dataclass(frozen=True, kw_only=True)
class Rouge1(_CountedRouge):
    """Shared words."""

    name: ClassVar[str] = "rouge_1"
    title: ClassVar[str] = "ROUGE-1"
    summary: ClassVar[str] = "How many words the output and the best reference share."
    formula: ClassVar[str] = (
        "2PR / (P + R) over words, best reference; the run's value is the mean."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="police kill the gunman",
            expected_output=_LIN,
            value=0.75,
            note="Lin's own example: three of four words are shared.",
        ),
        Example(
            output="the gunman kill police",
            expected_output=_LIN,
            value=0.75,
            note="The order does not matter.",
        ),
        Example(
            output="police kill the gunman",
            expected_output=_LIN,
            params={"stemmer": True},
            value=1.0,
            note="With the stemmer killed and kill are one word.",
        ),
    )

    def f_from(self, counts: _Counts) -> Floats:
        """Return every pair's F over words."""
        return f_values(counts.words, counts.output_length, counts.reference_length)


@dataclass(frozen=True, kw_only=True)
class Rouge2(_CountedRouge):
    """Shared pairs of neighboring words."""

    name: ClassVar[str] = "rouge_2"
    title: ClassVar[str] = "ROUGE-2"
    summary: ClassVar[str] = (
        "How many pairs of neighboring words the output and the best reference share."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R) over pairs of neighboring words, best reference; the run's value is the "
        "mean."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="police kill the gunman",
            expected_output=_LIN,
            value=1 / 3,
            note="Lin's own example: of three pairs, the gunman is shared.",
        ),
        Example(
            output="the gunman kill police",
            expected_output=_LIN,
            value=1 / 3,
            note="So it is here: the two are told apart by ROUGE-L.",
        ),
    )

    def f_from(self, counts: _Counts) -> Floats:
        """Return every pair's F over pairs of neighboring words."""
        return f_values(counts.bigrams, counts.output_length - 1, counts.reference_length - 1)


@dataclass(frozen=True, kw_only=True)
class RougeL(_CountedRouge):
    """The longest common subsequence of words."""

    name: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    summary: ClassVar[str] = (
        "How many words the output and the best reference share in the same order."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R) over the longest common subsequence of words, best reference; of the "
        "whole text, not sentence by sentence. The run's value is the mean."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="police kill the gunman",
            expected_output=_LIN,
            value=0.75,
            note="Lin's own example: police the gunman.",
        ),
        Example(
            output="the gunman kill police",
            expected_output=_LIN,
            value=0.5,
            note="the gunman: police stands elsewhere.",
        ),
    )

    def f_from(self, counts: _Counts) -> Floats:
        """Return every pair's F over the longest common subsequence."""
        return f_values(counts.subsequence, counts.output_length, counts.reference_length)
