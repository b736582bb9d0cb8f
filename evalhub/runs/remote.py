"""Have a chunk of a run's outputs scored by a service of somebody's, over HTTP.

Nobody waits here for long: a chunk is one request or a few, and one that fails is given back, to
be tried again after a pause that grows. So a scorer that hangs holds one worker for the time of
one request, and what it has answered is written before the next is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from django.db import transaction

from evalhub.datasets.selectors import examples_at
from evalhub.outbound.client import NoAnswer
from evalhub.outbound.patience import Trouble, pause
from evalhub.runs import queue, workers
from evalhub.runs.columns import NewColumn, covers
from evalhub.runs.models import Measurement, Output, Run, ScoreNote
from evalhub.runs.queue import Claim
from evalhub.runs.scoring import measurements_at_work
from evalhub.runs.selectors import outputs_between
from evalhub.scorers.asking import ask
from evalhub.scorers.protocol import Item, Said, item
from evalhub.scorers.selectors import NotReadyError, Ready, ready_at
from metrics.batch import Scores
from metrics.reasons import Reason

# How often a chunk is asked about before its trouble is final; any other is final at once.
MOST_TRIES: Mapping[Trouble, int] = {
    Trouble.UNREACHABLE: 6,
    Trouble.TIMED_OUT: 4,
    Trouble.BUSY: 10,
    Trouble.BROKEN: 6,
    Trouble.UNREADABLE: 2,
}
FIRST_PAUSE_SECONDS = 2.0
# How long a worker leaves a job alone while another finds out whether the scorer answers.
OTHERS_SECONDS = 1.0

Asked = list[Item]


def run_chunk(claim: Claim) -> None:
    """Have the claimed positions scored and mark the chunk done, or give it back."""
    measurements = measurements_at_work(claim)
    if covers(measurements, start=claim.start, stop=claim.stop):
        queue.finish(claim)
        return
    (measurement,) = measurements
    run = Run.objects.select_related("version").get(pk=claim.run_id)
    try:
        ready = ready_at(run.project_id, measurement.params)
    except NotReadyError as exc:
        queue.finish(claim, problems={measurement.pk: exc.detail})
        return
    is_unproven = queue.is_unproven(claim)
    if is_unproven and queue.has_earlier_at_work(claim):
        # One worker finds out whether the scorer answers; the others turn to other work.
        queue.rest(claim, seconds=OTHERS_SECONDS, is_try=False)
        return
    items = _items(run, claim)
    said = _said_of(ready, items)
    if isinstance(said, NoAnswer):
        _without_answer(claim, measurement, ready, said)
        return
    column = _column(measurement, run, claim, items, said)
    queue.durably(lambda: _write(claim, column, said))
    if is_unproven:
        queue.end_rest(claim)


def _said_of(ready: Ready, items: Asked) -> dict[str, Said] | NoAnswer:
    """Ask about all of a chunk's outputs, as many at a time as the scorer takes."""
    size, said = ready.scorer.batch_size, dict[str, Said]()
    for at in range(0, len(items), size):
        answer = ask(ready, items[at : at + size], is_called_off=workers.is_stopping)
        if isinstance(answer, NoAnswer):
            return answer
        said.update(answer)
    return said


def _without_answer(claim: Claim, measurement: Measurement, ready: Ready, found: NoAnswer) -> None:
    """Give the chunk back for another try, or fail the measurement with what went wrong."""
    if found.trouble is Trouble.CALLED_OFF:
        queue.postpone(claim, seconds=0)
        return
    tries = queue.tries_of(claim) + 1
    if tries < MOST_TRIES.get(found.trouble, 1):
        seconds = pause(
            tries,
            seed=f"{claim.job_id} {claim.start}",
            asked_for=found.retry_after,
            first=FIRST_PAUSE_SECONDS,
        )
        queue.rest(claim, seconds=seconds, is_try=True)
        return
    after = f" after {tries} tries" if tries > 1 else ""
    problem = (
        f"The scorer {ready.scorer.slug} gave no scores for the examples {claim.start + 1:,} to "
        f"{claim.stop:,}{after}. {found.detail} {_way_out(found.trouble)}"
    )
    queue.finish(claim, problems={measurement.pk: problem})


def _way_out(trouble: Trouble) -> str:
    if trouble is Trouble.FORBIDDEN:
        return "Once it is allowed, or the scorer has another address, score the run again."
    return "Once it answers, score the run again."


# --- outputs out, scores in -----------------------------------------------------------------


def _items(run: Run, claim: Claim) -> Asked:
    """Return what the scorer is sent: every output that is there and is no error."""
    examples = examples_at(run.version, claim.start, claim.stop)
    return [
        item(
            _identity(output.position, output.attempt),
            examples[output.position - claim.start].fields,
            output.text if output.data is None else msgspec.json.decode(output.data),
            json.loads(output.retrieved) if output.retrieved else [],
        )
        for output in _answered(run, claim)
    ]


def _answered(run: Run, claim: Claim) -> Iterator[Output]:
    return outputs_between(run, claim.start, claim.stop).filter(error__isnull=True).iterator()


def _identity(position: int, attempt: int) -> str:
    return f"{position}:{attempt}"


def _column(
    measurement: Measurement,
    run: Run,
    claim: Claim,
    items: Sequence[Item],
    said: Mapping[str, Said],
) -> NewColumn:
    """Return the scores of a chunk; where the system gave nothing, the worst there is."""
    unanswered = _unanswered(measurement)
    rows = [
        said.get(_identity(position, attempt), unanswered)
        for position in range(claim.start, claim.stop)
        for attempt in range(1, run.attempts + 1)
    ]
    values = [np.nan if row.value is None else row.value for row in rows]
    digest = hashlib.sha256(msgspec.json.encode([items, values, [row.reason for row in rows]]))
    return NewColumn(
        measurement_id=measurement.pk,
        start=claim.start,
        n=claim.stop - claim.start,
        scores=Scores(
            values=np.array(values, dtype=np.float64),
            reasons=np.array([row.reason for row in rows], dtype=np.uint8),
            statistics=np.zeros((len(rows), 0)),
        ),
        inputs_digest=digest.hexdigest(),
    )


@transaction.atomic
def _write(claim: Claim, column: NewColumn, said: Mapping[str, Said]) -> None:
    """Write scores and the scorer's words and mark the chunk done, all of it or nothing."""
    queue.finish(claim, columns=[column])
    places = {identity: identity.split(":") for identity, one in said.items() if one.words}
    ScoreNote.objects.bulk_create(
        [
            ScoreNote(
                measurement_id=column.measurement_id,
                position=int(position),
                attempt=int(attempt),
                words=said[identity].words,
            )
            for identity, (position, attempt) in places.items()
        ],
        update_conflicts=True,
        unique_fields=["measurement", "position", "attempt"],
        update_fields=["words"],
    )


def _unanswered(measurement: Measurement) -> Said:
    """Return the score of an error or a missing output: errors are not gaps."""
    if measurement.worst is None:
        return Said(value=None, reason=Reason.NO_OUTPUT)
    return Said(value=measurement.worst)
