"""The ledger at work: questions are taken, so that two workers never ask the same, and answered.

Every change is one statement, and every answer is kept as soon as it is there: it was paid for.
A failure counts for the job in which it happened; a later one asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from evalhub.judging.gateway import Failure, Reply
from evalhub.judging.models import JudgeCall
from evalhub.judging.questions import Question
from evalhub.outbound.patience import Trouble
from evalhub.runs import queue, workers
from evalhub.runs.models import Run
from metrics.judge import MAX_REPLY, read_reply
from metrics.reasons import Reason

MAX_NAME = 200
# What a failure means for the output that was asked about.
REASONS = {
    Trouble.UNREACHABLE: Reason.JUDGE_UNREACHABLE,
    Trouble.TIMED_OUT: Reason.JUDGE_UNREACHABLE,
    Trouble.BUSY: Reason.JUDGE_UNREACHABLE,
    Trouble.BROKEN: Reason.JUDGE_UNREACHABLE,
    Trouble.NOT_ALLOWED: Reason.JUDGE_REFUSED,
    Trouble.REJECTED: Reason.JUDGE_REFUSED,
    Trouble.UNREADABLE: Reason.NO_VERDICT,
}


@dataclass(frozen=True)
class Taken:
    """Which questions are this worker's to ask, and which another worker is asking."""

    mine: frozenset[str]
    elsewhere: frozenset[str]


def take(run: Run, questions: Sequence[Question], *, owner: str, since: datetime) -> Taken:
    """Take the questions that nobody has answered since, or is asking."""
    ordered = sorted(questions, key=lambda question: question.digest)
    JudgeCall.objects.bulk_create(
        [_row(run, question, owner) for question in ordered], ignore_conflicts=True
    )
    digests = [question.digest for question in ordered]
    _lapsed(run, digests, owner, since).update(
        state=JudgeCall.State.ASKING, asked_by=owner, asked_until=_lease()
    )
    asking = _calls(run, digests).filter(state=JudgeCall.State.ASKING)
    by_owner = asking.values_list("digest", "asked_by")
    mine = frozenset(digest for digest, asker in by_owner if asker == owner)
    return Taken(mine, frozenset(digest for digest, _ in by_owner) - mine)


def _row(run: Run, question: Question, owner: str) -> JudgeCall:
    return JudgeCall(
        project_id=run.project_id,
        digest=question.digest,
        rubric=question.instrument.rubric.name,
        rubric_version=question.instrument.rubric.version,
        model=question.instrument.model[:MAX_NAME],
        settings=dict(question.instrument.settings),
        run=run,
        position=question.position,
        attempt=question.attempt,
        asked_by=owner,
        asked_until=_lease(),
        created_at=timezone.now(),
    )


def _lapsed(run: Run, digests: Sequence[str], owner: str, since: datetime) -> QuerySet[JudgeCall]:
    """Return what may be asked again: older failures, and questions whose asker is gone.

    A process asks for one chunk at a time, so what it is still said to ask is left over.
    """
    asking = JudgeCall.objects.filter(state=JudgeCall.State.ASKING)
    askers = asking.values_list("asked_by", flat=True).distinct()
    gone = [owner, *(asker for asker in askers if workers.is_known_dead(asker))]
    is_left = Q(state=JudgeCall.State.ASKING) & (Q(asked_until__lt=Now()) | Q(asked_by__in=gone))
    return _calls(run, digests).filter(
        is_left | Q(state=JudgeCall.State.FAILED, answered_at__lt=since)
    )


def keep_asking(owner: str) -> None:
    """Lengthen this worker's hold on the questions it is asking."""
    JudgeCall.objects.filter(state=JudgeCall.State.ASKING, asked_by=owner).update(
        asked_until=_lease()
    )


def keep(run: Run, question: Question, answer: Reply | Failure) -> None:
    """Write an answer down, unless another worker was given one meanwhile."""
    fields = _replied(question, answer) if isinstance(answer, Reply) else _failed(answer)
    open_calls = _calls(run, [question.digest]).exclude(state=JudgeCall.State.ANSWERED)
    queue.durably(
        lambda: open_calls.update(
            **fields,
            tries=answer.tries,
            latency_ms=answer.latency_ms,
            answered_at=timezone.now(),
            asked_by="",
            asked_until=None,
        )
    )


def _replied(question: Question, reply: Reply) -> dict[str, object]:
    verdict = read_reply(reply.text, question.instrument.rubric, judged=question.judged)
    value, reason = verdict.value, verdict.reason
    if reply.is_refusal:
        value, reason = None, Reason.JUDGE_REFUSED
    is_cut = reply.is_cut_off and value is None
    return {
        "state": JudgeCall.State.ANSWERED,
        "verdict": value,
        "reason": reason,
        "explanation": verdict.explanation,
        "reply": reply.text[:MAX_REPLY],
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost": reply.cost,
        "error": "The reply was cut off at the most tokens it may have." if is_cut else "",
    }


def _failed(failure: Failure) -> dict[str, object]:
    return {
        "state": JudgeCall.State.FAILED,
        "verdict": None,
        "reason": REASONS[failure.trouble],
        "error": failure.detail,
    }


def give_back(run: Run, digests: Iterable[str], *, owner: str) -> None:
    """Let go of questions that were not asked: whoever wants them next asks them."""
    unasked = _calls(run, list(digests)).filter(state=JudgeCall.State.ASKING, asked_by=owner)
    queue.durably(lambda: unasked.filter(error="").delete())
    queue.durably(
        lambda: unasked.update(state=JudgeCall.State.FAILED, asked_by="", asked_until=None)
    )


def answers(run: Run, digests: Sequence[str]) -> dict[str, JudgeCall]:
    """Return what is known of the questions, without the long texts."""
    known = _calls(run, digests).exclude(state=JudgeCall.State.ASKING)
    fields = ("digest", "state", "verdict", "reason", "answered_at")
    return {call.digest: call for call in known.only(*fields)}


def _calls(run: Run, digests: Sequence[str]) -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(project_id=run.project_id, digest__in=digests)


def _lease() -> Combinable:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
