"""What a person does at the desk: the next unit, answers, skips, undo."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.models import User
from evalhub.errors import Conflict, ContentError, FieldError
from labeling.models import Annotation, AnnotationRevision, Annotator, Campaign, Slot, Unit
from labeling.ordering import following, wants_more
from labeling.questions import Answer, read_answers
from labeling.services.people import free_name
from labeling.services.slots import (
    RENEW_UNDER,
    Holding,
    claim_another,
    fill,
    holding_of,
    lock,
    place_for,
    renew,
    take_back,
)

State: Final = Annotation.State


def place_of(user: User, *, campaign: Campaign) -> Annotator | None:
    """Return the place of a person who has opened the desk before."""
    annotator = Annotator.objects.filter(campaign=campaign, user=user).first()
    if annotator is not None:
        annotator.campaign = campaign
    return annotator


def join(*, campaign: Campaign, user: User) -> Annotator:
    """Return the person's place in a campaign; opening the desk is joining it."""
    annotator = place_of(user, campaign=campaign)
    if annotator is not None:
        return annotator
    name = free_name(campaign, user)
    try:
        with transaction.atomic():
            return Annotator.objects.create(
                campaign=campaign, user=user, name=name, seed=secrets.randbits(62)
            )
    except IntegrityError:  # a second tab was faster
        return Annotator.objects.get(campaign=campaign, user=user)


def next_unit(*, annotator: Annotator) -> Unit | None:
    """Return the unit on this person's desk: the same one until they have done with it."""
    if not annotator.campaign.is_open:
        return None
    now = timezone.now()
    holding = holding_of(annotator)
    while not holding.hands or wants_more(holding.hands):
        if not claim_another(annotator):
            break
        holding = holding_of(annotator)
    _renew_in_time(annotator, holding, now)
    if not holding.hands:
        return None
    pk = _chosen(annotator, holding)
    if pk != annotator.unit_id:
        _put_on_desk(annotator, pk, now)
    return _READ.get(pk=pk)


# What the desk needs of a unit, of its run and of the version: the last two are wide.
_READ: Final = Unit.objects.select_related("run__version").only(
    *("campaign", "public_id", "position", "attempt", "bundle", "twin", "run__version__id")
)


def _chosen(annotator: Annotator, holding: Holding) -> int:
    if annotator.unit_id is not None and holding.has(annotator.unit_id):
        return annotator.unit_id
    for unit in holding.withdrawn:
        if holding.has(unit):
            return unit
    return following(holding.hands, last=annotator.last_bundle, seed=annotator.seed)


def _put_on_desk(annotator: Annotator, unit: int, now: datetime) -> None:
    annotator.unit_id, annotator.shown_at = unit, now
    annotator.save(update_fields=["unit", "shown_at"])


def _renew_in_time(annotator: Annotator, holding: Holding, now: datetime) -> None:
    if holding.lease_until is not None and holding.lease_until < now + RENEW_UNDER:
        renew(annotator)


@transaction.atomic
def submit(*, annotator: Annotator, unit: Unit, answers: Mapping[str, object]) -> bool:
    """Keep a person's answers to a unit, and say whether they replace others that counted.

    The same answers again change nothing.
    """
    read = _read(annotator.campaign, answers)
    lock(annotator)
    _refuse_closed(annotator.campaign)
    mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
    if mine is not None and mine.state == State.GIVEN:
        if mine.answers == read:
            return False
        _note(annotator, unit, mine, state=State.GIVEN, slot=mine.slot, answers=read)
        return True
    slot = fill(place_for(annotator, unit))
    _note(annotator, unit, mine, state=State.GIVEN, slot=slot, answers=read)
    return False


@transaction.atomic
def skip(*, annotator: Annotator, unit: Unit) -> None:
    """Leave a unit to other people. What was answered already stays."""
    lock(annotator)
    _refuse_closed(annotator.campaign)
    mine = Annotation.objects.filter(annotator=annotator, unit=unit).first()
    if mine is None or mine.state == State.WITHDRAWN:
        _note(annotator, unit, mine, state=State.SKIPPED, slot=None, answers={})


@transaction.atomic
def undo(*, annotator: Annotator) -> Unit:
    """Take back the last answer or skip, and put its unit on the desk again.

    The answers stay in sight and count for nothing until they are submitted anew.
    """
    lock(annotator)
    _refuse_closed(annotator.campaign)
    done = Annotation.objects.filter(annotator=annotator, state__in=(State.GIVEN, State.SKIPPED))
    last = done.select_related("unit", "slot").order_by("-at", "-pk").first()
    if last is None:
        raise Conflict("There is nothing to undo: you have not answered anything here.")
    if last.slot is None:
        place_for(annotator, last.unit)
    else:
        take_back(annotator, last.slot)
    _note(annotator, last.unit, last, state=State.WITHDRAWN, slot=None, answers=last.answers)
    _put_on_desk(annotator, last.unit_id, timezone.now())
    return last.unit


def stay(*, annotator: Annotator) -> None:
    """Hear that a person is still at the desk."""
    renew(annotator)


def _refuse_closed(campaign: Campaign) -> None:
    if not campaign.is_open:
        raise Conflict("This campaign is closed; its answers stay as they are.")


def _read(campaign: Campaign, given: Mapping[str, object]) -> dict[str, Answer]:
    read, faults = read_answers(campaign.asked, given)
    if faults:
        errors = [FieldError(name or "answers", "answer", detail) for name, detail in faults]
        raise ContentError(errors[0].detail, errors=errors)
    return read


_COUNTED: Final = (
    *("n_answered", "n_skipped"),
    *("unit", "shown_at", "saved_at", "last_bundle"),
)


def _note(
    annotator: Annotator,
    unit: Unit,
    before: Annotation | None,
    *,
    state: str,
    slot: Slot | None,
    answers: Mapping[str, Answer],
) -> None:
    """Write what the person did with a unit, keep what it was before, and count."""
    now = timezone.now()
    was = None if before is None else before.state
    annotation = before or Annotation(annotator=annotator, unit=unit, bundle=unit.bundle)
    if before is not None:
        AnnotationRevision.of(before).save()
        annotation.revision += 1
    annotation.state, annotation.slot = state, slot
    annotation.question_set_id = annotator.campaign.answers_go_to
    annotation.guidelines_number = annotator.guidelines_seen
    annotation.answers, annotation.at = dict(answers), now
    if annotator.unit_id == unit.pk and annotator.shown_at is not None:
        annotation.seconds = (now - annotator.shown_at).total_seconds()
    annotation.save()
    annotator.n_answered += (state == State.GIVEN) - (was == State.GIVEN)
    annotator.n_skipped += (state == State.SKIPPED) - (was == State.SKIPPED)
    annotator.unit, annotator.shown_at, annotator.saved_at = None, None, now
    annotator.last_bundle = unit.bundle
    annotator.save(update_fields=_COUNTED)
