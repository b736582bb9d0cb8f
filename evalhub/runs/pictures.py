"""What a run's page draws from score columns: how scores are spread, and how slices differ.

Scores never change once they are there, so each picture is computed once in a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.models import DatasetVersion
from evalhub.datasets.selectors import clusters, slicings
from evalhub.runs.columns import read_scores
from evalhub.runs.models import Measurement
from evalhub.runs.scores import values_of
from evalhub.runs.sealing import yardstick_of
from evalhub.web.axes import Axis
from evalhub.web.histograms import Bins, bins_of
from metrics.statistics.intervals import Estimate, Interval, NoInterval, estimate
from metrics.statistics.slices import MIN_EXAMPLES
from metrics.statistics.yardstick import Column, Yardstick

_KEPT = 256


@dataclass(frozen=True)
class SliceRow:
    """One level of a metadata field: how many examples it has, and their value."""

    level: str
    n: int
    estimate: Estimate
    n_unscored: int = 0  # examples without any score

    @property
    def interval(self) -> Interval | None:
        found = self.estimate.interval
        return found if isinstance(found, Interval) else None

    @property
    def low(self) -> float | None:
        return self.interval.low if self.interval else None

    @property
    def high(self) -> float | None:
        return self.interval.high if self.interval else None

    @property
    def why_none(self) -> str:
        found = self.estimate.interval
        return found.reason if isinstance(found, NoInterval) else ""

    @property
    def is_drawn(self) -> bool:
        """Say whether there are enough examples for the eye to believe the picture."""
        return not self.is_small and self.interval is not None

    @property
    def is_small(self) -> bool:
        """Say whether there are too few examples for anything but a list."""
        return self.estimate.n < MIN_EXAMPLES


@dataclass(frozen=True)
class SliceTable:
    """One metadata field with the value of each of its levels."""

    field: str
    rows: tuple[SliceRow, ...]

    @property
    def is_drawn(self) -> bool:
        """Say whether any level is drawn: an axis over nothing would mislead."""
        return any(row.is_drawn for row in self.rows)

    @property
    def notes(self) -> list[str]:
        """Say once each why some levels have no interval, or are not drawn."""
        return _notes(self.rows, f"Slices under {MIN_EXAMPLES} examples are listed, not drawn.")


def _notes(rows: Sequence[SliceRow], of_small: str) -> list[str]:
    said = dict.fromkeys(row.why_none for row in rows if row.why_none)
    if any(row.interval and row.is_small for row in rows):
        said[of_small] = None
    return list(said)


@dataclass(frozen=True)
class CrossLine:
    """One level of a field, in every level of another."""

    level: str
    cells: tuple[SliceRow, ...]


@dataclass(frozen=True)
class CrossTable:
    """Two metadata fields with the value of each pair of their levels."""

    field: str
    across: str
    lines: tuple[CrossLine, ...]
    n_without: int  # examples that lack one of the fields

    @property
    def levels(self) -> list[str]:
        """The levels that the columns stand for."""
        return [cell.level for cell in self.lines[0].cells] if self.lines else []

    @property
    def notes(self) -> list[str]:
        """Say once each why some cells have no interval, or little weight."""
        cells = [cell for line in self.lines for cell in line.cells if cell.n]
        return _notes(cells, f"Cells under {MIN_EXAMPLES} examples are listed, not tested.")


def bins(measurement: Measurement) -> Bins | None:
    """Return how the scores of a measurement are spread, once it is scored."""
    if measurement.state != Measurement.State.SCORED:
        return None
    return _bins(measurement.public_id)


def slice_tables(measurement: Measurement) -> tuple[SliceTable, ...]:
    """Return the value of every slice, once the measurement is scored."""
    if measurement.state != Measurement.State.SCORED:
        return ()
    return _slice_tables(measurement.public_id)


def cross_table(measurement: Measurement, field: str, across: str) -> CrossTable | None:
    """Return the value of every pair of levels of two fields, once the measurement is scored.

    None where a field is no slice of the version, or both are the same.
    """
    if measurement.state != Measurement.State.SCORED:
        return None
    return _cross_table(measurement.public_id, field, across)


def axis_of(measurement: Measurement, tables: tuple[SliceTable, ...]) -> Axis:
    """Return an axis that shows the run's value and every drawn interval."""
    ends = [measurement.value, measurement.low, measurement.high]
    drawn = [row.interval for table in tables for row in table.rows if row.is_drawn]
    ends += [end for interval in drawn if interval for end in (interval.low, interval.high)]
    return Axis.around([end for end in ends if end is not None])


@lru_cache(maxsize=_KEPT)
def _bins(public_id: str) -> Bins:
    measurement = _with_run(public_id)
    values = values_of(measurement, measurement.run.attempts)
    return bins_of(values, low=measurement.low_bound, high=measurement.high_bound)


@lru_cache(maxsize=_KEPT)
def _slice_tables(public_id: str) -> tuple[SliceTable, ...]:
    scored = _Scored.of(public_id)
    return tuple(
        SliceTable(
            one.field,
            tuple(scored.row(level, one.codes == code) for code, level in enumerate(one.levels)),
        )
        for one in slicings(scored.version)
    )


@lru_cache(maxsize=_KEPT)
def _cross_table(public_id: str, field: str, across: str) -> CrossTable | None:
    scored = _Scored.of(public_id)
    by_field = {one.field: one for one in slicings(scored.version)}
    down, right = by_field.get(field), by_field.get(across)
    if down is None or right is None or field == across:
        return None
    lines = [
        CrossLine(
            level,
            tuple(
                scored.row(other, (down.codes == code) & (right.codes == at))
                for at, other in enumerate(right.levels)
            ),
        )
        for code, level in enumerate(down.levels)
    ]
    without = (down.codes < 0) | (right.codes < 0)
    return CrossTable(field, across, tuple(lines), int(without.sum()))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scored:
    """A scored measurement, ready to be read in any choice of its examples."""

    version: DatasetVersion
    column: Column
    yardstick: Yardstick
    clusters: NDArray[np.int64] | None
    seed: int

    @classmethod
    def of(cls, public_id: str) -> _Scored:
        measurement = _with_run(public_id)
        run, yardstick = measurement.run, yardstick_of(measurement)
        return cls(
            version=run.version,
            column=read_scores(measurement).column(yardstick),
            yardstick=yardstick,
            clusters=clusters(run.version),
            seed=run.seed,
        )

    def row(self, level: str, chosen: NDArray[np.bool_]) -> SliceRow:
        column = self.column.at(chosen)
        found = estimate(
            column,
            self.yardstick,
            clusters=None if self.clusters is None else self.clusters[chosen],
            seed=self.seed,
        )
        n_unscored = int(np.isnan(column.values).all(axis=1).sum())
        return SliceRow(level, int(chosen.sum()), found, n_unscored)


def _with_run(public_id: str) -> Measurement:
    measurements = Measurement.objects.select_related("run__version").defer("run__version__schema")
    return measurements.get(public_id=public_id)
