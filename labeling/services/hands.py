"""What a person has in hand: the examples they hold places on, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import FilteredRelation, Q
from django.utils import timezone

from labeling.models import Annotation, Annotator, Slot, Unit
from labeling.ordering import Hand
from labeling.services.slots import LEASE, RENEW_UNDER, Place, give_back, places, renew

WITHDRAWN = Annotation.State.WITHDRAWN


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

    def place_of(self, unit: int | None) -> Place | None:
        return next((one.place for one in self.held if unit in one.left), None)

    @property
    def bundles(self) -> list[int]:
        return [one.place.bundle for one in self.held]

    @property
    def n_left(self) -> int:
        return sum(len(one.left) for one in self.held)

    def hands_without(self, unit: int | None) -> list[Hand]:
        """Return the hands as they are once a unit is answered."""
        hands = [one.as_hand for one in self.held]
        left = [[pk for pk in hand.units if pk != unit] for hand in hands]
        return [
            Hand(bundle=hand.bundle, size=hand.size, units=units)
            for hand, units in zip(hands, left, strict=True)
            if units
        ]

    def drop(self, unit: int) -> None:
        """Forget a unit that is done with."""
        for one in self.held:
            if unit in one.left:
                one.left.remove(unit)
        for queue in (self.withdrawn, self.dealt):
            if unit in queue:
                queue.remove(unit)

    def add(self, other: Holding) -> None:
        self.held += other.held
        self.withdrawn += other.withdrawn
        self.dealt += other.dealt


def holding_of(annotator: Annotator) -> Holding:
    """Return what a person holds; their row is locked, and so are these slots from here on.

    Leases are renewed in time, and slots in which the person can do nothing more given back.
    """
    now = timezone.now()
    slots = Slot.objects.held_by(annotator).order_by("order", "number")
    mine = places(slots.select_for_update(no_key=True))
    if any(_is_due(place.lease_until, now) for place in mine):
        renew(annotator)
    holding = read_places(annotator, mine)
    if spent := [one.place.pk for one in holding.held if not one.left]:
        give_back(annotator, spent)
        holding.held = [one for one in holding.held if one.left]
    return holding


def _is_due(lease_until: datetime | None, now: datetime) -> bool:
    """Say whether a lease ends soon, or later than a clock that runs right could have set."""
    return lease_until is None or not RENEW_UNDER <= lease_until - now <= LEASE + _A_MOMENT


_A_MOMENT = timedelta(seconds=5)  # clocks of two machines differ


def read_places(annotator: Annotator, mine: Sequence[Place]) -> Holding:
    """Return these places with their units, in one query."""
    rows = _rows(annotator, mine) if mine else []
    filled = {(row.slot, row.unit) for row in rows}
    own = [row for row in rows if row.annotator == annotator.pk]
    taken_back = {row.unit: row.at for row in own if row.state == WITHDRAWN}
    done = {row.unit for row in own if row.state != WITHDRAWN}
    drafts = {row.unit: row.draft for row in rows if row.draft is not None}
    of_bundle: dict[int, dict[int, None]] = {}
    for row in rows:
        of_bundle.setdefault(row.bundle, {})[row.unit] = None
    held = [
        Held(
            place,
            [
                unit
                for unit in of_bundle.get(place.bundle, ())
                if unit not in done and (place.pk, unit) not in filled
            ],
        )
        for place in mine
    ]
    return Holding(
        held=held,
        withdrawn=sorted(taken_back, key=lambda unit: taken_back[unit], reverse=True),
        dealt=sorted(drafts, key=lambda unit: drafts[unit]),
    )


class _Row(NamedTuple):
    """A unit with one answer in the places or by the person, if any, and the person's draft."""

    unit: int
    bundle: int
    slot: int | None
    annotator: int | None
    state: str | None
    at: Any
    draft: Any


def _rows(annotator: Annotator, mine: Sequence[Place]) -> list[_Row]:
    here = Q(annotations__slot__in=[place.pk for place in mine])
    said = FilteredRelation("annotations", condition=here | Q(annotations__annotator=annotator))
    drawn = FilteredRelation("drafts", condition=Q(drafts__annotator=annotator))
    units = Unit.objects.filter(
        campaign=annotator.campaign_id,
        bundle__in={place.bundle for place in mine},
        twin__isnull=True,
    ).alias(said=said, drawn=drawn)
    rows = units.values_list(
        *("pk", "bundle", "said__slot_id", "said__annotator_id", "said__state", "said__at"),
        "drawn__pk",
    )
    return [_Row(*row) for row in rows]
