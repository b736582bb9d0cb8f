"""What is to be measured becomes measurements, jobs and chunks: of one run, or of many in turn.

A re-scoring is planned a few runs ahead of the workers, each run in a transaction of its own:
what was not planned when a process died, the next call or the sweep plans. So its runs are
*scoring* only while they are at it, and calling it off has little to undo.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from evalhub.errors import DomainError
from evalhub.runs import queue, sealing
from evalhub.runs.models import Chunk, Job, Measurement, RescoredRun, Rescoring, Run
from evalhub.runs.scoring import is_own
from evalhub.runs.selectors import current_measurements
from evalhub.runs.specs import Planned, plan
from evalhub.scorers.selectors import batch_size_of

JOB_KINDS = {Measurement.Kind.AUTOMATIC: "score", Measurement.Kind.JUDGE: "judge"}
# So many chunks of a re-scoring wait for workers at most, unless a single run has more.
CHUNKS_AHEAD = 16

# --- one run --------------------------------------------------------------------------------


def new_measurement(run: Run, planned: Planned, *, generation: int, order: int) -> Measurement:
    """Return what a spec asks of a run, not saved yet."""
    return Measurement(
        run=run,
        kind=planned.kind,
        name=planned.name,
        generation=generation,
        metric=planned.metric,
        params=dict(planned.params),
        signature=planned.signature,
        order=order,
        higher_is_better=planned.higher_is_better,
        low_bound=planned.low_bound,
        high_bound=planned.high_bound,
        family=planned.family,
        created_at=timezone.now(),
    )


def next_generation(run: Run, planned: Planned, *, for_comparison: bool = False) -> Measurement:
    """Add a measurement beside all that the run has; its row must be locked."""
    measurement = new_measurement(
        run,
        planned,
        generation=newest_generation(run, planned.name) + 1,
        order=_order_of(run, planned.name),
    )
    measurement.is_for_comparison = for_comparison
    measurement.save()
    return measurement


def newest_generation(run: Run, name: str) -> int:
    newest: int | None = run.measurements.filter(name=name).aggregate(newest=Max("generation"))[
        "newest"
    ]
    return newest or 0


def _order_of(run: Run, name: str) -> int:
    """Return where a name stands in the run: where it stood, or after all others."""
    orders = {measurement.name: measurement.order for measurement in current_measurements(run)}
    return orders.get(name, max(orders.values(), default=-1) + 1)


def begin(
    run: Run, measurements: Sequence[Measurement], *, rescoring: Rescoring | None = None
) -> None:
    """Plan the work of a run that is scoring; where there is none, it is scored at once."""
    own = [one for one in measurements if is_own(one)]
    for kind, job_kind in JOB_KINDS.items():
        of_kind = [one for one in measurements if one.kind == kind and one not in own]
        if of_kind:
            begin_job(run, job_kind, of_kind, rescoring=rescoring)
    for one in own:
        begin_job(run, "own", [one], rescoring=rescoring)
    for one in measurements:
        if one.kind == Measurement.Kind.REMOTE:
            # A job of its own: whatever one scorer does is no other's trouble.
            size = batch_size_of(run.project_id, one.params)
            begin_job(run, "remote", [one], rescoring=rescoring, most_outputs=size)
    sealing.settle_run(run.pk)


def begin_job(
    run: Run,
    kind: str,
    measurements: Sequence[Measurement],
    *,
    rescoring: Rescoring | None = None,
    most_outputs: int | None = None,
) -> None:
    """Plan the work that fills measurements."""
    Measurement.objects.filter(pk__in=[one.pk for one in measurements]).update(
        state=Measurement.State.SCORING
    )
    queue.add_job(
        run=run,
        kind=kind,
        measurements=measurements,
        rescoring=rescoring,
        most_outputs=most_outputs,
    )


# --- many runs ------------------------------------------------------------------------------


def job_ended(job_id: int) -> None:
    """Go on with the re-scoring that a job belongs to, if it does."""
    rescoring_id = Job.objects.filter(pk=job_id).values_list("rescoring_id", flat=True).first()
    if rescoring_id is not None:
        go_on(rescoring_id)


def go_on(rescoring_id: int, *, seconds: float = 1.0) -> None:
    """Note which runs of a re-scoring are over, plan the next ones, and end it after the last.

    Any number of processes may do so at once. It stops far enough ahead of the workers, or after
    about so many seconds.
    """
    _note_ended(rescoring_id)
    until = time.monotonic() + seconds
    while time.monotonic() < until and not _is_ahead(rescoring_id):
        if not _plan_next(rescoring_id):
            break
    if not _parts(rescoring_id).exclude(state__in=RescoredRun.ENDED).exists():
        Rescoring.objects.filter(pk=rescoring_id).move(
            of=Rescoring.State.WORKING, to=Rescoring.State.DONE, ended_at=timezone.now()
        )


def _parts(rescoring_id: int) -> QuerySet[RescoredRun]:
    return RescoredRun.objects.filter(rescoring=rescoring_id)


def _note_ended(rescoring_id: int) -> None:
    """Keep how each run ended whose jobs have."""
    at_work = Job.objects.filter(rescoring=rescoring_id, state=Job.State.WORKING)
    ended = _parts(rescoring_id).filter(state=RescoredRun.State.WORKING)
    for part in ended.exclude(run__in=at_work.values("run")):
        measurements = Measurement.objects.filter(jobs__rescoring=rescoring_id, run=part.run_id)
        newest = {one.name: one for one in measurements.order_by("generation")}
        state, why = _outcome(list(newest.values()))
        ended.filter(pk=part.pk).update(state=state, why=why)


def _outcome(measurements: Sequence[Measurement]) -> tuple[RescoredRun.State, str]:
    failed = [one for one in measurements if one.state == Measurement.State.FAILED]
    if failed:
        return RescoredRun.State.FAILED, " ".join(f"{one.name}: {one.problem}" for one in failed)
    if any(one.state == Measurement.State.CANCELLED for one in measurements):
        return RescoredRun.State.SKIPPED, "The run was cancelled, or reopened, meanwhile."
    return RescoredRun.State.SCORED, ""


def _is_ahead(rescoring_id: int) -> bool:
    waiting = Chunk.objects.filter(job__rescoring=rescoring_id, state=Chunk.State.WAITING)
    return waiting.count() >= CHUNKS_AHEAD


def _plan_next(rescoring_id: int) -> bool:
    """Plan one more run; return False when none waits."""
    waiting = _parts(rescoring_id).filter(
        state=RescoredRun.State.WAITING, rescoring__state=Rescoring.State.WORKING
    )
    part = waiting.order_by("pk").first()
    if part is None:
        return False
    try:
        _plan_part(part)
    except DomainError as exc:  # what was asked for is no longer to be had
        waiting.filter(pk=part.pk).update(state=RescoredRun.State.FAILED, why=exc.detail)
    return True


@transaction.atomic
def _plan_part(part: RescoredRun) -> None:
    """Plan one run of a re-scoring, unless it was planned or called off meanwhile.

    The row of the re-scoring is locked first, as by those who call it off, and then the run's.
    """
    rescoring = Rescoring.objects.select_for_update().get(pk=part.rescoring_id)
    waiting = RescoredRun.objects.filter(pk=part.pk, state=RescoredRun.State.WAITING)
    if rescoring.state != Rescoring.State.WORKING or not waiting.exists():
        return
    run = Run.objects.select_for_update(of=("self",)).select_related("version").get(pk=part.run_id)
    why = _plan_run(rescoring, run)
    waiting.update(state=RescoredRun.State.SKIPPED if why else RescoredRun.State.WORKING, why=why)


def _plan_run(rescoring: Rescoring, run: Run) -> str:
    """Plan or take up again what a re-scoring asks of a run, or return why there is nothing."""
    if run.state not in Run.FINISHED:
        return f"The run is {run.state}; only finished runs are scored."
    if _take_up_again(rescoring, run):
        return ""
    wanted = plan(rescoring.specs, project=rescoring.project, attempts=run.attempts)
    if not rescoring.is_again:
        current = {one.name: one for one in current_measurements(run)}
        wanted = [one for one in wanted if not _has(current.get(one.name), one)]
    if not wanted:
        return "It has these numbers already, by the same signatures."
    Run.objects.filter(pk=run.pk).move(to=Run.State.SCORING)
    beside = rescoring.is_for_comparison
    made = [next_generation(run, one, for_comparison=beside) for one in wanted]
    begin(run, made, rescoring=rescoring)
    return ""


def _has(current: Measurement | None, wanted: Planned) -> bool:
    """Say whether a run's number by this spec is there, or on its way."""
    if current is None or current.signature != wanted.signature:
        return False
    return current.state in (Measurement.State.SCORED, Measurement.State.SCORING)


def _take_up_again(rescoring: Rescoring, run: Run) -> bool:
    """Go on with the jobs of a run that were called off; False where there is nothing to go on.

    A measurement that a newer generation has overtaken is left alone: the outputs may be others.
    """
    called_off = rescoring.jobs.filter(run=run, state=Job.State.CANCELLED).order_by("pk")
    pairs = [(job, list(job.measurements.order_by("order", "pk"))) for job in called_off]
    every = [one for _, of_job in pairs for one in of_job]
    is_newest = all(one.generation == newest_generation(run, one.name) for one in every)
    if not every or not is_newest:
        return False
    Measurement.objects.filter(
        pk__in=[one.pk for one in every], state=Measurement.State.CANCELLED
    ).update(state=Measurement.State.SCORING)
    for job, _ in pairs:
        queue.resume_job(job)
    Run.objects.filter(pk=run.pk).move(to=Run.State.SCORING)
    return True
