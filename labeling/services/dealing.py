"""What a person has on the desk, and what comes after it.

Everything here works on an annotator whose row is locked (`seats.lock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from evalhub.prepared import insert
from labeling.models import Annotation, Annotator, Draft, Unit
from labeling.ordering import Hand, break_until, following, is_second_left, wants_more
from labeling.services.between import put_between
from labeling.services.claiming import claim_another
from labeling.services.hands import Holding, read_slot
from labeling.services.slots import give_back

NO_BOUND: Final = 2**31 - 1


@dataclass(frozen=True)
class Dealt:
    """A unit for a person, and how it is shown to them.

    `draft.before` are the answers they took back or want to change; `draft.fields` what the form
    held when it was last saved.
    """

    unit: Unit
    draft: Draft


@dataclass(frozen=True)
class Desk:
    """What a person judges now, and what comes next."""

    now: Dealt | None = None
    ahead: Dealt | None = None


def put_on_desk(annotator: Annotator, holding: Holding) -> None:
    """Choose what is on the desk and what comes next, claiming examples as needed.

    What was fetched ahead comes next while it is possible. Two units of one example never follow
    each other: where nothing else is left, one of another example is read between them, and in a
    campaign of one example there is a break. (In a qualification of one example what is right is
    told after each.)
    """
    now, ahead = _still_there(annotator, holding)
    if annotator.state not in _AT_WORK or _quota_left(annotator) <= 0:
        if holding.held:
            give_back(annotator)
        now = ahead = None
    else:
        now = now or _next(annotator, holding, after=None, last=annotator.last_bundle)
        if now is not None and ahead is None:
            ahead = _next(annotator, holding, after=now, last=_bundle_of(now, holding))
    _draw(annotator, [pk for pk in (now, ahead) if pk is not None], holding)
    if now != annotator.unit_id or annotator.shown_at is None:
        annotator.unit_id, annotator.shown_at = now, timezone.now() if now else None
    annotator.next_unit_id = ahead


_AT_WORK: Final = (Annotator.State.ACTIVE, Annotator.State.QUALIFYING)


def _still_there(annotator: Annotator, holding: Holding) -> tuple[int | None, int | None]:
    """Return what was on the desk and what was fetched ahead, as far as it may still follow."""
    now = _still(annotator, holding, annotator.unit_id)
    ahead = _still(annotator, holding, annotator.next_unit_id)
    if now is None and annotator.unit_id is not None:  # it was seen, and then lost
        annotator.last_bundle = _bundle_of(annotator.unit_id, holding)
    if now is None or now == ahead:
        now, ahead = ahead, None
        # What was to stand between them may be lost.
        if now is not None and _bundle_of(now, holding) == annotator.last_bundle:
            now = None
    elif ahead is not None and _bundle_of(ahead, holding) == _bundle_of(now, holding):
        ahead = None
    return now, ahead


def _still(annotator: Annotator, holding: Holding, unit: int | None) -> int | None:
    """Return a unit if the person can still answer it, in hand or reopened, or is to read it."""
    if unit is None or holding.place_of(unit) is not None:
        return unit
    draft = Draft.objects.filter(annotator=annotator, unit=unit).first()
    own = Annotation.objects.given().filter(annotator=annotator, unit=unit)
    is_there = draft is not None and (draft.is_between or own.exists())
    return unit if is_there else None


def is_still_theirs(annotator: Annotator, holding: Holding) -> bool:
    """Say whether a person can still answer what is on their desk, if anything is."""
    return _still(annotator, holding, annotator.unit_id) == annotator.unit_id


def _quota_left(annotator: Annotator) -> int:
    quota = annotator.campaign.quota if annotator.quota is None else annotator.quota
    return NO_BOUND if quota is None else quota - annotator.n_answered


def _next(
    annotator: Annotator, holding: Holding, *, after: int | None, last: int | None
) -> int | None:
    """Return the unit to show after one, which is of the example `last`, if there is one now."""
    hands = _hands_after(annotator, holding, after)
    if not hands:
        return None
    bundle_of = {unit: hand.bundle for hand in hands for unit in hand.units}
    waiting = [unit for unit in (*holding.withdrawn, *holding.dealt) if unit in bundle_of]
    for unit in waiting:
        if bundle_of[unit] != last:
            return unit
    unit = following(hands, last=last, seed=annotator.seed)
    if last is None or bundle_of[unit] != last:
        return unit
    between = put_between(annotator, last)
    if between is None:
        return _after_a_break(annotator, unit, is_ahead=after is not None)
    holding.has_drawn(between)
    return between.unit_id


def _hands_after(annotator: Annotator, holding: Holding, after: int | None) -> list[Hand]:
    """Return what a person has in hand once a unit is answered, having claimed what is needed."""
    is_qualifying = annotator.state == Annotator.State.QUALIFYING
    while True:
        hands = holding.hands_without(after, is_qualifying=is_qualifying)
        if hands and not wants_more(hands):
            break
        room = _quota_left(annotator) - holding.n_left
        slot = claim_another(annotator, room=room, held=holding.bundles) if room > 0 else None
        if slot is None:
            break
        holding.add(read_slot(annotator, slot))
    return hands


def _after_a_break(annotator: Annotator, unit: int, *, is_ahead: bool) -> int | None:
    """Return a unit if it may follow one of its example, there being no other example."""
    if annotator.state == Annotator.State.QUALIFYING:
        return unit
    # What is fetched ahead would come without a break.
    is_over = not is_ahead and break_until(annotator.saved_at, timezone.now()) is None
    return unit if is_over else None


def _bundle_of(unit: int, holding: Holding) -> int:
    place = holding.place_of(unit)
    if place is not None:
        return place.bundle
    return Unit.objects.values_list("bundle", flat=True).get(pk=unit)


def _draw(annotator: Annotator, units: Sequence[int], holding: Holding) -> None:
    """Make the drafts of units that are dealt for the first time, sides and all."""
    fresh = [
        Draft(
            annotator=annotator,
            unit_id=unit,
            question_set_id=annotator.campaign.answers_go_to,
            is_swapped=_side_of(annotator, unit, *holding.known[unit].runs),
        )
        for unit in units
        if unit in holding.known and holding.known[unit].draft is None
    ]
    for draft in fresh:
        insert(draft)
        holding.has_drawn(draft)
    for unit in set(units) - {annotator.unit_id, annotator.next_unit_id}:
        drawn = holding.draft_of(unit)
        # It was once only to be read, and has come to be theirs.
        if drawn is not None and drawn.is_between and holding.place_of(unit) is not None:
            drawn.is_between = False
            drawn.save(update_fields=["is_between"])
            _weigh(annotator, *holding.known[unit].runs, by=1 if drawn.is_swapped else -1)


def _side_of(annotator: Annotator, unit: int, run: int, second: int | None) -> bool:
    """Draw the sides of a pair, even over all pairs of the same two runs."""
    if second is None:
        return False
    balance = annotator.sides.get(f"{run}-{second}", 0)
    is_swapped = is_second_left(balance, seed=annotator.seed, unit=unit)
    _weigh(annotator, run, second, by=1 if is_swapped else -1)
    return is_swapped


def forget_side(annotator: Annotator, unit: Unit, *, is_swapped: bool) -> None:
    """Let a pair that was not answered weigh nothing in the balance of sides."""
    _weigh(annotator, unit.run_id, unit.second_run_id, by=-1 if is_swapped else 1)


def remember_side(annotator: Annotator, unit: Unit, *, is_swapped: bool) -> None:
    """Let a pair that is to be answered after all weigh in the balance of sides."""
    _weigh(annotator, unit.run_id, unit.second_run_id, by=1 if is_swapped else -1)


def _weigh(annotator: Annotator, run: int, second: int | None, *, by: int) -> None:
    if second is not None:
        pair = f"{run}-{second}"
        annotator.sides = {**annotator.sides, pair: annotator.sides.get(pair, 0) + by}


def desk_of(annotator: Annotator, holding: Holding) -> Desk:
    """Return what is on the desk and what comes next."""
    return Desk(
        _dealt(annotator, annotator.unit_id, holding),
        _dealt(annotator, annotator.next_unit_id, holding),
    )


def _dealt(annotator: Annotator, unit: int | None, holding: Holding) -> Dealt | None:
    if unit is None:
        return None
    known = holding.known.get(unit)
    if known is not None and known.draft is not None:
        draft = known.draft
        draft.unit = known.unit
    else:  # one that was reopened, and needs no place
        related = ("unit__run__version", "unit__second_run__version")
        drafts = Draft.objects.filter(annotator=annotator).select_related(*related)
        draft = drafts.get(unit=unit)
    _ask_as_now(annotator, draft)
    return Dealt(draft.unit, draft)


def _ask_as_now(annotator: Annotator, draft: Draft) -> None:
    """Ask under the newest version of the questions; what was chosen under another is not kept."""
    draft.annotator = annotator
    if draft.question_set_id != annotator.campaign.question_set_id:
        draft.question_set_id, draft.fields = annotator.campaign.answers_go_to, {}
        draft.number += 1
        draft.save(update_fields=["question_set", "fields", "number"])
