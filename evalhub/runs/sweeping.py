"""Set right what was lost: leases of the dead, jobs left unsealed, runs left unplanned."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from evalhub.runs import planning, queue, sealing, workers
from evalhub.runs.models import Chunk, Job, Rescoring, Run, Worker
from evalhub.runs.selectors import living_workers

log = logging.getLogger("evalhub.runs.sweeping")

FORGOTTEN_AFTER = timedelta(hours=1)


def sweep() -> None:
    """Do all of it. Any number of sweeps may run at once."""
    reclaim_dead()
    queue.reclaim(queue.expired_claims(), error="The lease ran out.")
    for job_id in _ended_jobs():
        _seal(job_id)
    for run_id in _idle_runs():
        sealing.settle_run(run_id)
    for rescoring_id in _unfinished_rescorings():
        planning.go_on(rescoring_id)
    _forget_workers()


def reclaim_dead() -> int:
    """Take back the chunks of workers known to be dead; return how many."""
    dead = [owner for owner in queue.owners() if workers.is_known_dead(owner)]
    return queue.reclaim(queue.claims_of(dead), error="The worker died.") if dead else 0


def idle_workers() -> int:
    """Return how many workers to wake: as many as have nothing to do, while chunks wait.

    At least one, so that a worker nobody has heard of yet can start.
    """
    if not queue.has_waiting():
        return 0
    return max(1, living_workers() - len(queue.owners()))


def _seal(job_id: int) -> None:
    """Seal a job; one that cannot be sealed now keeps nobody else from being set right."""
    try:
        sealing.seal_if_done(job_id)
    except Exception:
        log.exception("job not sealed", extra={"fields": {"job": job_id}})


def _ended_jobs() -> list[int]:
    unfinished = Q(chunks__state__in=(Chunk.State.WAITING, Chunk.State.CLAIMED))
    ended = Job.objects.filter(state=Job.State.WORKING).exclude(unfinished)
    return list(ended.values_list("pk", flat=True))


def _idle_runs() -> list[int]:
    scoring = Run.objects.filter(state=Run.State.SCORING)
    return list(scoring.exclude(jobs__state=Job.State.WORKING).values_list("pk", flat=True))


def _unfinished_rescorings() -> list[int]:
    working = Rescoring.objects.filter(state=Rescoring.State.WORKING)
    return list(working.order_by("pk").values_list("pk", flat=True))


def _forget_workers() -> None:
    Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()
    dead = [
        name
        for name in Worker.objects.values_list("name", flat=True)
        if workers.is_known_dead(name)
    ]
    Worker.objects.filter(name__in=dead).delete()
