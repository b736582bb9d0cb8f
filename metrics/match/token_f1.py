"""Token F1: how many words an output and the best reference share, as in SQuAD."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from metrics.base import Example
from metrics.preparation import SQUAD_STEPS
from metrics.text import PairMetric, normalize_parameter


@dataclass(frozen=True, kw_only=True)
class TokenF1(PairMetric):
    """F1 over the words of output and reference, counted as often as they stand there."""

    name: ClassVar[str] = "token_f1"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Token F1"
    summary: ClassVar[str] = "How many words the output and the best reference share."
    formula: ClassVar[str] = (
        "2PR / (P + R) with P and R the shared words' part of the output and of the reference, "
        "best reference; 1 where both are empty. The run's value is the mean."
    )
    source: ClassVar[str] = (
        "Rajpurkar et al. 2016 (SQuAD), whose English normalization is the default."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="Bernadette Soubirous",
            expected_output="Saint Bernadette Soubirous",
            value=0.8,
            note="An answer of SQuAD's: P = 2/2, R = 2/3.",
        ),
        Example(output="The Paris!", expected_output="paris", value=1.0),
        Example(output="in Paris or in Rome", references=("Paris", "in Rome"), value=4 / 7),
        Example(output="Berlin", expected_output="Paris", value=0.0),
    )

    normalize: tuple[str, ...] = normalize_parameter(*SQUAD_STEPS)

    def pair_value(self, output: str, reference: str) -> float:
        """Return the F1 of two texts' words."""
        got, want = output.split(), reference.split()
        if not got or not want:
            return float(got == want)
        shared = (Counter(got) & Counter(want)).total()
        if not shared:
            return 0.0
        precision, recall = shared / len(got), shared / len(want)
        return 2 * precision * recall / (precision + recall)
