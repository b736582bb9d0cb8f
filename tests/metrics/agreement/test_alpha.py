"""Krippendorff's alpha: a published example, the package, enumeration, and where there is none."""

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.statistics.agreement import Level, Undefined, agreement, alpha, coincidences
from tests.metrics.agreement.tables import NAN, OBSERVERS, alpha_by_definition, columns, rated


@pytest.mark.parametrize(
    ("level", "published"),
    [
        (Level.NOMINAL, 0.743),
        (Level.ORDINAL, 0.815),
        (Level.INTERVAL, 0.849),
        (Level.RATIO, 0.797),
    ],
)
def test_the_published_example(level, published):
    found = agreement(**columns(OBSERVERS), level=level)
    assert found.alpha == pytest.approx(published, abs=6e-4)
    assert (found.units, found.pairable, found.annotators, found.answers) == (11, 40, 4, 41)
    assert found.low < found.alpha < found.high <= 1.0
    assert found.groups == 11


def test_percent_is_the_share_of_equal_pairs():
    # Units with 3, 2 and 1 answers: 1 of 3 pairs and 1 of 1 pair are equal.
    table = [[1, 2, 3], [1, 2, NAN], [4, NAN, NAN]]
    assert agreement(**columns(table), level=Level.NOMINAL).percent == pytest.approx(2 / 4)


tables = st.integers(2, 4).flatmap(
    lambda annotators: st.lists(
        st.lists(
            st.sampled_from([NAN, 0, 1, 1, 2, 3.5, 7]), min_size=annotators, max_size=annotators
        ),
        min_size=2,
        max_size=8,
    )
)


@given(table=tables, level=st.sampled_from(Level))
def test_alpha_and_its_jackknife_are_those_of_the_definition(table, level):
    by_annotator = np.array(table, dtype=float).T
    found = agreement(**columns(by_annotator), level=level)
    assume(found.alpha is not None)
    assert found.alpha == pytest.approx(alpha_by_definition(by_annotator, level), abs=1e-9)
    pairable = (~np.isnan(by_annotator)).sum(axis=0) > 1
    kept = by_annotator[:, pairable]
    n = kept.shape[1]
    without = [alpha_by_definition(np.delete(kept, unit, axis=1), level) for unit in range(n)]
    assume(found.standard_error is not None)
    error = math.sqrt((n - 1) / n * ((without - np.mean(without)) ** 2).sum())
    assert found.standard_error == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize("level", Level)
def test_our_sums_equal_the_package(level, monkeypatch):
    table = rated(units=60, annotators=5, top=7, missing=0.2)
    expected = krippendorff.alpha(table, level_of_measurement=level.value)
    assert agreement(**columns(table), level=level).alpha == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(alpha, "PACKAGE_CELLS", 0)
    assert agreement(**columns(table), level=level).alpha == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("level", Level)
def test_whole_groups_are_left_out_together(level):
    rng = np.random.default_rng(2)
    truth = np.repeat(rng.integers(0, 5, size=12), 3)
    table = np.clip(truth + rng.integers(-1, 2, size=(3, 36)), 0, 5).astype(float)
    groups = np.tile(np.repeat(np.arange(12), 3), 3)
    found = agreement(**columns(table), level=level, groups=groups, are_clusters=True)
    without = [
        alpha_by_definition(np.delete(table, range(3 * g, 3 * g + 3), axis=1), level)
        for g in range(12)
    ]
    error = math.sqrt(11 / 12 * ((without - np.mean(without)) ** 2).sum())
    assert found.standard_error == pytest.approx(error, abs=1e-9)
    assert (found.groups, found.units) == (12, 36)


def test_many_groups_are_left_out_block_by_block(monkeypatch):
    rng = np.random.default_rng(3)
    table = rng.integers(0, 6, size=(3, 40)).astype(float)
    whole = agreement(**columns(table), level=Level.ORDINAL)
    monkeypatch.setattr(coincidences, "_BLOCK_CELLS", 50)
    assert agreement(**columns(table), level=Level.ORDINAL) == whole


def test_too_many_groups_are_left_out_in_blocks(monkeypatch):
    table = columns(rated(units=2_000, annotators=3, top=6))
    whole = agreement(**table, level=Level.ORDINAL)
    monkeypatch.setattr(coincidences, "MAX_CELLS", 2_100)
    blocks = agreement(**table, level=Level.ORDINAL)
    assert (blocks.alpha, blocks.groups) == (whole.alpha, 2_000)
    assert blocks.standard_error == pytest.approx(whole.standard_error, rel=0.25)
    monkeypatch.setattr(coincidences, "MAX_CELLS", 1)
    fewest = agreement(**table, level=Level.ORDINAL)
    assert fewest.degrees <= coincidences.MIN_BLOCKS - 1


def test_the_order_of_answers_does_not_matter():
    answers = columns(OBSERVERS)
    order = np.random.default_rng(4).permutation(48)
    shuffled = {name: column[order] for name, column in answers.items()}
    assert agreement(**shuffled, level=Level.ORDINAL) == agreement(**answers, level=Level.ORDINAL)


def test_names_serve_as_well_as_numbers():
    found = agreement(
        units=["a", "a", "b", "b"],
        annotators=["Ann", "Bo", "Ann", "Bo"],
        values=[1, 1, 2, 3],
        level=Level.INTERVAL,
        groups=["x", "x", "y", "y"],
    )
    assert found.alpha == pytest.approx(alpha_by_definition([[1, 2], [1, 3]], Level.INTERVAL))


