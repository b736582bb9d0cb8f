"""Places on examples: claimed, held under a lease, filled, and given back.

A slot is claimed by one conditional UPDATE, and a row that somebody else is just changing is
passed over: nobody waits here for a second row while holding a first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from evalhub.errors import Conflict
from evalhub.prepared import prepared
from labeling.models import Annotation, Annotator, Campaign, Control, Purpose, Slot, Unit
from labeling.ordering import is_control_place, shuffled

LEASE: Final = timedelta(minutes=15)
RENEW_UNDER: Final = timedelta(minutes=10)
HORIZON: Final = 16  # examples among which a person's own order chooses
LAPSED_LOOK: Final = 8  # every so many claims somebody looks after what others have left
PERSONAL: Final = 1_000  # slots from this number on are of one person each, for their controls

LOST: Final = (
    "Your time for this output ran out, and it has gone to other people: "
    "your answer is not needed any more."
)
OPEN, LEASED, DONE = Slot.State.OPEN, Slot.State.LEASED, Slot.State.DONE


class Place(NamedTuple):
    """What is read of a slot."""

    pk: int
    bundle: int
    number: int
    order: int
    priority: int
    purpose: str
    n_units: int
    n_answered: int
    lease_until: datetime | None

    @property
    def is_full(self) -> bool:
        return self.n_answered >= self.n_units


def places(slots: QuerySet[Slot]) -> list[Place]:
    return [Place(*row) for row in slots.values_list(*Place._fields)]


class Candidate(NamedTuple):
    """A slot that may be claimed."""

    pk: int
    bundle: int
    number: int
    order: int
    priority: int
    reserved_for_id: int | None


def claim_another(annotator: Annotator, *, room: int, held: Collection[int]) -> int | None:
    """Take one more example for a person whose row is locked: its slot, if there is one for them.

    It has at most `room` units and is none of the examples `held`. `n_claimed` and `reached` of
    the person change; the caller saves them.
    """
    now = timezone.now()
    if annotator.state == Annotator.State.QUALIFYING:
        return _claim_known(annotator, Purpose.QUALIFICATION, now, room=room, held=held)
    tried: set[int] = set()
    while candidates := _candidates(annotator, now, room=room, held=held, tried=tried):
        slot = _control_in_turn(annotator, now, room=room, held=held)
        # One that somebody is just taking is passed over; there may be others behind it.
        slot = slot or next((one.pk for one in candidates if _claim(one, annotator, now)), None)
        if slot is not None:
            annotator.n_claimed += 1
            return slot
        tried.update(one.pk for one in candidates)
    return None


# Ordinary examples


def _candidates(
    annotator: Annotator,
    now: datetime,
    *,
    room: int,
    held: Collection[int],
    tried: Collection[int],
) -> list[Candidate]:
    """Return slots to try, those with priority first, then in the person's own order.

    The order is walked from where the person got to at the last claim: what is open before that
    was given back since, and is looked at when nothing else is left.
    """
    campaign = annotator.campaign
    most = HORIZON * (campaign.overlap + campaign.extra_overlap)

    def new(*where: Q) -> list[Candidate]:
        unseen = ~Exists(_own(annotator))
        return _first(
            _free(annotator, room=room, held=held, tried=tried).filter(unseen, *where), most
        )

    found: list[Candidate] = []
    if campaign.order_by == Campaign.Order.DISAGREEMENT:
        found += new(Q(state=OPEN, priority__gt=0))
    ahead = _ahead(annotator, room=room, passing=(held, tried), most=most)
    if ahead and not tried:
        annotator.reached = ahead[0].order
    found += ahead
    if not found or annotator.n_claimed % LAPSED_LOOK == 0:
        found += new(_lapsed(now))
    found = found or new(Q(state=OPEN))
    if not found:
        free = _free(annotator, room=room, held=held, tried=tried)
        begun = Exists(_own(annotator)), Exists(_answerable(annotator))
        found = _first(free.filter(Q(state=OPEN) | _lapsed(now), *begun), most)
    return _in_own_order(annotator, found)


def _ahead(
    annotator: Annotator,
    *,
    room: int,
    passing: tuple[Collection[int], Collection[int]],
    most: int,
) -> list[Candidate]:
    """Return open slots from where the person got to, passing over some examples and slots."""
    bundles, slots = passing
    campaign = annotator.campaign
    more = len(bundles) * (campaign.overlap + campaign.extra_overlap) + len(slots)
    me = annotator.pk
    with prepared() as cursor:
        asked = [annotator.campaign_id, annotator.reached, room, me, me, most + more]
        cursor.execute(_AHEAD, asked)
        rows = [Candidate._make(row) for row in cursor.fetchall()]
    return [one for one in rows if one.bundle not in bundles and one.pk not in slots][:most]


# Written out, for it is asked with nearly every answer: see `labeling.services.hand_rows`.
_AHEAD: Final = """
SELECT slot.id, slot.bundle, slot.number, slot."order", slot.priority, slot.reserved_for_id
  FROM labeling_slot slot
 WHERE slot.campaign_id = %s AND slot.purpose = 'label' AND slot.state = 'open'
   AND slot.priority = 0 AND slot."order" >= %s AND slot.n_units <= %s
   AND (slot.reserved_for_id IS NULL OR slot.reserved_for_id = %s)
   AND (SELECT COUNT(*) FROM labeling_annotation said
         WHERE said.annotator_id = %s AND said.bundle = slot.bundle) = 0
 ORDER BY slot.priority DESC, slot."order", slot.number
 LIMIT %s
