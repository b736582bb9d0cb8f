"""Which place a person takes next: an ordinary one, a control, or one for a late answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from evalhub.errors import Conflict
from evalhub.prepared import prepared
from labeling.models import Annotation, Annotator, Campaign, Control, Purpose, Slot, Unit
from labeling.ordering import is_control_place, shuffled
from labeling.services.slots import (
    LEASE,
    LEASED,
    OPEN,
    PERSONAL,
    Place,
    claim,
    lapsed,
    places,
)

HORIZON: Final = 16  # examples among which a person's own order chooses
LAPSED_LOOK: Final = 8  # every so many claims somebody looks after what others have left

LOST: Final = (
    "Your time for this output ran out, and it has gone to other people: "
    "your answer is not needed any more."
)


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
        slot = slot or next((one.pk for one in candidates if claim(one.pk, annotator, now)), None)
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
        found += new(lapsed(now))
    found = found or new(Q(state=OPEN))
    if not found:
        free = _free(annotator, room=room, held=held, tried=tried)
        begun = Exists(_own(annotator)), Exists(_answerable(annotator))
        found = _first(free.filter(Q(state=OPEN) | lapsed(now), *begun), most)
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


# A late answer


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
    open_or_lapsed = Q(state=OPEN) | lapsed(now)
    free = roomy.filter(open_or_lapsed, _not_for_others(annotator), purpose=Purpose.LABEL)
    for one in _first(free, HORIZON):
        if claim(one.pk, annotator, now) and not _is_answered(one.pk, unit):
            return places(Slot.objects.filter(pk=one.pk))[0]
    raise Conflict(LOST)


def _is_answered(slot: int, unit: Unit) -> bool:
    return Annotation.objects.filter(slot=slot, unit=unit).exists()
