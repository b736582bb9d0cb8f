"""What a person has in hand: the examples they hold places on, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from labeling.models import Annotation, Annotator, Draft, Purpose
from labeling.ordering import Hand
from labeling.services.hand_rows import HandRow, Known, rows_held_by, rows_of_slot
from labeling.services.slots import LEASE, RENEW_UNDER, Place, give_back, renew

WITHDRAWN: Final = Annotation.State.WITHDRAWN
A_MOMENT: Final = timedelta(seconds=5)  # clocks of two machines differ


@dataclass
class Held:
    """A place on an example, and the units of it that the person can still answer there."""

    place: Place
    left: list[int]

    @property
    def as_hand(self) -> Hand:
        return Hand(bundle=self.place.bundle, size=self.place.n_units, units=self.left)


@dataclass
class Holding:
    """Everything a person has in hand, in the order of the campaign.

    `withdrawn` are the units they took back, the last one first; `dealt` those that have been
    on their desk or fetched for it and were not answered, the first one first.
    """

    held: list[Held] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    dealt: list[int] = field(default_factory=list)
    known: dict[int, Known] = field(default_factory=dict)

    def place_of(self, unit: int | None) -> Place | None:
        return next((one.place for one in self.held if unit in one.left), None)

    def draft_of(self, unit: int) -> Draft | None:
        known = self.known.get(unit)
        return None if known is None else known.draft

    def has_drawn(self, draft: Draft) -> None:
        """Know a draft that was just made, if its unit is known."""
        if draft.unit_id in self.known:
            self.known[draft.unit_id].draft = draft

    @property
    def bundles(self) -> list[int]:
        return [one.place.bundle for one in self.held]

    @property
    def n_left(self) -> int:
        return sum(len(one.left) for one in self.held)

    def hands_without(self, unit: int | None, *, is_qualifying: bool = False) -> list[Hand]:
        """Return the hands as they are once a unit is answered.

        In the qualification what somebody had begun waits.
        """
        hands = [
            one.as_hand
            for one in self.held
            if not is_qualifying or one.place.purpose == Purpose.QUALIFICATION
        ]
        left = [[pk for pk in hand.units if pk != unit] for hand in hands]
        return [
            Hand(bundle=hand.bundle, size=hand.size, units=units)
            for hand, units in zip(hands, left, strict=True)
            if units
        ]

    def drop(self, unit: int) -> None:
        """Forget a unit that is done with."""
        self.known.pop(unit, None)
        for one in self.held:
            if unit in one.left:
                one.left.remove(unit)
        for queue in (self.withdrawn, self.dealt):
            if unit in queue:
                queue.remove(unit)

    def now_is(self, place: Place) -> None:
        """Know a place as it has become."""
        for one in self.held:
            if one.place.pk == place.pk:
                one.place = place

    def spent(self) -> list[Place]:
        """Take out the places in which nothing is left to do, and return them."""
        spent = [one.place for one in self.held if not one.left]
        self.held = [one for one in self.held if one.left]
        return spent

    def add(self, other: Holding) -> None:
        self.held += other.held
        self.withdrawn += other.withdrawn
        self.dealt += other.dealt
        self.known |= other.known


def holding_of(annotator: Annotator) -> Holding:
    """Return what a person holds; their row is locked, and so are these slots from here on.

    Leases are renewed in time, and slots in which the person can do nothing more given back.
    """
    now = timezone.now()
    holding = _holding(annotator, rows_held_by(annotator))
    if any(_is_due(one.place.lease_until, now) for one in holding.held):
        renew(annotator)
    if spent := holding.spent():
        give_back(annotator, [place.pk for place in spent])
    return holding


def read_slot(annotator: Annotator, slot: int) -> Holding:
    """Return one place that a person has just taken."""
    return _holding(annotator, rows_of_slot(annotator, slot))


def _is_due(lease_until: datetime | None, now: datetime) -> bool:
    """Say whether a lease ends soon, or later than a clock that runs right could have set."""
    return lease_until is None or not RENEW_UNDER <= lease_until - now <= LEASE + A_MOMENT


def _holding(annotator: Annotator, rows: Sequence[HandRow]) -> Holding:
    own = [row for row in rows if row.said_by == annotator.pk]
    back = [(row.said_at, row.unit) for row in own if row.said_state == WITHDRAWN]
    done = {row.unit for row in own if row.said_state != WITHDRAWN}
    done |= {row.unit for row in rows if row.said_slot == row.place.pk}
    held: dict[int, Held] = {}
    known: dict[int, Known] = {}
    for row in rows:
        one = held.setdefault(row.place.pk, Held(row.place, []))
        if row.unit not in done and row.unit not in one.left:
            one.left.append(row.unit)
        known[row.unit] = row.known
    drafts = {unit: one.draft.pk for unit, one in known.items() if one.draft is not None}
    return Holding(
        held=list(held.values()),
        withdrawn=list(dict.fromkeys(unit for _, unit in sorted(back, reverse=True))),
        dealt=sorted(drafts, key=lambda unit: drafts[unit]),
        known=known,
    )
