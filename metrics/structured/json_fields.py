"""JSON fields: how many fields of an output are those that were expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypeAlias, TypeVar

import numpy as np

from metrics.base import Example, Family
from metrics.batch import Floats, Json
from metrics.fields import Kind, number_parameter, parameter
from metrics.match.numbers import is_near
from metrics.match.numeric_match import MAX_TOLERANCE
from metrics.preparation import STEPS, check_path
from metrics.structured.documents import CountedMetric, Counts, Document
from metrics.text import normalize_parameter

_POSITION, _MULTISET = "position", "multiset"
_F1, _PRECISION, _RECALL = "f1", "precision", "recall"
# What an example expects is kept, some 250 bytes a field; of an output only what it shares.
MAX_FIELDS = 500_000
# Stands in a path for the position in a list whose order does not count.
_SOMEWHERE = -1

# Names of members, and positions in lists: {"0": 1} is not [1].
Path: TypeAlias = tuple[str | int, ...]
Fields: TypeAlias = Mapping[Path, Sequence[Json]]
N = TypeVar("N", int, Floats)


@dataclass(frozen=True, kw_only=True)
class JsonFields(CountedMetric[Fields]):
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

    def standard(self, expected: Document) -> Fields | None:
        """Return the fields of an expected document, None where they are too many to keep."""
        fields: dict[Path, list[Json]] = {}
        for number, (path, value) in enumerate(self._fields(expected)):
            if number == MAX_FIELDS:
                return None
            fields.setdefault(path, []).append(value)
        return fields

    def counts(self, output: Document | None, standard: Fields) -> Counts:
        """Count the fields that are right, in the output alone and expected alone."""
        got: dict[Path, list[Json]] = {}
        n = 0
        for path, value in () if output is None else self._fields(output):
            n += 1
            if path in standard:
                got.setdefault(path, []).append(value)
        right = sum(self._shared(values, standard[path]) for path, values in got.items())
        wanted = sum(map(len, standard.values()))
        return Counts(right=right, surplus=n - right, missing=wanted - right)

    def value_of(self, counts: Counts) -> float:
        """Return the measure of one output; 1 where neither side has a field."""
        if not any(counts):
            return 1.0
        above, below = self._fraction(*counts)
        return above / below if below else 0.0

    def _fraction(self, right: N, surplus: N, missing: N) -> tuple[N, N]:
        """Return the measure of counts, what stands above and what below the line."""
        if self.measure == _PRECISION:
            return right, right + surplus
        if self.measure == _RECALL:
            return right, right + missing
        return right + right, right + right + surplus + missing

    def _fields(self, document: Document) -> Iterator[tuple[Path, Json]]:
        """Yield the fields that are looked at, each with its path."""
        fields = _fields_of(document.value, keep_order=self.lists == _POSITION)
        if self.field is None:
            return fields
        within = self.field.split(".")
        return (pair for pair in fields if _written(pair[0][: len(within)]) == within)

    def _shared(self, got: Sequence[Json], want: Sequence[Json]) -> int:
        """Return how many values of one path pair off, each used once."""
        if len(got) == len(want) == 1 and type(got[0]) is type(want[0]) and got[0] == want[0]:
            return 1
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
            output={"city": "Paris"},
            expected_output={"city": "Paris", "people": 3},
            params={"measure": "recall"},
            value=0.5,
        ),
        Example(
            output='{"city": "Paris", "people": 2}',
            expected_output={"city": "Paris", "people": 3},
            value=0.5,
        ),
    )

    def values_of(self, totals: Floats) -> Floats:
        """Return the measure of summed counts; NaN where there are none."""
        right, surplus, missing = (totals[..., at] for at in range(3))
        above, below = self._fraction(right, surplus, missing)
        value = np.divide(above, below, out=np.zeros(np.shape(below)), where=below != 0)
        return np.where(right + surplus + missing == 0, np.nan, value)


def _fields_of(document: Json, *, keep_order: bool) -> Iterator[tuple[Path, Json]]:
    """Yield each value that holds no others, with its path."""
    open_ones: list[Iterator[tuple[Path, Json]]] = [iter([((), document)])]
    while open_ones:
        for path, value in open_ones[-1]:
            if isinstance(value, dict | list | tuple) and value:
                open_ones.append(_inside(path, value, keep_order=keep_order))
                break
            yield path, value
        else:
            open_ones.pop()


def _inside(
    path: Path, value: Mapping[str, Json] | Sequence[Json], *, keep_order: bool
) -> Iterator[tuple[Path, Json]]:
    if isinstance(value, Mapping):
        return (((*path, name), inner) for name, inner in value.items())
    return (((*path, at if keep_order else _SOMEWHERE), inner) for at, inner in enumerate(value))


def _written(path: Path) -> list[str]:
    return ["*" if place == _SOMEWHERE else str(place) for place in path]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(values: Sequence[Json]) -> list[float]:
    return [value for value in values if _is_number(value)]  # type: ignore[misc]


def _without_numbers(values: Sequence[Json]) -> list[Json]:
    return [value for value in values if not _is_number(value)]
