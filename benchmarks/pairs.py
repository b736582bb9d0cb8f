"""Texts to measure on: made from a seed, or read from a file."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

_SYLLABLES = (
    *("a", "e", "i", "o", "u", "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu"),
    *("na", "pe", "ri", "so", "tu", "wi", "ing", "tion", "ness", "er", "ed", "ly", "st", "th"),
)
_FOREIGN = (
    "café",
    "naïve",
    "Zürich",
    "coöperate",
    "东京",
    "ความ",
    "“so”",
    "—",
    "’s",
    "😀",
    "Łódź",
)
_NUMBERS = ("3.14", "1,000", "50%", "2024", "$5", "(see", "e.g.")
_VOCABULARY = 8_000


@dataclass(frozen=True)
class Pairs:
    """Outputs, and one reference beside each."""

    outputs: Sequence[str]
    references: Sequence[str]

    def __len__(self) -> int:
        return len(self.outputs)

    def part(self, start: int, stop: int) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.outputs[start:stop], self.references[start:stop])

    @classmethod
    def made(cls, n: int, *, seed: int) -> Pairs:
        """Make references of about 78 words and outputs of about 65; half are not all ASCII.

        Words are as unevenly frequent as in real texts; outputs leave out, change and move some.
        """
        numbers = random.Random(seed)
        words = _Words(numbers)
        references = [words.text(numbers.randint(56, 100), foreign=row % 2) for row in range(n)]
        outputs = [words.changed(text, foreign=row % 2) for row, text in enumerate(references)]
        return cls(
            [_as_text(output) for output in outputs],
            [_as_text(reference) for reference in references],
        )

    @classmethod
    def read(cls, path: Path) -> Pairs:
        """Read a JSONL file whose objects have `output` and `reference`, both text."""
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        return cls([row["output"] for row in rows], [row["reference"] for row in rows])


class _Words:
    def __init__(self, numbers: random.Random) -> None:
        self._numbers = numbers
        spelling = random.Random(1)
        self._words = [
            "".join(spelling.choices(_SYLLABLES, k=min(1 + rank.bit_length() // 3, 5)))
            for rank in range(1, _VOCABULARY + 1)
        ]
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(_VOCABULARY)))

    def text(self, n: int, *, foreign: int) -> list[str]:
        """Return the words of sentences of about 15 words."""
        words = self._numbers.choices(self._words, cum_weights=self._weights, k=n)
        for at in range(0, n, 15):
            words[at] = words[at].capitalize()
            words[at - 1] += "."
        for odd in self._numbers.choices(_NUMBERS, k=2):
            words[self._numbers.randrange(n)] = odd
        for odd in self._numbers.choices(_FOREIGN, k=3 * foreign):
            words[self._numbers.randrange(n)] = odd
        return words

    def changed(self, words: Sequence[str], *, foreign: int) -> list[str]:
        """Return words of which a sixth is left out, a fifth changed and one run moved."""
        kept = [word for word in words if self._numbers.random() > 1 / 6]
        other = self.text(len(kept) + 1, foreign=foreign)
        kept = [
            other[at] if self._numbers.random() < 0.2 else word for at, word in enumerate(kept)
        ]
        start, target = self._numbers.randrange(len(kept)), self._numbers.randrange(len(kept))
        moved = kept[start : start + 6]
        del kept[start : start + 6]
        kept[target:target] = moved
        return kept


def _as_text(words: Sequence[str]) -> str:
    """Join words; a sentence ends its line."""
    return " ".join(words).replace(". ", ".\n")
