"""Who may answer what: slots are claimed, held under a lease, and given back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from evalhub.errors import Conflict
from labeling.models import Annotation, Annotator, Slot, Unit
from labeling.ordering import Hand, shuffled

LEASE = timedelta(minutes=15)
RENEW_UNDER = timedelta(minutes=10)
HORIZON = 16  # examples among which a person's own order chooses


@dataclass(frozen=True)
class Holding:
    """What a person has in hand, oldest example first, and what of it they took back."""

    hands: list[Hand]
    withdrawn: list[int]
    lease_until: datetime | None

    def has(self, unit: int | None) -> bool:
        return any(unit in hand.units for hand in self.hands)


def holding_of(annotator: Annotator) -> Holding:
    """Return what a person holds, and give back slots in which they can do nothing more."""
    slots = list(Slot.objects.held_by(annotator).order_by("order", "number"))
    if not slots:
        return Holding([], [], None)
    units = _units_of(slots)
    # One query: who answered in these slots, and what this person did with these examples.
    here = Q(slot__in=slots) | Q(annotator=annotator, bundle__in=[slot.bundle for slot in slots])
    rows = Annotation.objects.filter(here).values_list(
        "slot_id", "unit_id", "annotator_id", "state", "at"
    )
    filled, done, withdrawn = set(), set(), []
    for slot_id, unit, who, state, at in rows:
        filled.add((slot_id, unit))
        if who == annotator.pk and state == Annotation.State.WITHDRAWN:
            withdrawn.append((at, unit))
        elif who == annotator.pk:
            done.add(unit)
    hands = []
    for slot in slots:
        left = [
            unit
            for unit in units[slot.bundle]
            if unit not in done and (slot.pk, unit) not in filled
        ]
        if left:
            hands.append(Hand(bundle=slot.bundle, size=slot.n_units, units=left))
        else:
            _give_back(slot, annotator)
    leases = [slot.lease_until for slot in slots if slot.lease_until is not None]
    taken_back = [unit for _, unit in sorted(withdrawn, reverse=True)]
    return Holding(hands, taken_back, min(leases, default=None))


def _units_of(slots: Sequence[Slot]) -> dict[int, list[int]]:
    units = defaultdict(list)
    rows = Unit.objects.filter(
        campaign=slots[0].campaign_id,
        bundle__in=[slot.bundle for slot in slots],
        twin__isnull=True,
    )
    for pk, bundle in rows.values_list("pk", "bundle"):
        units[bundle].append(pk)
    return units


def _give_back(slot: Slot, annotator: Annotator) -> None:
    Slot.objects.held_by(annotator).filter(pk=slot.pk).update(
        annotator=None, state=Slot.State.OPEN, lease_until=None
    )


def give_back(annotator: Annotator) -> None:
    """Leave all that a person holds to other people."""
    Slot.objects.held_by(annotator).update(annotator=None, state=Slot.State.OPEN, lease_until=None)


def lock(annotator: Annotator) -> None:
    """Let one request of this person at a time past here, and know the row as it is then."""
    campaign = annotator.campaign
    rows = Annotator.objects.select_for_update(of=("self",)).select_related("campaign")
    annotator.refresh_from_db(from_queryset=rows.defer("campaign__guidelines"))
    campaign.state, annotator.campaign = annotator.campaign.state, campaign


@transaction.atomic
def claim_another(annotator: Annotator) -> bool:
    """Take one more example for a person, if there is one for them."""
    lock(annotator)
    now = timezone.now()
    while annotator.campaign.is_open and (candidates := _candidates(annotator, now)):
        if any(_claim(slot, annotator, now) for slot in candidates):
            return True
        # All were taken in between; the next look does not see them.
    return False


def place_for(annotator: Annotator, unit: Unit) -> Slot:
    """Return a slot of this person with room for an answer to this unit, claiming a free one."""
    now = timezone.now()
    slots = Slot.objects.filter(campaign=annotator.campaign, bundle=unit.bundle)
    roomy = slots.exclude(annotations__unit=unit).order_by("number")
    for slot in roomy.held_by(annotator).select_for_update(of=("self",)):
        return slot
    for slot in roomy.claimable(now):
        if _claim(slot, annotator, now) and not slot.annotations.filter(unit=unit).exists():
            return slot
    raise Conflict(
        "Your time for this output ran out, and it has gone to other people: "
        "your answer is not needed any more."
    )


def fill(slot: Slot) -> Slot:
    """Count one more answer in a slot that its person holds; the last one completes it."""
    full = Q(n_answered__gte=F("n_units") - 1)
    Slot.objects.filter(pk=slot.pk).update(
        state=Case(When(full, then=Value(Slot.State.DONE)), default=Value(Slot.State.LEASED)),
        n_answered=F("n_answered") + 1,
        lease_until=timezone.now() + LEASE,
    )
    return slot


def take_back(annotator: Annotator, slot: Slot) -> None:
    """Make room again for one answer, in a slot that nobody else works in."""
    now = timezone.now()
    theirs = Q(state=Slot.State.LEASED, lease_until__gte=now) & ~Q(annotator=annotator)
    changed = (
        Slot.objects.filter(pk=slot.pk)
        .exclude(theirs)
        .update(
            annotator=annotator,
            state=Slot.State.LEASED,
            n_answered=F("n_answered") - 1,
            lease_until=now + LEASE,
        )
    )
    if not changed:
        raise Conflict("Somebody else has this example in hand now, so your answer stays.")


def renew(annotator: Annotator) -> None:
    """Keep what a person holds for another while."""
    Slot.objects.held_by(annotator).update(lease_until=timezone.now() + LEASE)


def _candidates(annotator: Annotator, now: datetime) -> list[Slot]:
    """Return slots to try, in the person's own order within the campaign's next examples."""
    been_here = Annotation.objects.filter(annotator=annotator, bundle=OuterRef("bundle"))
    fresh = _claimable(annotator, now, ~Exists(been_here))
    return fresh or _claimable(annotator, now, Exists(_answerable(annotator)))


def _claimable(annotator: Annotator, now: datetime, condition: Combinable) -> list[Slot]:
    campaign = annotator.campaign
    slots = (
        Slot.objects.filter(condition, campaign=campaign)
        .exclude(bundle__in=Slot.objects.held_by(annotator).values("bundle"))
        .order_by("order", "number")
    )
    # Two queries, so that each can walk its index in order and stop.
    first = HORIZON * campaign.overlap
    found = [
        *slots.filter(state=Slot.State.OPEN)[:first],
        *slots.filter(state=Slot.State.LEASED, lease_until__lt=now)[:first],
    ]
    by_bundle: dict[int, Slot] = {}
    for slot in sorted(found, key=lambda slot: (slot.order, slot.number)):
        if len(by_bundle) < HORIZON:
            by_bundle.setdefault(slot.bundle, slot)
    return sorted(by_bundle.values(), key=lambda slot: shuffled(annotator.seed, slot.bundle))


def _answerable(annotator: Annotator) -> QuerySet[Unit]:
    """Return the units of the outer slot that are free in it, and new to this person."""
    taken = Annotation.objects.filter(unit=OuterRef("pk"), slot=OuterRef(OuterRef("pk")))
    seen = Annotation.objects.filter(unit=OuterRef("pk"), annotator=annotator).exclude(
        state=Annotation.State.WITHDRAWN
    )
    return Unit.objects.filter(
        ~Exists(taken),
        ~Exists(seen),
        campaign=annotator.campaign,
        bundle=OuterRef("bundle"),
        twin__isnull=True,
    )


def _claim(slot: Slot, annotator: Annotator, now: datetime) -> bool:
    """Take a slot by one conditional UPDATE: whoever comes second changes nothing."""
    mine = Slot.objects.claimable(now).filter(pk=slot.pk)
    return bool(mine.update(annotator=annotator, state=Slot.State.LEASED, lease_until=now + LEASE))
