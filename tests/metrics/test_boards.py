"""Leaderboards: the order and ranks of random boards, beside a slow reading of the rule."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from metrics.base import Family
from metrics.statistics.boards import NO_DIRECTION, Entry, leaderboard
from metrics.statistics.ranks import rank_ranges
from metrics.statistics.yardstick import Column, Yardstick

BINARY = Yardstick(family=Family.BINARY, low=0.0, high=1.0)
COST = Yardstick(family=Family.MEAN, low=0.0, higher_is_better=False)
SHARE = Yardstick(family=Family.MEAN, low=0.0, high=1.0)


def entry(system, values):
    return Entry(system=system, column=Column(values=np.array(values, dtype=np.float64)))


def a_board(rng):
    """Return a yardstick and rows of values by system; None is a run that failed."""
    yardstick = (BINARY, SHARE, COST)[rng.integers(3)]
    n, k = int(rng.integers(30, 61)), int(rng.integers(1, 6))
    hard = rng.random(n)
    rows = []
    for number in range(k):
        what = rng.integers(8)
        if what == 0:
            rows.append(None)
            continue
        if what == 1 and number and rows[-1] is not None:
            rows.append(rows[-1])  # the same answers: a tie
            continue
        skill = rng.choice([0.2, 0.5, 0.8])
        if yardstick is BINARY:
            values = (rng.random(n) < skill + 0.3 * (hard - 0.5)).astype(float)
        elif yardstick is SHARE:
            values = np.clip(skill + 0.4 * (hard - 0.5) + rng.normal(0, 0.1, n), 0, 1)
        else:
            values = np.round(10 * skill + hard + rng.exponential(1, n))
        values[rng.random(n) < rng.choice([0.0, 0.02, 0.2, 1.0], p=[0.5, 0.3, 0.15, 0.05])] = (
            math.nan
        )
        rows.append(values.tolist())
    return yardstick, rows


def slow_board(yardstick, rows):
    """Return [(system, value, best, worst)] in order, by the rule's words and others' tests."""
    better = -1 if yardstick.higher_is_better is False else 1
    there = {
        s: {i: v for i, v in enumerate(row) if not math.isnan(v)}
        for s, row in enumerate(rows)
        if row
    }
    asked = set().union(*there.values())
    fit = {
        s: sum(has.values()) / len(has)
        for s, has in there.items()
        if has and 20 * (len(asked) - len(has)) <= len(asked)
    }
    out = [(s, None, None, None) for s in range(len(rows)) if s not in fit]
    if len(fit) < 2:
        return [(s, fit[s], None, None) for s in fit] + out
    ranks = slow_ranks(set(fit), slow_wins(yardstick, better, rows, fit))
    order = sorted(fit, key=lambda s: -better * fit[s])
    return [(s, fit[s], *ranks[s]) for s in order] + out


def slow_wins(yardstick, better, rows, fit):
    """Return who beats whom: by p under Holm, by the interval, and however gaps are filled."""
    pairs = combinations(sorted(fit, key=lambda s: -better * fit[s]), 2)
    scored = {pair: [np.array(rows[s]) for s in pair] for pair in pairs}
    ways = [  # as it is, and with all gaps filled for the better one, and for the other
        slow_tests(yardstick, better, scored),
        slow_tests(yardstick, better, scored, yardstick.high, yardstick.low),
        slow_tests(yardstick, better, scored, yardstick.low, yardstick.high),
    ]
    wins = set()
    for pair, sides in scored.items():
        leads = {way[pair] for way in ways[: 3 if slow_gaps_matter(sides) else 1]}
        if leads == {1}:
            wins.add(pair)
        if leads == {-1}:
            wins.add(pair[::-1])
    return wins


def slow_gaps_matter(sides):
    """Say whether over 5 % of a side are unscored, or the sides differ by over a point."""
    n = len(sides[0])
    missing = [sum(math.isnan(value) for value in side) for side in sides]
    return 20 * max(missing) > n or 100 * abs(missing[0] - missing[1]) > n


def slow_tests(yardstick, better, scored, first=None, second=None):
    """Return who leads in each pair, 0 where nobody surely does: Holm's steps from the smallest p.

    Where gaps matter each side's are filled with a value, and an endless one decides nothing.
    """
    tested, leads = [], {}
    for pair, sides in scored.items():
        a, b = sides
        is_filled = first is not None and slow_gaps_matter(sides)
        is_endless = is_filled and math.isinf(yardstick.high)
        if is_filled and not is_endless:
            a, b = np.where(np.isnan(a), first, a), np.where(np.isnan(b), second, b)
        both = ~(np.isnan(a) | np.isnan(b))
        if both.sum() >= 20:
            p, lead = slow_test(yardstick, a[both], b[both])
            leads[pair] = 0 if is_endless else better * lead
            tested.append((p, pair))
    sure = set()
    for done, (p, pair) in enumerate(sorted(tested)):
        if p > 0.05 / (len(tested) - done):
            break
        sure.add(pair)
    return {pair: leads[pair] if pair in sure else 0 for pair in scored}


def slow_ranks(systems, wins):
    """Return best and worst ranks: wins are followed until nothing is added."""
    while more := {(a, d) for a, b in wins for c, d in wins if b == c} - wins:
        wins = wins | more
    above = {s: {a for a, b in wins if b == s and (s, a) not in wins} for s in systems}
    below = {s: {b for a, b in wins if a == s and (b, s) not in wins} for s in systems}
    return {s: (1 + len(above[s]), len(systems) - len(below[s])) for s in systems}


def slow_test(yardstick, a, b):
    """Return p, and the sign of a - b where the interval leaves 0 out, else 0; by scipy.

    McNemar's mid-p beside Wald's interval, or Bonett and Price's (2012) under 25 that differ; of
    the rest t, whose interval and p are one, as far as Hall's (1992) agrees where the lean is
    above 0.1 (decision 30).
    """
    n, d = len(a), a - b
    if (d == 0).all():
        return 1.0, 0
    if yardstick is BINARY:
        won, lost = int((d == 1).sum()), int((d == -1).sum())
        coin = stats.binom.pmf(range(min(won, lost) + 1), won + lost, 0.5)
        p = 1.0 if won == lost else float(2 * coin.sum() - coin[-1])
        if won + lost < 25:
            won, lost, n = won + 1, lost + 1, n + 2
        gain = (won - lost) / n
        reach = stats.norm.isf(0.025) * math.sqrt(((won + lost) / n - gain**2) / n)
        return p, int(gain > reach) - int(gain < -reach)
    if (d == d[0]).all():
        return math.exp(-n), int(np.sign(d[0]))
    t, lean = d.mean() / stats.sem(d), stats.skew(d) / math.sqrt(n)
    hall = t + lean * (t**2 / 3 + 1 / 6) + lean**2 * t**3 / 27
    asked = [t, hall] if abs(lean) > 0.1 else [t]
    below, above = (max(stats.t.cdf(way * one, n - 1) for one in asked) for way in (1, -1))
    p = min(1.0, 2 * min(below, above))
    return p, int(np.sign(t)) if p <= 0.05 else 0


def test_a_thousand_random_boards_are_those_of_a_slow_reading_of_the_rule():
    rng = np.random.Generator(np.random.PCG64(20_261_126))
    seen = {"ranges": 0, "sure": 0, "out": 0}
    for _ in range(1_000):
        yardstick, rows = a_board(rng)
        entries = [
            Entry(system=s, reason="It failed.") if row is None else entry(s, row)
            for s, row in enumerate(rows)
        ]

        places = leaderboard(entries, yardstick).places

        expected = slow_board(yardstick, rows)
        ranked = [(one.system, one.best, one.worst) for one in places]
        assert ranked == [(s, best, worst) for s, _, best, worst in expected]
        for place, (_, value, best, _) in zip(places, expected, strict=True):
            assert place.is_ranked == (best is not None)
            if value is None:
                assert place.reason
            else:
                assert place.value == pytest.approx(value, rel=1e-12)
        seen["out"] += sum(bool(one.reason) for one in places)
        seen["ranges"] += sum(one.is_ranked and one.best < one.worst for one in places)
        seen["sure"] += sum(one.is_ranked and one.best == one.worst for one in places)
    assert min(seen.values()) > 300


def test_what_a_comparison_leaves_open_the_board_leaves_open():
    # 5 won and none lost of 100: p is .031, and Bonett and Price's interval reaches below 0.
    board = leaderboard([entry("a", [1.0] * 100), entry("b", [0.0] * 5 + [1.0] * 95)], BINARY)

    (match,) = board.matches
    assert match.p_adjusted == pytest.approx(1 / 32)
    assert match.compared.low < 0.0
    assert match.lead == 0
    assert [(one.best, one.worst) for one in board.places] == [(1, 2), (1, 2)]


def test_examples_that_neither_system_was_asked_about_are_no_gaps():
    asked = np.arange(200) < 100
    rows = [np.where(asked, value, math.nan) for value in (1.0, 0.0)]
    some = [
        Entry(system=at, column=Column(values=row), asked=asked) for at, row in enumerate(rows)
    ]
    every = [Entry(system=at, column=Column(values=row)) for at, row in enumerate(rows)]

    assert leaderboard(some, BINARY).matches[0].lead == 1
    assert leaderboard(every, BINARY).matches[0].lead == 0


def test_ties_share_ranks_and_stand_as_they_were_given():
    row = [1.0, 0.0] * 20
    board = leaderboard([entry("b", row), entry("a", row), entry("c", [0.0] * 40)], BINARY)

    assert [(one.system, one.best, one.worst) for one in board.places] == [
        ("b", 1, 2),
        ("a", 1, 2),
        ("c", 3, 3),
    ]
    tie, first, second = board.matches
    assert (tie.p_adjusted, tie.lead, first.lead, second.lead) == (1.0, 0, 1, 1)


def test_systems_that_stand_above_each_other_are_not_told_apart():
    # Rock, paper, scissors, all above a fourth: possible where pairs share other examples.
    above = np.zeros((4, 4), dtype=bool)
    above[[0, 1, 2, 2], [1, 2, 0, 3]] = True

    assert rank_ranges(above) == [(1, 3), (1, 3), (1, 3), (4, 4)]


def test_what_cannot_be_ranked_says_why():
    few = [1.0] * 10
    assert leaderboard([], BINARY).reason.endswith("and there is none.")
    alone = leaderboard([entry("a", few), Entry(system="b")], BINARY)
    assert alone.reason.endswith("and there is 1.")
    assert [one.reason for one in alone.places] == ["", "It has no scores."]
    undirected = Yardstick(family=Family.MEAN, higher_is_better=None)
    assert leaderboard([entry("a", few), entry("b", few)], undirected).reason == NO_DIRECTION
    untested = leaderboard([entry("a", few), entry("b", [0.0] * 10)], BINARY)
    assert untested.matches[0].p_adjusted is None
    assert [(one.best, one.worst) for one in untested.places] == [(1, 2), (1, 2)]
    gappy = leaderboard(
        [entry("a", few), entry("b", [math.nan, *few[1:]]), entry("c", [math.nan] * 10)], BINARY
    )
    assert [one.reason for one in gappy.places] == [
        "",
        "Only 9 of 10 examples have a score, and what has none may differ from what has: "
        "a rank needs 95 %.",
        "None of its outputs has a score.",
    ]


def test_a_value_that_is_undefined_is_no_rank():
    ratio = Yardstick(
        family=Family.CORPUS,
        values_of=lambda sums: sums[..., 0] / np.where(sums[..., 1], 1, np.nan),
    )
    column = Column(values=np.ones(30), statistics=np.zeros((30, 2)))

    board = leaderboard([Entry(system="a", column=column)], ratio)

    assert board.places[0].reason == "The metric is undefined on its outputs."
