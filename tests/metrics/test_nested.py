"""What metrics of metrics take over from the inner one, and what they refuse."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import pytest

from metrics.aggregation import Composite, Median
from metrics.attempts import Flakiness
from metrics.base import Family, Metric, Workspace
from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.match.exact_match import ExactMatch
from metrics.match.token_f1 import TokenF1
from metrics.nested import (
    check_per_example,
    greediest,
    inner_metrics,
    inner_parameter,
    passes,
    per_example,
    resolved_threshold,
    same_scale,
    take_over,
    threshold_parameter,
)
from metrics.overlap.bleu import Bleu


@dataclasses.dataclass(frozen=True, kw_only=True)
class Milliseconds(ExactMatch):
    name: ClassVar[str] = "milliseconds"
    family: ClassVar[Family] = Family.MEAN
    high: ClassVar[float] = math.inf
    higher_is_better: ClassVar[bool | None] = False
    reads: ClassVar[tuple[str, ...]] = ("latency_ms",)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Characters(Milliseconds):
    name: ClassVar[str] = "characters"
    higher_is_better: ClassVar[bool | None] = None
    reads: ClassVar[tuple[str, ...]] = ("retrieved", "metadata")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Same(Metric):
    name: ClassVar[str] = "same"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = Family.MEAN

    of: Metric = inner_parameter("What is read.")
    threshold: float | None = threshold_parameter()

    def __post_init__(self):
        take_over(self, [self.of], **same_scale(self.of))

    def score_in(self, workspace: Workspace):
        return workspace.scores_of(self.of)


def test_a_metric_of_a_metric_stands_on_the_inner_ones_scale():
    outer = Same(of=Milliseconds())

    assert (outer.low, outer.high, outer.higher_is_better) == (0.0, math.inf, False)
    assert (outer.worst, outer.reads) == (math.inf, ("latency_ms",))
    assert (Same().high, Same().higher_is_better, Same().reads) == (1.0, True, ())


def test_what_is_taken_over_is_no_parameter():
    assert Same(of=Milliseconds()) == Same(of=Milliseconds()) != Same()
    assert Same().signed_params() == {"of": ExactMatch(), "threshold": None}
    assert Same().signature == f"same|v1|of:({ExactMatch().signature})|threshold:null"


def test_columns_of_several_metrics_are_read_once_each_in_one_order():
    outer = Same()
    take_over(outer, [Characters(), Milliseconds(), Characters()])

    assert outer.reads == ("metadata", "retrieved", "latency_ms")


def test_a_metric_of_the_whole_run_is_refused():
    check_per_example("same", ExactMatch())
    with pytest.raises(MetricParamsError, match="same reads the values of single examples, and"):
        check_per_example("same", Bleu())


def test_the_threshold_is_the_best_value_unless_it_is_given():
    assert resolved_threshold("same", ExactMatch(), None) == 1.0
    assert resolved_threshold("same", ExactMatch(), 0.5) == 0.5
    assert resolved_threshold("same", Milliseconds(), None) == 0.0


def test_a_threshold_needs_a_better_side_and_a_best_value():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Endless(Milliseconds):
        name: ClassVar[str] = "endless"
        higher_is_better: ClassVar[bool | None] = True

    with pytest.raises(MetricParamsError, match="same needs a threshold: endless has no best"):
        resolved_threshold("same", Endless(), None)
    with pytest.raises(MetricParamsError, match="characters has no better side"):
        resolved_threshold("same", Characters(), 5.0)


def test_an_output_passes_on_the_better_side_of_the_threshold():
    values = np.array([0.2, 0.5, 0.8, math.nan])

    assert passes(values, ExactMatch(), 0.5).tolist() == [False, True, True, False]
    assert passes(values, Milliseconds(), 0.5).tolist() == [True, True, False, False]


def test_a_column_is_a_row_for_each_example_and_its_attempts():
    assert per_example(np.arange(6.0), 3).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert per_example(np.zeros(0), 3).shape == (0, 3)


def test_the_one_that_asks_for_the_most_attempts_is_found_inside_others():
    inner = build(MetricSpec(name="pass_at_k", params={"k": 3}))
    outer = Median(of=inner)

    assert greediest(outer) == inner
    assert (inner.attempts_asked, outer.attempts_asked) == (3, 1)
    assert greediest(Flakiness()).attempts_asked == 1  # it has no value then, and is not refused
    assert inner_metrics(Composite()) == [ExactMatch(), TokenF1()]
