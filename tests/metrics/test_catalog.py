"""What every metric of the catalog promises, and how one is asked for."""

import dataclasses
import json
import math
from typing import ClassVar

import numpy as np
import pytest

from metrics import catalog, contract
from metrics.base import Metric, Workspace, run_value, score_many
from metrics.batch import Batch, Json
from metrics.catalog import (
    CATALOG,
    GROUPS,
    MetricSpec,
    build,
    describe_catalog,
    read_spec,
    sample_of,
)
from metrics.classes.labels import LabelMetric
from metrics.contract import CHECKS, bits_of
from metrics.fields import MetricParamsError, number_parameter
from metrics.match.exact_match import ExactMatch
from metrics.overlap.pairs_of_texts import OverlapMetric
from metrics.reasons import Reason
from metrics.text import TextMetric
from tests.metrics.texts import batch, corpus, expecting


def each(kind: type, *, but: type | None = None) -> pytest.MarkDecorator:
    """Run a test for every metric of the catalog that is of a kind."""
    metrics = [
        sample_of(cls)
        for cls in CATALOG
        if issubclass(cls, kind) and not (but and issubclass(cls, but))
    ]
    return pytest.mark.parametrize("metric", metrics, ids=lambda metric: metric.name)


# What is expected by text metrics that read something else than any text.
EXPECTED = {"numeric_match": "18", "multiple_choice": "B"}

# Metrics of labels read other texts: tests/metrics/test_classification.py.
every_metric, every_text_metric = each(Metric), each(TextMetric, but=LabelMetric)


def odd_batch() -> Batch:
    """Return the corpus with outputs that are missing or JSON, and examples without references."""
    outputs, references = corpus(120)
    mixed: list[Json] = list(outputs)
    mixed[7::20] = [None] * len(mixed[7::20])
    mixed[11::40] = [{"answer": "a"}] * len(mixed[11::40])
    references[13::40] = [[]] * len(references[13::40])
    return batch(mixed, references)


@every_metric
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_metric_keeps_the_contract(metric, check, monkeypatch):
    monkeypatch.setattr(contract, "LONG_CHARACTERS", 1_000_000)
    monkeypatch.setattr(contract, "LONGEST_SECONDS", 4.0)

    assert check(metric) is None


@every_text_metric
def test_every_text_metric_keeps_it_on_texts_too(metric):
    scores = metric.score(odd_batch())
    scored = scores.reasons == Reason.SCORED

    assert np.isnan(scores.values).tolist() == (~scored).tolist()
    assert scored.sum() > 100 or metric.name in EXPECTED
    assert metric.low <= run_value(metric, scores) <= metric.high


@pytest.mark.no_cover
def test_metrics_scored_together_give_the_bits_of_each_alone():
    metrics = [sample_of(cls) for cls in CATALOG]
    together = score_many(metrics, odd_batch())

    alone = [metric.score(odd_batch()) for metric in reversed(metrics)]

    assert list(map(bits_of, together)) == list(map(bits_of, reversed(alone)))


@pytest.mark.no_cover
@every_text_metric
def test_the_order_of_references_does_not_change_an_examples_value(metric):
    outputs, references = corpus(120)
    turned = [list(reversed(row)) for row in references]

    values = metric.score(batch(outputs, references)).values

    assert values.tobytes() == metric.score(batch(outputs, turned)).values.tobytes()


@every_text_metric
def test_an_output_that_is_not_there_scores_the_worst(metric):
    scores = metric.score(expecting([None], [EXPECTED.get(metric.name, "the cat sat on the mat")]))

    assert np.array_equal(scores.values, [metric.worst], equal_nan=True)
    assert scores.reasons.tolist() == [metric.reason_without_output]


@every_text_metric
def test_an_output_equal_to_its_reference_scores_the_best(metric):
    expected = EXPECTED.get(metric.name, "the cat sat on a mat")
    scores = metric.score(expecting([expected], [expected]))
    best = 1.0 if metric.higher_is_better is None else metric.best

    assert scores.values[0] == pytest.approx(best)
    assert run_value(metric, scores) == pytest.approx(best)


@every_text_metric
def test_what_cannot_be_compared_has_a_reason(metric):
    scores = metric.score(expecting(["a", {"a": 1}, "a"], [None, "a", {"a": 1}]))

    assert scores.reasons.tolist() == [
        Reason.NO_REFERENCE,
        Reason.NOT_TEXT,
        Reason.REFERENCE_NOT_TEXT,
    ]


@every_text_metric
def test_a_batch_without_examples_or_scored_examples_has_no_value(metric):
    assert math.isnan(run_value(metric, metric.score(batch([], []))))
    assert math.isnan(run_value(metric, metric.score(batch(["a"], [[]]))))


@every_text_metric
def test_another_parameter_gives_another_signature(metric):
    changed = [
        {"extract": "A: (.+)"},
        {"extract": 'A"|path:null: (.+)'},
        {"normalize": ["nfkc"]},
        {"against": "references"},
        {"path": "answer"},
    ]
    if hasattr(metric, "stemmer"):
        changed.append({"stemmer": True})

    signatures = {
        build(MetricSpec(name=metric.name, params=params)).signature for params in changed
    }

    assert len(signatures | {metric.signature}) == len(changed) + 1
    assert build(MetricSpec(name=metric.name)) == metric


