"""Experts decide where people differ. All that was decided before is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict, ContentError, FieldError
from labeling.models import (
    Campaign,
    Decision,
    DecisionReason,
    DecisionRevision,
    Flag,
    Purpose,
    Question,
    Unit,
)
from labeling.questions import Answer, AnswerError, DifferRule, applies, read_answer
from labeling.services.guidelines import add_to_guidelines

MAX_NOTE: Final = 2_000


class DecidedMeanwhile(Conflict):
    """Somebody decided a unit, or withdrew what was decided, after this person looked at it."""

    default_code = "decided"

    def __init__(self, detail: str, decision: Decision | None) -> None:
        super().__init__(detail)
        self.decision = decision


@transaction.atomic
def decide(
    *,
    unit: Unit,
    answers: Mapping[str, object],
    reason: str,
    note: str = "",
    seen: int = 0,
    guideline: str = "",
    actor: Actor,
) -> Decision:
    """Keep what an expert decided about a unit, and settle its flags with it.

    A `guideline` is added to those of the campaign, so that the next ones do not differ here.

    `answers` go by question, for those that are decided; None is "cannot be judged". `seen` is
    the revision that the expert looked at, 0 where nothing was decided: another one in the
    meantime raises DecidedMeanwhile. The same decision again changes nothing.
    """
    campaign = unit.campaign
    _refuse_known(unit)
    note = note.strip()
    read, errors = read_decision(campaign.asked, answers, reason=reason, note=note)
    if errors:
        raise ContentError(errors[0].detail, errors=errors)
    if guideline.strip():
        add_to_guidelines(campaign=campaign, text=guideline, actor=actor)
    _lock(unit)
    before = decision_on(unit)
    if before is not None and says(before, campaign, read, reason, note):
        return before
    refuse_unseen(before, seen)
    decision = before or Decision(unit=unit, revision=_last_number(unit))
    if before is not None:
        DecisionRevision.of(before).save()
    decision.revision += 1
    decision.question_set_id = campaign.answers_go_to
    decision.answers, decision.reason, decision.note = read, reason, note
    decision.decided_by, decision.at = actor.user, timezone.now()
    decision.save()
    _settle_flags(unit, actor)
    _record(unit, actor, "decide", questions=sorted(read), reason=reason)
    return decision


@transaction.atomic
def withdraw(*, unit: Unit, seen: int, actor: Actor) -> None:
    """Take a decision back: what people said counts again. What was decided stays on record."""
    _lock(unit)
    before = decision_on(unit)
    refuse_unseen(before, seen)
    if before is None:
        raise Conflict("Nothing is decided about this one.")
    DecisionRevision.of(before).save()
    before.delete()
    _record(unit, actor, "withdraw decision", revision=before.revision)


@transaction.atomic
def resolve_flags(*, unit: Unit, actor: Actor) -> None:
    """Say that a unit's flags have been looked at."""
    if not _settle_flags(unit, actor):
        raise Conflict("There is no open flag on this one.")
    _record(unit, actor, "resolve flags")


def decision_on(unit: Unit) -> Decision | None:
    return Decision.objects.select_related("decided_by").filter(unit=unit).first()


def read_decision(
    questions: Sequence[Question], given: Mapping[str, object], *, reason: str, note: str
) -> tuple[dict[str, Answer], list[FieldError]]:
    """Return the answers in one form, and what is wrong with a decision.

    Unlike an answer it may leave questions to what people said.
    """
    known = {question.name: question for question in questions}
    errors = [
        FieldError(name[:100], "answer", f"The campaign has no question {name[:100]!r}.")
        for name in given.keys() - known.keys()
    ]
    answers: dict[str, Answer] = {}
    for name, question in known.items():
        if name in given:
            try:
                answers[name] = read_answer(question, given[name])
            except AnswerError as error:
                errors.append(FieldError(name, "answer", str(error)))
    errors += [
        FieldError(name, "answer", f"With this decision {name!r} is not asked: leave it out.")
        for name in answers
        if _is_unasked(known[name], answers)
    ]
    if not errors and not answers:
        errors.append(FieldError("answers", "missing", "Decide at least one question."))
    if reason not in DecisionReason.values:
        detail = f"Say why people differ: reason is one of {', '.join(DecisionReason.values)}."
        errors.append(FieldError("reason", "reason", detail))
    if len(note) > MAX_NOTE or "\0" in note:
        detail = f"A note is text of at most {MAX_NOTE:,} characters."
        errors.append(FieldError("note", "note", detail))
    return answers, errors


def _is_unasked(question: Question, answers: Mapping[str, Answer]) -> bool:
    """Say whether the decision itself rules a question out; an open one rules nothing out."""
    condition = question.condition
    return (
        condition is not None
        and condition["question"] in answers
        and not applies(question, answers)
    )


def says(
    decision: Decision, campaign: Campaign, answers: Mapping[str, Answer], reason: str, note: str
) -> bool:
    """Say whether a decision is this one already, about the questions that are asked now."""
    here = (decision.question_set_id, decision.answers, decision.reason, decision.note)
    return here == (campaign.answers_go_to, answers, reason, note)


def _refuse_known(unit: Unit) -> None:
    if unit.purpose != Purpose.LABEL:
        raise Conflict("The right answers to this one are known already: see Controls.")


def refuse_unseen(before: Decision | None, seen: int) -> None:
    now = 0 if before is None else before.revision
    if now == seen:
        return
    if before is None:
        raise DecidedMeanwhile("The decision was withdrawn while you looked at it.", None)
    who = "Somebody" if before.decided_by is None else before.decided_by.username
    raise DecidedMeanwhile(
        f"{who} decided this one while you looked at it. Nothing of yours is kept: look at what "
        "was decided, and decide anew if it should be otherwise.",
        before,
    )


def _lock(unit: Unit) -> None:
    """Let one decision on a unit at a time past here; answers to it need not wait."""
    Unit.objects.select_for_update(no_key=True).filter(pk=unit.pk).first()


def _last_number(unit: Unit) -> int:
    """Return the number of the last decision that was withdrawn; the next one goes on."""
    numbers = unit.decision_revisions.order_by("-number").values_list("number", flat=True)
    return numbers.first() or 0


def _settle_flags(unit: Unit, actor: Actor) -> int:
    return Flag.objects.filter(unit=unit, resolved_at__isnull=True).update(
        resolved_by=actor.user, resolved_at=timezone.now()
    )


def _record(unit: Unit, actor: Actor, verb: str, **detail: object) -> None:
    campaign = unit.campaign
    record(
        project=campaign.project,
        actor=actor,
        verb=verb,
        subject=unit.public_id,
        detail={"campaign": campaign.public_id, **detail},
    )


def set_rule(*, campaign: Campaign, rule: DifferRule, actor: Actor) -> None:
    """Say from now on when people differ in a campaign."""
    campaign.differ_rule = rule.stored()
    campaign.save(update_fields=["differ_rule"])
    record(
        project=campaign.project,
        actor=actor,
        verb="set rule of differing",
        subject=campaign.public_id,
        detail=rule.stored(),
    )
