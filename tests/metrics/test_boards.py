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
    ranks = slow_ranks(set(fit), slow_wins(yardstick, better, there, fit))
    order = sorted(fit, key=lambda s: -better * fit[s])
    return [(s, fit[s], *ranks[s]) for s in order] + out


def slow_wins(yardstick, better, there, fit):
    """Return who surely beats whom: Holm's steps from the smallest p until one fails."""
    tested = []
    for one, other in combinations(fit, 2):
        both = sorted(set(there[one]) & set(there[other]))
        a = np.array([there[one][i] for i in both])
        b = np.array([there[other][i] for i in both])
        if (p := slow_p(yardstick, a, b)) is not None:
            tested.append((p, better * (a.mean() - b.mean()), one, other))
    wins = set()
    for done, (p, lead, one, other) in enumerate(sorted(tested)):
        if p > 0.05 / (len(tested) - done):
            break
        if lead:
            wins.add((one, other) if lead > 0 else (other, one))
    return wins


def slow_ranks(systems, wins):
    """Return best and worst ranks: wins are followed until nothing is added."""
    while more := {(a, d) for a, b in wins for c, d in wins if b == c} - wins:
        wins = wins | more
    above = {s: {a for a, b in wins if b == s and (s, a) not in wins} for s in systems}
    below = {s: {b for a, b in wins if a == s and (b, s) not in wins} for s in systems}
    return {s: (1 + len(above[s]), len(systems) - len(below[s])) for s in systems}


def slow_p(yardstick, a, b):
    """Return McNemar's mid-p or Student's p by scipy's distributions; None: not tested."""
    if len(a) < 20:
        return None
    if yardstick is BINARY:
        won, lost = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
        coin = stats.binom.pmf(range(min(won, lost) + 1), won + lost, 0.5)
        return 1.0 if won == lost else float(2 * coin.sum() - coin[-1])
    if (a == b).all():
        return 1.0
    d = a - b
    t = d.mean() / (d.std(ddof=1) / math.sqrt(len(d)))
    return float(2 * stats.t.sf(abs(t), len(d) - 1))


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
