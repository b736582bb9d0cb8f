"""What is read of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

import numpy as np
from django.db import connection
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Now
from numpy.typing import NDArray

from evalhub.runs.models import Chunk, Job, Measurement, Output, Run, Worker

ALIVE = timedelta(seconds=45)
# Places of outputs that are held as objects at a time.
_AT_ONCE = 20_000


def living_workers() -> int:
    """Count the workers that were alive lately."""
    return Worker.objects.filter(seen_at__gte=Now() - ALIVE).count()


def current_measurements(run: Run) -> list[Measurement]:
    """Return the measurement of every name that a run answers with: the first is primary."""
    return current_of_names(run.measurements.order_by("generation"))


def current_of_names(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return the current one of every name of one run's measurements, in the run's order.

    Given by rising generation. It is the newest that is scored or on its way: one that failed or
    was called off hides no number that was there before, unless that is about other outputs. One
    that a comparison asked for never is: to be compared does not change what a run says.
    """
    current: dict[str, Measurement] = {}
    for measurement in measurements:
        if measurement.is_for_comparison:
            continue
        earlier = current.get(measurement.name)
        if earlier is None or _stands(measurement) or not _stands(earlier):
            current[measurement.name] = measurement
    return sorted(current.values(), key=lambda measurement: (measurement.order, measurement.pk))


def _stands(measurement: Measurement) -> bool:
    stopped = (Measurement.State.FAILED, Measurement.State.CANCELLED)
    return measurement.is_after_reopening or measurement.state not in stopped


@dataclass(frozen=True)
class Progress:
    """How far the work on a run is, in outputs."""

    done: int
    total: int


def progress(run: Run) -> Progress:
    """Return how far the work under way is, or all of it when there is none."""
    return progress_of([run])[run.pk]


def progress_of(runs: Sequence[Run]) -> dict[int, Progress]:
    """Return the progress of each run, by its row id, in one query."""
    size = F("stop") - F("start")
    ended = Q(state__in=(Chunk.State.DONE, Chunk.State.FAILED))
    at_work = Chunk.objects.filter(
        job__run__in=[run.pk for run in runs], job__state=Job.State.WORKING
    )
    sums = {
        pk: (total, done or 0)
        for pk, total, done in at_work.values_list("job__run")
        .annotate(total=Sum(size), done=Sum(size, filter=ended))
        .order_by()
    }
    return {run.pk: _progress(run, *sums.get(run.pk, (0, 0))) for run in runs}


def _progress(run: Run, total: int, done: int) -> Progress:
    if total:
        return Progress(done=done * run.attempts, total=total * run.attempts)
    is_over = run.state in (Run.State.SCORED, Run.State.FAILED)
    return Progress(done=run.n_expected if is_over else 0, total=run.n_expected)


def outputs_between(run: Run, start: int, stop: int) -> QuerySet[Output]:
    """Return the outputs at positions [start, stop), in the order of score columns."""
    return Output.objects.filter(run=run, position__gte=start, position__lt=stop).order_by(
        "position", "attempt"
    )


def output_bytes(run: Run, start: int, stop: int) -> int:
    """Return how many bytes the outputs at positions [start, stop) take.

    SQLite says characters, which is the same to the order of size.
    """
    length = "OCTET_LENGTH" if connection.vendor == "postgresql" else "LENGTH"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT SUM({length}(COALESCE(text, data, ''))) + SUM({length}(retrieved)) "  # noqa: S608
            "FROM runs_output WHERE run_id = %s AND position >= %s AND position < %s",
            [run.pk, start, stop],
        )
        return cursor.fetchone()[0] or 0


def is_answered(run: Run) -> NDArray[np.bool_]:
    """Return (examples, attempts): whether there is an output that is no error."""
    shape = (run.version.n_examples, run.attempts)
    if run.n_errors == 0 and run.n_outputs == run.n_expected:
        return np.ones(shape, dtype=np.bool_)
    return places_of(run, Q(error__isnull=True))


def is_missing(run: Run) -> NDArray[np.bool_]:
    """Return (examples, attempts): whether there is no output at all, not even an error."""
    return ~places_of(run, Q())


def places_of(run: Run, condition: Q) -> NDArray[np.bool_]:
    """Return (examples, attempts): whether there is an output that meets the condition."""
    found = Output.objects.filter(condition, run=run).values_list("position", "attempt")
    result = np.zeros((run.version.n_examples, run.attempts), dtype=np.bool_)
    rows = found.order_by().iterator(chunk_size=_AT_ONCE)
    while some := list(islice(rows, _AT_ONCE)):
        places = np.array(some, dtype=np.int64)
        result[places[:, 0], places[:, 1] - 1] = True
    return result
