"""Everything that changes re-scorings: many runs of a dataset are scored with the same metrics.

Old numbers stay: each run gets a new generation of a measurement beside them. The row of a
re-scoring and its list of runs say what is to be done; `planning` does it, a few runs at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE, Actor, record
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.datasets.selectors import version_of
from evalhub.errors import Conflict, ContentError, FieldError
from evalhub.intake.strict import quoted
from evalhub.runs import planning, queue, sealing
from evalhub.runs.models import Job, Measurement, RescoredRun, Rescoring, Run
from evalhub.runs.specs import plan
from evalhub.runs.tasks import wake
from metrics.batch import Json

# How long a request plans runs itself before it leaves the rest to the workers.
PLANNING_SECONDS = 0.5


def begin(
    *,
    dataset: Dataset,
    metrics: Sequence[Json],
    version: int | str | None = None,
    runs: Sequence[str] | None = None,
    again: bool = False,
    for_comparison: bool = False,
    actor: Actor = COMMAND_LINE,
) -> Rescoring:
    """Score the finished runs of a dataset with metrics, of one version or those named alone.

    A run that has a number by exactly this signature is passed over, unless it is asked for
    again. What is under way already is not begun twice: the answer is the one that is there.
    `for_comparison`, the numbers stand beside those that the runs go on to answer with.
    """
    if not plan(metrics, project=dataset.project):
        detail = "Name at least one metric."
        raise ContentError(detail, errors=[FieldError("metrics", "missing", detail)])
    on = None if version is None else version_of(dataset, version)
    chosen = _chosen_runs(dataset, on, runs)
    rescoring = Rescoring(
        project=dataset.project,
        dataset=dataset,
        version=on,
        specs=list(metrics),
        is_again=again,
        is_for_comparison=for_comparison,
        digest=_digest(metrics, None if on is None else on.number, runs, again, for_comparison),
        created_by=actor.user,
        created_at=timezone.now(),
    )
    try:
        _keep(rescoring, chosen, actor)
    except IntegrityError:
        twin = _under_way(rescoring)
        if twin is None:
            detail = "The same has ended at this very moment; send the request again."
            raise Conflict(detail) from None
        return twin
    _go_on(rescoring)
    return rescoring


def _chosen_runs(
    dataset: Dataset, version: DatasetVersion | None, names: Sequence[str] | None
) -> list[int]:
    """Return the row ids of the finished runs that are asked for, oldest first."""
    runs = Run.objects.filter(project=dataset.project, version__dataset=dataset).order_by("pk")
    if version is not None:
        runs = runs.filter(version=version)
    rows = list(runs.values_list("pk", "public_id", "state"))
    if names is not None:
        _refuse_strangers(names, {name for _, name, _ in rows})
    wanted = None if names is None else set(names)
    chosen = [
        pk
        for pk, name, state in rows
        if state in Run.FINISHED and (wanted is None or name in wanted)
    ]
    if not chosen:
        raise Conflict(
            f"There is no finished run of {dataset.slug} to score. Finish one first, or choose "
            "other runs.",
            code="no_runs",
        )
    return chosen


def _refuse_strangers(names: Sequence[str], known: set[str]) -> None:
    faults = [
        FieldError(f"runs[{at}]", "run", f"There is no such run of this dataset: {quoted(name)}.")
        for at, name in enumerate(names)
        if name not in known
    ]
    if faults:
        raise ContentError(f"{faults[0].field}: {faults[0].detail}", errors=faults)


def _digest(
    metrics: Sequence[Json],
    version: int | None,
    runs: Sequence[str] | None,
    *how: bool,
) -> str:
    """Digest what is asked for."""
    asked = [list(metrics), version, runs and sorted(runs), *how]
    written = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def last_for_comparison(run: Run, metrics: Sequence[Json]) -> RescoredRun | None:
    """Return how it went when a comparison last asked for just these metrics of a run."""
    digest = _digest(metrics, None, [run.public_id], False, True)  # noqa: FBT003
    parts = RescoredRun.objects.filter(run=run, rescoring__digest=digest)
    return parts.select_related("rescoring").order_by("-pk").first()


@transaction.atomic
def _keep(rescoring: Rescoring, runs: Sequence[int], actor: Actor) -> None:
    rescoring.save()
    RescoredRun.objects.bulk_create(
        [RescoredRun(rescoring=rescoring, run_id=run_id) for run_id in runs], batch_size=1_000
    )
    _record(rescoring, actor, "rescore dataset", runs=len(runs))


def _record(rescoring: Rescoring, actor: Actor, verb: str, **more: object) -> None:
    record(
        project=rescoring.project,
        actor=actor,
        verb=verb,
        subject=rescoring.public_id,
        detail={"dataset": rescoring.dataset.slug, **more},
    )


def _under_way(rescoring: Rescoring) -> Rescoring | None:
    """Return the re-scoring that does the same now."""
    working = Rescoring.objects.filter(
        dataset=rescoring.dataset, digest=rescoring.digest, state=Rescoring.State.WORKING
    )
    return working.first()


def _go_on(rescoring: Rescoring) -> None:
    planning.go_on(rescoring.pk, seconds=PLANNING_SECONDS)
    wake()
    rescoring.refresh_from_db()


def cancel(*, rescoring: Rescoring, actor: Actor) -> None:
    """Call off what is left. Numbers that are done stay; the others are as they were before.

    What was computed of unfinished ones is kept, so that they can be resumed.
    """
    with transaction.atomic():
        _move(
            rescoring,
            of=Rescoring.State.WORKING,
            to=Rescoring.State.CANCELLED,
            otherwise="there is nothing left to cancel",
        )
        run_ids = _call_off(rescoring)
        _record(rescoring, actor, "cancel rescoring")
    for run_id in run_ids:
        sealing.settle_run(run_id)
    rescoring.refresh_from_db()


def _call_off(rescoring: Rescoring) -> set[int]:
    """Stop the work that is planned, which waits again; return on which runs."""
    jobs = Job.objects.filter(rescoring=rescoring, state=Job.State.WORKING)
    run_of = dict(jobs.values_list("pk", "run_id"))
    queue.cancel_jobs(jobs)
    Measurement.objects.filter(jobs__in=run_of, state=Measurement.State.SCORING).update(
        state=Measurement.State.CANCELLED
    )
    parts = rescoring.parts.filter(run__in=run_of.values(), state=RescoredRun.State.WORKING)
    parts.update(state=RescoredRun.State.WAITING)
    return {*run_of.values()}


def resume(*, rescoring: Rescoring, actor: Actor) -> None:
    """Go on where a re-scoring was called off; what is there is not computed again."""
    try:
        with transaction.atomic():
            _move(
                rescoring,
                of=Rescoring.State.CANCELLED,
                to=Rescoring.State.WORKING,
                otherwise="only what was cancelled is resumed",
            )
            _record(rescoring, actor, "resume rescoring")
    except IntegrityError:
        twin = _under_way(rescoring)
        which = f" by {twin.public_id}" if twin else ""
        raise Conflict(f"The same is being scored{which} already; wait for it.") from None
    _go_on(rescoring)


def _move(
    rescoring: Rescoring, *, of: Rescoring.State, to: Rescoring.State, otherwise: str
) -> None:
    ended_at = None if to == Rescoring.State.WORKING else timezone.now()
    moved = Rescoring.objects.filter(pk=rescoring.pk).move(of=of, to=to, ended_at=ended_at)
    if not moved:
        rescoring.refresh_from_db()
        raise Conflict(f"The re-scoring is {rescoring.state}: {otherwise}.")
