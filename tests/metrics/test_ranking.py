"""Ranking systems by preferences: published tables, other libraries, and where there is none."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression

from metrics.statistics.bradley_terry import components, fit, maximum
from metrics.statistics.preferences import tally
from metrics.statistics.ranking import rank_systems
from metrics.statistics.standings import RANK_RULE, Linkage

# Agresti, "Categorical Data Analysis" (2002), table 10.10: games of the American League in 1987,
# won by the row's team. Table 10.11 has the strengths against Baltimore.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
GAMES = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
# Stigler (1994), as in R's BradleyTerry2: how often the row's journal was cited by the column's.
JOURNALS = ("Biometrika", "CommStatist", "JASA", "JRSSB")
CITED = [[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]]


def from_table(won, names):
    """A table of wins as one column entry per win, each in a group of its own."""
    pairs = [(i, j) for i, j in permutations(range(len(won)), 2) for _ in range(won[i][j])]
    first, second = ([names[side] for side in sides] for sides in zip(*pairs, strict=True))
    n = len(pairs)
    return {"first": first, "second": second, "outcomes": np.ones(n), "groups": np.arange(n)}


def preferences(seed, *, n_groups=30, n_systems=4):
    """One to six preferences of each group, with ties, the lower system favored."""
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(n_groups):
        for _ in range(rng.integers(1, 7)):
            one, other = rng.choice(n_systems, 2, replace=False)
            chances = [0.3, 0.2, 0.5] if one < other else [0.5, 0.2, 0.3]
            rows.append((one, other, rng.choice([0.0, 0.5, 1.0], p=chances), group))
    first, second, outcomes, groups = (np.array(column) for column in zip(*rows, strict=True))
    return {"first": first, "second": second, "outcomes": outcomes, "groups": groups}


def strengths(ranking):
    return {standing.system: standing.strength.value for standing in ranking.standings}


def ranks(ranking):
    return {one.system: (one.best_rank, one.worst_rank) for one in ranking.standings}


def test_the_published_baseball_season():
    found = rank_systems(**from_table(GAMES, TEAMS))
    baltimore = strengths(found)["Baltimore"]
    against = {team: strength - baltimore for team, strength in strengths(found).items()}
    published = dict(zip(TEAMS, [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0], strict=True))
    assert against == pytest.approx(published, abs=0.005)
    assert [one.system for one in found.standings] == list(TEAMS)
    errors = [
        (duel.probability.high, duel.difference)
        for duel in found.duels
        if duel.second == TEAMS[-1]
    ]
    # Agresti's standard errors against Baltimore are about 0.3, those of games alike.
    reach = [math.log(high / (1 - high)) - gap for high, gap in errors]
    assert [width / 1.96 for width in reach] == pytest.approx([1 / 3] * 6, abs=0.05)


def test_the_published_citations():
    # choix 0.4.1 gives the same, by ilsr_pairwise.
    found = strengths(rank_systems(**from_table(CITED, JOURNALS)))
    against = {journal: value - found["Biometrika"] for journal, value in found.items()}
    published = dict(zip(JOURNALS, [0, -2.94907, -0.47957, 0.26895], strict=True))
    assert against == pytest.approx(published, abs=2e-5)


def test_strengths_and_errors_over_groups_are_statsmodels():
    # statsmodels 0.15.0: GLM, Binomial, sum-zero columns, cov_type="cluster" without its
    # correction, times sqrt(30 / 29).
    columns = preferences(5)
    found = rank_systems(**columns)
    assert (found.preferences, found.groups) == (91, 30)
    by_system = {one.system: one.strength for one in found.standings}
    values = [0.4137477719253178, -0.17196969406902662, -0.06895043746129678]
    errors = [0.17909946570102087, 0.15599797944945348, 0.19467611879718724]
    for system, (value, error) in enumerate(zip(values, errors, strict=True)):
        strength = by_system[system]
        assert (strength.value, strength.error) == pytest.approx((value, error), abs=1e-12)
        is_in = (columns["first"] == system) | (columns["second"] == system)
        met = len(np.unique(columns["groups"][is_in]))
        ends = stats.t.interval(0.95, met - 1, value, error)
        assert (strength.low, strength.high) == pytest.approx(ends)
    assert sum(one.value for one in by_system.values()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_strengths_are_logistic_regressions(seed):
    columns = preferences(seed, n_groups=15)
    found = tally(**columns)
    assert [part.tolist() for part in components(found.points_matrix())] == [[0, 1, 2, 3]]
    rows = np.zeros((found.n_preferences, 4))
    rows[np.arange(len(rows)), columns["first"]] = 1
    rows[np.arange(len(rows)), columns["second"]] = -1
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    weights = np.concatenate([columns["outcomes"], 1 - columns["outcomes"]])
    model.fit(np.tile(rows, (2, 1)), np.repeat([1, 0], len(rows)), sample_weight=weights)
    expected = model.coef_[0] - model.coef_[0].mean()
    np.testing.assert_allclose(fit(found).strengths, expected, atol=1e-5)


@settings(max_examples=30)
@given(st.integers(2, 7), st.integers(0, 10_000))
def test_at_the_maximum_every_system_has_as_many_points_as_expected(n, seed):
    # The likelihood equations of Bradley & Terry (1952), on sums as lopsided as they may be.
    rng = np.random.default_rng(seed)
    points = np.round(np.exp(rng.normal(0, 4, (n, n)))) / 2
    np.fill_diagonal(points, 0)
    points[np.arange(n), np.roll(np.arange(n), 1)] += 0.5
    found = maximum(points, points + points.T)
    chances = 1 / (1 + np.exp(found[None, :] - found[:, None]))
    expected = ((points + points.T) * chances).sum(axis=1)
    np.testing.assert_allclose(expected, points.sum(axis=1), rtol=1e-9, atol=1e-6)


def test_neither_sides_nor_order_change_a_bit():
    columns = preferences(3)
    order = np.random.default_rng(4).permutation(len(columns["groups"]))
    turned = {
        "first": columns["second"][order],
        "second": columns["first"][order],
        "outcomes": 1 - columns["outcomes"][order],
        "groups": columns["groups"][order],
    }
    assert rank_systems(**turned) == rank_systems(**columns)


def test_a_system_has_its_record_and_its_share_of_wins():
    columns = preferences(6)
    bad = columns["outcomes"] == 0.5
    bad[::2] = False
    found = rank_systems(**columns, both_bad=bad)
    for one in found.standings:
        is_first, is_second = columns["first"] == one.system, columns["second"] == one.system
        own = is_first | is_second
        points = np.where(is_first, columns["outcomes"], 1 - columns["outcomes"])[own]
        record = one.record
        assert (record.wins, record.ties, record.losses) == tuple(
            (points == value).sum() for value in (1, 0.5, 0)
        )
        assert (record.preferences, record.both_bad) == (own.sum(), (bad & own).sum())
        # Cochran's ratio estimator over groups, and Wilson's interval of what it is worth.
        share = points.mean()
        residual = np.bincount(columns["groups"][own], weights=points - share)
        n = len(np.unique(columns["groups"][own]))
        error = math.sqrt(n / (n - 1) * (residual**2).sum()) / len(points)
        assert (one.share.value, one.share.error) == pytest.approx((share, error))
        worth = share * (1 - share) / error**2 * (1.959964 / stats.t.ppf(0.975, n - 1)) ** 2
        z = 1.959964
        center = (share + z**2 / 2 / worth) / (1 + z**2 / worth)
        reach = z * math.sqrt(share * (1 - share) / worth + z**2 / 4 / worth**2)
        reach /= 1 + z**2 / worth
        assert (one.share.low, one.share.high) == pytest.approx((center - reach, center + reach))


def test_errors_of_differences_are_statsmodels():
    # As above, with the columns of systems 1, 2 and 3 against system 0.
    fitted = fit(tally(**preferences(7)))
    expected = [
        (0.11939969467215232, 0.29324091223064697),
        (-0.8282654783010166, 0.2770232950533441),
        (-0.5127196877287409, 0.2748584286381106),
    ]
    for system, (gap, error) in enumerate(expected, start=1):
        assert fitted.difference(system, 0) == pytest.approx((gap, error), abs=1e-12)
        assert fitted.difference(0, system) == pytest.approx((-gap, error), abs=1e-12)


def test_strengths_are_found_where_plain_newton_steps_never_end():
    # Thousands of wins each way round but one: undamped steps from 0 go round in a circle.
    points = np.array(
        [[0, 0, 30151.5, 0], [0, 0, 634, 5169.5], [0, 0.5, 0, 0], [1, 0, 0, 0]], dtype=float
    )
    found = maximum(points, points + points.T)
    chances = 1 / (1 + np.exp(found[None, :] - found[:, None]))
    expected = ((points + points.T) * chances).sum(axis=1)
    np.testing.assert_allclose(expected, points.sum(axis=1), rtol=1e-9, atol=1e-6)


def test_two_systems_have_a_probability_and_a_p_value_of_one_method():
    columns = preferences(7)
    found = rank_systems(**columns)
    values = strengths(found)
    fitted = fit(tally(**columns))
    for duel in found.duels:
        gap = values[duel.first] - values[duel.second]
        assert duel.difference == pytest.approx(gap)
        assert duel.probability.value == pytest.approx(1 / (1 + math.exp(-gap)))
        _, error = fitted.difference(duel.first, duel.second)
        met = min(fitted.presence[[duel.first, duel.second]])
        ends = gap + stats.t.interval(0.95, met - 1)[1] * error * np.array([-1, 1])
        assert (duel.probability.low, duel.probability.high) == pytest.approx(
            tuple(1 / (1 + np.exp(-ends)))
        )
        assert duel.p_value == pytest.approx(2 * stats.t.sf(abs(gap / error), met - 1))
        assert duel.p_adjusted >= duel.p_value
        assert duel.method == f"Bradley–Terry, t over {met} examples"
        assert (duel.p_value <= 0.05) == (not ends[0] < 0 < ends[1])


def test_ranks_rest_on_adjusted_differences_and_what_follows_from_them():
    # Nine of ten preferences lead down a chain; its ends never met.
    chain = np.repeat(np.arange(3), 40)
    columns = {"outcomes": np.tile([1.0] * 9 + [0.0], 12), "groups": np.arange(120)}
    found = rank_systems(first=chain, second=chain + 1, **columns)
    assert ranks(found) == {0: (1, 1), 1: (2, 2), 2: (3, 3), 3: (4, 4)}
    assert strengths(found) == pytest.approx({i: (1.5 - i) * math.log(9) for i in range(4)})
    # 26 of 40: p is .01 for systems two steps apart, and .06 among all six pairs.
    close = rank_systems(
        first=chain,
        second=chain + 1,
        outcomes=np.tile([1.0] * 26 + [0.0] * 14, 3),
        groups=np.arange(120),
    )
    assert ranks(close) == {0: (1, 3), 1: (1, 4), 2: (1, 4), 3: (2, 4)}
    p_values = {(duel.first, duel.second): duel.p_value for duel in close.duels}
    assert p_values[0, 2] < 0.02
    even = rank_systems(first=chain, second=chain + 1, outcomes=[1.0, 0.0] * 60, groups=chain)
    assert set(ranks(even).values()) == {(1, 4)}
    assert "Holm's adjustment over all pairs" in RANK_RULE


def test_an_unbeaten_system_has_a_rank_and_no_strength():
    n = 30
    outcomes = [1.0] * n + [1.0, 1.0, 1.0, 1.0, 1.0, 0.0] * 5
    found = rank_systems(
        first=["a"] * n + ["b"] * n,
        second=["b"] * n + ["c"] * n,
        outcomes=outcomes,
        groups=[*range(n)] * 2,
    )
    assert found.linkage is Linkage.ONE_WAY
    assert "has no bound" in found.linkage.sentence
    best, better, worst = found.standings
    assert (best.system, best.strength.value, best.strength.low) == ("a", None, None)
    assert best.strength.reason.endswith("its strength has no bound.")
    assert 0.88 < best.share.low < best.share.high == 1.0
    # b and c have strengths between them: five wins to one.
    assert better.strength.value - worst.strength.value == pytest.approx(math.log(5))
    # a above b by a sign test, b above c by strengths, so a above c.
    assert ranks(found) == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}
    met, never_met, _ = found.duels
    assert (met.first, met.second, met.method) == ("a", "b", "sign test over 30 examples")
    assert met.p_value == pytest.approx(stats.binomtest(0, n).pvalue)
    assert met.probability.value is None
    assert "only one way" in met.probability.reason
    assert (never_met.p_value, never_met.method) == (None, "")
    assert [part.systems for part in found.parts] == [("a",), ("b", "c")]


def test_systems_that_never_met_are_ranked_apart():
    found = rank_systems(
        first=["a"] * 24 + ["c"] * 3 + ["e"],
        second=["b"] * 24 + ["d"] * 3 + ["f"],
        outcomes=[1, 1, 0.5, 0] * 6 + [1, 0, 1, math.nan],
        groups=range(28),
    )
    assert found.linkage is Linkage.UNLINKED
    assert [part.systems for part in found.parts] == [("a", "b"), ("c", "d"), ("e",), ("f",)]
    assert strengths(found)["a"] == pytest.approx(math.log(15 / 9) / 2)
    by_system = {one.system: one for one in found.standings}
    assert by_system["c"].strength.reason == (
        "Ranking systems needs 20 preferences, and there are 3."
    )
    assert by_system["e"].share.reason == "Nobody has compared it yet."
    duels = {(duel.first, duel.second): duel for duel in found.duels}
    assert "never met" in duels["a", "c"].probability.reason
    assert (duels["c", "d"].p_value, duels["c", "d"].probability.value) == (None, None)
    assert set(ranks(found).values()) == {(1, 6)}


@pytest.mark.parametrize(
    ("n", "groups", "are_clusters", "why"),
    [
        (0, [], False, "Ranking systems needs 20 preferences, and there are 0."),
        (19, range(19), False, "Ranking systems needs 20 preferences, and there are 19."),
        (20, [7] * 20, False, "An interval needs 2 examples, and there is 1."),
        (27, [*range(9)] * 3, True, "An interval needs 10 clusters, and there are 9."),
    ],
)
def test_too_little_is_said_in_words(n, groups, are_clusters, why):
    outcomes = np.resize([1.0, 0.0, 0.5], n)
    found = rank_systems(
        first=["a"] * n,
        second=["b"] * n,
        outcomes=outcomes,
        groups=groups,
        are_clusters=are_clusters,
    )
    assert (found.reason, found.linkage) == (why, Linkage.WHOLE)
    assert all(one.strength.reason == why for one in found.standings)
    assert all(bounds == (None, None) for bounds in ranks(found).values())
    assert all(duel.p_value is None for duel in found.duels)
    assert all(one.share.value is not None for one in found.standings)
    assert all((one.share.low is None) == (n != 19) for one in found.standings)


def test_a_system_in_one_example_has_a_strength_and_no_interval():
    found = rank_systems(
        first=["a"] * 20 + ["c", "c"],
        second=["b"] * 20 + ["a", "a"],
        outcomes=[1, 0, 1, 0.5] * 5 + [1, 0],
        groups=[*range(20), 3, 3],
    )
    by_system = {one.system: one for one in found.standings}
    assert by_system["c"].strength.value is not None
    assert by_system["c"].strength.reason == "An interval needs 2 examples, and there is 1."
    assert by_system["c"].best_rank == 1
    assert by_system["c"].worst_rank == 3


def test_examples_that_all_say_the_same_show_no_spread():
    found = rank_systems(
        first=["a"] * 60,
        second=["b"] * 60,
        outcomes=[1.0, 1.0, 0.0] * 20,
        groups=np.repeat(range(20), 3),
    )
    best = found.standings[0]
    assert best.strength.value == pytest.approx(math.log(2) / 2)
    assert best.strength.low is None
    assert "nothing shows a spread" in best.strength.reason
    # As if each example said one thing: never of width 0.
    expected = stats.binomtest(14, 21).proportion_ci(method="wilson")
    assert best.share.low == pytest.approx(expected.low, abs=0.02)
    assert (best.best_rank, best.worst_rank) == (1, 2)


def test_strengths_without_a_maximum_are_refused():
    with pytest.raises(ValueError, match="no strength fits best"):
        fit(tally(first=["a"], second=["b"], outcomes=[1], groups=[0]))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"groups": [0]}, "differ in length"),
        ({"outcomes": [1, 0.7]}, "1, 0.5 or 0"),
        ({"second": ["a", "c"]}, "with itself"),
        ({"both_bad": [True, False]}, "not a tie"),
    ],
)
def test_columns_that_make_no_sense_are_refused(changes, complaint):
    columns = {"first": ["a", "b"], "second": ["b", "c"], "outcomes": [1, 0.5], "groups": [0, 1]}
    with pytest.raises(ValueError, match=complaint):
        rank_systems(**(columns | changes))