@pytest.mark.no_cover
@each(OverlapMetric)
def test_texts_too_long_to_compare_have_a_reason(metric):
    half = "a " * (metric.max_characters // 4)

    scores = metric.score(batch([half, half, "a"], [[half], [half, "b"], ["a"]]))

    assert scores.reasons.tolist() == [Reason.SCORED, Reason.TOO_LONG, Reason.SCORED]


def test_names_are_unique_and_entries_are_plain_json():
    described = describe_catalog()

    assert json.loads(json.dumps(described)) == described
    names = [entry["name"] for entry in described]
    assert len(set(names)) == len(names)
    assert names[:3] == ["exact_match", "quasi_exact_match", "token_f1"]
    assert {entry["group"] for entry in described} == set(GROUPS)
    for entry in described:
        assert all(entry[key] for key in ("title", "summary", "formula", "source", "needs"))
        assert all(param["meaning"].endswith(".") for param in entry["params"])


def test_the_entry_of_a_metric_shows_its_defaults():
    params = {param["name"]: param for param in describe_catalog()[0]["params"]}

    assert list(params) == ["extract", "normalize", "against", "path"]
    assert params["normalize"]["default"] == ["strip"]
    assert params["against"] == {
        "name": "against",
        "type": "choice",
        "required": False,
        "default": "expected_output",
        "choices": ["expected_output", "references"],
        "meaning": params["against"]["meaning"],
    }


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        ("bleu", MetricSpec(name="bleu", params={}, alias="bleu")),
        ({"name": "bleu"}, MetricSpec(name="bleu")),
        ({"name": "bleu", "as": "bleu.lower"}, MetricSpec(name="bleu", alias="bleu.lower")),
        (
            {"name": "bleu", "as": None, "params": {"path": "a"}},
            MetricSpec(name="bleu", params={"path": "a"}),
        ),
    ],
)
def test_a_metric_is_asked_for_by_name_or_as_an_object(value, spec):
    assert read_spec(value) == spec
    assert read_spec(spec.as_json()) == spec


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "A metric is a name"),
        (["bleu"], "A metric is a name"),
        ({"name": "bleu", "parameters": {}}, "no member 'parameters'"),
        ({"params": {}}, 'needs a "name"'),
        ({"name": 5}, 'needs a "name"'),
        ({"name": "bleu", "params": []}, '"params" of bleu are not an object'),
        ({"name": "bleu", "params": None}, '"params" of bleu are not an object'),
        ({"name": "bleu", "as": "a b"}, '"as" of bleu is not a short name'),
        ({"name": "bleu", "as": ""}, '"as" of bleu is not a short name'),
        ({"name": "bleu", "as": 1}, '"as" of bleu is not a short name'),
    ],
)
def test_a_metric_asked_for_in_another_shape_is_refused(value, sentence):
    with pytest.raises(MetricParamsError) as refused:
        read_spec(value)

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("blue", {}, "There is no metric 'blue'. Do you mean bleu?"),
        ("x" * 1000, {}, "x.... The catalog names all there are."),
        ("bleu", {"smooth": "add-k"}, "bleu has no parameter 'smooth'. It has: extract"),
        ("rouge_1", {"stemmer": "yes"}, "rouge_1: stemmer is true or false, not 'yes'"),
        ("rouge_1", {"stemmer": None}, "rouge_1: stemmer is true or false, not None"),
        ("bleu", {"normalize": "strip"}, "bleu: normalize is a list of at most 20 steps"),
        ("bleu", {"normalize": ["strip"] * 21}, "bleu: normalize is a list of at most 20 steps"),
        ("bleu", {"normalize": ["trim"]}, "bleu: normalize knows nfkc, lowercase"),
        ("bleu", {"normalize": [1]}, "bleu: normalize knows nfkc, lowercase"),
        ("bleu", {"against": "input"}, "bleu: against knows expected_output, references"),
        ("bleu", {"against": None}, "bleu: against knows expected_output, references"),
        ("bleu", {"extract": 5}, "bleu: extract is text, not 5"),
        ("bleu", {"extract": "(a)(b)"}, "extract has 2 groups"),
        ("bleu", {"path": "a..b"}, "joined by dots"),
    ],
)
def test_parameters_that_describe_no_metric_are_refused(name, params, sentence):
    with pytest.raises(MetricParamsError) as refused:
        build(MetricSpec(name=name, params=params))

    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tolerant(ExactMatch):
    name: ClassVar[str] = "tolerant"

    tolerance: float = number_parameter(
        default=0.5, low=-1, high=1, meaning="How far off is near."
    )


@pytest.fixture
def tolerant(monkeypatch):
    monkeypatch.setitem(catalog._BY_NAME, "tolerant", Tolerant)
    return lambda value: build(MetricSpec(name="tolerant", params={"tolerance": value}))


@pytest.mark.parametrize(
    ("value", "kept"), [(1, "1.0"), (1.0, "1.0"), (-0.0, "0.0"), (-1, "-1.0")]
)
def test_a_number_is_one_number_however_it_is_written(tolerant, value, kept):
    assert tolerant(value).signature.endswith(f"|tolerance:{kept}")
    assert Tolerant.describe()["params"][-1]["meaning"] == "How far off is near: from -1 to 1."


@pytest.mark.parametrize("value", [1.1, -2, 10**400, math.nan, math.inf, True, "1", None, [1]])
def test_what_is_no_number_within_the_bounds_is_refused(tolerant, value):
    with pytest.raises(
        MetricParamsError, match="tolerant: tolerance is a number from -1 to 1, not"
    ):
        tolerant(value)


def test_null_stands_for_a_parameter_that_is_not_given():
    assert build(MetricSpec(name="bleu", params={"extract": None, "path": None})) == build(
        MetricSpec(name="bleu")
    )


def test_a_workspace_computes_a_shared_result_once():
    workspace = Workspace(batch(["a"], [["a"]]))
    made = [workspace.once("key", object) for _ in range(2)]

    assert made[0] is made[1]
