"""What a person does at the desk: answer, skip, take back, change, and go on to the next unit.

Each of these is one transaction under the lock of the person's row, and says what is on the desk
after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.errors import Conflict, ContentError, FieldError
from labeling.known import Feedback, feedback_on
from labeling.models import (
    Annotation,
    Annotator,
    Campaign,
    Draft,
    Purpose,
    SkipReason,
    Unit,
)
from labeling.questions import Answer, read_answers
from labeling.selectors import Nothing, why_nothing
from labeling.services.controls import finish_qualification
from labeling.services.dealing import (
    CHANGED,
    Dealt,
    Desk,
    desk_of,
    forget_side,
    put_on_desk,
    remember_side,
)
from labeling.services.differing import settle
from labeling.services.drafts import DraftConflict, save_draft
from labeling.services.hands import Holding, holding_of
from labeling.services.noting import COUNTED, Act, refuse_fixed, write_down
from labeling.services.remarks import acknowledge, flag, unflag
from labeling.services.seats import join, lock, place_of, refuse_unless_open
from labeling.services.slots import Place, fill, give_back, late_place, renew, take_back

__all__ = [
    "Dealt",
    "Desk",
    "DraftConflict",
    "Feedback",
    "Nothing",
    "Submitted",
    "acknowledge",
    "deal",
    "feedback_on",
    "flag",
    "join",
    "place_of",
    "reopen",
    "save_draft",
    "skip",
    "stay",
    "submit",
    "undo",
    "unflag",
    "why_nothing",
]

State: Final = Annotation.State
MAX_UNDO: Final = 10
MAX_NOTE: Final = 1_000


@dataclass(frozen=True)
class Submitted:
    """What became of an answer, and what is on the desk now.

    `replaced` says that it took the place of another answer that counted; `feedback` is there
    in the qualification only.
    """

    replaced: bool
    desk: Desk
    feedback: Feedback | None = None


def deal(*, annotator: Annotator) -> Desk:
    """Return what is on this person's desk, the same until they have done with it."""
    with transaction.atomic():
        lock(annotator)
        if not annotator.campaign.is_open:
            return Desk()
        return _go_on(annotator, holding_of(annotator))


def submit(
    *,
    annotator: Annotator,
    unit: Unit,
    answers: Mapping[str, object],
    seconds: float | None = None,
) -> Submitted:
    """Keep a person's answers to a unit. The same answers again change nothing.

    Answers to a pair are about its first and its second output, whichever sides they were on.
    `seconds` is how long the person was at it; without them, the time since it came to the desk.
    """
    read = _read(annotator.campaign, answers)
    with transaction.atomic():
        holding = _begin(annotator)
        draft = _draft_of(annotator, unit)
        place = holding.place_of(unit.pk)
        mine = None
        if place is None or unit.pk in holding.withdrawn:
            mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
        _refuse_other_questions(annotator.campaign, draft)
        replaced, completed = mine is not None and mine.state == State.GIVEN, None
        if mine is not None and mine.state == State.GIVEN:
            replaced = mine.answers != read
            if replaced:
                _replace(annotator, unit, mine, draft, read, seconds)
        else:
            completed = _fill(annotator, unit, mine, draft, read, seconds, place)
        _put_away(annotator, unit, draft, holding, completed)
        feedback = None
        if unit.purpose == Purpose.QUALIFICATION:
            feedback = feedback_on(annotator=annotator, unit=unit)
        return Submitted(replaced, _go_on(annotator, holding), feedback)


def _begin(annotator: Annotator) -> Holding:
    lock(annotator)
    refuse_unless_open(annotator.campaign)
    if annotator.state == Annotator.State.STOPPED:
        raise Conflict("A lead has ended your work in this campaign; your answers stay.")
    return holding_of(annotator)


def _go_on(annotator: Annotator, holding: Holding) -> Desk:
    """Put the next units on the desk, save the person, and show what is there."""
    if annotator.state == Annotator.State.QUALIFYING:
        finish_qualification(annotator)
    put_on_desk(annotator, holding)
    annotator.save(update_fields=[*CHANGED, *COUNTED])
    return desk_of(annotator)


