"""Percent, Fleiss' kappa, AC1 and AC2: published examples, and their definitions in loops."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.statistics.agreement import Answers, Level, Undefined, agreement
from metrics.statistics.agreement.coefficients import fleiss_kappa, gwet, percent_agreement
from metrics.statistics.agreement.distances import Weighing
from tests.metrics.agreement.tables import NAN, OBSERVERS, columns, rated

# Wikipedia's example of Fleiss' kappa: how many of 14 raters chose each of five categories.
PATIENTS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def read(table, **more):
    return Answers.of(**columns(table), **more)


def all_of(answers):
    return [
        fleiss_kappa(answers),
        *(gwet(answers, [0, 1, 2, 4, 7], weighing) for weighing in Weighing),
    ]


WEIGHTS = (
    lambda a, b: float(a == b),
    lambda a, b: 1 - abs(a - b) / 7,
    lambda a, b: 1 - (a - b) ** 2 / 49,
)


def by_definition(table):
    """Fleiss' kappa, AC1 and AC2 with both weights: Gwet (2014), chapters 2 to 4, in loops."""
    units = [[v for v in unit if not math.isnan(v)] for unit in np.array(table, dtype=float).T]
    units = [unit for unit in units if unit]
    options = [0.0, 1.0, 2.0, 4.0, 7.0]
    shares = {k: np.mean([unit.count(k) / len(unit) for unit in units]) for k in options}
    found = []
    for weigh in (
        lambda a, b: float(a == b),
        lambda a, b: 1 - abs(a - b) / 7,
        lambda a, b: 1 - (a - b) ** 2 / 49,
    ):
        observed = np.mean(
            [
                sum(weigh(a, b) for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j)
                / (len(unit) * (len(unit) - 1))
                for unit in units
                if len(unit) > 1
            ]
        )
        total = sum(weigh(a, b) for a in options for b in options)
        spread = sum(share * (1 - share) for share in shares.values())
        expected = total * spread / (len(options) * (len(options) - 1))
        if not found:
            by_options = sum(share**2 for share in shares.values())
            found.append((observed - by_options) / (1 - by_options) if by_options < 1 else NAN)
        found.append((observed - expected) / (1 - expected))
    return found


def test_the_published_example_of_fleiss():
    table = [np.repeat(range(5), counts) for counts in PATIENTS]
    found = fleiss_kappa(read(np.transpose(table)))
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert (found.observed, found.expected) == pytest.approx((0.378, 0.213), abs=5e-4)


def test_the_published_example_of_gwet():
    # Four raters, twelve units, missing answers: the package irrCAC by Gwet prints for its
    # cac.raw4raters AC1 0.77544, Fleiss' kappa 0.76117 and percent agreement 0.81818.
    answers = read(OBSERVERS)
    ac1 = gwet(answers, range(1, 6), Weighing.ALIKE)
    assert (ac1.value, ac1.observed) == pytest.approx((0.77544, 0.81818), abs=6e-6)
    assert fleiss_kappa(answers).value == pytest.approx(0.76117, abs=6e-6)
    assert (ac1.low < ac1.value < ac1.high < 1, ac1.no_interval) == (True, "")


tables = st.lists(
    st.lists(st.sampled_from([NAN, 0, 1, 1, 1, 2, 4, 7]), min_size=3, max_size=3),
    min_size=3,
    max_size=9,
)


@given(table=tables)
def test_all_are_those_of_the_definition_and_so_is_their_jackknife(table):
    by_annotator = np.array(table, dtype=float).T
    answers = read(by_annotator, groups=np.tile(np.arange(len(table)) // 2, 3))
    assume(answers.without_pairs is None)
    found, expected = all_of(answers), by_definition(by_annotator)
    for ours, value in zip(found, expected, strict=True):
        assert math.isnan(value) if ours.value is None else ours.value == pytest.approx(value)
    assume(all(one.standard_error for one in found))
    given_groups = np.unique(np.arange(len(table))[~np.isnan(by_annotator).all(axis=0)] // 2)
    n = len(given_groups)
    without = [
        by_definition(np.delete(by_annotator, [2 * g, min(2 * g + 1, len(table) - 1)], axis=1))
        for g in given_groups
    ]
    errors = np.sqrt((n - 1) * np.var(without, axis=0))
    assert [one.standard_error for one in found] == pytest.approx(errors.tolist(), abs=1e-9)


def test_percent_is_that_beside_alpha_with_an_interval():
    table = rated(units=60, annotators=4, missing=0.3)
    found = percent_agreement(read(table))
    assert found.value == agreement(**columns(table), level=Level.NOMINAL).percent
    pairs, equal = np.zeros((2, 60))
    for unit, answers in enumerate(table.T):
        given_ones = answers[~np.isnan(answers)]
        pairs[unit] = len(given_ones) * (len(given_ones) - 1)
        equal[unit] = sum((given_ones == one).sum() - 1 for one in given_ones)
    kept = pairs > 0
    without = (equal.sum() - equal[kept]) / (pairs.sum() - pairs[kept])
    # Without a unit that has one answer, which is a group as well, nothing changes.
    n = int((~np.isnan(table)).any(axis=0).sum())
    without = np.concatenate([without, np.full(n - kept.sum(), found.value)])
    assert n > kept.sum()
    assert found.standard_error == pytest.approx(math.sqrt((n - 1) * np.var(without)))
    assert 0 < found.low < found.value < found.high < 1


def test_where_nearly_all_are_of_one_kind_only_gwets_sees_the_agreement():
    # 120 of 125 units alike, all of the rest in dispute: the paradox of Feinstein & Cicchetti.
    table = np.zeros((2, 125))
    table[0, :3] = table[1, 3:5] = 1
    answers = read(table)
    assert fleiss_kappa(answers).value == pytest.approx(-0.0204, abs=5e-5)
    assert gwet(answers, [0, 1], Weighing.ALIKE).value == pytest.approx(0.9584, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([[NAN, NAN]], Undefined.NO_ANSWERS),
        ([[1, 2, 1]], Undefined.ONE_ANNOTATOR),
        ([[1, NAN], [NAN, 2]], Undefined.NO_OVERLAP),
    ],
)
def test_without_pairs_there_is_a_sentence_and_no_number(table, why):
    for found in (*all_of(read(table)), percent_agreement(read(table))):
        assert (found.value, found.low, found.undefined) == (None, None, why)
        assert found.no_interval == why.sentence


def test_where_all_say_the_same_chance_explains_it_except_to_gwet():
    answers = read([[1] * 20, [1] * 20])
    assert fleiss_kappa(answers).undefined is Undefined.NO_VARIATION
    for found in (gwet(answers, [1, 2, 3], Weighing.LINEAR), percent_agreement(answers)):
        assert (found.value, found.high) == (1.0, 1.0)
        assert found.low == pytest.approx(0.05 ** (1 / 20))


def test_one_group_of_pairs_carries_no_interval():
    found = fleiss_kappa(read([[1, 2, 1], [1, 1, NAN]], groups=[0, 0, 1] * 2))
    assert found.value is not None
    assert found.no_interval == "An interval needs at least 2 examples: there is 1."


@pytest.mark.parametrize("options", [[1], [1, 2, 3]])
def test_options_are_those_of_the_question(options):
    with pytest.raises(ValueError, match="two options or more"):
        gwet(read([[1, 1], [1, 4]]), options, Weighing.ALIKE)
