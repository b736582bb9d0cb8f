"""One example never comes twice in a row where that can be avoided."""

import dataclasses
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labeling.ordering import Hand, following, shuffled, wants_more


def hands_of(sizes):
    return [
        Hand(bundle=at, size=size, units=[100 * at + i for i in range(size)])
        for at, size in enumerate(sizes)
    ]


def walk(sizes, *, seed):
    """Answer everything: hold as many examples as are wanted, and take what comes."""
    waiting, hands, seen, last = hands_of(sizes), [], [], None
    while waiting or hands:
        while waiting and (not hands or wants_more(hands)):
            hands.append(waiting.pop(0))
        unit = following(hands, last=last, seed=seed)
        last = next(hand.bundle for hand in hands if unit in hand.units)
        seen.append((last, unit))
        hands = [
            dataclasses.replace(hand, units=[other for other in hand.units if other != unit])
            for hand in hands
        ]
        hands = [hand for hand in hands if hand.units]
    return seen


@given(
    n=st.integers(2, 40),
    size=st.integers(1, 10),
    seed=st.integers(0, 2**62),
)
def test_examples_of_one_size_are_never_adjacent(n, size, seed):
    seen = walk([size] * n, seed=seed)
    assert len({unit for _, unit in seen}) == n * size
    assert all(a != b for (a, _), (b, _) in pairwise(seen))


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=30), seed=st.integers(0, 2**62))
def test_every_unit_comes_once_whatever_the_sizes(sizes, seed):
    seen = walk(sizes, seed=seed)
    assert len(seen) == len({unit for _, unit in seen}) == sum(sizes)
    adjacent = sum(a == b for (a, _), (b, _) in pairwise(seen))
    unavoidable = max(0, 2 * max(sizes) - sum(sizes) - 1)
    assert adjacent <= unavoidable + max(sizes)


def test_people_see_different_orders_and_each_the_same_again():
    orders = {tuple(walk([2] * 20, seed=seed)) for seed in (1, 2, 3)}
    assert len(orders) == 3
    assert walk([2] * 20, seed=1) == walk([2] * 20, seed=1)


def test_few_examples_are_held_at_once():
    hands = hands_of([10, 10])
    assert wants_more(hands)
    assert not wants_more(hands_of([10, 10, 10]))


def test_an_order_is_fixed_by_its_seed():
    assert shuffled(7, 1) == shuffled(7, 1) != shuffled(8, 1)
