"""Places on examples: held under a lease, claimed, filled, and given back.

A slot is claimed by one conditional UPDATE, and a row that somebody else is just changing is
passed over: nobody waits here for a second row while holding a first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from evalhub.errors import Conflict
from evalhub.prepared import prepared
from labeling.models import Annotator, Purpose, Slot

LEASE: Final = timedelta(minutes=15)
RENEW_UNDER: Final = timedelta(minutes=10)
PERSONAL: Final = 1_000  # slots from this number on are of one person each, for their controls

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


def lapsed(now: datetime) -> Q:
    """Tell the leases that ran out, and those that no clock running right could have given."""
    early, late = _running(now)
    return Q(state=LEASED) & (Q(lease_until__lt=early) | Q(lease_until__gt=late))


def _running(now: datetime) -> tuple[datetime, datetime]:
    """Return the times between which a lease that runs has its end."""
    return now, now + 2 * LEASE


def claim(slot: int, annotator: Annotator, now: datetime) -> bool:
    """Take a slot: whoever comes second, or while it is being changed, changes nothing."""
    free = _FREE
    if connection.features.has_select_for_update_skip_locked:
        free += "FOR NO KEY UPDATE SKIP LOCKED"
    until, early, late = map(_stored, (now + LEASE, *_running(now)))
    with prepared() as cursor:
        cursor.execute(f"{_CLAIM} ({free})", [annotator.pk, until, slot, early, late])
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
    theirs = Q(state=LEASED) & ~lapsed(now) & ~Q(annotator=annotator)
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
