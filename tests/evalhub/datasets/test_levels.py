"""What of the metadata becomes a slice, and what does not."""

import pytest

from evalhub.datasets.levels import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_KEPT_LEVELS,
    MAX_LEVEL_CHARACTERS,
    Levels,
)


def columns_of(*rows, cluster_field=""):
    levels = Levels(cluster_field=cluster_field)
    levels.add(rows)
    return {column.field: column for column in levels.columns()}


def one(values, **how):
    return columns_of(*({"f": value} for value in values), **how).get("f")


@pytest.mark.parametrize(
    ("values", "levels", "codes"),
    [
        (["b", "a", "b"], ["b", "a"], [0, 1, 0]),
        ([True, False, None], ["true", "false"], [0, 1, -1]),
        ([10, 9.5, 10, None, -1, 10.0], ["-1", "9.5", "10"], [2, 1, 2, -1, 0, 2]),
        ([1, 1.0, 2, -0.0, 0], ["0", "1", "2"], [1, 1, 2, 0, 0]),
        ([10, 9, "x"], ["10", "9", "x"], [0, 1, 2]),
        (["10", "9", "-1.5", "9"], ["-1.5", "9", "10"], [2, 1, 0, 1]),
        (["2", 10, "1e1", None], ["2", "10", "1e1"], [0, 1, 2, -1]),
        (["10", "9 of 10"], ["10", "9 of 10"], [0, 1]),
        ([1, "1", True, "true"], ["1", "true"], [0, 0, 1, 1]),
        ([0.5, 2.0**60], ["0.5", str(2.0**60)], [0, 1]),
        ([[1], {"a": 1}, None, "x"], ["x"], [-1, -1, -1, 0]),
        (["", "値"], ["", "値"], [0, 1]),
    ],
)
def test_scalars_become_levels_numbers_rising_and_texts_as_they_come(values, levels, codes):
    column = one(values)
    assert (column.levels, column.codes.tolist()) == (levels, codes)
    assert column.sizes() == [codes.count(code) for code in range(len(levels))]


@pytest.mark.parametrize(("n", "is_slice"), [(1, False), (2, True), (30, True), (31, False)])
def test_two_to_thirty_values_make_a_slice(n, is_slice):
    assert one([f"level {i}" for i in range(n)] * 2).is_slice is is_slice


@pytest.mark.parametrize("n", [31, MAX_KEPT_LEVELS + 1])
def test_numbers_with_many_values_are_cut_at_quartiles_however_many(n):
    column = one([*range(n), None])
    assert [len(column.levels), column.codes[-1], column.is_slice] == [4, -1, True]
    assert max(column.sizes()) - min(column.sizes()) <= 1


def test_a_text_among_many_numbers_makes_them_names():
    assert one([*range(40), "none"]).is_slice is False
    assert one([*range(MAX_KEPT_LEVELS + 1), "none"]) is None


def test_a_field_that_names_single_examples_is_not_kept():
    assert one([f"id {i}" for i in range(MAX_KEPT_LEVELS)]) is not None
    assert one([f"id {i}" for i in range(MAX_KEPT_LEVELS + 1)]) is None


def test_a_field_of_long_texts_is_no_slice():
    assert one(["a", "x" * MAX_LEVEL_CHARACTERS]).is_slice
    assert one(["a", "x" * (MAX_LEVEL_CHARACTERS + 1), "a"]) is None


def test_fields_with_long_names_and_those_past_the_thousandth_stay_metadata():
    long = "n" * (MAX_FIELD_CHARACTERS + 1)
    row = {long: 1, **{f"f{i:04}": 1 for i in range(MAX_FIELDS + 5)}, "doc": "x"}
    columns = columns_of(row, cluster_field="doc")
    assert len(columns) == MAX_FIELDS + 1
    assert long not in columns
    assert "doc" in columns


def test_a_cluster_field_keeps_every_level():
    n = MAX_KEPT_LEVELS + 7
    column = one([f"doc {i}" for i in range(n)], cluster_field="f")
    assert (len(column.levels), column.is_slice) == (n, False)
    assert one(list(range(40)), cluster_field="f").levels[-1] == "39"
