"""The checks of the contract find what they look for: each is shown a metric that breaks it."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import pytest

from metrics import contract
from metrics.base import Example, Family, Metric
from metrics.batch import Scores, blank_scores
from metrics.contract import CHECKS, broken_promises
from metrics.fields import Kind, parameter
from metrics.match.exact_match import ExactMatch
from metrics.reasons import Reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Length(Metric):
    """How many characters an output has, cut at 100."""

    name: ClassVar[str] = "length"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Length"
    summary: ClassVar[str] = "Characters of the output."
    formula: ClassVar[str] = "Characters, at most 100."
    needs: ClassVar[str] = "text"
    family: ClassVar[Family] = Family.MEAN
    high: ClassVar[float] = 100.0

    def score_in(self, workspace):
        outputs = workspace.batch.outputs
        is_text = [output is None or isinstance(output, str) for output in outputs]
        reasons = np.where(is_text, Reason.SCORED, Reason.NOT_TEXT).astype(np.uint8)
        scores = blank_scores(reasons, len(self.statistic_names))
        for row in np.flatnonzero(is_text).tolist():
            scores.values[row] = min(len(outputs[row] or ""), 100)
        return self.spoil(scores, workspace)

    def spoil(self, scores, workspace):
        return scores


def changed(**changes):
    """Return a metric like Length with other class variables or methods."""
    return dataclasses.dataclass(frozen=True, kw_only=True)(type("Spoilt", (Length,), changes))()


def spoilt(spoil, **changes):
    return changed(spoil=spoil, **changes)


def valued(values):
    """Spoil the values: `values` maps the scores and the workspace to new ones."""
    return spoilt(lambda _, s, w: dataclasses.replace(s, values=values(s, w)))


def in_place(act):
    def spoil(_, scores, workspace):
        act(scores, workspace)
        return scores

    return spoil


def with_statistics(values_of=None, **changes):
    """Return a corpus metric whose one statistic is the length."""

    def spoil(_, scores, workspace):
        scores.statistics[:, 0] = np.nan_to_num(scores.values)
        return scores

    fill = np.full
    made = {
        "family": Family.CORPUS,
        "statistic_names": ("characters",),
        "spoil": spoil,
        "values_of": values_of
        or (lambda _, totals: np.where(totals[..., 0] > 0, 50.0, fill(totals.shape[:-1], np.nan))),
    }
    return changed(**{**made, **changes})


def nan_where_scored(scores, workspace):
    scores.values[0] = np.nan


def statistics_everywhere(scores, workspace):
    scores.statistics[:] = 1.0


def infinite(scores, workspace):
    scores.values[0] = np.inf


class Chance:
    value = 0.0

    def __call__(self, scores, workspace):
        Chance.value += 0.25
        scores.values[0] = Chance.value % 50


def depends_on_the_chunk(scores, workspace):
    scores.values[:1] = len(scores) % 50


def worth_of_place(scores, workspace):
    at = np.arange(len(scores), dtype=np.float64)
    scored = scores.reasons == Reason.SCORED
    scores.values[scored] = (scores.values * at)[scored] % 100


def first_reference(scores, workspace):
    for row, references in enumerate(workspace.batch.references):
        if references and scores.reasons[row] == Reason.SCORED:
            scores.values[row] = min(100, len(str(references[0])))


def escapes(scores, workspace):
    for row, output in enumerate(workspace.batch.outputs):
        if output is None:
            scores.values[row], scores.reasons[row] = np.nan, Reason.NO_OUTPUT


def undefined_by_the_output(scores, workspace):
    for row, output in enumerate(workspace.batch.outputs):
        if output == "":
            scores.values[row], scores.reasons[row] = np.nan, Reason.UNDEFINED


def rewarded(scores, workspace):
    for row, output in enumerate(workspace.batch.outputs):
        if output is None:
            scores.values[row] = 100.0


def moved_by_long_ones(scores, workspace):
    if len(workspace.batch) > 1:
        scores.values[-1] = 50.0


def moved_by_json(scores, workspace):
    if any(isinstance(output, dict) for output in workspace.batch.outputs):
        scores.values[-1] += 1.0


def zero_of_nothing(_, scores, workspace):
    return (
        scores
        if len(scores)
        else Scores(values=np.zeros(1), reasons=np.zeros(1, np.uint8), statistics=np.zeros((1, 0)))
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unnamed(Length):
    limit: str = parameter(default="a", kind=Kind.TEXT, meaning="A limit.")

    @property
    def signature(self):
        return "length|v1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unexplained(Length):
    limit: str = parameter(default="a", kind=Kind.TEXT, meaning="No sentence")


class Strange(Length):
    @property
    def signature(self):
        return "another"


def raising(scores, workspace):
    raise ZeroDivisionError("by zero")


EXAMPLE = Example(output="abc", value=3.0)
SHOWN = [
    ("values_stand", spoilt(lambda _, s, w: Scores(
        values=s.values[:1], reasons=s.reasons, statistics=s.statistics)), "the shapes"),
    ("values_stand", valued(lambda s, w: s.values.astype(np.float32)), "float64, uint8"),
    ("values_stand", spoilt(in_place(nan_where_scored)), "Row 0 has the value nan"),
    ("values_stand", spoilt(in_place(infinite)), "infinite"),
    ("values_stand", changed(high=50.0), "outside the range 0.0 to 50.0"),
    ("values_stand", with_statistics(spoil=in_place(statistics_everywhere)), "zero where"),
    ("values_stand", with_statistics(values_of=lambda _, t: t[..., 0] * 1e9), "The run's value"),
    ("scoring_again", spoilt(in_place(Chance())), "twice gives different bits"),
    ("chunks_change", spoilt(in_place(depends_on_the_chunk)), "Scored in chunks"),
    ("order_of_examples", spoilt(in_place(worth_of_place)), "in another order"),
    ("order_of_references", spoilt(in_place(first_reference)), "references turned round"),
    ("missing_outputs", spoilt(in_place(rewarded)), "scores 100.0, not 0.0"),
    ("missing_outputs", spoilt(in_place(escapes)), "unscored without an output"),
    ("outputs_do_not", spoilt(in_place(undefined_by_the_output)), "undefined with one output"),
    ("nothing_has", spoilt(zero_of_nothing), "A run without examples is worth 0.0"),
    ("signature_names", Strange(), "does not begin with length|v<version>"),
    ("signature_names", Unnamed(), "does not name limit"),
    ("description_is", changed(summary=""), "has no summary"),
    ("description_is", Unexplained(), "The meaning of limit is no sentence"),
    ("description_is", changed(title={1}), "not plain JSON"),
    ("description_is", changed(reads=("stars",)), "reads names 'stars'"),
    ("sums_have", changed(statistic_names=("a",)), "Only a corpus metric"),
    ("sums_have", changed(family=Family.CORPUS), "needs the names"),
    ("sums_have", with_statistics(values_of=lambda _, t: t[..., 0]), "NaN for the one without"),
    ("sums_have", with_statistics(
        values_of=lambda _, t: np.array([1.0, np.nan]) if t.ndim == 2 else 2.0
    ), "gives 2.0 for sums alone and 1.0"),
    ("worked_examples", changed(examples=(EXAMPLE, Example(output="ab", value=3.0))), "gives 2.0"),
    ("worked_examples", changed(examples=(Example(output="ab", value=None),)), "not None"),
    ("long_outputs", spoilt(in_place(moved_by_long_ones)), "another value than alone"),
    ("hostile_outputs", spoilt(in_place(moved_by_json)), "another value than alone"),
    ("scoring_again", spoilt(in_place(raising)), "ZeroDivisionError at test_contract.py"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def shorter(monkeypatch):
    monkeypatch.setattr(contract, "LONG_CHARACTERS", 100_000)


@pytest.mark.parametrize(("check", "metric", "sentence"), SHOWN)
def test_a_broken_promise_is_found(check, metric, sentence):
    said = {found.__name__: text for found, text in broken_promises(metric)}

    (name,) = [one.__name__ for one in CHECKS if one.__name__.startswith(check)]
    assert sentence in said[name]


def test_a_metric_that_takes_too_long_is_found(monkeypatch):
    monkeypatch.setattr(contract, "LONGEST_SECONDS", -1.0)

    assert "took 0 s" in contract.long_outputs_end(Length())


@pytest.mark.parametrize(
    "metric",
    [
        Length(),
        with_statistics(),
        changed(examples=(EXAMPLE,)),
        spoilt(in_place(escapes), higher_is_better=None),
        ExactMatch(),
    ],
)
def test_a_metric_that_keeps_them_all_is_left_in_peace(metric):
    assert list(broken_promises(metric)) == []


def test_without_a_direction_nothing_is_best_or_worst():
    metric = changed(higher_is_better=None)

    assert math.isnan(metric.best)
    assert math.isnan(metric.worst)
    assert metric.reason_without_output is Reason.NO_OUTPUT
