"""Calibration, held to scikit-learn and to examples worked out by hand."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from metrics.base import run_value
from metrics.batch import Batch, Scores
from metrics.catalog import MetricSpec, build
from metrics.classes.calibration import Brier, Ece
from metrics.fields import MetricParamsError
from metrics.reasons import Reason
from metrics.rows import Rows
from metrics.statistics.intervals import Interval, estimate
from metrics.statistics.yardstick import Column, Yardstick


def given(confidences, right) -> Batch:
    """Return outputs that are right or wrong, each with a confidence."""
    return Batch(
        outputs=["yes" if one else "no" for one in right],
        expected_outputs=["yes"] * len(right),
        references=[[]] * len(right),
        facts={"confidence": np.array(confidences, np.float64)},
    )


def drawn(n: int, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences, some on the edges of bins, and answers that are over-confident."""
    rng = np.random.default_rng(seed)
    confidences = np.where(rng.random(n) < 0.2, rng.integers(0, 11, n) / 10, rng.random(n))
    return confidences, rng.random(n) < confidences**2


def column_of(metric: Ece, scores: Scores, attempts: int = 1) -> Column:
    rows = metric.additive(Rows.of(scores.statistics.reshape(-1, attempts, 3)), ())
    return Column(values=scores.values.reshape(-1, attempts), statistics=rows)


@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_the_error_is_what_scikit_learns_curve_gives(bins):
    confidences, right = drawn(700)
    metric = build(MetricSpec(name="ece", params={"bins": bins}))

    value = run_value(metric, metric.score(given(confidences, right)))

    shares, means = calibration_curve(right, confidences, n_bins=bins)
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    sizes = np.bincount(np.searchsorted(inner, confidences), minlength=bins)
    sizes = sizes[sizes > 0]
    assert value == pytest.approx(float((sizes * np.abs(shares - means)).sum() / 700), abs=1e-12)


@pytest.mark.parametrize("bins", [25, 50, 100])
def test_a_confidence_on_the_edge_of_a_bin_is_in_the_lower_one(bins):
    hundredths = np.arange(101)
    right = hundredths % 3 == 0
    bin_of = np.maximum(-(-hundredths * bins // 100), 1)  # whole numbers, exact
    apart = [
        abs((hundredths[bin_of == one] / 100).sum() - right[bin_of == one].sum())
        for one in range(1, bins + 1)
    ]
    metric = Ece(bins=bins)

    value = run_value(metric, metric.score(given(hundredths / 100, right)))

    assert value == pytest.approx(sum(apart) / 101, abs=1e-12)


def test_the_squared_error_is_scikit_learns():
    confidences, right = drawn(500)

    value = run_value(Brier(), Brier().score(given(confidences, right)))

    assert value == pytest.approx(brier_score_loss(right, confidences), abs=1e-12)


def test_by_hand():
    """Two bins: 0.2 and 0.4 with one right of two, 0.9 and 1 with one right of two."""
    batch = given([0.2, 0.4, 0.9, 1.0], [True, False, True, False])
    metric = build(MetricSpec(name="ece", params={"bins": 2}))

    scores = metric.score(batch)

    assert run_value(metric, scores) == pytest.approx((0.4 + 0.9) / 4)
    assert scores.values == pytest.approx([0.8, 0.4, 0.1, 1.0])
    assert run_value(Brier(), Brier().score(batch)) == pytest.approx(
        (0.64 + 0.16 + 0.01 + 1.0) / 4
    )


@pytest.mark.parametrize("metric", [Ece(), Brier()])
def test_what_has_no_confidence_is_unscored_and_what_has_no_output_the_worst(metric):
    batch = Batch(
        outputs=["a", "a", "a", None, None, "a", "a"],
        expected_outputs=["a"] * 6 + [None],
        references=[[]] * 7,
        facts={"confidence": np.array([math.nan, 1.1, -0.1, math.nan, 0.3, 1.0, 0.5])},
    )

    scores = metric.score(batch)

    assert scores.reasons.tolist() == [
        Reason.NOT_SUBMITTED,
        Reason.NOT_A_CONFIDENCE,
        Reason.NOT_A_CONFIDENCE,
        Reason.SCORED,
        Reason.SCORED,
        Reason.SCORED,
        Reason.NO_REFERENCE,
    ]
    assert scores.values[3:6].tolist() == [1.0, 1.0, 0.0]
    assert math.isnan(run_value(metric, metric.score(given([], []))))


def test_another_metric_may_say_what_is_right():
    batch = Batch(
        outputs=["YES", "it is yes"],
        expected_outputs=["yes", "yes"],
        references=[[], []],
        facts={"confidence": np.array([1.0, 1.0])},
    )
    strict = build(MetricSpec(name="brier", params={"of": "exact_match"}))

    assert Brier().score(batch).values.tolist() == [0.0, 1.0]
    assert strict.score(batch).values.tolist() == [1.0, 1.0]
    assert strict.reads == ("confidence",)
    assert "of:(accuracy|v1|" in Brier().signature
    assert Brier().signature != strict.signature


@pytest.mark.parametrize("inner", ["token_f1", "f1_macro", "brier"])
def test_a_metric_that_says_neither_right_nor_wrong_is_refused(inner):
    with pytest.raises(MetricParamsError, match="needs a metric that says right or wrong"):
        build(MetricSpec(name="ece", params={"of": inner}))


def test_the_order_of_outputs_changes_no_bit():
    confidences, right = drawn(400)
    order = np.random.default_rng(2).permutation(400)
    metric = Ece()

    values = [
        run_value(metric, metric.score(given(confidences[rows], right[rows])))
        for rows in (np.arange(400), order)
    ]

    assert values[0] == values[1]


def test_attempts_are_averaged_within_their_examples():
    confidences, right = drawn(300)
    metric, yardstick = Ece(), Yardstick.of(Ece())
    once = column_of(metric, metric.score(given(confidences, right)))
    twice = metric.score(given(np.repeat(confidences, 2), np.repeat(right, 2)))

    found = [estimate(side, yardstick) for side in (once, column_of(metric, twice, attempts=2))]

    assert found[0].value == pytest.approx(found[1].value, abs=1e-12)
    assert isinstance(found[0].interval, Interval)
    assert isinstance(found[1].interval, Interval)
    assert found[0].interval.low == pytest.approx(found[1].interval.low, abs=1e-9)


def test_the_interval_is_about_what_the_bootstrap_gives():
    confidences, right = drawn(600)
    metric, yardstick = Ece(bins=5), Yardstick.of(Ece(bins=5))
    column = column_of(metric, metric.score(given(confidences, right))).folded()

    interval = estimate(column, yardstick).interval

    rng = np.random.default_rng(6)
    values = [
        estimate(column.at(rng.integers(600, size=600)), yardstick).value for _ in range(400)
    ]
    assert isinstance(interval, Interval)
    width = interval.high - interval.low
    assert width == pytest.approx(2 * 1.96 * float(np.std(values)), rel=0.15)
