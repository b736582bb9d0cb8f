"""The order in which one person sees units: shuffled, and one example never twice in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SPREAD: Final = 3  # examples that take turns


@dataclass(frozen=True, kw_only=True)
class Hand:
    """An example that a person has in hand: the units of it that they can still answer."""

    bundle: int
    size: int  # with the units that are answered already
    units: Sequence[int]


def shuffled(seed: int, *what: int) -> int:
    """Return a number that sorts things into an order of their own for every seed."""
    text = ",".join(map(str, (seed, *what))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def wants_more(hands: Sequence[Hand]) -> bool:
    """Say whether another example is needed, so that turns can be taken to the last unit.

    Twice the largest example is enough for any later one to be spread among the others.
    """
    left = sum(len(hand.units) for hand in hands)
    return len(hands) < SPREAD or left < 2 * max(hand.size for hand in hands)


def following(hands: Sequence[Hand], *, last: int | None, seed: int) -> int:
    """Return the unit to show after one of the example `last`.

    The oldest few examples take turns, the one with most units left first. No choice may leave
    a rest that cannot be shown without the same example twice in a row.
    """
    others = [hand for hand in hands if hand.bundle != last] or list(hands)
    turns = sorted(
        others[:SPREAD], key=lambda hand: (-len(hand.units), shuffled(seed, hand.bundle))
    )
    largest = max(others, key=lambda hand: len(hand.units))
    hand = next((hand for hand in turns if _leaves_a_way(hands, hand)), largest)
    return min(hand.units, key=lambda unit: shuffled(seed, unit))


def _leaves_a_way(hands: Sequence[Hand], chosen: Hand) -> bool:
    left = {hand.bundle: len(hand.units) for hand in hands}
    left[chosen.bundle] -= 1
    total = sum(left.values())
    return max(left.values()) <= (total + 1) // 2 and left[chosen.bundle] <= total // 2
