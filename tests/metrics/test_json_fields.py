"""Fields of JSON, by hand and against SciPy's optimal assignment."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from metrics.base import run_value
from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.reasons import Reason
from metrics.structured import json_fields
from tests.metrics.texts import batch, expecting


def fields(name="json_fields", **params):
    return build(MetricSpec(name=name, params=params))


def value(output, expected, **params):
    return fields(**params).score(expecting([output], [expected])).values[0]


INVOICE = {"number": "A-7", "total": 12.5, "paid": False, "lines": [{"sku": "x", "n": 1}, {}]}


@pytest.mark.parametrize(
    ("output", "precision", "recall"),
    [
        (INVOICE, 1, 1),
        ('{"number": "A-7"}', 1, 1 / 6),
        ({**INVOICE, "total": 12.0, "more": None}, 5 / 7, 5 / 6),
        ({**INVOICE, "paid": 0}, 5 / 6, 5 / 6),
        ({**INVOICE, "lines": []}, 3 / 4, 3 / 6),
        ({**INVOICE, "lines": [{}, {"sku": "x", "n": 1}]}, 3 / 6, 3 / 6),
        ("{}", 0, 0),
        ("7", 0, 0),
        ("not JSON", 0, 0),
        (None, 0, 0),
    ],
)
def test_precision_recall_and_f1_counted_by_hand(output, precision, recall):
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0

    for measure, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert value(output, INVOICE, measure=measure) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("output", "expected", "params", "worth"),
    [
        ([2, 1], [1, 2], {}, 0),
        ([2, 1], [1, 2], {"lists": "multiset"}, 1),
        ([1, 1], [1, 2], {"lists": "multiset"}, 0.5),
        (["b", None, True, {}, []], [True, [], None, {}, "b"], {"lists": "multiset"}, 1),
        ([{"a": 1, "b": 2}], [{"a": 1}], {"lists": "multiset"}, 2 / 3),
        ({"a": " The X"}, {"a": "x"}, {"normalize": ["lowercase", "no_articles", "strip"]}, 1),
        ({"a": 1.1}, {"a": 1}, {"absolute_tolerance": 0.1}, 1),
        ({"a": 1.1}, {"a": 1}, {"relative_tolerance": 0.05}, 0),
        ({"a": 1}, {"a": "1"}, {}, 0),
        ({"a": 1}, {"a": True}, {}, 0),
        ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 0}}, {"field": "a"}, 0.5),
        ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 0}}, {"field": "a.b"}, 1),
        ({"a": 1}, {"a": 1}, {"field": "z"}, 1),
        ({"z": 1}, {"a": 1}, {"field": "z"}, 0),
        ([{"p": 2}, {"p": 1}], [{"p": 1}, {"p": 3}], {"lists": "multiset", "field": "*.p"}, 0.5),
    ],
)
def test_what_makes_two_fields_equal(output, expected, params, worth):
    assert value(output, expected, **params) == pytest.approx(worth)


numbers = st.lists(st.integers(-20, 20).map(lambda n: n / 4), max_size=6)


@given(numbers, numbers, st.sampled_from([0, 0.25, 1]), st.sampled_from([0, 0.1, 1]))
def test_numbers_pair_off_as_well_as_they_can(got, want, absolute, relative):
    near = [[abs(g - w) <= max(absolute, relative * abs(w)) + 1e-12 for w in want] for g in got]
    rows, columns = linear_sum_assignment(np.array(near).reshape(len(got), len(want)), True)
    right = sum(near[g][w] for g, w in zip(rows, columns, strict=True))

    score = value(
        {"n": [*got, "end"]},
        {"n": [*want, "end"]},
        lists="multiset",
        absolute_tolerance=absolute,
        relative_tolerance=relative,
    )

    assert score == pytest.approx(2 * (right + 1) / (len(got) + len(want) + 2))


def test_the_micro_value_weighs_fields_and_the_mean_weighs_examples():
    examples = expecting(
        ['{"a": 1, "b": 2, "c": 3}', '{"a": 1}', "no", None],
        [{"a": 1, "b": 2, "c": 0}, {"a": 1}, {"a": 1}, {"a": 1}],
    )
    mean, micro = (fields(name) for name in ("json_fields", "json_fields_micro"))

    assert run_value(mean, mean.score(examples)) == pytest.approx((2 / 3 + 1) / 4)
    assert micro.score(examples).statistics.tolist() == [
        [2, 1, 1],
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]
    assert run_value(micro, micro.score(examples)) == pytest.approx(2 * 3 / (2 * 3 + 1 + 3))
    precision = fields("json_fields_micro", measure="precision")
    assert run_value(precision, precision.score(examples)) == pytest.approx(3 / 4)


def test_the_best_reference_counts_and_text_is_expected_only_where_it_is_json():
    scores = fields().score(
        batch(['{"a": 1}'] * 4, [[{"a": 2}, {"a": 1}], ['{"a": 1}', "x"], ["x"], []])
    )

    assert scores.values[:2].tolist() == [1.0, 1.0]
    assert scores.reasons.tolist() == [0, 0, Reason.UNDEFINED, Reason.NO_REFERENCE]


def test_an_object_with_positions_for_names_is_no_list():
    assert value({"0": "a"}, ["a"]) == 0.0
    assert value({"*": "a"}, ["a"], lists="multiset") == 0.0
    assert value(["a"], ["a"], field="0") == value({"0": "a"}, {"0": "a"}, field="0") == 1.0
    assert value([["a"]], [["a"]], field="*.*", lists="multiset") == 1.0


def test_of_a_huge_output_only_what_it_shares_is_kept():
    long = [1] * 50_000
    tracemalloc.start()
    try:
        worth = value(long, [1, 1, 1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert worth == 6 / 50_003
    assert peak < 100_000


def test_an_example_that_expects_too_many_fields_has_no_value(monkeypatch):
    monkeypatch.setattr(json_fields, "MAX_FIELDS", 2)

    scores = fields().score(expecting(["[1]", "[1]"], [[1, 2, 3], [1, 2]]))

    assert scores.reasons.tolist() == [Reason.UNDEFINED, Reason.SCORED]


def test_a_field_that_is_no_path_is_refused():
    with pytest.raises(MetricParamsError, match="joined by dots"):
        fields(field="a..b")
