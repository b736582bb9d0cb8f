"""Exact and quasi-exact match: whether the output is one of the accepted answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from metrics.base import Example, Family
from metrics.preparation import SQUAD_STEPS
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
    source: ClassVar[str] = "Exact match of HELM (Liang et al. 2022); exact of Inspect."
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output=" Paris\n", expected_output="Paris", value=1.0),
        Example(output="paris", expected_output="Paris", value=0.0),
        Example(output="NYC", references=("New York", "NYC"), value=1.0),
    )

    normalize: tuple[str, ...] = normalize_parameter("strip")

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 for equal texts, else 0."""
        return float(output == reference)


@dataclass(frozen=True, kw_only=True)
class QuasiExactMatch(ExactMatch):
    """Exact match of what is left after SQuAD's normalization."""

    name: ClassVar[str] = "quasi_exact_match"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Quasi-exact match"
    summary: ClassVar[str] = (
        "The share of outputs that are an accepted answer but for case, punctuation, articles "
        "and white space."
    )
    formula: ClassVar[str] = (
        "1 if output and expected output (or any reference) are equal in lower case, without "
        "ASCII punctuation, the words a, an, the and surplus white space, else 0; the run's value "
        "is the mean."
    )
    source: ClassVar[str] = (
        "Rajpurkar et al. 2016 (SQuAD), there called exact match; quasi-exact match in HELM "
        "(Liang et al. 2022)."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="The Beatles.", expected_output="Beatles", value=1.0),
        Example(output="Beatles of Liverpool", expected_output="Beatles", value=0.0),
    )

    normalize: tuple[str, ...] = normalize_parameter(*SQUAD_STEPS)
