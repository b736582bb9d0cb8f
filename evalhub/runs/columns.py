"""Score columns: how the scores of a measurement are packed, stored and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import zstandard
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Max, QuerySet, Sum
from numpy.typing import NDArray
from psycopg import Cursor

from evalhub.runs.models import Measurement, ScoreColumn
from metrics.base import Family
from metrics.batch import Floats, Scores
from metrics.reasons import Reason
from metrics.rows import Rows
from metrics.statistics.yardstick import Column, Yardstick
from metrics.vocabulary import NoClassesError, class_names, expected_labels, renamed

# Bytes of equal rank stand together (byte shuffle), then zstd. The tail names the statistics:
# whole numbers that fit are int32, others float64. Both give back the same float64 bits.
WHOLE, REAL = "shuffle-zstd-1-i4", "shuffle-zstd-1-f8"
_LEVEL = 3
# Columns that are read by one query.
_AT_ONCE = 32
_STATISTICS = ("n_statistics", "codec", "statistics", "labels")
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, kw_only=True, eq=False)
class NewColumn:
    """The scores of one measurement from a position on, every attempt of each; not stored yet."""

    measurement_id: int
    start: int
    n: int
    scores: Scores
    inputs_digest: str


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredScores:
    """A measurement's scores: arrays of (examples, attempts), statistics with one axis more.

    `values` is NaN exactly where `reasons` is not 0; `statistics` are zero there. Statistics that
    name labels hold places in `labels`, whatever the vocabularies of the columns.
    """

    values: Floats
    reasons: NDArray[np.uint8]
    statistics: Floats | Rows
    labels: tuple[str, ...] = ()

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Of which examples somebody, or some code, was asked for a score."""
        asked: NDArray[np.bool_] = (self.reasons != Reason.NOT_RATED).any(axis=1)
        return asked

    @property
    def rows(self) -> Rows:
        """The statistics, to be read in blocks."""
        held = self.statistics
        return held if isinstance(held, Rows) else Rows.of(held)

    def in_memory(self) -> StoredScores:
        """Return the same with the whole table of statistics, read once."""
        return replace(self, statistics=self.rows.whole())

    def under(self, labels: tuple[str, ...]) -> StoredScores:
        """Return the same with places in other labels, among which are all of these."""
        if labels == self.labels:
            return self
        rows = self.rows
        changed = rows.changed(rows.shape, lambda _, block: renamed(block, self.labels, labels))
        return replace(self, statistics=changed, labels=labels)

    def column(self, yardstick: Yardstick) -> Column:
        """Return the scores as the statistics of `metrics` read them."""
        rows = self.rows
        if yardstick.additive is None or not rows.columns:
            return Column(values=self.values)
        additive = yardstick.additive(rows, self.labels)
        # A table that is in memory stays one: it can be read at positions.
        statistics = self.statistics if additive is rows else additive
        return Column(values=self.values, statistics=statistics)


def pack(array: NDArray[np.generic], dtype: str) -> bytes:
    """Return the array's little-endian bytes, column by column, shuffled and compressed."""
    kind = np.dtype(dtype)
    raw = np.asarray(array, dtype=kind).ravel(order="F").view(np.uint8)
    shuffled = raw.reshape(-1, kind.itemsize).T.tobytes()
    return zstandard.ZstdCompressor(level=_LEVEL).compress(shuffled)


def unpack(blob: bytes | memoryview, dtype: str, n: int) -> NDArray[Any]:
    """Return the n numbers that `pack` was given, in its order."""
    kind = np.dtype(dtype)
    size = n * kind.itemsize
    raw = zstandard.ZstdDecompressor().decompress(blob, max_output_size=size)
    if len(raw) != size:
        raise ValueError(f"A column of {size} bytes has {len(raw)}.")
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(kind.itemsize, n)
    return np.ascontiguousarray(planes.T).view(kind).reshape(n)


