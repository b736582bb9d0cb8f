"""The queue of record: chunks of work are planned, claimed under a lease, done, or given back.

Every change is one conditional statement or one short transaction, so that any number of workers
and sweeps may do it at once. A worker writes only while owner and fence of a chunk are its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Max, Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from evalhub.runs.columns import NewColumn, failed_scores, write_columns
from evalhub.runs.models import Chunk, Job, Measurement, Rescoring, Run

# A run has about so many chunks at least, of at least so many positions: its progress moves.
CHUNKS_OF_A_RUN, SMALLEST_CHUNK = 8, 10
# Judges answer in seconds, not milliseconds: their chunks are smaller.
JUDGED_POSITIONS = 20
CRASHES_BEFORE_SPLIT, PIECES = 2, 32
WRITE_TRIES, PAUSE_SECONDS = 4, 0.5

T = TypeVar("T")


class LostClaimError(Exception):
    """The chunk is another worker's by now, or cancelled: what was computed is not written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A chunk in a worker's hands: positions [start, stop) of a job's run."""

    chunk_id: int
    job_id: int
    run_id: int
    kind: str
    start: int
    stop: int
    owner: str
    fence: int


# --- planning -------------------------------------------------------------------------------


def add_job(
    *,
    run: Run,
    kind: str,
    measurements: Sequence[Measurement],
    rescoring: Rescoring | None = None,
    most_outputs: int | None = None,
) -> Job:
    """Plan the work on a run; call it in the transaction that makes it due.

    The first chunk takes the turn that is at work now, so that runs interleave. All runs of a
    re-scoring together stand in line like one: a hundred old runs hold up no new one.
    `most_outputs` are as many as a chunk may have, where its kind does not say.
    """
    turn = _first_turn(rescoring)
    job = Job.objects.create(run=run, kind=kind, rescoring=rescoring, created_at=timezone.now())
    job.measurements.set(measurements)
    n = run.version.n_examples
    size = _chunk_size(run, kind, is_alone=rescoring is None, most_outputs=most_outputs)
    Chunk.objects.bulk_create(
        Chunk(job=job, start=start, stop=min(start + size, n), turn=turn + k)
        for k, start in enumerate(range(0, n, size))
    )
    return job


def _first_turn(rescoring: Rescoring | None) -> int:
    at_work = Chunk.objects.filter(_UNFINISHED).aggregate(first=Min("turn"))["first"] or 0
    newest = rescoring.jobs.order_by("-pk").first() if rescoring else None
    last = newest.chunks.aggregate(last=Max("turn"))["last"] if newest else None
    return at_work if last is None else max(at_work, last + 1)


