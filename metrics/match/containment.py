"""Contains and starts with: whether an accepted answer stands in the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import ClassVar

from metrics.base import Example, Family
from metrics.fields import Kind, parameter
from metrics.text import PairMetric, normalize_parameter

ANY, ALL = "any", "all"


@dataclass(frozen=True, kw_only=True)
class Contains(PairMetric):
    """1 where a prepared reference stands somewhere in the prepared output, else 0."""

    name: ClassVar[str] = "contains"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Contains"
    summary: ClassVar[str] = "The share of outputs in which an accepted answer stands."
    formula: ClassVar[str] = (
        "1 if the prepared expected output is a part of the prepared output, else 0; of several "
        "references one suffices, or all are needed (require). Characters count, not words: art "
        "stands in start. Case counts unless normalize has lowercase. An expected output that is "
        "empty after normalize stands in everything and is left out. The run's value is the mean."
    )
    family: ClassVar[Family] = Family.BINARY
    source: ClassVar[str] = "includes of Inspect; contains-any and contains-all of promptfoo."
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="It is Paris, of course.", expected_output="Paris", value=1.0),
        Example(output="It is paris.", expected_output="Paris", value=0.0),
        Example(
            output="Paris and Rome",
            references=("Paris", "Oslo"),
            params={"require": "all"},
            value=0.0,
        ),
    )

    normalize: tuple[str, ...] = normalize_parameter("strip")
    require: str = parameter(
        default=ANY,
        kind=Kind.CHOICE,
        choices=(ANY, ALL),
        meaning="Of several references, whether any one of them has to stand there, or all.",
    )

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 where the reference stands in the output; NaN for a reference of nothing."""
        return float(self._holds(output, reference)) if reference else nan

    def combined(self, values: Sequence[float]) -> float:
        """Return 1 where any reference, or each of them, stands there."""
        return min(values) if self.require == ALL else max(values)

    def _holds(self, output: str, reference: str) -> bool:
        return reference in output


@dataclass(frozen=True, kw_only=True)
class StartsWith(Contains):
    """1 where the prepared output starts with a prepared reference, else 0."""

    name: ClassVar[str] = "starts_with"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Starts with"
    summary: ClassVar[str] = "The share of outputs that start with an accepted answer."
    formula: ClassVar[str] = (
        "1 if the prepared output starts with the prepared expected output, else 0; of several "
        "references one suffices, or all are needed (require). Case counts unless normalize has "
        "lowercase. An expected output that is empty after normalize starts everything and is "
        "left out. The run's value is the mean."
    )
    source: ClassVar[str] = "Prefix exact match of HELM (Liang et al. 2022)."
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="Yes, because it rains.", expected_output="Yes", value=1.0),
        Example(output="I say yes.", expected_output="Yes", value=0.0),
    )

    def _holds(self, output: str, reference: str) -> bool:
        return output.startswith(reference)
