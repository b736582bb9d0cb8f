"""Ask judges about a chunk of a run's outputs: each question once, each answer kept as it comes.

Threads wait for the judge; all work on the database is this thread's. An output that is an error
or missing is not asked about: it scores the worst, as with automatic metrics.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from evalhub.datasets.selectors import examples_at
from evalhub.judging import gateway, ledger
from evalhub.judging.gateway import Connection, Failure, Reply
from evalhub.judging.models import JudgeCall
from evalhub.judging.questions import Instrument, Question, instrument_of, question_about
from evalhub.outbound.patience import Trouble
from evalhub.runs import queue, workers
from evalhub.runs.columns import covers
from evalhub.runs.models import Job, Measurement, Run
from evalhub.runs.queue import Claim, LostClaimError
from evalhub.runs.rated import column_of
from evalhub.runs.ratings import RatingRow, save_ratings
from evalhub.runs.scoring import measurements_at_work
from evalhub.runs.selectors import outputs_between
from metrics.reasons import Reason

TICK_SECONDS = 0.5
BEAT_SECONDS = 5.0
# How long a chunk waits for the answers to questions that another worker is asking.
OTHERS_SECONDS = 2.0
# A judge that fails so often in a row is down: the rest of the chunk is not asked.
DOWN_AFTER = 5
DOWN = {Trouble.UNREACHABLE, Trouble.TIMED_OUT, Trouble.BROKEN, Trouble.NOT_ALLOWED}


def run_chunk(claim: Claim) -> None:
    """Have the claimed positions judged and mark the chunk done; a second time asks nothing."""
    measurements = measurements_at_work(claim)
    if covers(measurements, start=claim.start, stop=claim.stop):
        queue.finish(claim)
        return
    run = Run.objects.select_related("version").get(pk=claim.run_id)
    plan = _plan(run, claim, measurements)
    questions = plan.to_ask()
    others = _have_asked(run, claim, questions)
    if others is None:
        return
    known = ledger.answers(run, [question.digest for question in questions])
    if others - known.keys():
        queue.postpone(claim, seconds=OTHERS_SECONDS)
        return
    queue.durably(lambda: _write(claim, plan, known))


# --- what is to be asked --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """A chunk's questions by measurement, and the measurements that cannot be asked for."""

    questions: Mapping[int, Sequence[Question]]
    measurements: Sequence[Measurement]
    answered: NDArray[np.bool_]  # (positions, attempts): whether there is an output
    problems: Mapping[int, str]

    def to_ask(self) -> list[Question]:
        """Return every different question that is short enough."""
        every = [question for of_one in self.questions.values() for question in of_one]
        different = {question.digest: question for question in every if not question.is_too_long}
        return list(different.values())


def _plan(run: Run, claim: Claim, measurements: Sequence[Measurement]) -> _Plan:
    instruments: dict[int, Instrument] = {}
    problems: dict[int, str] = {}
    for measurement in measurements:
        instrument = instrument_of(measurement)
        if instrument is None:
            problems[measurement.pk] = (
                f"The rubric of {measurement.metric} is another by now. Score the run again."
            )
        else:
            instruments[measurement.pk] = instrument
    examples = [example.fields for example in examples_at(run.version, claim.start, claim.stop)]
    outputs = list(outputs_between(run, claim.start, claim.stop))
    answered = np.zeros((claim.stop - claim.start, run.attempts), dtype=np.bool_)
    for output in outputs:
        answered[output.position - claim.start, output.attempt - 1] = output.error is None
    questions = {
        pk: [
            question
            for output in outputs
            if (
                question := question_about(
                    instrument, examples[output.position - claim.start], output
                )
            )
        ]
        for pk, instrument in instruments.items()
    }
    return _Plan(
        questions=questions,
        measurements=[one for one in measurements if one.pk in instruments],
        answered=answered,
        problems=problems,
    )


# --- asking ---------------------------------------------------------------------------------


def _have_asked(run: Run, claim: Claim, questions: Sequence[Question]) -> frozenset[str] | None:
    """Have questions without an answer asked, and return those that others are asking.

    None means that the chunk was given back, because the worker stops.
    """
    to = gateway.connection()
    if to is None or not questions:
        return frozenset()
    since = Job.objects.values_list("created_at", flat=True).get(pk=claim.job_id)
    taken = queue.durably(lambda: ledger.take(run, questions, owner=claim.owner, since=since))
    mine = [question for question in questions if question.digest in taken.mine]
    if mine and not _Asking(run=run, claim=claim, to=to).ask_all(mine):
        return None
    return taken.elsewhere