def _chunk_size(run: Run, kind: str, *, is_alone: bool, most_outputs: int | None) -> int:
    most = JUDGED_POSITIONS if kind == "judge" else settings.CHUNK_POSITIONS
    most = min(most, most_outputs or most)
    most = max(1, most // run.attempts)
    # Ratings are there already, and of many runs it is the runs that are watched.
    if kind == "ratings" or not is_alone:
        return most
    wished = max(SMALLEST_CHUNK, -(-run.version.n_examples // CHUNKS_OF_A_RUN))
    return min(most, wished)


def cancel_jobs(jobs: QuerySet[Job]) -> None:
    """Call off work; a worker that is at it writes nothing any more."""
    working = jobs.filter(state=Job.State.WORKING)
    Chunk.objects.filter(_UNFINISHED, job__in=working).update(state=Chunk.State.CANCELLED)
    working.update(state=Job.State.CANCELLED, ended_at=Now())


def resume_job(job: Job) -> None:
    """Let a job that was called off go on: what its chunks have written is not done again."""
    job.chunks.filter(state=Chunk.State.CANCELLED).update(
        state=Chunk.State.WAITING, owner="", lease_until=None, not_before=None
    )
    Job.objects.filter(pk=job.pk).update(state=Job.State.WORKING, ended_at=None)


# --- claiming -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Dialect:
    now: str
    lease: str  # takes seconds
    skip: str


_DIALECTS = {
    "sqlite": _Dialect(
        now="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
        lease="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+' || %s || ' seconds')",
        skip="",
    ),
    "postgresql": _Dialect(
        now="clock_timestamp()",
        lease="clock_timestamp() + make_interval(secs => %s)",
        skip="FOR UPDATE SKIP LOCKED",
    ),
}
_CLAIM = """
UPDATE runs_chunk SET state = 'claimed', owner = %s, fence = fence + 1, lease_until = {lease}
WHERE id = (
  SELECT id FROM runs_chunk
  WHERE state = 'waiting' AND (not_before IS NULL OR not_before <= {now})
  ORDER BY turn, id LIMIT 1 {skip}
)
RETURNING id, job_id, (SELECT run_id FROM runs_job WHERE runs_job.id = job_id),
  (SELECT kind FROM runs_job WHERE runs_job.id = job_id), start, stop, owner, fence
"""


def claim(owner: str) -> Claim | None:
    """Take the next chunk in turn, or None when nothing waits."""
    dialect = _DIALECTS[connection.vendor]
    sql = _CLAIM.format(now=dialect.now, lease=dialect.lease, skip=dialect.skip)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [owner, settings.LEASE_SECONDS])
        rows = cursor.fetchall()
    if not rows:
        return None
    names = ("chunk_id", "job_id", "run_id", "kind", "start", "stop", "owner", "fence")
    return Claim(**dict(zip(names, rows[0], strict=True)))


def has_waiting() -> bool:
    return _due().exists()


def is_due_within(seconds: float) -> bool:
    """Say whether a chunk that rests will be due so soon."""
    soon = Now() + timedelta(seconds=seconds)
    return Chunk.objects.filter(state=Chunk.State.WAITING, not_before__lte=soon).exists()


def has_unfinished(job: Job) -> bool:
    return job.chunks.filter(_UNFINISHED).exists()


def extend(held: Claim) -> bool:
    """Lengthen the lease of a chunk that is still being worked on."""
    lease = Now() + timedelta(seconds=settings.LEASE_SECONDS)
    return bool(_held(held).update(lease_until=lease))


# --- ending ---------------------------------------------------------------------------------


def finish(
    held: Claim,
    *,
    columns: Sequence[NewColumn] = (),
    problems: Mapping[int, str] | None = None,
) -> None:
    """Write a chunk's columns and mark it done, or raise LostClaimError and write nothing.

    `problems` say by measurement id why it could not be computed: it fails as a whole.
    """
    durably(lambda: _finish(held, columns, problems or {}))


@transaction.atomic
def _finish(held: Claim, columns: Sequence[NewColumn], problems: Mapping[int, str]) -> None:
    done = _held(held).update(state=Chunk.State.DONE, lease_until=None, error="")
    if not done:
        raise LostClaimError(f"Chunk {held.chunk_id} is no longer {held.owner}'s.")
    write_columns(columns, start=held.start, stop=held.stop)
    for measurement_id, problem in problems.items():
        Measurement.objects.filter(pk=measurement_id, state=Measurement.State.SCORING).update(
            state=Measurement.State.FAILED, problem=problem, scored_at=Now()
        )


def postpone(held: Claim, *, seconds: float) -> None:
    """Give a chunk back unharmed, to be tried again later; 0 seconds make it due at once.

    That is a null, not this moment: SQLite compares moments as texts of unequal precision.
    """
    not_before = Now() + timedelta(seconds=seconds) if seconds else None
    durably(
        lambda: _held(held).update(
            state=Chunk.State.WAITING, owner="", lease_until=None, not_before=not_before
        )
    )


@transaction.atomic
def _rest(held: Claim, *, seconds: float, tried: int) -> None:
    later = Now() + timedelta(seconds=seconds)
    _held(held).update(
        state=Chunk.State.WAITING,
        owner="",
        lease_until=None,
        not_before=later,
        tries=F("tries") + tried,
    )
    waiting = Chunk.objects.filter(job=held.job_id, state=Chunk.State.WAITING)
    waiting.exclude(pk=held.chunk_id).update(not_before=later)


def rest(held: Claim, *, seconds: float, is_try: bool) -> None:
    """Give a chunk back, and let the whole job wait with it: whom it asks is the same for all.

    With `is_try`, the chunk was asked about in vain once more.
    """
    durably(lambda: _rest(held, seconds=seconds, tried=int(is_try)))


def end_rest(held: Claim) -> None:
    """Make all of a job due that waits: whom it asks has answered."""
    waiting = Chunk.objects.filter(job=held.job_id, state=Chunk.State.WAITING)
    durably(lambda: waiting.filter(not_before__isnull=False).update(not_before=None))


def at_work_besides(held: Claim) -> int:
    """Count the other chunks of this kind of job that workers have in hand."""
    claimed = Chunk.objects.filter(state=Chunk.State.CLAIMED, job__kind=held.kind)
    return claimed.exclude(pk=held.chunk_id).count()


def tries_of(held: Claim) -> int:
    """Return how often a chunk was asked about in vain."""
    return Chunk.objects.values_list("tries", flat=True).get(pk=held.chunk_id)


def is_unproven(held: Claim) -> bool:
    """Say whether nothing is known of whom a job asks, or the last try was in vain."""
    chunks = Chunk.objects.filter(job=held.job_id)
    has_answers = chunks.filter(state=Chunk.State.DONE).exists()
    return not has_answers or chunks.filter(_UNFINISHED, tries__gt=0).exists()


def has_earlier_at_work(held: Claim) -> bool:
    """Say whether another worker has an earlier chunk of the same job in hand."""
    claimed = Chunk.objects.filter(job=held.job_id, state=Chunk.State.CLAIMED)
    return claimed.filter(start__lt=held.start).exists()


def note_crash(held: Claim, *, error: str) -> bool:
    """Take a chunk from a worker that did not get through it; say whether it was still its own.

    After two crashes the chunk is split, to get at what kills; an output that kills alone is
    given up, with a reason.
    """
    return durably(lambda: _note_crash(held, error))


@transaction.atomic
def _note_crash(held: Claim, error: str) -> bool:
    chunk = _held(held).select_for_update().first()
    if chunk is None:
        return False
    chunk.crashes += 1
    chunk.owner, chunk.lease_until, chunk.error = "", None, error
    if chunk.crashes < CRASHES_BEFORE_SPLIT:
        chunk.state = Chunk.State.WAITING
    elif chunk.stop - chunk.start == 1:
        _give_up(chunk)
    else:
        return _split(chunk)
    chunk.save()
    return True


def _split(chunk: Chunk) -> bool:
    size = -(-(chunk.stop - chunk.start) // PIECES)
    starts = range(chunk.start, chunk.stop, size)
    chunk.delete()
    Chunk.objects.bulk_create(
        Chunk(
            job_id=chunk.job_id,
            start=start,
            stop=min(start + size, chunk.stop),
            turn=chunk.turn,
            error=chunk.error,
        )
        for start in starts
    )
    return True


def _give_up(chunk: Chunk) -> None:
    """Let the run finish without this position: its scores are missing, with a reason."""
    chunk.state = Chunk.State.FAILED
    measurements = chunk.job.measurements.filter(state=Measurement.State.SCORING)
    scores = failed_scores(chunk.job.run.attempts)
    columns = [
        NewColumn(
            measurement_id=measurement.pk, start=chunk.start, n=1, scores=scores, inputs_digest=""
        )
        for measurement in measurements
    ]
    write_columns(columns, start=chunk.start, stop=chunk.stop)


def reclaim(claims: Iterable[Claim], *, error: str) -> int:
    """Take chunks from workers that will not finish them; return how many were still theirs."""
    return sum(note_crash(held, error=error) for held in claims)


def expired_claims() -> list[Claim]:
    return _claims(Chunk.objects.filter(lease_until__lt=Now()))


def claims_of(owners: Iterable[str]) -> list[Claim]:
    return _claims(Chunk.objects.filter(owner__in=list(owners)))


def owners() -> list[str]:
    """Return who holds chunks."""
    claimed = Chunk.objects.filter(state=Chunk.State.CLAIMED)
    return sorted(set(claimed.values_list("owner", flat=True)))


def durably(write: Callable[[], T]) -> T:
    """Do a write again when the database was busy or away: work already done is worth a wait."""
    for tries in range(1, WRITE_TRIES + 1):
        try:
            return write()
        except (OperationalError, InterfaceError):
            if tries == WRITE_TRIES or connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(PAUSE_SECONDS * tries)
    raise AssertionError


_UNFINISHED = Q(state__in=(Chunk.State.WAITING, Chunk.State.CLAIMED))


def _due() -> QuerySet[Chunk]:
    return Chunk.objects.filter(
        Q(not_before__isnull=True) | Q(not_before__lte=Now()), state=Chunk.State.WAITING
    )


def _held(held: Claim) -> QuerySet[Chunk]:
    return Chunk.objects.filter(
        pk=held.chunk_id, state=Chunk.State.CLAIMED, owner=held.owner, fence=held.fence
    )


def _claims(chunks: QuerySet[Chunk]) -> list[Claim]:
    claimed = chunks.filter(state=Chunk.State.CLAIMED).select_related("job")
    return [
        Claim(
            chunk_id=chunk.pk,
            job_id=chunk.job_id,
            run_id=chunk.job.run_id,
            kind=chunk.job.kind,
            start=chunk.start,
            stop=chunk.stop,
            owner=chunk.owner,
            fence=chunk.fence,
        )
        for chunk in claimed
    ]
