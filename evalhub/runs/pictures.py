"""What a run's page draws from score columns: how scores are spread, and how slices differ.

Scores never change once they are there, so each picture is computed once in a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from evalhub.datasets.selectors import clusters, slicings
from evalhub.runs.columns import read_scores
from evalhub.runs.models import Measurement
from evalhub.runs.scores import values_of
from evalhub.runs.sealing import yardstick_of
from evalhub.web.axes import Axis
from evalhub.web.histograms import Bins, bins_of
from metrics.intervals import Estimate, Interval, NoInterval, estimate
from metrics.slices import MIN_EXAMPLES

_KEPT = 256


@dataclass(frozen=True)
class SliceRow:
    """One level of a metadata field: how many examples it has, and their value."""

    level: str
    n: int
    estimate: Estimate

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
        return self.estimate.n >= MIN_EXAMPLES and self.interval is not None


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
        said = dict.fromkeys(row.why_none for row in self.rows if row.why_none)
        if any(row.interval and not row.is_drawn for row in self.rows):
            said[f"Slices under {MIN_EXAMPLES} examples are listed, not drawn."] = None
        return list(said)


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
    measurement = _with_run(public_id)
    run, yardstick = measurement.run, yardstick_of(measurement)
    column, of_cluster = read_scores(measurement).column(yardstick), clusters(run.version)
    tables = []
    for slicing in slicings(run.version):
        rows = []
        for code, level in enumerate(slicing.levels):
            chosen = slicing.codes == code
            found = estimate(
                column.at(chosen),
                yardstick,
                clusters=None if of_cluster is None else of_cluster[chosen],
                seed=run.seed,
            )
            rows.append(SliceRow(level, int(chosen.sum()), found))
        tables.append(SliceTable(slicing.field, tuple(rows)))
    return tuple(tables)


def _with_run(public_id: str) -> Measurement:
    measurements = Measurement.objects.select_related("run__version").defer("run__version__schema")
    return measurements.get(public_id=public_id)
