"""In which order people see units: shuffled, one example never twice in a row, slices in shares.

All of it follows from stored seeds, so that it can be told again later.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Final

SPREAD: Final = 3  # examples that take turns
BREAK: Final = timedelta(minutes=1)  # between two of one example, where there is no other


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

    Twice the largest example is enough for any later one to be spread among the others. Where
    examples have one unit each, there is nothing to spread: another one is enough.
    """
    left = sum(len(hand.units) for hand in hands)
    largest = max((hand.size for hand in hands), default=1)
    return len(hands) < min(SPREAD, 1 + largest) or left < 2 * largest


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


def break_until(last: datetime | None, now: datetime) -> datetime | None:
    """Return when the break after an answer ends, or None where it is over.

    An answer of the future was given by another clock, and says nothing.
    """
    is_resting = last is not None and timedelta(0) <= now - last < BREAK
    return last + BREAK if last is not None and is_resting else None


def _leaves_a_way(hands: Sequence[Hand], chosen: Hand) -> bool:
    left = {hand.bundle: len(hand.units) for hand in hands}
    left[chosen.bundle] -= 1
    total = sum(left.values())
    return max(left.values()) <= (total + 1) // 2 and left[chosen.bundle] <= total // 2


def in_shares(levels: Mapping[int, Hashable], *, seed: int) -> list[int]:
    """Return the examples in an order whose every beginning holds the levels in their shares.

    `levels` says of each example which slice it is in. The examples of a slice are shuffled and
    stand as far apart as its size asks for: among the first m, a slice of the share p has p·m,
    give or take what a rounding of each slice makes.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for example in sorted(levels, key=lambda example: shuffled(seed, example)):
        members[levels[example]].append(example)
    places = {
        example: (at + 0.5) / len(among)
        for among in members.values()
        for at, example in enumerate(among)
    }
    return sorted(places, key=lambda example: (places[example], shuffled(seed, example)))


def is_control_place(n: int, *, share: float, seed: int) -> bool:
    """Say whether the n-th example (from 0) that a person is given is to be a control.

    There is one in each block of 1 / share examples, at a place of its own.
    """
    if share <= 0:
        return False
    exact = Fraction(share).limit_denominator(1_000)
    block = floor(n * exact)
    start, stop = ceil(block / exact), ceil((block + 1) / exact)
    return n == start + shuffled(seed, block) % (stop - start)


def is_second_left(balance: int, *, seed: int, unit: int) -> bool:
    """Draw the side on which the second output of a pair stands.

    `balance` says how much oftener it stood left before, of pairs of the same two runs: drawn
    only when even, so that it is never more than one off, and in any twenty pairs one at most.
    """
    if balance:
        return balance < 0
    return shuffled(seed, unit) % 2 == 1
