"""One example never comes twice in a row where that can be avoided."""

import dataclasses
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labeling.ordering import (
    Hand,
    following,
    in_shares,
    is_control_place,
    is_second_left,
    shuffled,
    wants_more,
)


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


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 2**62))
def test_every_beginning_holds_the_levels_in_their_shares(sizes, seed):
    level_of = dict(enumerate(level for level, n in enumerate(sizes) for _ in range(n)))
    order = in_shares(level_of, seed=seed)
    assert sorted(order) == sorted(level_of)
    seen = dict.fromkeys(range(len(sizes)), 0)
    for m, example in enumerate(order, start=1):
        seen[level_of[example]] += 1
        for level, n in enumerate(sizes):
            # Each level is off by half a place, and so is each that takes or leaves one.
            assert abs(seen[level] - m * n / sum(sizes)) <= 0.5 + len(sizes) / 2


@given(share=st.sampled_from([0.02, 0.05, 0.1, 0.3, 1 / 3, 0.5]), seed=st.integers(0, 2**62))
def test_controls_keep_their_share_in_every_block(share, seed):
    places = [n for n in range(200) if is_control_place(n, share=share, seed=seed)]
    for n in (20, 100, 200):
        assert abs(sum(place < n for place in places) - share * n) <= 1
    assert not any(is_control_place(n, share=0.0, seed=seed) for n in range(50))


def test_controls_stand_at_different_places_for_different_people():
    places = {
        next(n for n in range(20) if is_control_place(n, share=0.05, seed=seed))
        for seed in range(200)
    }
    assert places == set(range(20))


@given(seed=st.integers(0, 2**62))
def test_the_second_output_stands_left_every_other_time(seed):
    balance, sides = 0, []
    for unit in range(80):
        is_left = is_second_left(balance, seed=seed, unit=unit)
        sides.append(is_left)
        balance += 1 if is_left else -1
    for start in range(61):
        assert abs(sum(sides[start : start + 20]) - 10) <= 1


def test_neither_side_comes_first_by_rule():
    first = [is_second_left(0, seed=seed, unit=7) for seed in range(1_000)]
    assert 430 <= sum(first) <= 570  # four standard errors of a fair coin: 63
