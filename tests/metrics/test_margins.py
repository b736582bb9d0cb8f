"""What is surely smaller than a margin: the two tests of a gate, asked from both sides."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.findings import (
    Gaps,
    Outcome,
    Within,
    decide,
    find_gaps,
    pairs_to_equal,
    within,
)
from metrics.statistics.gating import Answer, bound
from metrics.statistics.margins import pairs_of_right_or_wrong
from metrics.statistics.pairs import compare
from tests.metrics.shapes import POINTS, SHARE, YES_NO, binary_pairs, column


def drawn(rng):
    """Yield comparisons of each kind: right or wrong, scores, few of them, clusters, all alike."""
    for _ in range(25):
        lost, won = rng.integers(0, 12, 2).tolist()
        yield compare(*binary_pairs(both=80, lost=lost, won=won), YES_NO)
        for n, groups in ((25, None), (80, None), (120, 15), (120, 24)):
            before = rng.uniform(0.2, 0.8, n)
            after = before + rng.gamma(0.5, 0.1, n) * rng.choice([-1, 1], n, p=[0.3, 0.7]) - 0.02
            clusters = None if groups is None else np.arange(n) % groups
            yield compare(column(before), column(after), SHARE, clusters=clusters)
        yield compare(column([0.5] * 40), column([0.5] * 40), SHARE)


def swapped(compared, margin):
    """Hold the baseline's gain over the candidate against the margin."""
    turned = replace(
        compared,
        gain=-compared.gain,
        low90=-compared.high90,
        high90=-compared.low90,
        n_lost=compared.n_won,
        n_won=compared.n_lost,
        skewness=-compared.skewness,
    )
    return bound(turned, margin=margin).answer


def test_nothing_is_called_smaller_than_a_margin_that_a_gate_leaves_open():
    seen = set()
    for compared in drawn(np.random.default_rng(3)):
        for margin in (0.02, 0.05, 0.08, 0.12):
            found = decide(compared, margin=margin)
            passes = bound(compared, margin=margin).answer is Answer.PASS
            assert (found.within is not Within.NOTHING) == passes
            if found.within is Within.DIFFERENCE:
                assert swapped(compared, margin) is Answer.PASS
                assert -margin < compared.low90 < compared.high90 < margin
            if found.outcome is Outcome.EQUIVALENT:
                assert found.within is Within.DIFFERENCE
            elif found.within is Within.DIFFERENCE:  # a difference that is there, and small
                assert found.outcome in (Outcome.REGRESSED, Outcome.IMPROVED)
            seen.add((found.outcome, found.within))
    # A loss that is there and small is a difference that is small; so these are all there can be.
    assert len(seen) == 8


@pytest.mark.parametrize("lost", [0.12, 0.2])
def test_systems_that_differ_by_the_margin_are_called_equivalent_in_five_percent_at_most(lost):
    # By enumeration of all tables of 100 pairs whose true loss is the margin of 0.1. By the 90 %
    # interval alone, which is Wald's or Bonett and Price's, 6.0 % would be for the first.
    n, margin = 100, 0.1
    won, chance = lost - margin, 0.0
    for b in range(60):
        for c in range(60):
            p = stats.multinomial.pmf([b, c, n - b - c], n, [lost, won, 1 - lost - won])
            if p < 1e-9:
                continue
            compared = compare(*binary_pairs(both=n - b - c, lost=b, won=c), YES_NO)
            chance += p * (within(compared, margin) is Within.DIFFERENCE)
    assert 0.01 < chance <= 0.05


def test_so_many_pairs_show_equal_systems_within_the_margin_four_times_in_five():
    # Two one-sided z tests with a true gain of 0 pass in 2 Phi(m / se - z) - 1 (Julious 2004).
    margin, n = 0.02, 400
    detectable = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * 0.3 / math.sqrt(n)
    needed = pairs_to_equal(margin, n=n, detectable=detectable, is_exact=False)

    def power(pairs):
        return 2 * stats.norm.cdf(margin / (0.3 / math.sqrt(pairs)) - stats.norm.ppf(0.955)) - 1

    assert power(needed - 1) < 0.8 <= power(needed)
    for is_exact in (True, False):
        assert pairs_to_equal(5.0, n=n, detectable=detectable, is_exact=is_exact) == 20


@pytest.mark.parametrize(
    ("differ", "margin", "most"), [(0.1, 0.05, 0.83), (0.05, 0.05, 0.85), (0.02, 0.05, 0.87)]
)
def test_so_many_answers_of_right_or_wrong_do_as_well(differ, margin, most):
    # By enumeration of all tables, won and lost alike. By Julious's formula, which has neither
    # the test's error under the margin nor its half pair, it would be 0.73, 0.60 and 0.
    n, error = 400, math.sqrt(differ / 400)
    detectable = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * error
    both_ways = pairs_to_equal(margin, n=n, detectable=detectable, is_exact=True)
    one_way = pairs_of_right_or_wrong(margin, discordance=differ, power=0.8)
    for pairs, wanted in ((both_ways, {Within.DIFFERENCE}), (one_way, {*Within})):
        assert 0.8 < chance_to_be(wanted - {Within.NOTHING}, pairs, differ, margin) <= most


def chance_to_be(wanted, pairs, differ, margin):
    """Return how often so many pairs are, of which a share differs, either way alike."""
    shares, chance = [differ / 2, differ / 2, 1 - differ], 0.0
    most = int(pairs * differ / 2 + 5 * math.sqrt(pairs * differ / 2))
    for lost, won in product(range(most + 1), repeat=2):
        p = stats.multinomial.pmf([lost, won, pairs - lost - won], pairs, shares)
        if p > 1e-5:
            compared = compare(*binary_pairs(both=pairs - lost - won, lost=lost, won=won), YES_NO)
            chance += p * (within(compared, margin) in wanted)
    return chance


def test_a_margin_holds_only_however_the_gaps_are_filled():
    rng = np.random.default_rng(8)
    before = rng.uniform(0.4, 0.6, 300)
    after = before + rng.normal(-0.01, 0.02, 300)
    full = compare(column(before), column(after), SHARE)
    assert decide(full, margin=0.05).is_within_margin
    after[:20] = math.nan
    left = compare(column(before), column(after), SHARE)
    gaps = find_gaps(column(before), column(after), SHARE)
    for margin, inside in ((0.05, Within.NOTHING), (0.2, Within.DIFFERENCE)):
        found = decide(left, margin=margin, gaps=gaps)
        assert (found.outcome, found.within) == (Outcome.INSUFFICIENT_EVIDENCE, inside)
    # A loss that is there either way is only called small where it is small either way.
    after[6:] -= 0.1
    after[6:20] = 0.4
    gaps = find_gaps(column(before), column(after), SHARE)
    left = compare(column(before), column(after), SHARE)
    for margin, inside in ((0.12, Within.NOTHING), (0.2, Within.DIFFERENCE)):
        found = decide(left, margin=margin, gaps=gaps)
        assert (found.outcome, found.within) == (Outcome.REGRESSED, inside)
        assert within(left, margin) is Within.DIFFERENCE
        assert ("smaller than the margin" in found.reason) == bool(inside)
    unbounded = Gaps(pairs=300, baseline=0, candidate=20)
    assert decide(left, margin=0.2, gaps=unbounded).within is Within.NOTHING


def test_without_an_interval_nothing_is_within_a_margin():
    alike = compare(column([1.0] * 40), column([1.0] * 40), POINTS)
    assert within(alike, 0.5) is Within.NOTHING
    assert within(compare(*binary_pairs(both=19), YES_NO), 0.9) is Within.NOTHING
