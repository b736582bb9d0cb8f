"""The classes of a run: its confusion matrix and a table of them, read from score columns.

Scores never change once they are there, so each matrix is counted once in a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalhub.errors import Conflict, ContentError, FieldError
from evalhub.intake.strict import quoted
from evalhub.runs.columns import scores_in_blocks
from evalhub.runs.models import Measurement
from evalhub.runs.scoring import metric_of
from metrics.classes.confusion import ClassRow, Confusion
from metrics.classes.labels import LabelMetric
from metrics.fields import MetricParamsError
from metrics.preparation import Preparation

SHOWN_CLASSES, SHOWN_COLUMNS = 50, 12
_KEPT = 64
# From which share of a row's outputs on a cell is shaded, and how deep.
_SHADES = ((0.5, "3"), (0.2, "2"), (0.05, "1"))


@dataclass(frozen=True)
class Cell:
    """One count of the matrix; `heat` is the shade of its share of the row, right or wrong."""

    count: int
    heat: str
    is_right: bool


@dataclass(frozen=True)
class MatrixRow:
    """Where one label was expected: how often each was said, the last cell what is no column."""

    label: str
    cells: tuple[Cell, ...]
    support: int


@dataclass(frozen=True)
class Shown:
    """What the page shows of a measurement's classes: the largest of them."""

    measurement: Measurement
    classes: tuple[ClassRow, ...]
    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    n_classes: int
    n_other: int


def labelled(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return the scored measurements whose metric reads outputs as labels."""
    return [one for one in measurements if _reading(one)]


def read_apart(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return the first of those that read labels alike: the others have the same matrix."""
    first: dict[Preparation, Measurement] = {}
    for one in measurements:
        if reading := _reading(one):
            first.setdefault(reading, one)
    return list(first.values())


def chosen(measurements: Sequence[Measurement], name: str) -> Measurement:
    """Return the measurement of this name, or the first with labels; refuse with a sentence."""
    there = labelled(measurements)
    known = ", ".join(one.name for one in there) or "none"
    if not name and not there:
        raise Conflict("No metric of this run is about classes, or none is scored yet.")
    found = next((one for one in there if name in ("", one.name)), None)
    if found is None:
        detail = f"metric names no scored metric with classes: {quoted(name)}. They are: {known}."
        raise ContentError(detail, errors=[FieldError("metric", "metric", detail)])
    return found


def confusion_of(measurement: Measurement) -> Confusion:
    """Return the confusion matrix of a scored measurement; refuse where it has no classes."""
    found = _confusion(measurement.public_id)
    if found.labels:
        return found
    raise Conflict(
        f"{measurement.name} has no classes: no label is expected, or more than are counted."
    )


def shown(measurements: Sequence[Measurement], name: str = "") -> Shown | None:
    """Return what the page shows of the named measurement, or of the first with labels."""
    there = labelled(measurements)
    measurement = next((one for one in there if one.name == name), there[0] if there else None)
    if measurement is None:
        return None
    confusion = _confusion(measurement.public_id)
    if not confusion.labels:
        return None
    classes = sorted(confusion.classes(), key=lambda one: -one.support)
    largest = confusion.largest(SHOWN_COLUMNS)
    return Shown(
        measurement=measurement,
        classes=tuple(classes[:SHOWN_CLASSES]),
        columns=largest.labels,
        rows=tuple(_matrix_row(largest, row) for row in range(len(largest.labels))),
        n_classes=len(classes),
        n_other=sum(confusion.other),
    )


def _matrix_row(confusion: Confusion, row: int) -> MatrixRow:
    counts = confusion.matrix[row].tolist()
    support = sum(counts)
    cells = (
        Cell(count, _heat(count / support, is_right=row == column), row == column)
        for column, count in enumerate(counts)
    )
    return MatrixRow(confusion.labels[row], tuple(cells), support)


def _heat(share: float, *, is_right: bool) -> str:
    depth = next((shade for least, shade in _SHADES if share >= least), "")
    return depth and ("p" if is_right else "n") + depth


def _reading(measurement: Measurement) -> Preparation | None:
    """Return how a scored measurement reads labels; None where it reads none."""
    is_automatic = measurement.kind == Measurement.Kind.AUTOMATIC
    if not is_automatic or measurement.state != Measurement.State.SCORED:
        return None
    try:
        metric = metric_of(measurement)
    except MetricParamsError:  # a metric that is gone
        return None
    return metric.reading if isinstance(metric, LabelMetric) else None


@lru_cache(maxsize=_KEPT)
def _confusion(public_id: str) -> Confusion:
    measurement = Measurement.objects.select_related("run").get(public_id=public_id)
    scores = scores_in_blocks(measurement)
    return Confusion.of(scores.rows, scores.labels)
