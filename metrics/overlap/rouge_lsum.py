"""ROUGE-Lsum: word order sentence by sentence, with rouge-score's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import ClassVar, TypeAlias

import numpy as np

from metrics.base import Example, Workspace
from metrics.batch import Floats
from metrics.overlap.ngrams import Sequences, blocks
from metrics.overlap.pairs_of_texts import Pairs
from metrics.overlap.rouge import BLOCK_CHARACTERS, RougeMetric, f_values
from metrics.preparation import Prepared
from metrics.reasons import Reason

# Every sentence of the output is compared with every one of each reference.
MAX_SENTENCE_PAIRS = 100_000

_Sentence: TypeAlias = Sequence[int]


@dataclass(frozen=True, kw_only=True)
class RougeLsum(RougeMetric):
    """The union of the longest common subsequences of each reference sentence."""

    name: ClassVar[str] = "rouge_lsum"
    title: ClassVar[str] = "ROUGE-Lsum"
    summary: ClassVar[str] = (
        "How many words of each sentence of the best reference the output's sentences have in "
        "the same order."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R), best reference; shared are the words of each reference sentence that are "
        "in its longest common subsequence with any sentence of the output, each word at most as "
        "often as the output has it. A line is a sentence. The run's value is the mean."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5",
            expected_output="w1 w2 w3 w4 w5",
            value=8 / 15,
            note="Lin's own example: w1 w2 and w1 w3 w5 together are four of five words, so "
            "R = 4/5, and P = 4/10.",
        ),
        Example(
            output="police kill the gunman\nthe ship sails",
            expected_output="the ship sails\npolice killed the gunman",
            value=6 / 7,
            note="The order of the sentences does not matter.",
        ),
    )
    # A table of two texts in one line each takes a bit for every pair of their words.
    max_characters: ClassVar[int] = 100_000

    def prepared(self, workspace: Workspace) -> Prepared:
        """Return the batch without the examples that are too long or in too many lines."""
        whole = super().prepared(workspace)
        return workspace.once((RougeLsum, self._preparation), lambda: _within_bounds(whole))

    def pairs(self, workspace: Workspace) -> Pairs:
        """Return the batch's pairs."""
        return Pairs.of(self.prepared(workspace))

    def pair_values(self, workspace: Workspace, pairs: Pairs) -> Floats:
        """Return every pair's F value."""
        counts = np.zeros((3, len(pairs.rows)), np.int64)
        for block in blocks(pairs.sizes, most=BLOCK_CHARACTERS):
            outputs = list(map(_lines, pairs.outputs[block]))
            references = list(map(_lines, pairs.references[block]))
            sides = self.words.encode(
                list(chain.from_iterable(outputs)),
                list(chain.from_iterable(references)),
                workspace.cache,
            )
            texts = zip(_texts(sides[0], outputs), _texts(sides[1], references), strict=True)
            counts[:, block] = np.array([_count(*pair) for pair in texts]).T
        return f_values(*counts)


def _within_bounds(prepared: Prepared) -> Prepared:
    reasons = prepared.reasons.copy()
    for row in prepared.scored_rows:
        lines = len(set(_lines(prepared.outputs[row] or "")))
        of_references = sum(len(_lines(text)) for text in prepared.references[row])
        if lines * of_references > MAX_SENTENCE_PAIRS:
            reasons[row] = Reason.TOO_LONG
    return replace(prepared, reasons=reasons)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _texts(sentences: Sequences, lines: Sequence[Sequence[str]]) -> list[list[_Sentence]]:
    """Return the sentences of each text, their words as codes."""
    codes = sentences.codes.tolist()
    ends = np.cumsum(sentences.lengths).tolist()
    cut = [codes[start:end] for start, end in pairwise([0, *ends])]
    bounds = np.cumsum([0, *map(len, lines)]).tolist()
    return [cut[start:end] for start, end in pairwise(bounds)]


def _count(output: Sequence[_Sentence], reference: Sequence[_Sentence]) -> tuple[int, int, int]:
    """Return how many words are shared, the output's and the reference's number of words."""
    in_output = Counter(word for sentence in output for word in sentence)
    # A sentence that is said again adds no place to those it shares.
    different = list(dict.fromkeys(map(tuple, output)))
    shared: Counter[int] = Counter()
    for sentence in reference:
        bits: dict[int, int] = {}
        for place, word in enumerate(sentence):
            bits[word] = bits.get(word, 0) | 1 << place
        found: set[int] = set()
        for other in different:
            if not bits.keys().isdisjoint(other):
                found |= _subsequence(sentence, other, bits)
        shared.update([sentence[place] for place in found])
    hits = (shared & in_output).total()
    return hits, in_output.total(), sum(map(len, reference))


def _subsequence(sentence: _Sentence, other: _Sentence, bits: dict[int, int]) -> set[int]:
    """Return the places in a sentence of one longest common subsequence, rouge-score's choice.

    A row of the table is kept as bits: 0 where a cell is one more than that of the word before
    (Hyyrö 2004). From the end backwards equal words are taken, else the longer way is, and of
    two equally long ones that without the sentence's word.
    """
    full = (1 << len(sentence)) - 1
    row = full
    rows = [row]
    for word in other:
        if matches := row & bits.get(word, 0):
            row = ((row + matches) | (row - matches)) & full
        rows.append(row)
    found = set()
    i, j = len(sentence) - 1, len(other)
    while i >= 0 and j:
        if sentence[i] == other[j - 1]:
            found.add(i)
            i -= 1
            j -= 1
        elif rows[j] >> i & 1:
            i -= 1
        else:
            j -= 1
    return found
