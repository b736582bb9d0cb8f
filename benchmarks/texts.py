"""Texts to measure with: references of about 60 words, and outputs that keep most of their words.

They are made from a fixed vocabulary and seed, so that every metric has work to do and every
measurement can be done again. Each seed has texts of its own: what a service remembers of earlier
ones makes nothing look faster than it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

METRICS = ("exact_match", "token_f1", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l")
SYLLABLES = (
    *("a", "e", "i", "o", "u", "ba", "ce", "di", "fo"),
    *("gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "wi"),
)
VOCABULARY = 4_000
LEAST_WORDS, MOST_WORDS = 45, 75
# Of the words of an output, and of the outputs that are right to the letter.
REPLACED, RIGHT = 0.2, 0.05
BLOCK = 10_000


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What is expected and what a system gave, for the examples from a position on."""

    start: int
    expected: Sequence[str]
    outputs: Sequence[str]

    @classmethod
    def of(cls, n: int, *, seed: int, start: int = 0, system: int = 0) -> Texts:
        """Return n examples; other systems give other outputs for the same expected ones."""
        vocabulary = _vocabulary(seed)
        words = np.random.default_rng([seed, start])
        expected = words.integers(VOCABULARY, size=(n, MOST_WORDS))
        lengths = words.integers(LEAST_WORDS, MOST_WORDS, size=n, endpoint=True)
        words = np.random.default_rng([seed, start, 1 + system])
        is_other = words.random((n, MOST_WORDS)) < REPLACED
        is_other[words.random(n) < RIGHT] = False
        given = np.where(is_other, words.integers(VOCABULARY, size=(n, MOST_WORDS)), expected)
        return cls(
            start=start,
            expected=_written(expected, lengths, vocabulary),
            outputs=_written(given, lengths, vocabulary),
        )

    @classmethod
    def blocks(cls, n: int, *, seed: int, system: int = 0) -> Iterator[Texts]:
        """Yield n examples in blocks, so that a million of them need no memory."""
        for start in range(0, n, BLOCK):
            yield cls.of(min(BLOCK, n - start), seed=seed, start=start, system=system)

    def example_lines(self) -> bytes:
        return _lines(
            {"key": key, "input": key, "expected_output": text}
            for key, text in zip(self._keys(), self.expected, strict=True)
        )

    def output_lines(self) -> bytes:
        return _lines(
            {"key": key, "output": text, "latency_ms": at % 900}
            for at, (key, text) in enumerate(zip(self._keys(), self.outputs, strict=True))
        )

    def _keys(self) -> Iterator[str]:
        return (f"k{self.start + at:07}" for at in range(len(self.outputs)))


def _vocabulary(seed: int) -> list[str]:
    words = np.random.default_rng([seed])
    return [
        "".join(words.choice(SYLLABLES, size=words.integers(1, 4, endpoint=True)))
        for _ in range(VOCABULARY)
    ]


def _written(rows: np.ndarray, lengths: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
    word = vocabulary.__getitem__
    return [
        " ".join(map(word, row[:length]))
        for row, length in zip(rows.tolist(), lengths.tolist(), strict=True)
    ]


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