"""


def _in_own_order(annotator: Annotator, found: list[Candidate]) -> list[Candidate]:
    """Shuffle the examples at the front: one place of each first, then their other places."""
    front = dict.fromkeys(
        one.bundle for one in sorted(found, key=lambda one: (-one.priority, one.order))
    )
    own = {bundle: shuffled(annotator.seed, bundle) for bundle in list(front)[:HORIZON]}
    first: dict[int, int] = {}
    for one in found:
        first[one.bundle] = min(one.number, first.get(one.bundle, one.number))
    return sorted(
        (one for one in found if one.bundle in own),
        key=lambda one: (
            one.reserved_for_id is None,  # what a lead gave them comes before all
            one.number != first[one.bundle],
            -one.priority,
            own[one.bundle],
        ),
    )


def _first(slots: QuerySet[Slot], most: int) -> list[Candidate]:
    rows = slots.order_by("-priority", "order", "number").values_list(*Candidate._fields)[:most]
    return [Candidate(*row) for row in rows]


def _free(
    annotator: Annotator, *, room: int, held: Collection[int], tried: Collection[int]
) -> QuerySet[Slot]:
    """Return the slots that could be this person's, in whatever state they are."""
    slots = Slot.objects.filter(
        _not_for_others(annotator),
        campaign=annotator.campaign_id,
        purpose=Purpose.LABEL,
        n_units__lte=room,
    )
    return slots.exclude(bundle__in=held).exclude(pk__in=tried)


def _not_for_others(annotator: Annotator) -> Q:
    return Q(reserved_for__isnull=True) | Q(reserved_for=annotator)


def _own(annotator: Annotator) -> QuerySet[Annotation]:
    return Annotation.objects.filter(annotator=annotator, bundle=OuterRef("bundle"))


def _answerable(annotator: Annotator) -> QuerySet[Unit]:
    """Return the units of the outer slot that are free in it, and new to this person."""
    taken = Annotation.objects.filter(unit=OuterRef("pk"), slot=OuterRef(OuterRef("pk")))
    seen = Annotation.objects.filter(unit=OuterRef("pk"), annotator=annotator).exclude(
        state=Annotation.State.WITHDRAWN
    )
    return Unit.objects.filter(
        ~Exists(taken),
        ~Exists(seen),
        campaign=annotator.campaign_id,
        bundle=OuterRef("bundle"),
        twin__isnull=True,
    )


def _lapsed(now: datetime) -> Q:
    """Tell the leases that ran out, and those that no clock running right could have given."""
    early, late = _running(now)
    return Q(state=LEASED) & (Q(lease_until__lt=early) | Q(lease_until__gt=late))


def _running(now: datetime) -> tuple[datetime, datetime]:
    """Return the times between which a lease that runs has its end."""
    return now, now + 2 * LEASE


def _claimable(campaign: Campaign, now: datetime) -> QuerySet[Slot]:
    return Slot.objects.filter(
        Q(state=OPEN) | _lapsed(now), campaign=campaign, purpose=Purpose.LABEL
    )


def _claim(one: Candidate, annotator: Annotator, now: datetime) -> bool:
    """Take a slot: whoever comes second, or while it is being changed, changes nothing."""
    free = _FREE
    if connection.features.has_select_for_update_skip_locked:
        free += "FOR NO KEY UPDATE SKIP LOCKED"
    until, early, late = map(_stored, (now + LEASE, *_running(now)))
    with prepared() as cursor:
        cursor.execute(f"{_CLAIM} ({free})", [annotator.pk, until, one.pk, early, late])
        return bool(cursor.rowcount)


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


_CLAIM: Final = """
UPDATE labeling_slot SET annotator_id = %s, state = 'leased', lease_until = %s WHERE id IN
"""
_FREE: Final = """
SELECT id FROM labeling_slot
 WHERE id = %s AND (state = 'open'
                    OR state = 'leased' AND (lease_until < %s OR lease_until > %s))
"""


def _passing(slots: QuerySet[Slot]) -> QuerySet[Slot]:
    """Return slots to change, without those that somebody else is just changing.

    Where one writes at a time, nobody is.
    """
    if not connection.features.has_select_for_update_skip_locked:
        return slots
    passing = slots.select_for_update(skip_locked=True, no_key=True)
    return Slot.objects.filter(pk__in=passing.values("pk"))


# Controls and the qualification