def _read(campaign: Campaign, given: Mapping[str, object]) -> dict[str, Answer]:
    read, faults = read_answers(campaign.asked, given)
    if faults:
        errors = [FieldError(name or "answers", "answer", detail) for name, detail in faults]
        raise ContentError(errors[0].detail, errors=errors)
    return read


def _draft_of(annotator: Annotator, unit: Unit) -> Draft | None:
    return Draft.objects.filter(annotator=annotator, unit=unit).first()


def _refuse_other_questions(campaign: Campaign, draft: Draft | None) -> None:
    if draft is not None and draft.question_set_id != campaign.question_set_id:
        raise Conflict(
            "The questions were changed while this was on your desk. Please look at them again.",
            code="questions",
        )


def _fill(
    annotator: Annotator,
    unit: Unit,
    before: Annotation | None,
    draft: Draft | None,
    read: Mapping[str, Answer],
    seconds: float | None,
    place: Place | None,
) -> int | None:
    """Give an answer its place on the unit, and write it. Return a place that is full now."""
    if draft is None and before is None:
        raise Conflict("This output was not given to you. Reload the desk to go on.")
    if place is None or not fill(place, annotator):
        place = late_place(annotator, unit)
        fill(place, annotator)
    act = Act(State.GIVEN, place.purpose, place.pk, read, seconds)
    write_down(annotator, unit, before, draft, act)
    if not place.is_last_place:
        return None
    settle(annotator.campaign, unit.bundle)
    return place.pk


def _replace(
    annotator: Annotator,
    unit: Unit,
    before: Annotation,
    draft: Draft | None,
    read: Mapping[str, Answer],
    seconds: float | None,
) -> None:
    """Let other answers count from now on."""
    if unit.purpose == Purpose.QUALIFICATION:
        raise Conflict(_TOLD)
    refuse_fixed(annotator.campaign, before)
    act = Act(State.GIVEN, unit.purpose, before.slot_id, read, seconds)
    write_down(annotator, unit, before, draft, act)
    settle(annotator.campaign, unit.bundle)


_TOLD: Final = (
    "You have been told what is right here, so the answers of the qualification stay as they are."
)


def _put_away(
    annotator: Annotator,
    unit: Unit,
    draft: Draft | None,
    holding: Holding,
    completed: int | None = None,
) -> None:
    """Clear the desk of a unit, and give back the places in which nothing is left to do.

    `completed` is a place that an answer has just filled to the last unit.
    """
    if draft is not None:
        draft.delete()
    holding.drop(unit.pk)
    spent = [one.place.pk for one in holding.held if not one.left and one.place.pk != completed]
    if spent:
        give_back(annotator, spent)
    holding.held = [one for one in holding.held if one.left]
    if annotator.unit_id == unit.pk:
        annotator.unit_id = annotator.shown_at = None
    if annotator.next_unit_id == unit.pk:
        annotator.next_unit_id = None
    annotator.last_bundle = unit.bundle


def skip(*, annotator: Annotator, unit: Unit, reason: str, note: str = "") -> Desk:
    """Leave a unit to other people. What was answered already stays."""
    if reason not in SkipReason:
        detail = f"The reason is one of {', '.join(SkipReason.values)}."
        raise ContentError(detail, errors=[FieldError("reason", "reason", detail)])
    with transaction.atomic():
        holding = _begin(annotator)
        draft = _draft_of(annotator, unit)
        mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
        if draft is not None and (mine is None or mine.state == State.WITHDRAWN):
            _skip(annotator, unit, mine, draft, reason, note)
        _put_away(annotator, unit, draft, holding)
        return _go_on(annotator, holding)


def _skip(
    annotator: Annotator,
    unit: Unit,
    before: Annotation | None,
    draft: Draft,
    reason: str,
    words: str,
) -> None:
    act = Act(State.SKIPPED, unit.purpose, skip_reason=reason, words=words.strip()[:MAX_NOTE])
    write_down(annotator, unit, before, draft, act)
    forget_side(annotator, unit, is_swapped=draft.is_swapped)


