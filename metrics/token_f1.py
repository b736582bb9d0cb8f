"""Token F1: how many words an output and the best reference share, as in SQuAD."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

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
        "best reference; 1 where both are empty. The run's value is the mean. Rajpurkar et al. "
        "2016 (SQuAD), whose English normalization is the default."
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
