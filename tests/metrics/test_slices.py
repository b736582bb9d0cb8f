"""Numbers cut at their quartiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.statistics.slices import quartile_levels


def test_numbers_are_cut_into_four_like_parts_named_by_values_that_occur():
    levels, codes = quartile_levels(np.arange(1.0, 101.0))
    assert levels == ["up to 25", "over 25 to 50", "over 50 to 75", "over 75"]
    np.testing.assert_array_equal(np.bincount(codes), [25, 25, 25, 25])


def test_cuts_are_written_as_people_write_numbers():
    levels, _ = quartile_levels(np.array([0.1, 0.25, 3.0, 1e20]))
    assert levels == ["up to 0.1", "over 0.1 to 0.25", "over 0.25 to 3", "over 3"]
    assert quartile_levels(np.array([1e20, 2e20]))[0] == ["up to 1e+20", "over 1e+20"]


def test_a_cut_between_fractions_is_the_shortest_number_that_cuts_alike():
    values = np.arange(12) / 3
    levels, codes = quartile_levels(values)
    assert levels == ["up to 0.667", "over 0.667 to 1.67", "over 1.67 to 2.67", "over 2.67"]
    np.testing.assert_array_equal(codes, np.repeat(np.arange(4), 3))
    close = quartile_levels(np.array([0.1234567, 0.1234568, -0.5, -0.25]))[0]
    assert close[1:] == ["over -0.5 to -0.25", "over -0.25 to 0.1234567", "over 0.1234567"]


def test_a_cut_between_neighbors_keeps_all_its_digits():
    low = 0.1 + 0.2
    levels, codes = quartile_levels(np.array([low, np.nextafter(low, 1.0)]))
    assert levels == [f"up to {low!r}", f"over {low!r}"]
    assert codes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0.0] * 80 + list(range(1, 41)), ["up to 0", "over 0 to 10", "over 10"]),
        ([*range(40), *[99.0] * 200], ["up to 39", "over 39"]),
        ([7.0, 7.0], ["all"]),
    ],
)
def test_equal_numbers_stay_together(values, levels):
    assert quartile_levels(np.array(values, dtype=float))[0] == levels


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_every_level_is_used_in_order_and_splits_no_value(numbers):
    values = np.array(numbers, dtype=float)
    levels, codes = quartile_levels(values)
    assert sorted(set(codes.tolist())) == list(range(len(levels)))
    assert (len(levels) > 1) == (len(set(numbers)) > 1)
    order = np.argsort(values)
    assert (np.diff(codes[order]) >= 0).all()
    assert len(set(zip(numbers, codes.tolist(), strict=True))) == len(set(numbers))