@dataclass(kw_only=True)
class _Asking:
    """Questions on their way to a judge, a few at a time."""

    run: Run
    claim: Claim
    to: Connection
    stop: Event = field(default_factory=Event)
    failures: int = 0  # in a row, of a kind that says the judge is down
    is_lost: bool = False
    is_given_back: bool = False
    beaten_at: float = field(default_factory=time.monotonic)

    def ask_all(self, questions: Sequence[Question]) -> bool:
        """Ask and keep what comes; return whether the chunk is still in hand."""
        waiting = deque(questions)
        flying: dict[Future[Reply | Failure], Question] = {}
        pool = ThreadPoolExecutor(settings.JUDGE_CONCURRENCY, thread_name_prefix="judge")
        try:
            while waiting or flying:
                while waiting and len(flying) < settings.JUDGE_CONCURRENCY:
                    question = waiting.popleft()
                    flying[pool.submit(self._ask, question)] = question
                done = wait(flying, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED).done
                self._keep([(flying.pop(future), future.result()) for future in done])
                self._look_around()
                if self.stop.is_set():
                    self._give_back(waiting)
                    waiting.clear()
        finally:
            self.stop.set()
            pool.shutdown(cancel_futures=True)
        if self.is_lost:
            raise LostClaimError(f"Chunk {self.claim.chunk_id} is no longer {self.claim.owner}'s.")
        return not self.is_given_back

    def _ask(self, question: Question) -> Reply | Failure:
        return gateway.ask(
            self.to,
            model=question.instrument.model,
            options=question.instrument.settings,
            messages=question.messages,
            seed=question.digest,
            stop=self.stop,
        )

    def _keep(self, answered: Sequence[tuple[Question, Reply | Failure]]) -> None:
        for question, answer in answered:
            if isinstance(answer, Failure) and answer.trouble is Trouble.CALLED_OFF:
                self._give_back([question])
                continue
            ledger.keep(self.run, question, answer)
            is_down = isinstance(answer, Failure) and answer.trouble in DOWN
            self.failures = self.failures + 1 if is_down else 0

    def _look_around(self) -> None:
        """Beat for the chunk and its questions, and see whether to go on asking."""
        if workers.is_stopping() and not self.is_given_back:
            # First of all: the chunk must not count as crashed when we are killed meanwhile.
            self.is_given_back = True
            queue.postpone(self.claim, seconds=0)
        if time.monotonic() - self.beaten_at > min(BEAT_SECONDS, settings.LEASE_SECONDS / 3):
            self.beaten_at = time.monotonic()
            queue.durably(lambda: ledger.keep_asking(self.claim.owner))
            if not self.is_given_back:
                self.is_lost = not queue.durably(lambda: queue.extend(self.claim))
        if self.is_given_back or self.is_lost or self.failures >= DOWN_AFTER:
            self.stop.set()

    def _give_back(self, questions: Sequence[Question] | deque[Question]) -> None:
        digests = [question.digest for question in questions]
        if digests:
            ledger.give_back(self.run, digests, owner=self.claim.owner)


# --- writing down ---------------------------------------------------------------------------


@transaction.atomic
def _write(claim: Claim, plan: _Plan, known: Mapping[str, JudgeCall]) -> None:
    """Write ratings and columns and mark the chunk done, all of it or nothing."""
    if not queue.extend(claim):
        raise LostClaimError(f"Chunk {claim.chunk_id} is no longer {claim.owner}'s.")
    for measurement_id, questions in plan.questions.items():
        save_ratings(measurement_id, [_rating(question, known) for question in questions])
    columns = [column_of(one, plan.answered, start=claim.start) for one in plan.measurements]
    queue.finish(claim, columns=columns, problems=plan.problems)


def _rating(question: Question, known: Mapping[str, JudgeCall]) -> RatingRow:
    """Return what the judge said of an output; one that was not asked could not be reached."""
    call = known.get(question.digest)
    if call is not None:
        value, reason = call.verdict, call.reason
    else:
        is_long = question.is_too_long
        value, reason = None, Reason.TOO_LONG if is_long else Reason.JUDGE_UNREACHABLE
    return RatingRow(
        position=question.position,
        attempt=question.attempt,
        rater=question.instrument.model[: ledger.MAX_NAME],
        value=value,
        reason=int(reason),
        at=(call.answered_at if call else None) or timezone.now(),
    )
