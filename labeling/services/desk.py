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
from evalhub.prepared import delete
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
from labeling.services.between import was_read
from labeling.services.claiming import LOST, late_place
from labeling.services.controls import finish_qualification
from labeling.services.dealing import (
    Dealt,
    Desk,
    desk_of,
    forget_side,
    is_still_theirs,
    put_on_desk,
    remember_side,
)
from labeling.services.differing import settle
from labeling.services.drafts import DraftConflict, save_draft
from labeling.services.hands import Holding, holding_of
from labeling.services.noting import Act, refuse_fixed, write_down
from labeling.services.remarks import acknowledge, flag, unflag
from labeling.services.seats import join, lock, place_of, refuse_unless_open, save
from labeling.services.slots import Place, fill, give_back, renew, take_back

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
    "pass_by",
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
        read = lock(annotator)
        if not annotator.campaign.is_open:
            return Desk()
        return _go_on(annotator, holding_of(annotator), read)


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
    given = _read(annotator.campaign, answers)
    with transaction.atomic():
        holding, read = _begin(annotator)
        draft = _draft_of(annotator, unit, holding)
        place = holding.place_of(unit.pk)
        mine = None
        if place is None or unit.pk in holding.withdrawn:
            mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
        _refuse_other_questions(annotator.campaign, draft)
        replaced = mine is not None and mine.state == State.GIVEN
        if mine is not None and mine.state == State.GIVEN:
            replaced = mine.answers != given
            if replaced:
                _replace(annotator, unit, mine, draft, given, seconds)
        else:
            place = _fill(annotator, unit, mine, draft, given, seconds, place)
            holding.now_is(place)
        _put_away(annotator, unit, draft, holding)
        feedback = None
        if unit.purpose == Purpose.QUALIFICATION:
            feedback = feedback_on(annotator=annotator, unit=unit)
        return Submitted(replaced, _go_on(annotator, holding, read), feedback)


def _begin(annotator: Annotator) -> tuple[Holding, Mapping[str, object]]:
    """Return what a person holds, and their row as it was read for `save`."""
    read = lock(annotator)
    refuse_unless_open(annotator.campaign)
    if annotator.state == Annotator.State.STOPPED:
        raise Conflict("A lead has ended your work in this campaign; your answers stay.")
    return holding_of(annotator), read


def _go_on(annotator: Annotator, holding: Holding, read: Mapping[str, object]) -> Desk:
    """Put the next units on the desk, save the person, and show what is there."""
    if annotator.state == Annotator.State.QUALIFYING:
        finish_qualification(annotator)
    put_on_desk(annotator, holding)
    save(annotator, read)
    return desk_of(annotator, holding)


def _read(campaign: Campaign, given: Mapping[str, object]) -> dict[str, Answer]:
    read, faults = read_answers(campaign.asked, given)
    if faults:
        errors = [FieldError(name or "answers", "answer", detail) for name, detail in faults]
        raise ContentError(errors[0].detail, errors=errors)
    return read


def _draft_of(annotator: Annotator, unit: Unit, holding: Holding) -> Draft | None:
    if unit.pk in holding.known:
        return holding.draft_of(unit.pk)
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
    answers: Mapping[str, Answer],
    seconds: float | None,
    place: Place | None,
) -> Place:
    """Give an answer its place on the unit, and write it; return the place as it is then."""
    if draft is None and before is None:
        raise Conflict("This output was not given to you. Reload the desk to go on.")
    if draft is not None and draft.is_between:
        raise Conflict("This output is only there to be read. Reload the desk to go on.")
    filled = None if place is None else fill(place, annotator)
    filled = filled or fill(late_place(annotator, unit), annotator)
    if filled is None:
        raise Conflict(LOST)
    act = Act(State.GIVEN, filled.purpose, filled.pk, answers, seconds)
    write_down(annotator, unit, before, draft, act)
    if filled.is_full:
        settle(annotator.campaign, unit.bundle)
    return filled


def _replace(
    annotator: Annotator,
    unit: Unit,
    before: Annotation,
    draft: Draft | None,
    answers: Mapping[str, Answer],
    seconds: float | None,
) -> None:
    """Let other answers count from now on."""
    if unit.purpose == Purpose.QUALIFICATION:
        raise Conflict(_TOLD)
    refuse_fixed(annotator.campaign, before)
    act = Act(State.GIVEN, unit.purpose, before.slot_id, answers, seconds)
    write_down(annotator, unit, before, draft, act)
    settle(annotator.campaign, unit.bundle)


_TOLD: Final = (
    "You have been told what is right here, so the answers of the qualification stay as they are."
)


def _put_away(annotator: Annotator, unit: Unit, draft: Draft | None, holding: Holding) -> None:
    """Clear the desk of a unit, and give back the places in which nothing is left to do."""
    if draft is not None:
        delete(Draft, draft.pk)
    holding.drop(unit.pk)
    unfinished = [place.pk for place in holding.spent() if not place.is_full]
    if unfinished:
        give_back(annotator, unfinished)
    _has_seen(annotator, unit)


def _has_seen(annotator: Annotator, unit: Unit) -> None:
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
        holding, read = _begin(annotator)
        draft = _draft_of(annotator, unit, holding)
        if draft is not None and draft.is_between:
            _pass_by(annotator, unit, draft, holding)
            return _go_on(annotator, holding, read)
        mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
        if draft is not None and (mine is None or mine.state == State.WITHDRAWN):
            _skip(annotator, unit, mine, draft, reason, note)
        _put_away(annotator, unit, draft, holding)
        return _go_on(annotator, holding, read)


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


def pass_by(*, annotator: Annotator, unit: Unit) -> Desk:
    """Go on from a unit that only stood between two of one example."""
    with transaction.atomic():
        holding, read = _begin(annotator)
        draft = _draft_of(annotator, unit, holding)
        if draft is not None and draft.is_between:
            _pass_by(annotator, unit, draft, holding)
        return _go_on(annotator, holding, read)


def _pass_by(annotator: Annotator, unit: Unit, draft: Draft, holding: Holding) -> None:
    was_read(draft)
    if unit.pk in holding.known:  # it came to be theirs meanwhile, and is asked later
        holding.known[unit.pk].draft = None
    _has_seen(annotator, unit)


def undo(*, annotator: Annotator) -> Desk:
    """Take back the last answer or skip, and put its unit on the desk again.

    The answers stay in sight and count for nothing until they are submitted anew.
    """
    with transaction.atomic():
        holding, read = _begin(annotator)
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
        return _go_on(annotator, holding_of(annotator), read)


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
            "is_between": False,
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
        holding, read = _begin(annotator)
        mine = Annotation.objects.filter(annotator=annotator, unit=unit)
        annotation = mine.select_related("unit").first()
        if annotation is None:
            raise Conflict("You have not answered this one yet, so there is nothing to change.")
        if annotation.state == State.SKIPPED:
            _take_back(annotator, annotation)
        elif annotation.state == State.GIVEN or holding.place_of(unit.pk) is not None:
            if unit.purpose == Purpose.QUALIFICATION:
                raise Conflict(_TOLD)
            refuse_fixed(annotator.campaign, annotation)
            _bring_back(annotator, annotation, answers=annotation.answers, seconds=0.0)
        return _go_on(annotator, holding_of(annotator), read)


def stay(*, annotator: Annotator) -> bool:
    """Hear that a person is still at the desk; say whether what is on it is still theirs."""
    renew(annotator)
    return is_still_theirs(annotator, holding_of(annotator))
