"""JSON fields: how many fields of an output are those that were expected."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypeAlias

import numpy as np

from metrics.base import Example, Family, Floats, Json, Kind, number_parameter, parameter
from metrics.numbers import is_near
from metrics.numeric_match import MAX_TOLERANCE
from metrics.preparation import STEPS, check_path
from metrics.structured import CountedMetric, Counts, Document
from metrics.text import normalize_parameter

_POSITION, _MULTISET = "position", "multiset"
_F1, _PRECISION, _RECALL = "f1", "precision", "recall"
# Stands in a path for the position in a list whose order does not count.
_SOMEWHERE = "*"

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = Mapping[Path, Sequence[Json]]


@dataclass(frozen=True, kw_only=True)
class JsonFields(CountedMetric):
    """F1, precision or recall over the fields of an output, counted in each example."""

    name: ClassVar[str] = "json_fields"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "JSON fields"
    summary: ClassVar[str] = "How many fields of a JSON output are those that were expected."
    formula: ClassVar[str] = (
        "A field is a value that holds no others, with its path: text, a number, true, false, "
        "null, an empty object or list. It is right if the other document has an equal value at "
        "that path. Precision: right / fields of the output. Recall: right / expected fields. "
        "F1: 2 right / (fields of the output + expected fields). An output that is not JSON has "
        'no fields and is worth 0. 1 and 1.0 are equal, 1 and "1" or true are not. Several '
        "references: the best. The run's value is the mean over examples."
    )
    source: ClassVar[str] = (
        "Precision, recall and F1 of van Rijsbergen 1979, over slots as in information "
        "extraction (MUC-4, Chinchor 1992)."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output='{"city": "Paris", "people": 2}',
            expected_output={"city": "Paris", "people": 3},
            value=0.5,
        ),
        Example(
            output={"people": 2.1},
            expected_output={"people": 2},
            params={"absolute_tolerance": 0.1},
            value=1.0,
        ),
        Example(output=["b", "a"], expected_output=["a", "b"], value=0.0),
        Example(
            output=["b", "a"], expected_output=["a", "b"], params={"lists": "multiset"}, value=1.0
        ),
        Example(output="no JSON", expected_output={"city": "Paris"}, value=0.0),
    )

    measure: str = parameter(
        default=_F1,
        kind=Kind.CHOICE,
        choices=(_F1, _PRECISION, _RECALL),
        meaning="Which of the three numbers is the value.",
    )
    field: str | None = parameter(
        default=None,
        kind=Kind.TEXT,
        meaning="The one field that is looked at, with all inside it, such as address or "
        "items.0.price (items.*.price where lists are multisets); 1 where neither side has it. "
        "All fields where it is not given.",
    )
    lists: str = parameter(
        default=_POSITION,
        kind=Kind.CHOICE,
        choices=(_POSITION, _MULTISET),
        meaning="How the elements of lists are compared. position: first with first; multiset: in "
        "any order, where fields of different elements may make up for one another.",
    )
    absolute_tolerance: float = number_parameter(
        default=0, low=0, high=MAX_TOLERANCE, meaning="How far off a right number may be."
    )
    relative_tolerance: float = number_parameter(
        default=0,
        low=0,
        high=1,
        meaning="How far off a right number may be, as a part of the expected one.",
    )
    normalize: tuple[str, ...] = normalize_parameter()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.field is not None:
            check_path(self.field)

    def signed_params(self) -> dict[str, object]:
        """Return every parameter, steps with their versions."""
        steps = [STEPS[name].signature for name in self.normalize]
        return {**super().signed_params(), "normalize": steps}

    def accepts(self, expected: Document) -> bool:
        """Any JSON has fields, if only one."""
        return True

    def counts(self, output: Document | None, expected: Document) -> Counts:
        """Count the fields that are right, in the output alone and expected alone."""
        want = self._fields(expected)
        got = {} if output is None else self._fields(output)
        right = sum(
            self._shared(got[path], values) for path, values in want.items() if path in got
        )
        return Counts(
            right=right, surplus=_number_of(got) - right, missing=_number_of(want) - right
        )

    def value_of(self, counts: Counts) -> float:
        """Return the measure of one output."""
        value: float = self._measured(np.array(counts, dtype=np.float64)).item()
        return 1.0 if np.isnan(value) else value

    def _measured(self, totals: Floats) -> Floats:
        """Return the measure of counts; NaN where neither side has a field."""
        right, surplus, missing = (totals[..., at] for at in range(3))
        above, below = {
            _F1: (2 * right, 2 * right + surplus + missing),
            _PRECISION: (right, right + surplus),
            _RECALL: (right, right + missing),
        }[self.measure]
        nothing = right + surplus + missing == 0
        value = np.divide(above, below, out=np.zeros(np.shape(below)), where=below != 0)
        return np.where(nothing, np.nan, value)

    def _fields(self, document: Document) -> Fields:
        fields: dict[Path, list[Json]] = defaultdict(list)
        within = () if self.field is None else tuple(self.field.split("."))
        for path, value in _leaves(document.value, keep_order=self.lists == _POSITION):
            if path[: len(within)] == within:
                fields[path].append(value)
        return fields

    def _shared(self, got: Sequence[Json], want: Sequence[Json]) -> int:
        """Return how many values of one path pair off, each used once."""
        alike = Counter(map(self._key, _without_numbers(got))) & Counter(
            map(self._key, _without_numbers(want))
        )
        return alike.total() + self._near(sorted(_numbers(got)), sorted(_numbers(want)))

    def _key(self, value: Json) -> tuple[str, str]:
        if isinstance(value, str):
            for name in self.normalize:
                value = STEPS[name].apply(value)
        return type(value).__name__, str(value)

    def _near(self, got: Sequence[float], want: Sequence[float]) -> int:
        """Pair sorted numbers off: both ends of what is near rise, so the lowest fits best."""
        paired = at = 0
        for expected in want:
            while at < len(got) and got[at] < expected and not self._is_near(got[at], expected):
                at += 1
            if at < len(got) and self._is_near(got[at], expected):
                paired, at = paired + 1, at + 1
        return paired

    def _is_near(self, number: float, expected: float) -> bool:
        return number == expected or is_near(
            Decimal(repr(number)),
            Decimal(repr(expected)),
            absolute=self.absolute_tolerance,
            relative=self.relative_tolerance,
        )


@dataclass(frozen=True, kw_only=True)
class JsonFieldsMicro(JsonFields):
    """The same counts summed over all examples, so that every field weighs alike."""

    name: ClassVar[str] = "json_fields_micro"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "JSON fields, micro"
    summary: ClassVar[str] = "json_fields with every field of the run weighing alike."
    formula: ClassVar[str] = (
        "The counts of json_fields (right, surplus, missing) summed over the examples, then "
        "F1 = 2 right / (2 right + surplus + missing), precision = right / (right + surplus), or "
        "recall = right / (right + missing)."
    )
    family: ClassVar[Family] = Family.CORPUS
    statistic_names: ClassVar[tuple[str, ...]] = ("right", "surplus", "missing")
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output='{"city": "Paris", "people": 2}',
            expected_output={"city": "Paris", "people": 3},
            value=0.5,
        ),
    )

    def values_of(self, totals: Floats) -> Floats:
        """Return the measure of summed counts; NaN where there are none."""
        return self._measured(totals)


def _leaves(value: Json, *, keep_order: bool) -> Iterator[tuple[Path, Json]]:
    """Yield each value that holds no others with its path, however deep."""
    waiting: list[tuple[Path, Json]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, Mapping) and item:
            waiting += (((*path, name), inner) for name, inner in item.items())
        elif isinstance(item, list | tuple) and item:
            waiting += (
                ((*path, str(at) if keep_order else _SOMEWHERE), inner)
                for at, inner in enumerate(item)
            )
        else:
            yield path, item


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(values: Sequence[Json]) -> list[float]:
    return [value for value in values if _is_number(value)]  # type: ignore[misc]


def _without_numbers(values: Sequence[Json]) -> list[Json]:
    return [value for value in values if not _is_number(value)]


def _number_of(fields: Fields) -> int:
    return sum(map(len, fields.values()))