def undo(*, annotator: Annotator) -> Desk:
    """Take back the last answer or skip, and put its unit on the desk again.

    The answers stay in sight and count for nothing until they are submitted anew.
    """
    with transaction.atomic():
        holding = _begin(annotator)
        done = Annotation.objects.filter(
            annotator=annotator, state__in=(State.GIVEN, State.SKIPPED)
        )
        last = done.select_related("unit").order_by("-at", "-pk").first()
        if last is None:
            raise Conflict("There is nothing to undo: you have not answered anything here.")
        if len(holding.withdrawn) >= MAX_UNDO:
            raise Conflict(
                f"You have taken back {MAX_UNDO} answers. Answer these again first; what is older "
                "is in your history."
            )
        _take_back(annotator, last)
        return _go_on(annotator, holding_of(annotator))


def _take_back(annotator: Annotator, annotation: Annotation) -> None:
    """Withdraw an answer or a skip, and put its unit on the desk with what was answered."""
    unit = annotation.unit
    if unit.purpose == Purpose.QUALIFICATION:
        raise Conflict(_TOLD)
    refuse_fixed(annotator.campaign, annotation)
    if annotation.slot_id is None:
        late_place(annotator, unit)
        remember_side(annotator, unit, is_swapped=annotation.is_swapped)
    else:
        take_back(annotator, annotation.slot_id)
    answers, seconds = annotation.answers, annotation.seconds
    draft = _bring_back(annotator, annotation, answers=answers, seconds=seconds or 0.0)
    act = Act(State.WITHDRAWN, unit.purpose, answers=answers)
    write_down(annotator, unit, annotation, draft, act)
    settle(annotator.campaign, unit.bundle)


def _bring_back(
    annotator: Annotator,
    annotation: Annotation,
    *,
    answers: Mapping[str, Answer],
    seconds: float,
) -> Draft:
    """Put a unit on the desk; what was there comes next."""
    draft, _ = Draft.objects.update_or_create(
        annotator=annotator,
        unit=annotation.unit,
        defaults={
            "question_set_id": annotator.campaign.answers_go_to,
            "is_swapped": annotation.is_swapped,
            "before": dict(answers),
            "seconds": seconds,
        },
    )
    now = timezone.now()
    if annotator.unit_id not in (None, annotation.unit_id):
        if annotator.shown_at is not None:
            aside = max(0.0, (now - annotator.shown_at).total_seconds())
            waiting = Draft.objects.filter(annotator=annotator, unit=annotator.unit_id)
            for other in waiting:
                other.seconds += aside
                other.save(update_fields=["seconds"])
        before = Unit.objects.only("bundle").get(pk=annotator.unit_id)
        if before.bundle != annotation.bundle or annotator.next_unit_id in (
            None,
            annotation.unit_id,
        ):
            annotator.next_unit_id = annotator.unit_id
    elif annotator.next_unit_id == annotation.unit_id:
        annotator.next_unit_id = None
    annotator.unit_id, annotator.shown_at = annotation.unit_id, now
    return draft


def reopen(*, annotator: Annotator, unit: Unit) -> Desk:
    """Put an answer of one's own on the desk again. It counts until another is submitted."""
    with transaction.atomic():
        holding = _begin(annotator)
        mine = Annotation.objects.filter(annotator=annotator, unit=unit)
        annotation = mine.select_related("unit").first()
        if annotation is None:
            raise Conflict("You have not answered this one yet, so there is nothing to change.")
        if annotation.state == State.SKIPPED:
            _take_back(annotator, annotation)
            holding = holding_of(annotator)
        elif annotation.state == State.GIVEN:
            if unit.purpose == Purpose.QUALIFICATION:
                raise Conflict(_TOLD)
            refuse_fixed(annotator.campaign, annotation)
            _bring_back(annotator, annotation, answers=annotation.answers, seconds=0.0)
        elif holding.place_of(unit.pk) is not None:
            _bring_back(annotator, annotation, answers=annotation.answers, seconds=0.0)
        return _go_on(annotator, holding)


def stay(*, annotator: Annotator) -> None:
    """Hear that a person is still at the desk."""
    renew(annotator)
