"""Time, tokens, money and errors, by numpy."""

import math

import numpy as np
import pytest

from metrics.base import Family, run_value
from metrics.batch import FACTS, Batch
from metrics.operational import (
    CachedTokens,
    Cost,
    ErrorRate,
    InputTokens,
    Latency,
    OutputLength,
    OutputTokens,
    TimeToFirstToken,
)
from metrics.reasons import Reason
from metrics.statistics.intervals import Interval, estimate
from metrics.statistics.yardstick import Column, Yardstick

GIVEN = np.array([10.0, 40.0, math.nan, 20.0, 30.0])
OUTPUTS = ["a", "two words", "c", None, {"a": [1, "é"]}]


def batch():
    return Batch(
        outputs=OUTPUTS,
        expected_outputs=[None] * 5,
        references=[[]] * 5,
        facts=dict.fromkeys(FACTS, GIVEN),
    )


@pytest.mark.parametrize("metric", [Latency, TimeToFirstToken])
@pytest.mark.parametrize(("statistic", "value"), [("p50", 30.0), ("p90", 38.0), ("mean", 80 / 3)])
def test_a_time_is_over_answers_alone(metric, statistic, value):
    measured = metric(statistic=statistic)
    scores = measured.score(batch())

    assert run_value(measured, scores) == pytest.approx(value, rel=1e-15)
    assert scores.reasons.tolist() == [
        *(Reason.SCORED, Reason.SCORED, Reason.NOT_SUBMITTED),
        *(Reason.NO_OUTPUT, Reason.SCORED),
    ]


@pytest.mark.parametrize("metric", [InputTokens(), OutputTokens(), CachedTokens(), Cost()])
def test_an_error_costs_as_well(metric):
    scores = metric.score(batch())

    assert run_value(metric, scores) == 25.0
    assert scores.reasons.tolist() == [0, 0, Reason.NOT_SUBMITTED, 0, 0]


def test_a_number_that_was_never_submitted_is_no_zero():
    bare = Batch(outputs=["a"], expected_outputs=[None], references=[[]])

    assert math.isnan(run_value(Cost(), Cost().score(bare)))


def test_errors_are_counted_among_all_outputs():
    assert run_value(ErrorRate(), ErrorRate().score(batch())) == 0.2
    assert ErrorRate().family is Family.BINARY


@pytest.mark.parametrize(
    ("unit", "lengths"), [("words", [1, 2, 1, 1]), ("characters", [1, 9, 1, len('{"a":[1,"é"]}')])]
)
def test_lengths_are_of_the_output_as_it_is_written(unit, lengths):
    scores = OutputLength(unit=unit).score(batch())

    assert scores.values[[0, 1, 2, 4]].tolist() == lengths
    assert scores.reasons[3] == Reason.NO_OUTPUT


def test_a_99th_percentile_has_an_interval_from_500_outputs_on():
    yardstick = Yardstick.of(Latency(statistic="p99"))
    times = np.random.default_rng(1).lognormal(6, 1, size=500)

    assert isinstance(estimate(Column(values=times), yardstick).interval, Interval)
    assert not isinstance(estimate(Column(values=times[:499]), yardstick).interval, Interval)
