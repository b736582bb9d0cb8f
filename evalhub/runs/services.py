"""Everything that changes runs: made, filled, finished, scored again, rated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.models import Project, valid_slug
from evalhub.accounts.services import COMMAND_LINE, Actor, record
from evalhub.datasets.keys import positions_of
from evalhub.datasets.models import DatasetVersion
from evalhub.datasets.selectors import dataset_of, examples_at_positions, version_of
from evalhub.errors import Conflict, ContentError, FieldError
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.rows import OutputRow
from evalhub.runs import bulk, planning, queue, reopenings
from evalhub.runs.models import Job, Measurement, Run, System, SystemVersion
from evalhub.runs.ratings import RatingRow
from evalhub.runs.selectors import current_measurements, is_missing
from evalhub.runs.specs import Planned, plan
from evalhub.runs.tasks import wake
from metrics.base import Family
from metrics.batch import Json

MAX_ATTEMPTS = 100
MAX_OUTPUTS = 10_000_000
SHOWN_KEYS = 10
AUTOMATED = (Measurement.Kind.AUTOMATIC, Measurement.Kind.REMOTE, Measurement.Kind.JUDGE)


@dataclass(frozen=True)
class Submitted:
    """What a submission of outputs did."""

    accepted: int
    replaced: int
    unchanged: int


# --- a run is made --------------------------------------------------------------------------


def create_run(  # noqa: PLR0913 - the members of the contract
    *,
    project: Project,
    dataset: str,
    version: int | str | None = None,
    system: str,
    system_version: str = "",
    metrics: Sequence[Json] = (),
    attempts: int = 1,
    git_commit: str = "",
    params: Mapping[str, Json] | None = None,
    tags: Sequence[str] = (),
    external_id: str = "",
    actor: Actor = COMMAND_LINE,
) -> Run:
    """Open a run of a system on a dataset version, by number or tag; by default the newest."""
    on = version_of(dataset_of(project, dataset), version)
    planned = plan(metrics, project=project, attempts=attempts)
    run = Run(
        project=project,
        version=on,
        attempts=attempts,
        git_commit=git_commit,
        params=dict(params or {}),
        tags=list(tags),
        external_id=external_id,
        seed=_seed_of(on),
        created_by=actor.user,
        created_at=timezone.now(),
    )
    _check(run, system=system, system_version=system_version)
    try:
        with transaction.atomic():
            run.system_version = _system_version(project, system, system_version)
            run.save()
            for order, one in enumerate(planned):
                planning.new_measurement(run, one, generation=1, order=order).save()
    except IntegrityError as exc:
        raise _repeated(project, external_id) from exc
    return run


def _seed_of(version: DatasetVersion) -> int:
    """Return the seed of a run's random numbers: equal inputs give equal numbers."""
    digest = hashlib.sha256(f"run on {version.digest}".encode()).digest()
    # 48 bits: a number that every reader of JSON keeps as it is.
    return int.from_bytes(digest[:6], "big")


def _check(run: Run, *, system: str, system_version: str) -> None:
    faults = [
        *_fault(not 1 <= run.attempts <= MAX_ATTEMPTS, "attempts", f"1 to {MAX_ATTEMPTS}"),
        *_fault(len(run.git_commit) > 100, "git_commit", "at most 100 characters"),
        *_fault(len(run.external_id) > 200, "external_id", "at most 200 characters"),
        *_fault(len(system_version) > 100, "system_version", "at most 100 characters"),
        *_fault(len(run.tags) > 50, "tags", "at most 50 tags"),
        *_fault(any(len(tag) > 100 for tag in run.tags), "tags", "tags of at most 100 characters"),
    ]
    try:
        valid_slug(system)
    except ValidationError as exc:
        faults.append(FieldError("system", "slug", " ".join(exc.messages)))
    if faults:
        raise ContentError(f"{faults[0].field}: {faults[0].detail}", errors=faults)
    if run.n_expected > MAX_OUTPUTS:
        raise ContentError(
            f"{run.version.n_examples:,} examples with {run.attempts} attempts are more than "
            f"{MAX_OUTPUTS:,} outputs. Take fewer attempts."
        )


def _fault(is_wrong: bool, field: str, must: str) -> list[FieldError]:  # noqa: FBT001
    return [FieldError(field, "range", f"This must be {must}.")] if is_wrong else []


def _system_version(project: Project, slug: str, name: str) -> SystemVersion:
    now = timezone.now()
    system, _ = System.objects.get_or_create(
        project=project, slug=slug, defaults={"created_at": now}
    )
    found, _ = SystemVersion.objects.get_or_create(
        system=system, name=name, defaults={"created_at": now}
    )
    return found