def test_thousands_of_distinct_values_take_neither_time_nor_memory():
    # The package would build arrays of 4,000 x 12,000 x 12,000 numbers.
    rng = np.random.default_rng(5)
    table = rng.normal(size=4_000) + rng.normal(size=(3, 4_000))
    found = agreement(**columns(table), level=Level.INTERVAL)
    # ICC(1) of one-way random effects is what alpha estimates: here 1 / (1 + 1).
    assert found.alpha == pytest.approx(0.5, abs=0.03)
    assert found.low < 0.5 < found.high


def test_alpha_does_not_depend_on_the_unit_of_measurement():
    table = np.array(OBSERVERS)
    plain = agreement(**columns(table), level=Level.INTERVAL)
    huge = agreement(**columns(table * 1e300), level=Level.INTERVAL)
    far = agreement(**columns(table + 1e9), level=Level.INTERVAL)
    assert huge.alpha == pytest.approx(plain.alpha)
    assert far.alpha == pytest.approx(plain.alpha, abs=1e-6)


# Where there is none.


@pytest.mark.parametrize(
    ("table", "level", "why"),
    [
        ([[NAN, NAN]], Level.NOMINAL, Undefined.NO_ANSWERS),
        ([[1, 2, 3]], Level.NOMINAL, Undefined.ONE_ANNOTATOR),
        ([[1, NAN], [NAN, 2]], Level.NOMINAL, Undefined.NO_OVERLAP),
        ([[3, 3, 1], [3, 3, NAN]], Level.ORDINAL, Undefined.NO_VARIATION),
        ([[-1, 2], [1, 2]], Level.RATIO, Undefined.NEGATIVE_VALUES),
    ],
)
def test_an_undefined_alpha_is_said_in_words_never_in_numbers(table, level, why):
    found = agreement(**columns(table), level=level)
    assert (found.alpha, found.low, found.undefined) == (None, None, why)
    assert found.no_interval == why.sentence
    assert why.sentence.endswith(".")


def test_counts_are_given_even_without_alpha():
    found = agreement(**columns([[3, 3, 1], [3, 3, NAN]]), level=Level.NOMINAL)
    assert (found.answers, found.units, found.pairable, found.annotators) == (5, 2, 4, 2)


@pytest.mark.parametrize(("limit", "n"), [("MAX_PAIRS", 40), ("MAX_DOMAIN", 40)])
def test_too_many_values_for_a_ratio_scale_are_refused(limit, n, monkeypatch):
    monkeypatch.setattr(coincidences, limit, 10)
    table = np.random.default_rng(6).random((3, n))
    found = agreement(**columns(table), level=Level.RATIO)
    assert (found.alpha, found.undefined) == (None, Undefined.TOO_MANY_VALUES)


def test_one_group_has_an_alpha_and_no_interval():
    found = agreement(**columns(OBSERVERS), level=Level.NOMINAL, groups=np.zeros(48))
    assert found.alpha == pytest.approx(0.743, abs=6e-4)
    assert (found.low, found.high) == (None, None)
    assert found.no_interval == "An interval needs at least 2 examples: there is 1."


def test_under_ten_clusters_there_is_no_interval():
    groups = columns(OBSERVERS)["units"] % 9
    found = agreement(**columns(OBSERVERS), level=Level.NOMINAL, groups=groups, are_clusters=True)
    assert found.no_interval == "An interval needs at least 10 clusters: there are 9."


@pytest.mark.parametrize("level", Level)
def test_variation_in_one_example_alone_carries_no_interval(level):
    # Sums of tenths leave rounding behind, which is no variation.
    found = agreement(**columns([[0.3] * 13 + [0.7], [0.3] * 13 + [0.9]]), level=level)
    assert found.alpha is not None
    assert found.low is None
    assert found.no_interval == "All the variation comes from one of the examples."


def test_perfect_agreement_has_an_interval_of_width():
    row = [1, 2, 3] * 20
    found = agreement(**columns([row, row]), level=Level.ORDINAL)
    assert (found.alpha, found.percent) == (1.0, 1.0)
    assert (found.low, found.high) == (pytest.approx(0.05 ** (1 / 60)), 1.0)


def test_a_small_spread_is_a_spread():
    row = np.tile([1, 2], 2_000)
    other = np.concatenate([[2], row[1:]])
    found = agreement(**columns([row, other]), level=Level.NOMINAL)
    assert 0 < found.standard_error < 1e-3
    assert found.low < found.alpha < found.high


def test_equal_groups_show_no_spread():
    groups = np.tile(np.repeat(np.arange(4), 2), 2)
    found = agreement(**columns([[1, 2] * 4, [1, 1] * 4]), level=Level.NOMINAL, groups=groups)
    assert found.low is None
    assert "nothing shows a spread" in found.no_interval


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"values": [1, 2]}, "differ in length"),
        ({"values": [1, 2, math.inf]}, "infinite"),
        ({"annotators": [0, 0, 1]}, "answered one unit twice"),
        ({"groups": [0, 1, 0], "units": [0, 0, 0], "annotators": [0, 1, 2]}, "two groups"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(changes, complaint):
    table = {"units": [0, 0, 1], "annotators": [0, 1, 0], "values": [1, 2, 3]} | changes
    with pytest.raises(ValueError, match=complaint):
        agreement(**table, level=Level.NOMINAL)
