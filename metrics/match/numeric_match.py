"""Numeric match: whether the number an output answers with is the expected one, or near it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import ClassVar

from metrics.base import Example, Family
from metrics.fields import Kind, number_parameter, parameter
from metrics.match.numbers import first_number, is_near, last_number, whole_number
from metrics.text import PairMetric

_LAST, _FIRST, _WHOLE = "last", "first", "whole"
_READERS: Mapping[str, Callable[..., Decimal | None]] = {
    _LAST: last_number,
    _FIRST: first_number,
    _WHOLE: whole_number,
}
_IGNORE, _HUNDREDTH = "ignore", "hundredth"
MAX_TOLERANCE = 1e12


@dataclass(frozen=True, kw_only=True)
class NumericMatch(PairMetric):
    """1 where the number of the output is near enough to a reference's, else 0."""

    name: ClassVar[str] = "numeric_match"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Numeric match"
    summary: ClassVar[str] = "The share of outputs that answer with the expected number."
    formula: ClassVar[str] = (
        "1 if |output − expected| ≤ max(absolute_tolerance, relative_tolerance · |expected|), any "
        "reference, else 0; decimal numbers are compared exactly. The run's value is the mean. "
        "Read are 18, -1,234.50, .5, $5, 5 €, 50%, 3/4, 1.5e6 and 1.5 × 10^6; thousands are "
        "separated by commas or narrow spaces, the decimal sign is a full stop, and digits that "
        "belong to a word (CO2) or a version (1.2.3) are none. An output without a number is a "
        "wrong answer; an example whose expected output is not one number has no value."
    )
    source: ClassVar[str] = (
        "The last number of an answer is what harnesses read of GSM8K (Cobbe et al. 2021)."
    )
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="9 eggs at $2 are $18.00.", expected_output="18", value=1.0),
        Example(output="It made $70,000", expected_output=70000, value=1.0),
        Example(
            output="about 3.1416",
            expected_output=3.14159,
            params={"relative_tolerance": 0.001},
            value=1.0,
        ),
        Example(output="I do not know.", expected_output="18", value=0.0),
        Example(output="18", expected_output="eighteen", value=None),
    )

    number: str = parameter(
        default=_LAST,
        kind=Kind.CHOICE,
        choices=tuple(_READERS),
        meaning="Which number of the output counts: the last, the first, or the whole output, "
        "which then is a number and nothing else.",
    )
    absolute_tolerance: float = number_parameter(
        default=0, low=0, high=MAX_TOLERANCE, meaning="How far off a right answer may be."
    )
    relative_tolerance: float = number_parameter(
        default=0,
        low=0,
        high=1,
        meaning="How far off a right answer may be, as a part of the expected number.",
    )
    percent: str = parameter(
        default=_IGNORE,
        kind=Kind.CHOICE,
        choices=(_IGNORE, _HUNDREDTH),
        meaning="What a percent sign does. ignore: 50% is 50; hundredth: 50% is 0.5.",
    )

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 for a number near the reference's; NaN where the reference is no number."""
        hundredth = self.percent == _HUNDREDTH
        expected = whole_number(reference, percent_is_hundredth=hundredth)
        if expected is None:
            return nan
        number = _READERS[self.number](output, percent_is_hundredth=hundredth)
        return float(
            number is not None
            and is_near(
                number,
                expected,
                absolute=self.absolute_tolerance,
                relative=self.relative_tolerance,
            )
        )