def _repeated(project: Project, external_id: str) -> Conflict:
    earlier = Run.objects.filter(project=project, external_id=external_id).first()
    which = f": {earlier.public_id}" if earlier else ""
    return Conflict(f"The external_id {external_id!r} is a run of this project already{which}.")


# --- a run is filled ------------------------------------------------------------------------


def submit_outputs(*, run: Run, rows: Sequence[tuple[int, OutputRow]]) -> Submitted:
    """Keep a checked batch of outputs (with the lines they came from), all or none.

    The same output again changes nothing; another for the same place replaces the first.
    """
    positions = _positions_of(run, rows)
    outputs = [
        bulk.NewOutput.of(run, position, row)
        for position, (_, row) in zip(positions, rows, strict=True)
    ]
    with transaction.atomic():
        locked = _locked(run)
        if locked.state != Run.State.OPEN:
            raise Conflict(
                f"The run is {locked.state}: it takes outputs only while it is open.",
                code="not_open",
            )
        return _store(locked, outputs)


def _positions_of(run: Run, rows: Sequence[tuple[int, OutputRow]]) -> list[int]:
    """Return the position of every row; unknown keys and attempts are named by their lines."""
    errors = ErrorCollector()
    positions: list[int] = positions_of(run.version, [row.key for _, row in rows]).tolist()
    for position, (line, row) in zip(positions, rows, strict=True):
        if position < 0:
            detail = f"The dataset version has no example with the key {row.key[:100]!r}."
            errors.add(line, "unknown_key", detail, "key")
        elif row.attempt > run.attempts:
            detail = f"Attempt {row.attempt} of a run with {run.attempts} for each example."
            errors.add(line, "attempt", detail, "attempt")
    errors.raise_if_any()
    return positions


def _store(run: Run, outputs: Sequence[bulk.NewOutput]) -> Submitted:
    positions = [output.place[0] for output in outputs]
    stored = bulk.stored_outputs(run, positions) if run.n_outputs else {}
    changed = [
        output
        for output in outputs
        if output.place not in stored or stored[output.place].digest != output.digest
    ]
    outdated = [stored[output.place] for output in changed if output.place in stored]
    bulk.delete_outputs([old.pk for old in outdated])
    bulk.insert_outputs(changed)
    accepted = len(changed) - len(outdated)
    new_errors = sum(output.is_error for output in changed)
    Run.objects.filter(pk=run.pk).update(
        n_outputs=run.n_outputs + accepted,
        n_errors=run.n_errors + new_errors - sum(old.is_error for old in outdated),
    )
    return Submitted(
        accepted=accepted, replaced=len(outdated), unchanged=len(outputs) - len(changed)
    )


def _locked(run: Run) -> Run:
    """Return the run as it is now, and keep it so until the transaction ends."""
    return Run.objects.select_for_update().get(pk=run.pk)


# --- a run is finished ----------------------------------------------------------------------


def finish_run(*, run: Run, allow_missing: bool = False, actor: Actor = COMMAND_LINE) -> Run:
    """Freeze a run's outputs and let them be scored. Missing ones are allowed by name only."""
    with transaction.atomic():
        locked = _locked(run)
        if locked.state != Run.State.OPEN:
            raise Conflict(f"The run is {locked.state} and was finished before.", code="not_open")
        if not allow_missing and locked.n_outputs < locked.n_expected:
            raise _incomplete(locked)
        Run.objects.filter(pk=run.pk).move(to=Run.State.SCORING, finished_at=timezone.now())
        waiting = run.measurements.filter(state=Measurement.State.WAITING)
        planning.begin(run, list(waiting.order_by("order", "pk")))
        record(project=run.project, actor=actor, verb="finish run", subject=run.public_id)
    wake()
    run.refresh_from_db()
    return run


def _incomplete(run: Run) -> Conflict:
    missing = np.argwhere(is_missing(run))[:SHOWN_KEYS].tolist()
    examples = examples_at_positions(run.version, [position for position, _ in missing])
    names = ", ".join(
        examples[position].key + (f" (attempt {attempt + 1})" if run.attempts > 1 else "")
        for position, attempt in missing
    )
    count = run.n_expected - run.n_outputs
    return Conflict(
        f"{count:,} of {run.n_expected:,} outputs are missing, first of: {names}. Submit them, "
        'or finish with {"allow_missing": true}: a missing output scores as the worst.',
        code="missing_outputs",
        errors=[
            FieldError("outputs", "missing", examples[position].key) for position, _ in missing
        ],
        total=count,
    )


def cancel_run(*, run: Run, actor: Actor) -> Run:
    """Stop a run that is not scored yet, with all work on it."""
    with transaction.atomic():
        locked = _locked(run)
        if not Run.objects.filter(pk=run.pk).move(to=Run.State.CANCELLED):
            raise Conflict(f"The run is {locked.state}: there is nothing left to cancel.")
        _call_off(run)
        record(project=run.project, actor=actor, verb="cancel run", subject=run.public_id)
    run.refresh_from_db()
    return run


