"""What a run's outputs were before it was reopened: a mark of each, kept with the reopening.

Outputs of a finished run stay as they are, so nothing has to be kept of one until it is reopened.
Reports of before still show numbers of its outputs then: the marks say which of them are others
now, which were errors, and which were not there.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray

from evalhub.runs.columns import read_rows
from evalhub.runs.models import Measurement, Output, Reopening, Run
from evalhub.runs.selectors import places_of

# 62 bits of the output's digest, and in the lowest two what it is; 0 where there is none.
Marks = NDArray[np.uint64]
ANSWER, ERROR = 1, 2
_KIND = np.uint64(3)
_AT_ONCE = 10_000


def marks_of(run: Run) -> Marks:
    """Return (examples, attempts): the mark of every output as it is now."""
    marks = np.zeros((run.version.n_examples, run.attempts), dtype=np.uint64)
    found = Output.objects.filter(run=run).order_by()
    rows = read_rows(found.values_list("position", "attempt", "digest"))
    while some := list(islice(rows, _AT_ONCE)):
        positions, attempts, digests = zip(*some, strict=True)
        heads = np.frombuffer(b"".join(bytes(one)[:8] for one in digests), dtype="<u8")
        marks[np.array(positions), np.array(attempts) - 1] = heads & ~_KIND | np.uint64(ANSWER)
    errors = places_of(run, Q(error__isnull=False)) if run.n_errors else np.False_
    return np.where(errors, marks & ~_KIND | np.uint64(ERROR), marks)


def mark_of(output: Output | None) -> int:
    """Return the mark of one output as it is now."""
    if output is None:
        return 0
    head = int.from_bytes(bytes(output.digest)[:8], "little")
    return head & ~3 | (ANSWER if output.error is None else ERROR)


def kinds_of(marks: Marks) -> NDArray[np.uint64]:
    """Return what the outputs are: ANSWER, ERROR, or 0 where there is none."""
    return marks & _KIND


def since(run: Run, measurement: Measurement) -> Reopening | None:
    """Return the first reopening of a run since it was measured; its marks say what was measured.

    Measurements are numbered as they are made, so no clock decides.
    """
    after = Reopening.objects.filter(run=run, newest_measurement__gte=measurement.pk)
    return after.order_by("pk").first()


def was_reopened(run: Run, measurement: Measurement) -> bool:
    """Say whether a run was reopened since it was measured, with or without marks of before."""
    return run.measurements.filter(is_after_reopening=True, pk__gt=measurement.pk).exists()


def unpacked(reopening: Reopening, run: Run) -> Marks:
    """Return (examples, attempts): the marks of the outputs before a reopening."""
    return np.frombuffer(bytes(reopening.marks), dtype="<u8").reshape(-1, run.attempts)


def keep(run: Run, marks: Marks) -> None:
    """Keep what the outputs are while the run is being reopened."""
    newest = run.measurements.order_by("-pk").values_list("pk", flat=True).first()
    Reopening.objects.create(
        run=run,
        newest_measurement=newest or 0,
        marks=marks.astype("<u8").tobytes(),
        created_at=timezone.now(),
    )