def packed(new: NewColumn) -> ScoreColumn:
    """Return the row that stores a column."""
    statistics = new.scores.statistics
    codec = WHOLE if _fits_int32(statistics) else REAL
    return ScoreColumn(
        measurement_id=new.measurement_id,
        start=new.start,
        n=new.n,
        values=pack(new.scores.values, "<f8"),
        reasons=pack(new.scores.reasons, "u1"),
        statistics=pack(statistics, _statistics_type(codec)) if statistics.shape[1] else b"",
        n_statistics=statistics.shape[1],
        labels=_packed_labels(new.scores.labels),
        inputs_digest=new.inputs_digest,
        codec=codec,
    )


def _packed_labels(labels: Sequence[str]) -> bytes:
    return zstandard.compress(json.dumps(labels).encode(), _LEVEL) if labels else b""


def _unpacked_labels(blob: bytes | memoryview) -> list[str]:
    return msgspec.json.decode(zstandard.decompress(blob), type=list[str]) if blob else []


def failed_scores(n_rows: int) -> Scores:
    """Return the scores of outputs that could not be scored."""
    return Scores(
        values=np.full(n_rows, np.nan),
        reasons=np.full(n_rows, Reason.FAILED, dtype=np.uint8),
        statistics=np.zeros((n_rows, 0)),
    )


def write_columns(columns: Sequence[NewColumn], *, start: int, stop: int) -> None:
    """Put columns in place of whatever their measurements have in [start, stop).

    Must run inside the transaction that also says who may write.
    """
    ids = {column.measurement_id for column in columns}
    ScoreColumn.objects.filter(measurement_id__in=ids, start__gte=start, start__lt=stop).delete()
    ScoreColumn.objects.bulk_create([packed(column) for column in columns])


def covers(measurements: Sequence[Measurement], *, start: int, stop: int) -> bool:
    """Say whether all the measurements have all their scores of [start, stop) already.

    Columns are the proof that a chunk was done, whatever became of the note that it was.
    """
    sizes = dict(
        ScoreColumn.objects.filter(measurement__in=measurements, start__gte=start, start__lt=stop)
        .values_list("measurement")
        .annotate(size=Sum("n"))
    )
    return all(sizes.get(measurement.pk) == stop - start for measurement in measurements)


def starts_and_sizes(measurement: Measurement) -> list[tuple[int, int]]:
    """Return which positions a measurement's columns hold, in order."""
    columns = ScoreColumn.objects.filter(measurement=measurement)
    return list(columns.order_by("start").values_list("start", "n"))


def read_scores(measurement: Measurement) -> StoredScores:
    """Return all scores of a scored measurement, whatever chunks wrote them."""
    return scores_in_blocks(measurement).in_memory()


def read_both(baseline: Measurement, candidate: Measurement) -> list[StoredScores]:
    """Return all scores of two measurements, under the labels that either expects."""
    return read_together([baseline, candidate])


def read_together(measurements: Sequence[Measurement]) -> list[StoredScores]:
    """Return all scores of measurements, under the labels that any of them expects."""
    return [side.in_memory() for side in in_blocks_together(measurements)]


def in_blocks_together(measurements: Sequence[Measurement]) -> list[StoredScores]:
    """Return the same with statistics that are read in blocks, again each time."""
    sides = [scores_in_blocks(one) for one in measurements]
    labels = tuple(sorted({label for side in sides for label in side.labels}))
    return [side.under(labels) for side in sides]


def scores_in_blocks(measurement: Measurement) -> StoredScores:
    """Return the same with statistics that are read a few columns at a time, again each time."""
    attempts = measurement.run.attempts
    columns = ScoreColumn.objects.filter(measurement=measurement)
    sizes = columns.aggregate(n=Sum("n"), k=Max("n_statistics"))
    shape, k = (sizes["n"] or 0, attempts), sizes["k"] or 0
    values, reasons = np.empty(shape), np.empty(shape, dtype=np.uint8)
    start = 0
    for n, packed_values, packed_reasons in _stored(columns, "values", "reasons"):
        part = slice(start, start + n)
        values[part] = unpack(packed_values, "<f8", n * attempts).reshape(n, attempts)
        reasons[part] = unpack(packed_reasons, "u1", n * attempts).reshape(n, attempts)
        start += n

    try:
        labels = _classes(columns, attempts)
    except NoClassesError:
        if measurement.family == Family.CORPUS:
            raise
        # The value needs no classes; there is no confusion matrix beside it.
        return StoredScores(values=values, reasons=reasons, statistics=np.zeros((*shape, 0)))

    def read() -> Iterator[Floats]:
        for *row, own_labels in _stored(columns, *_STATISTICS):
            found = _statistics(*row, attempts=attempts, k=k)
            yield renamed(found, _unpacked_labels(own_labels), labels) if labels else found

    statistics = Rows((*shape, k), read)
    return StoredScores(values=values, reasons=reasons, statistics=statistics, labels=labels)