def reopen_run(*, run: Run, actor: Actor) -> Run:
    """Let outputs of a finished run change again; its numbers so far stay, as older ones.

    Marks of the outputs are kept, so that reports of before can tell which are others since. They
    are read while nothing is locked: outputs of a finished run stay as they are.
    """
    before = Run.objects.select_related("version").get(pk=run.pk)
    marks = reopenings.marks_of(before)
    with transaction.atomic():
        locked = _locked(run)
        moved = Run.objects.filter(pk=run.pk).move(
            to=Run.State.OPEN, finished_at=None, scored_at=None
        )
        if not moved:
            raise Conflict(f"The run is {locked.state} already.")
        if before.state == Run.State.OPEN or before.finished_at != locked.finished_at:
            raise Conflict("The run has changed meanwhile; look at it again.")
        reopenings.keep(run, marks)
        _call_off(run)
        for measurement in current_measurements(run):
            _renewed(measurement).save()
        record(
            project=run.project,
            actor=actor,
            verb="reopen run",
            subject=run.public_id,
            detail={"from": locked.state},
        )
    run.refresh_from_db()
    return run


def _call_off(run: Run) -> None:
    queue.cancel_jobs(Job.objects.filter(run=run))
    run.measurements.filter(
        state__in=(Measurement.State.WAITING, Measurement.State.SCORING)
    ).update(state=Measurement.State.CANCELLED)


def _renewed(measurement: Measurement) -> Measurement:
    """Return the next generation of a measurement, with nothing measured yet.

    Labels are about the outputs as they were, and nobody gives them anew.
    """
    is_again = measurement.kind in AUTOMATED
    kept = (
        *("run", "kind", "name", "metric", "params", "signature", "order"),
        *("higher_is_better", "low_bound", "high_bound", "family"),
    )
    return Measurement(
        **{name: getattr(measurement, name) for name in kept},
        generation=planning.newest_generation(measurement.run, measurement.name) + 1,
        is_after_reopening=True,
        state=Measurement.State.WAITING if is_again else Measurement.State.CANCELLED,
        problem=""
        if is_again
        else "The run was reopened since; these labels are about its outputs before.",
        created_at=timezone.now(),
    )


# --- a run is measured again ----------------------------------------------------------------


def measure_run(*, run: Run, metrics: Sequence[Json], actor: Actor) -> list[Measurement]:
    """Score a finished run with new metrics, or again: each is a new generation of its name."""
    planned = plan(metrics, project=run.project, attempts=run.attempts)
    if not planned:
        detail = "Name at least one metric."
        raise ContentError(detail, errors=[FieldError("metrics", "missing", detail)])
    with transaction.atomic():
        _refuse_unfinished(_locked(run), "it can be measured")
        Run.objects.filter(pk=run.pk).move(to=Run.State.SCORING)
        measurements = [planning.next_generation(run, one) for one in planned]
        planning.begin(run, measurements)
        record(
            project=run.project,
            actor=actor,
            verb="measure run",
            subject=run.public_id,
            detail={"metrics": [one.name for one in planned]},
        )
    wake()
    return measurements


def _refuse_unfinished(run: Run, what: str) -> None:
    if run.state not in Run.FINISHED:
        raise Conflict(f"The run is {run.state}: {what} once it is finished.")


def publish_ratings(  # noqa: PLR0913 - what a measurement by people or judges is made of
    *,
    run: Run,
    name: str,
    kind: str,
    metric: str,
    params: Mapping[str, Json],
    signature: str,
    family: str,
    higher_is_better: bool,
    low_bound: float | None,
    high_bound: float | None,
    resolution: str,
    ratings: Sequence[RatingRow],
    actor: Actor,
) -> Measurement:
    """Add a measurement from ratings; a chunk of work resolves them into score columns."""
    planned = Planned(
        name=name,
        kind=Measurement.Kind(kind),
        metric=metric,
        params={**params, "resolution": resolution},
        signature=signature,
        family=Family(family),
        higher_is_better=higher_is_better,
        low_bound=low_bound,
        high_bound=high_bound,
    )
    with transaction.atomic():
        _refuse_unfinished(_locked(run), "it takes ratings")
        measurement = planning.next_generation(run, planned)
        bulk.insert_ratings(measurement.pk, ratings)
        planning.begin_job(run, "ratings", [measurement])
        record(
            project=run.project,
            actor=actor,
            verb="publish ratings",
            subject=measurement.public_id,
            detail={"name": name, "ratings": len(ratings)},
        )
    wake()
    measurement.refresh_from_db()
    return measurement
