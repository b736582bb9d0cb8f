"""What a woken worker does: claim chunk after chunk until its time is over or nothing waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.module_loading import import_string

from evalhub.runs import planning, queue, sealing, sweeping, workers
from evalhub.runs.queue import Claim, LostClaimError

log = logging.getLogger("evalhub.runs.draining")

Holding = Callable[[Claim], AbstractContextManager[None]]
# How long a chunk waits when the database was away: that is no fault of the chunk's.
DATABASE_PAUSE_SECONDS = 5.0
# A chunk that rests no longer than this is waited for: whoever goes is woken by the next sweep.
SOON_SECONDS, LOOK_SECONDS = 1.5, 0.1


def drain(owner: str, *, seconds: float, holding: Holding = lambda _claim: nullcontext()) -> int:
    """Work for about so many seconds; return how many chunks were done.

    `holding` keeps the lease of a chunk while it is worked on.
    """
    until = time.monotonic() + seconds
    done = 0
    sweeping.reclaim_dead()
    while time.monotonic() < until and not workers.is_stopping():
        claim = queue.claim(owner)
        if claim is None and sweeping.reclaim_dead():
            claim = queue.claim(owner)
        if claim is None and queue.is_due_within(SOON_SECONDS):
            time.sleep(LOOK_SECONDS)
            continue
        if claim is None:
            break
        with holding(claim):
            work(claim)
        done += 1
    return done


def work(claim: Claim) -> None:
    """Do one chunk, and seal its job if it was the last.

    The runner of the job's kind computes what the job's measurements still miss in [start, stop)
    and ends with `queue.finish`, or with `queue.postpone`. What it raises counts as a crash.
    """
    runner: Callable[[Claim], None] = import_string(settings.CHUNK_RUNNERS[claim.kind])
    try:
        with _given_back_on_failure(claim):
            runner(claim)
    except LostClaimError:
        log.info("chunk lost", extra={"fields": {"chunk": claim.chunk_id}})
        return
    except (OperationalError, InterfaceError):
        queue.postpone(claim, seconds=DATABASE_PAUSE_SECONDS)
        return
    if sealing.seal_if_done(claim.job_id):
        planning.job_ended(claim.job_id)


@contextmanager
def _given_back_on_failure(claim: Claim) -> Iterator[None]:
    """Count a failure like a crash, and let it go on to whoever logs it."""
    ended = False
    try:
        yield
        ended = True
    except (LostClaimError, OperationalError, InterfaceError):
        ended = True
        raise
    finally:
        if not ended:
            queue.note_crash(claim, error="The work failed; the log of the worker says why.")