def _control_in_turn(
    annotator: Annotator, now: datetime, *, room: int, held: Collection[int]
) -> int | None:
    """Return a place on a control, where the person's order has one."""
    share, seed = annotator.campaign.control_share, annotator.seed
    if not is_control_place(annotator.n_claimed, share=share, seed=seed):
        return None
    return _claim_known(annotator, Purpose.CONTROL, now, room=room, held=held)


def _claim_known(
    annotator: Annotator, purpose: Purpose, now: datetime, *, room: int, held: Collection[int]
) -> int | None:
    """Make a place for this person on an example with known answers that is new to them."""
    campaign_id, number = annotator.campaign_id, PERSONAL + annotator.pk
    theirs = Slot.objects.filter(
        campaign=campaign_id, bundle=OuterRef("bundle"), number=number
    ).exclude(state=OPEN)
    known = Control.objects.filter(
        ~Exists(theirs), ~Exists(_own(annotator)), campaign=campaign_id, purpose=purpose
    ).exclude(bundle__in=held)
    order = sorted(
        set(known.values_list("bundle", flat=True)),
        key=lambda bundle: shuffled(annotator.seed, bundle),
    )
    for bundle in order:
        n_units = Unit.objects.filter(
            campaign=campaign_id, bundle=bundle, twin__isnull=True
        ).count()
        if n_units <= room:
            slot, _ = Slot.objects.update_or_create(
                campaign_id=campaign_id,
                bundle=bundle,
                number=number,
                defaults={
                    **{"purpose": purpose, "order": 0, "n_units": n_units},
                    **{"annotator": annotator, "state": LEASED, "lease_until": now + LEASE},
                },
            )
            return slot.pk
    return None


# What a person holds


def late_place(annotator: Annotator, unit: Unit) -> Place:
    """Return a slot with room for an answer to a unit whose own slot is lost, or was left.

    It is one that the person holds, or a place of their own on a control, or a free one.
    """
    now = timezone.now()
    roomy = Slot.objects.filter(campaign=annotator.campaign_id, bundle=unit.bundle).exclude(
        Exists(Annotation.objects.filter(slot=OuterRef("pk"), unit=unit))
    )
    personal = Q(number=PERSONAL + annotator.pk)
    own = roomy.filter(personal | Q(state=LEASED), annotator=annotator)
    for place in places(own)[:1]:
        Slot.objects.filter(pk=place.pk).update(state=LEASED, lease_until=now + LEASE)
        return place
    free = _claimable(annotator.campaign, now) & roomy.filter(_not_for_others(annotator))
    for one in _first(free, HORIZON):
        if _claim(one, annotator, now) and not _is_answered(one.pk, unit):
            return places(Slot.objects.filter(pk=one.pk))[0]
    raise Conflict(LOST)


def _is_answered(slot: int, unit: Unit) -> bool:
    return Annotation.objects.filter(slot=slot, unit=unit).exists()


def fill(place: Place, annotator: Annotator) -> Place | None:
    """Count one more answer in a slot that a person holds; the last one completes it.

    Return it as it is then, or None where it is no longer theirs.
    """
    until = timezone.now() + LEASE
    filled = place._replace(n_answered=place.n_answered + 1, lease_until=until)
    state = DONE if filled.is_full else LEASED
    is_now = [state, filled.n_answered, _stored(until)]
    was = [place.pk, annotator.pk, place.n_answered]
    with prepared() as cursor:
        cursor.execute(_FILL, is_now + was)
        return filled if cursor.rowcount else None


_FILL: Final = """
UPDATE labeling_slot SET state = %s, n_answered = %s, lease_until = %s
 WHERE id = %s AND annotator_id = %s AND state = 'leased' AND n_answered = %s
"""


def take_back(annotator: Annotator, slot_id: int) -> None:
    """Make room again for one answer, in a slot that nobody else works in."""
    now = timezone.now()
    theirs = Q(state=LEASED) & ~_lapsed(now) & ~Q(annotator=annotator)
    changed = _passing(Slot.objects.filter(pk=slot_id).exclude(theirs)).update(
        annotator=annotator,
        state=LEASED,
        n_answered=F("n_answered") - 1,
        lease_until=now + LEASE,
    )
    if not changed:
        raise Conflict("Somebody else has this example in hand now, so your answer stays.")


def renew(annotator: Annotator) -> None:
    """Keep what a person holds for another while."""
    Slot.objects.held_by(annotator).update(lease_until=timezone.now() + LEASE)


def give_back(annotator: Annotator, slots: Collection[int] | None = None) -> None:
    """Leave slots to other people: these, or all that a person holds.

    A place on a control is theirs alone. One that they began is at its end; another one is as if
    it had never been.
    """
    held = Slot.objects.held_by(annotator)
    if slots is not None:
        held = held.filter(pk__in=slots)
    ordinary = held.filter(purpose=Purpose.LABEL)
    ordinary.update(annotator=None, state=OPEN, lease_until=None)
    held.filter(number__gte=PERSONAL, n_answered=0, annotations__isnull=True).delete()
    held.update(state=DONE)
