"""The outputs of a run in any order: which come next, and what they and their scores are.

A *place* is an output's index in the run: position * attempts + attempt - 1. Scores are read as
columns and sorted in memory, ties by place, so that a million outputs are a matter of a moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from evalhub.datasets.models import Example
from evalhub.datasets.selectors import examples_at_positions
from evalhub.errors import ShapeError
from evalhub.runs.models import Measurement, Output, Run
from evalhub.runs.scores import Scores, scores_at, values_of
from evalhub.runs.selectors import places_of
from metrics.batch import Floats

_IN_ONE_QUERY = 900
SHOWN = ("received", "all", "errors", "missing", "unscored")


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """Which outputs are wanted, and in what order; without a measurement, by place.

    `show` is one of SHOWN; "unscored" means those without a value of the measurement.
    """

    run: Run
    order: Measurement | None = None
    is_descending: bool = False
    within: NDArray[np.int64] | None = None  # positions of a slice
    show: str = "received"


@dataclass(frozen=True)
class Cursor:
    """The last output of a page: the next page goes on after it."""

    measurement_id: str  # by which the outputs are sorted; empty for the order of places
    value: float | None
    place: int

    @classmethod
    def read(cls, given: object) -> Cursor:
        """Return the cursor that `as_json` was given out as."""
        match given:
            case [str(measurement_id), (None | float()) as value, int(place)] if (
                0 <= place < 2**62
            ):
                return cls(measurement_id, value, place)
        raise ShapeError("cursor is not one that this interface gave out.")

    def as_json(self) -> list[object]:
        return [self.measurement_id, self.value, self.place]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ordered:
    """All wanted places in order, and by what they are sorted: rising, NaN at the end."""

    places: NDArray[np.int64]
    keys: Floats
    sign: int  # of the keys, against the values that people see
    measurement_id: str

    def __len__(self) -> int:
        return len(self.places)

    def cursor_at(self, index: int) -> Cursor:
        """Return the cursor of the page that ends with this index."""
        key = float(self.keys[index])
        value = None if math.isnan(key) else self.sign * key + 0.0
        return Cursor(self.measurement_id, value, int(self.places[index]))

    def index_after(self, cursor: Cursor) -> int:
        """Return where the page starts that follows a cursor."""
        n_scored = len(self.keys) - int(np.isnan(self.keys).sum())
        first, last = n_scored, len(self.keys)
        if cursor.value is not None:
            key, scored = self.sign * cursor.value, self.keys[:n_scored]
            first = int(np.searchsorted(scored, key, side="left"))
            last = int(np.searchsorted(scored, key, side="right"))
        return first + int(np.searchsorted(self.places[first:last], cursor.place, side="right"))

    def index_of(self, place: int) -> int | None:
        """Return where a place stands, or None."""
        found = np.flatnonzero(self.places == place)
        return int(found[0]) if len(found) else None


def ordered(asked: Asked) -> Ordered:
    """Return the wanted places in their order."""
    values = None if asked.order is None else values_of(asked.order, asked.run.attempts)
    places = _wanted(asked, values)
    keys = places.astype(np.float64) if values is None else values[places]
    if asked.is_descending:
        keys = -keys
    by_key = np.argsort(keys, kind="stable")
    return Ordered(
        places=places[by_key],
        keys=keys[by_key],
        sign=-1 if asked.is_descending else 1,
        measurement_id="" if asked.order is None else asked.order.public_id,
    )


def _wanted(asked: Asked, values: Floats | None) -> NDArray[np.int64]:
    run = asked.run
    chosen = np.ones((run.version.n_examples, run.attempts), dtype=np.bool_)
    if asked.within is not None:
        chosen[:] = False
        chosen[asked.within] = True
    is_complete = run.n_outputs == run.n_expected
    if asked.show == "errors":
        chosen &= places_of(run, Q(error__isnull=False))
    elif asked.show == "missing":
        chosen &= ~places_of(run, Q())
    elif asked.show == "received" and not is_complete:
        chosen &= places_of(run, Q())
    elif asked.show == "unscored" and values is not None:
        chosen &= np.isnan(values).reshape(chosen.shape)
    return np.flatnonzero(chosen.ravel())


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One place of a run: the example, the output if there is one, and the scores."""

    place: int
    position: int
    attempt: int
    example: Example
    output: Output | None
    scores: Scores


def rows_at(run: Run, places: Sequence[int], measurements: Sequence[Measurement]) -> list[Row]:
    """Return what stands at the places, in their order."""
    split = {place: (place // run.attempts, place % run.attempts + 1) for place in places}
    examples = examples_at_positions(run.version, [position for position, _ in split.values()])
    outputs = _outputs(run, set(split.values()))
    scores = scores_at(measurements, places, run.attempts)
    return [
        Row(
            place=place,
            position=position,
            attempt=attempt,
            example=examples[position],
            output=outputs.get((position, attempt)),
            scores=scores[place],
        )
        for place, (position, attempt) in split.items()
    ]


def _outputs(run: Run, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Output]:
    found: dict[tuple[int, int], Output] = {}
    for positions in _batches(sorted({position for position, _ in wanted})):
        of_run = Output.objects.filter(run=run, position__in=positions)
        stored = of_run.values_list("pk", "position", "attempt")
        ids = [pk for pk, position, attempt in stored if (position, attempt) in wanted]
        for batch in _batches(ids):
            for output in Output.objects.filter(pk__in=batch):
                found[output.position, output.attempt] = output
    return found


def _batches(rows: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(rows), _IN_ONE_QUERY):
        yield rows[at : at + _IN_ONE_QUERY]
