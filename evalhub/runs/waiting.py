"""Wait for work to end, holding neither a transaction nor all threads of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from evalhub.runs.models import Job, Rescoring, Run

MAX_SECONDS = 60.0
# Half the threads of a web process: the other half go on answering.
MAX_WAITING = 4
ENDED = (Run.State.SCORED, Run.State.FAILED, Run.State.CANCELLED)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5

_places = threading.BoundedSemaphore(MAX_WAITING)


def until_ended(run_id: int, *, seconds: float) -> bool:
    """Return once the run has ended or the time is over; False when too many wait already."""
    return until(lambda: has_ended(run_id), seconds=seconds)


def until(is_over: Callable[[], bool], *, seconds: float) -> bool:
    """Return once it is over or the time is; False when too many wait already."""
    if seconds <= 0 or is_over():
        return True
    if not _places.acquire(blocking=False):
        return False
    try:
        _watch(is_over, until=time.monotonic() + min(seconds, MAX_SECONDS))
    finally:
        _places.release()
    return True


def _watch(is_over: Callable[[], bool], *, until: float) -> None:
    pause = _FIRST_PAUSE
    while (left := until - time.monotonic()) > 0 and not is_over():
        time.sleep(min(pause, left))
        pause = min(1.5 * pause, _LONGEST_PAUSE)


def has_ended(run_id: int) -> bool:
    """Say whether nothing more happens to a run by itself. A run that is gone has ended.

    Labels that were published to a scored run are still work on it.
    """
    state = Run.objects.filter(pk=run_id).values_list("state", flat=True).first()
    if state is None or state not in ENDED:
        return state is None
    return not Job.objects.filter(run=run_id, state=Job.State.WORKING).exists()


def is_rescored(rescoring_id: int) -> bool:
    """Say whether nothing more happens to a re-scoring by itself."""
    working = Rescoring.objects.filter(pk=rescoring_id, state=Rescoring.State.WORKING)
    return not working.exists()
