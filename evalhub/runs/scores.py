"""The scores of single outputs, and one measurement's values, read from score columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalhub.runs.columns import read_rows, unpack
from evalhub.runs.models import Measurement, ScoreColumn
from metrics.batch import Floats
from metrics.reasons import Reason

# Columns that are read by their ids in one query.
_AT_ONCE = 500
# Why there is no score yet, or never will be, where the measurement is the reason.
STATES = {
    Measurement.State.WAITING: "waiting",
    Measurement.State.SCORING: "scoring",
    Measurement.State.FAILED: "measurement_failed",
    Measurement.State.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What one measurement says of one output: a value, or the code of the reason for none."""

    value: float | None
    unscored: str = ""


# The scores of one output, by the measurement's name.
Scores = dict[str, Score]


def values_of(measurement: Measurement, attempts: int) -> Floats:
    """Return a scored measurement's values, NaN where unscored: one for each place, in order."""
    columns = ScoreColumn.objects.filter(measurement=measurement).order_by("start")
    parts = [
        unpack(values, "<f8", n * attempts)
        for n, values in read_rows(columns.values_list("n", "values"))
    ]
    return np.concatenate([np.zeros(0), *parts])


def scores_at(
    measurements: Sequence[Measurement], places: Sequence[int], attempts: int
) -> dict[int, Scores]:
    """Return every measurement's score at each place (position * attempts + attempt - 1)."""
    found: dict[int, Scores] = {place: {} for place in places}
    scored = [one for one in measurements if one.state == Measurement.State.SCORED]
    for measurement in measurements:
        state = STATES.get(Measurement.State(measurement.state), Reason.FAILED.code)
        for place in places:
            found[place][measurement.name] = Score(None, state)
    names = {measurement.pk: measurement.name for measurement in scored}
    wanted = _columns_holding(scored, np.array(places, dtype=np.int64), attempts)
    ids = sorted(wanted)
    for at in range(0, len(ids), _AT_ONCE):
        columns = ScoreColumn.objects.filter(pk__in=ids[at : at + _AT_ONCE])
        fields = ("pk", "measurement_id", "start", "n", "values", "reasons")
        for pk, measurement_id, start, n, values, reasons in read_rows(
            columns.values_list(*fields)
        ):
            numbers = unpack(values, "<f8", n * attempts)
            codes = unpack(reasons, "u1", n * attempts)
            for place in wanted[pk]:
                row = place - start * attempts
                found[place][names[measurement_id]] = _score(numbers[row], codes[row])
    return found


def _columns_holding(
    measurements: Sequence[Measurement], places: NDArray[np.int64], attempts: int
) -> dict[int, list[int]]:
    """Return which columns hold the places, by id, and which of the places each holds."""
    places = np.sort(places)
    columns = ScoreColumn.objects.filter(measurement__in=measurements).order_by()
    if len(places):
        columns = columns.filter(start__lte=places[-1] // attempts)
    rows = list(columns.values_list("pk", "start", "n"))
    ids, starts, sizes = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    first = np.searchsorted(places, starts * attempts)
    last = np.searchsorted(places, (starts + sizes) * attempts)
    return {
        int(ids[at]): places[first[at] : last[at]].tolist() for at in np.flatnonzero(first < last)
    }


def _score(value: float, code: int) -> Score:
    if code == Reason.SCORED:
        return Score(float(value))
    return Score(None, Reason(int(code)).code)
