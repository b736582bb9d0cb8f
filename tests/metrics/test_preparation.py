"""Which texts a metric compares, and what the steps before it do."""

import pytest

from metrics.base import Workspace
from metrics.batch import Batch
from metrics.cache import TextCache
from metrics.fields import MetricParamsError
from metrics.match.exact_match import ExactMatch
from metrics.preparation import STEPS, Preparation
from metrics.reasons import Reason
from tests.metrics.texts import expecting


def prepared(outputs, expected_outputs, references=None, **params):
    choices = {"extract": None, "normalize": (), "against": "expected_output", "path": None}
    batch = Batch(
        outputs=outputs,
        expected_outputs=expected_outputs,
        references=references or [[]] * len(outputs),
    )
    return Preparation(**{**choices, **params}).prepare(Workspace(batch))


@pytest.mark.parametrize(
    ("step", "text", "cleaned"),
    [
        ("nfkc", "ﬁve ½ ①", "five 1⁄2 1"),
        ("lowercase", "ÄB İ", "äb i̇"),
        ("strip", "\u00a0 a b\n", "a b"),
        ("collapse_space", " a \n\t b ", "a b"),
        ("no_punctuation", "it's (really) 50%!", "its really 50"),
        ("no_articles", "a cat, an apple, the end, Anna", "  cat,   apple,   end, Anna"),
        ("plain_number", "$1,234,567.", "1234567"),
        ("plain_number", "€ 12,50", "12,50"),
        ("plain_number", "1,2345 and 1,000", "1,2345 and 1000"),
        ("plain_number", "18 .", "18"),
        ("plain_number", "3.50 £", "3.50"),
        ("plain_number", "21 °☀", "21 °☀"),
        ("plain_number", "٣,٠٠٠", "٣,٠٠٠"),
    ],
)
def test_a_step_cleans_as_it_says(step, text, cleaned):
    assert STEPS[step].apply(text) == cleaned


def test_steps_run_in_their_order_on_both_sides():
    result = prepared(["A: $1,000."], ["1000 "], extract="A:(.+)", normalize=("plain_number",))

    assert result.outputs == ["1000"]
    assert result.references == [("1000",)]


@pytest.mark.parametrize(
    ("against", "expected", "references", "compared"),
    [
        ("expected_output", "a", ["b", "c"], ("a",)),
        ("expected_output", None, ["b", "c"], ("b", "c")),
        ("expected_output", {"x": 1}, ["b"], ("b",)),
        ("references", "a", ["b", "c"], ("b", "c")),
        ("references", "a", [], ("a",)),
        ("references", "a", ["b", {"x": 1}], ("a",)),
        ("expected_output", 12, [], ("12",)),
        ("expected_output", 0.5, [], ("0.5",)),
        ("expected_output", True, [], ("true",)),
        ("expected_output", "", ["b"], ("",)),
    ],
)
def test_the_other_side_stands_in_where_one_lacks_text(against, expected, references, compared):
    result = prepared(["a"], [expected], [references], against=against)

    assert result.references == [compared]
    assert result.reasons.tolist() == [Reason.SCORED]


@pytest.mark.parametrize(
    ("expected", "references", "reason"),
    [
        (None, [], Reason.NO_REFERENCE),
        ({"x": 1}, [], Reason.REFERENCE_NOT_TEXT),
        (None, [["a"]], Reason.REFERENCE_NOT_TEXT),
    ],
)
def test_an_example_without_text_to_compare_with_has_a_reason(expected, references, reason):
    for output in ("a", None, {"answer": "a"}):
        assert prepared([output], [expected], [references]).reasons.tolist() == [reason]


@pytest.mark.parametrize(
    ("output", "path", "text"),
    [
        ({"answer": "a"}, "answer", "a"),
        ({"choices": [{"text": "a"}]}, "choices.0.text", "a"),
        ({"answer": 12}, "answer", "12"),
        ({"answer": False}, "answer", "false"),
        (["a", "b"], "1", "b"),
        ("plain text", "answer", "plain text"),
        (12, None, "12"),
        ({"other": "a"}, "answer", None),
        ({"answer": None}, "answer", None),
        ({"answer": {"text": "a"}}, "answer", None),
        ({"answer": "a"}, "answer.text", None),
        (["a"], "1", None),
        (["a"], "-1", None),
        (["a"], "²", None),
        (None, "answer", None),
    ],
)
def test_a_path_names_the_text_and_without_text_there_the_answer_is_wrong(output, path, text):
    result = prepared([output], ["a"], path=path)

    assert result.outputs == [text]
    assert result.reasons.tolist() == [Reason.SCORED]


def test_a_path_also_names_the_text_of_an_expected_output_in_json():
    result = prepared([{"answer": "b"}], [{"answer": "a", "why": "..."}], path="answer")

    assert result.references == [("a",)]


@pytest.mark.parametrize("output", [{"answer": "a"}, ["a"], {}])
def test_json_without_a_path_is_not_text(output):
    assert prepared([output], ["a"]).reasons.tolist() == [Reason.NOT_TEXT]


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "x" * 201])
def test_a_path_that_names_nothing_is_refused(path):
    with pytest.raises(MetricParamsError, match="joined by dots"):
        ExactMatch(path=path)


def test_no_match_is_a_wrong_answer_and_too_much_work_is_unscored():
    metric = ExactMatch(extract="A: ([ab]{1,900})")
    scores = metric.score(expecting(["A: a", "none", None, "A: " + "ab" * 30_000], ["a"] * 4))

    assert scores.values[:3].tolist() == [1.0, 0.0, 0.0]
    assert scores.reasons.tolist() == [0, 0, 0, Reason.EXTRACTION_LIMIT]


def test_metrics_that_prepare_alike_read_the_batch_once():
    workspace = Workspace(expecting(["a"], ["a"]), TextCache())
    preparation = Preparation(extract=None, normalize=(), against="references", path=None)

    assert preparation.prepare(workspace) is preparation.prepare(workspace)
