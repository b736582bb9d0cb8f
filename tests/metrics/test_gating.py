"""The bounds of a gate: against scipy's t tests, a likelihood, and by enumeration."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import gammaln

from metrics.statistics.findings import NO_GAPS, find_gaps
from metrics.statistics.gating import (
    NEAR,
    Answer,
    alike_to_pass,
    bound,
    chance_to_pass,
    judge,
    margin_in_reach,
    more_to_pass,
    strictest,
)
from metrics.statistics.pairs import compare
from tests.metrics.shapes import PENALTY, POINTS, SHARE, YES_NO, binary_pairs, column

PASS, FAIL, INCONCLUSIVE = Answer


def noisy(n=60, *, gain=0.0, seed=0, yardstick=SHARE):
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.3, 0.7, size=n)
    return compare(column(before), column(before + rng.normal(gain, 0.05, size=n)), yardstick)


def test_bounds_and_p_are_those_of_one_sided_t_tests_with_a_reserve():
    # scipy's ttest_1samp at nine tenths of the level, on gains that lean to neither side.
    moved = np.tile([0.01, -0.02, 0.02, -0.01, 0.03, -0.04, -0.0, 0.04, -0.03], 5) - 0.003
    compared = compare(column(np.full(45, 0.5)), column(0.5 + moved), SHARE)
    found = bound(compared, margin=0.01)
    worse = stats.ttest_1samp(moved, -0.01, alternative="greater")
    better = stats.ttest_1samp(moved, -0.01, alternative="less")
    assert found.p_pass == pytest.approx(worse.pvalue / 0.9)
    assert found.p_fail == 1.0 == pytest.approx(min(1.0, better.pvalue / 0.9))
    assert found.low == pytest.approx(worse.confidence_interval(0.955).low)
    assert found.high == pytest.approx(better.confidence_interval(0.955).high)


def test_bounds_of_skewed_gains_are_halls_where_those_are_farther():
    moved = 0.1 * (1.0 - np.random.default_rng(4).exponential(size=100))
    compared = compare(column(np.full(100, 0.6)), column(0.6 + moved), SHARE)
    found = bound(compared, margin=0.02)
    error, lean = stats.sem(moved), stats.skew(moved) / 10
    reach = stats.t.ppf(0.955, 99)

    def of_hall(statistic):
        return statistic + lean * (statistic**2 / 3 + 1 / 6) + lean**2 * statistic**3 / 27

    ends = [
        moved.mean() - error * optimize.brentq(lambda t, to=to: of_hall(t) - to, -50, 50)
        for to in (reach, -reach)
    ]
    assert lean < -0.1
    assert found.low == pytest.approx(ends[0])
    assert found.low < moved.mean() - reach * error
    assert found.high == pytest.approx(moved.mean() + reach * error)
    assert found.high > ends[1]
    assert (found.low > -0.02) == (found.p_pass <= 0.05)


@pytest.mark.parametrize(
    ("gain", "margin", "answer"),
    [(0.0, 0.05, PASS), (-0.1, 0.05, FAIL), (-0.05, 0.05, INCONCLUSIVE), (0.1, 0.001, PASS)],
)
def test_a_bound_answers_by_where_its_ends_are(gain, margin, answer):
    found = bound(noisy(gain=gain), margin=margin)
    assert found.answer is answer
    assert (found.low > -margin) == (answer is PASS)
    assert (found.high < -margin) == (answer is FAIL)


def test_where_less_is_better_a_rise_is_the_loss():
    before = np.random.default_rng(1).uniform(5, 10, size=60)
    noise = np.random.default_rng(2).normal(1.0, 0.3, size=60)
    assert (
        bound(compare(column(before), column(before + noise), PENALTY), margin=0.5).answer is FAIL
    )


def test_a_score_test_of_two_shares_agrees_with_its_likelihood():
    # Tango (1998): the share of wins under the hypothesis maximizes the likelihood given it.
    lost, won, n, margin = 12, 7, 150, 0.04
    both = binary_pairs(both=100, lost=lost, won=won, neither=n - 100 - lost - won)

    def unlikely(share):
        same = 1 - 2 * share - margin
        return -(lost * math.log(share + margin) + won * math.log(share)) - (
            n - lost - won
        ) * math.log(same)

    share = optimize.minimize_scalar(unlikely, bounds=(1e-9, 0.4), method="bounded").x
    error = math.sqrt(n * (2 * share + margin - margin**2))
    found = bound(compare(*both, YES_NO), margin=margin)
    assert found.p_pass == pytest.approx(
        stats.norm.cdf((lost - won - n * margin + 0.5) / error), rel=1e-5
    )
    assert found.p_fail == pytest.approx(
        stats.norm.sf((lost - won - n * margin - 0.5) / error), rel=1e-5
    )


@pytest.mark.parametrize("n", [20, 60])
def test_shares_that_differ_by_the_margin_are_misjudged_in_five_percent_at_most(n):
    # Exactly, over all tables, discordance 10 to 50 %.
    tables = [(lost, won) for lost in range(n + 1) for won in range(n + 1 - lost)]
    lost, won = np.array(tables).T
    ways = gammaln(n + 1) - gammaln(lost + 1) - gammaln(won + 1) - gammaln(n - lost - won + 1)
    compared = [
        compare(*binary_pairs(lost=a, won=b, neither=n - a - b), YES_NO) for a, b in tables
    ]
    for margin in (0.05, 0.1):
        answers = np.array([bound(one, margin=margin).answer for one in compared])
        for discordance in (0.11, 0.2, 0.3, 0.5):
            p_lost, p_won = (discordance + margin) / 2, (discordance - margin) / 2
            same = n - lost - won
            chance = np.exp(
                ways + lost * np.log(p_lost) + won * np.log(p_won) + same * np.log1p(-discordance)
            )
            assert chance.sum() == pytest.approx(1)
            assert chance[answers == PASS].sum() <= 0.05
            assert chance[answers == FAIL].sum() <= 0.05


def test_no_share_loses_more_than_all():
    found = bound(compare(*binary_pairs(lost=10, both=20), YES_NO), margin=1.0)
    assert (found.answer, found.p_pass, found.p_fail) == (PASS, 0.0, 1.0)


@pytest.mark.parametrize(
    ("gain", "answer"),
    [(0.0, PASS), (-0.2, FAIL), (-0.08, INCONCLUSIVE), (0.4, PASS), (-0.5, FAIL)],
)
def test_pairs_that_all_move_alike_are_judged_by_what_was_not_seen(gain, answer):
    n, margin = 50, 0.06
    found = bound(compare(column([0.5] * n), column([0.5 + gain] * n), SHARE), margin=margin)
    # (1 - share)^n, where a share of examples at the far end would just lose the margin.
    to_pass, to_fail = (gain + margin) / (gain + 1), (-margin - gain) / (1 - gain)
    assert found.answer is answer
    assert found.p_pass == pytest.approx((1 - to_pass) ** n if to_pass > 0 else 1.0)
    assert found.p_fail == pytest.approx((1 - to_fail) ** n if to_fail > 0 else 1.0)
    assert (found.p_pass <= 0.05) == (found.low > -margin)


def test_pairs_at_the_end_of_the_range_cannot_lose_more():
    n = 40
    groups = np.repeat(np.arange(20), 2)
    lost_all = compare(column([1.0] * n), column([0.0] * n), SHARE, clusters=groups)
    assert bound(lost_all, margin=0.1).answer is FAIL
    gained_all = compare(column([0.0] * n), column([1.0] * n), SHARE, clusters=groups)
    assert bound(gained_all, margin=0.1).answer is PASS
    # No bound is nearer than what a range leaves: 20 clusters alike are 20 and not 40.
    same = compare(column([1.0] * n), column([1.0] * n), SHARE, clusters=groups)
    assert bound(same, margin=0.1).p_pass == pytest.approx(0.9**20)
    assert bound(same, margin=1.5).p_pass == 0.0


def test_too_little_is_inconclusive_in_words():
    few = bound(noisy(12), margin=0.5)
    assert (few.answer, few.low, few.p_fail) == (INCONCLUSIVE, None, None)
    assert few.reason == "12 pairs are too few: a gate needs 20."
    alike = compare(column([1.0] * 30), column([1.0] * 30), POINTS)
    assert bound(alike, margin=0.5).reason == alike.reason
    assert more_to_pass(alike, margin=0.5) is None
    assert margin_in_reach(alike) is None


@pytest.mark.parametrize(("gain", "n"), [(0.0, 25), (-0.02, 25), (0.0, 8)])
def test_pairs_that_move_alike_pass_from_the_number_on_that_is_named(gain, n):
    def answer(n):
        return bound(compare(column([0.5] * n), column([0.5 + gain] * n), SHARE), margin=0.05)

    alike = compare(column([0.5] * n), column([0.5 + gain] * n), SHARE)
    needed = n + alike_to_pass(alike, margin=0.05)
    # The rule of three turned round: (1 - .05)^59 = .0485 and (1 - .05)^58 = .051 without a gain.
    assert needed == (59 if gain == 0.0 else 97)
    assert (answer(needed - 1).answer, answer(needed).answer) == (INCONCLUSIVE, PASS)


def test_how_many_must_move_alike_is_not_known_of_others():
    assert alike_to_pass(noisy(40), margin=0.05) is None
    worse = compare(column([0.5] * 30), column([0.4] * 30), SHARE)
    assert alike_to_pass(worse, margin=0.1) is None
    lost = compare(column([1.0] * 10), column([1.0] * 10), SHARE)
    assert alike_to_pass(lost, margin=1.5) == 10  # nothing loses so much; 20 are asked
    of_clusters = compare(
        column([0.5] * 50), column([0.5] * 50), SHARE, clusters=np.arange(50) % 25
    )
    assert alike_to_pass(of_clusters, margin=0.05) == 59 - 25


def test_a_good_run_passes_as_often_as_is_said():
    rng, n, margin = np.random.default_rng(4), 200, 0.02
    compared = compare(*binary_pairs(lost=10, won=10, both=180), YES_NO)
    said = chance_to_pass(compared, margin=margin)
    assert chance_to_pass(compared, margin=margin_in_reach(compared)) == pytest.approx(0.8)
    # 10 % of pairs differ, as many won as lost.
    draws = rng.multinomial(n, [0.05, 0.05, 0.9], size=400)
    passed = [
        bound(
            compare(*binary_pairs(lost=int(lost), won=int(won), both=int(both)), YES_NO),
            margin=margin,
        ).answer
        is PASS
        for lost, won, both in draws
    ]
    assert np.mean(passed) == pytest.approx(said, abs=0.07)
    assert chance_to_pass(noisy(12), margin=margin) is None


def test_how_often_and_how_many_more_are_one_formula():
    compared, margin = compare(*binary_pairs(lost=50, won=50, both=900), YES_NO), 0.01
    n = 1_000 + more_to_pass(compared, margin=margin)
    as_many = compare(*binary_pairs(lost=n // 20, won=n // 20, both=n - 2 * (n // 20)), YES_NO)
    assert chance_to_pass(as_many, margin=margin) == pytest.approx(0.8, abs=0.01)
    assert (chance_to_pass(compared, margin=1.0), more_to_pass(compared, margin=1.0)) == (1.0, 0)
    # Of numbers: by the normal distribution, at the level of one side less the reserve.
    numbers = noisy(40)
    margin = margin_in_reach(numbers) / 2
    away = margin / numbers.standard_error - stats.norm.ppf(0.955)
    assert chance_to_pass(numbers, margin=margin) == pytest.approx(stats.norm.cdf(away))


def test_fewer_clusters_than_a_gate_needs_pairs_are_inconclusive_in_words():
    rng = np.random.default_rng(0)
    before, groups = rng.uniform(0.3, 0.7, size=95), np.arange(95) % 19
    sides = column(before), column(before + rng.normal(0, 0.05, size=95))
    few = compare(*sides, SHARE, clusters=groups)
    assert few.low is not None
    found = bound(few, margin=0.5)
    assert (found.answer, found.low, more_to_pass(few, margin=0.001)) == (INCONCLUSIVE, None, None)
    assert found.reason.startswith("19 clusters are too few: a gate needs 20, for examples of one")
    one_more = compare(*sides, SHARE, clusters=np.arange(95) % 20)
    assert bound(one_more, margin=0.5).answer is PASS


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan, math.inf])
def test_a_margin_is_above_zero(margin):
    with pytest.raises(ValueError, match="above 0"):
        bound(noisy(), margin=margin)


def gappy(n_gaps, *, gain=0.0, yardstick=SHARE):
    rng = np.random.default_rng(3)
    before = rng.uniform(0.3, 0.7, size=200)
    after = before + rng.normal(gain, 0.05, size=200)
    after[:n_gaps] = math.nan
    sides = column(before), column(after)
    return compare(*sides, yardstick), find_gaps(*sides, yardstick)


@pytest.mark.parametrize(
    ("n_gaps", "gain", "answer", "words"),
    [
        (2, 0.0, PASS, "excluded."),
        (12, 0.0, PASS, "excluded. However the gaps are filled."),
        (12, -0.3, FAIL, "larger than the margin. However the gaps are filled."),
        (60, 0.0, INCONCLUSIVE, "0 and 60 of 200 examples are unscored on the two sides, enough"),
        (12, -0.1, INCONCLUSIVE, "The loss may be larger or smaller"),
    ],
)
def test_every_filling_of_the_gaps_must_agree(n_gaps, gain, answer, words):
    compared, gaps = gappy(n_gaps, gain=gain)
    found = bound(compared, margin=0.1, gaps=gaps)
    assert found.answer is answer
    assert words in found.reason


def test_where_the_test_is_not_as_sure_as_the_bounds_nothing_is_put_down_to_gaps():
    sides = binary_pairs(both=98, lost=2)
    compared = compare(*sides, YES_NO)
    found = bound(compared, margin=0.06, gaps=find_gaps(*sides, YES_NO))
    assert found.low > -0.06
    assert found.p_pass > 0.05
    assert (found.answer, found.reason) == (INCONCLUSIVE, NEAR)


def test_gaps_that_nothing_bounds_leave_a_gate_open():
    compared, gaps = gappy(60, yardstick=POINTS)
    found = bound(compared, margin=0.1, gaps=gaps)
    assert found.answer is INCONCLUSIVE
    assert found.reason.endswith("and nothing bounds what they would change.")
    assert bound(compared, margin=0.1, gaps=NO_GAPS).answer is PASS


def test_a_gate_passes_only_as_a_whole_and_fails_by_holm():
    fails, passes = bound(noisy(gain=-0.1), margin=0.05), bound(noisy(), margin=0.05)
    open_one = bound(noisy(gain=-0.05), margin=0.05)
    unknown = bound(noisy(12), margin=0.05)
    assert judge([])[0] is PASS
    assert judge([passes, passes])[0] is PASS
    assert judge([passes, open_one])[0] is INCONCLUSIVE
    assert judge([passes, unknown])[0] is INCONCLUSIVE
    answer, judged = judge([fails, passes, unknown])
    assert answer is FAIL
    assert judged[0].p_fail_adjusted == pytest.approx(2 * fails.p_fail)
    assert judged[2] == unknown
    barely = replace(fails, p_fail=0.03)
    answer, judged = judge([barely, passes])
    assert (answer, judged[0].answer) == (INCONCLUSIVE, INCONCLUSIVE)
    assert judged[0].reason.startswith("It would fail alone")
    assert strictest([PASS, INCONCLUSIVE, FAIL]) is FAIL


def test_as_many_more_pairs_as_asked_for_pass_in_eighty_percent():
    compared = noisy(40)
    margin = margin_in_reach(compared)
    assert more_to_pass(compared, margin=margin) in {0, 1}
    more = more_to_pass(compared, margin=margin / 2)
    assert more == pytest.approx(3 * 40, abs=1)
    # By the normal distribution: a true gain of 0 with the error of n + more pairs.
    error = compared.standard_error * math.sqrt(40 / (40 + more))
    assert stats.norm.sf(stats.norm.ppf(0.955) - margin / 2 / error) == pytest.approx(
        0.8, abs=0.01
    )
    assert more_to_pass(noisy(12), margin=5.0) == 8
