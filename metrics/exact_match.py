"""Exact match: whether the output is one of the accepted answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from metrics.base import Family
from metrics.text import PairMetric, normalize_parameter


@dataclass(frozen=True, kw_only=True)
class ExactMatch(PairMetric):
    """1 where the prepared output equals a prepared reference, else 0."""

    name: ClassVar[str] = "exact_match"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Exact match"
    summary: ClassVar[str] = "The share of outputs that are exactly an accepted answer."
    formula: ClassVar[str] = (
        "1 if the prepared output equals the prepared expected output (or any reference), else 0; "
        "the run's value is the mean."
    )
    family: ClassVar[Family] = Family.BINARY

    normalize: tuple[str, ...] = normalize_parameter("strip")

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 for equal texts, else 0."""
        return float(output == reference)