def values_at(
    measurements: Sequence[Measurement], attempts: int, positions: NDArray[np.int64]
) -> dict[int, Floats]:
    """Return the values (positions, attempts) of measurements, by id, at scattered positions.

    All are of runs with this many attempts. Only the columns that hold a position are read.
    """
    found = {one.pk: np.full((len(positions), attempts), np.nan) for one in measurements}
    columns = ScoreColumn.objects.filter(measurement__in=list(found))
    holding = [
        pk
        for pk, start, n in columns.values_list("pk", "start", "n")
        if ((positions >= start) & (positions < start + n)).any()
    ]
    wanted = columns.filter(pk__in=holding).values_list("measurement", "start", "n", "values")
    for measurement, start, n, blob in read_rows(wanted):
        here = np.flatnonzero((positions >= start) & (positions < start + n))
        values = unpack(blob, "<f8", n * attempts).reshape(n, attempts)
        found[measurement][here] = values[positions[here] - start]
    return found


def _classes(columns: QuerySet[ScoreColumn], attempts: int) -> tuple[str, ...]:
    """Return the labels that are expected anywhere; none where statistics are no labels."""
    found: set[str] = set()
    for n, n_statistics, codec, blob, labels in _stored(columns.exclude(labels=b""), *_STATISTICS):
        places = _statistics(n, n_statistics, codec, blob, attempts=attempts, k=n_statistics)
        found |= expected_labels(places, _unpacked_labels(labels))
        class_names(found)
    return class_names(found)


def _stored(columns: QuerySet[ScoreColumn], *fields: str) -> Iterator[tuple[Any, ...]]:
    """Yield `n` and these fields of columns in order; in memory there are only a few at a time."""
    after = -1
    while True:
        some = columns.filter(start__gt=after).order_by("start")[:_AT_ONCE]
        rows = list(read_rows(some.values_list("start", "n", *fields)))
        for start, *row in rows:
            after = start
            yield tuple(row)
        if len(rows) < _AT_ONCE:
            return


def read_rows(rows: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield rows that hold blobs: on PostgreSQL in binary, where text would double their size."""
    if connection.vendor != "postgresql":
        yield from rows.iterator()
        return
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:  # nothing is wanted, and the ORM asks no database for that
        return
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        cursor.execute(sql, params, binary=True)
        yield from cursor


def _statistics(
    n: int, n_statistics: int, codec: str, blob: bytes, *, attempts: int, k: int
) -> Floats:
    """Return (n, attempts, k); a column written without statistics has only unscored rows."""
    if not n_statistics:
        return np.zeros((n, attempts, k))
    numbers = unpack(blob, _statistics_type(codec), n * attempts * k)
    by_column: Floats = numbers.astype(np.float64).reshape(k, n, attempts)
    return by_column.transpose(1, 2, 0)


def _statistics_type(codec: str) -> str:
    return {WHOLE: "<i4", REAL: "<f8"}[codec]


def _fits_int32(statistics: Floats) -> bool:
    """Whether int32 gives back the same bits: whole, within range, and no negative zero."""
    if not len(statistics):
        return True
    whole = bool(np.all(statistics == np.rint(statistics)))
    within = statistics.min(initial=0) >= _INT32.min and statistics.max(initial=0) <= _INT32.max
    return whole and bool(within) and not bool(np.any(np.signbit(statistics[statistics == 0])))
