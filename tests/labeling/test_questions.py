"""Questions in many spellings become one form, and answers are held to them."""

import pytest

from labeling.questions import (
    AnswerError,
    as_number,
    described,
    numbers_of,
    read_answer,
    read_answers,
    read_questions,
)


def question(**given):
    errors = []
    read = read_questions([{"name": "q", **given}], errors)
    assert not errors, errors
    return read[0]


def fault(*given):
    errors = []
    read_questions(list(given), errors)
    return errors[0]


@pytest.mark.parametrize(
    ("given", "kind", "scale"),
    [
        ("rating", "rating", "ordinal"),
        ("Likert", "rating", "ordinal"),
        ("ordinal", "rating", "ordinal"),
        ("choice", "choice", "nominal"),
        ("categorical", "choice", "nominal"),
        ("one of", "choice", "nominal"),
        ("number", "number", "interval"),
        ("numeric", "number", "interval"),
        ("yes_no", "yes_no", "nominal"),
        ("yes/no", "yes_no", "nominal"),
        ("Boolean", "yes_no", "nominal"),
    ],
)
def test_kinds_have_the_names_people_give_them(given, kind, scale):
    options = {"options": ["a", "b"]} if kind == "choice" else {}
    read = question(kind=given, **options)
    assert (read.kind, read.scale) == (kind, scale)


def test_a_scale_can_be_chosen():
    assert question(kind="rating", scale="Interval").scale == "interval"
    assert question(kind="number", scale="ratio", low=0).scale == "ratio"


def test_options_are_values_or_values_with_labels():
    read = question(kind="rating", options=[{"value": 1, "label": "bad"}, {"value": 2}])
    assert read.options == [{"value": 1, "label": "bad"}, {"value": 2, "label": "2"}]
    assert question(kind="choice", options=["x", "y"]).options[0] == {"value": "x", "label": "x"}


def test_a_rating_without_options_has_five_points_or_those_between_its_ends():
    assert [o["value"] for o in question(kind="rating").options] == [1, 2, 3, 4, 5]
    ends = question(kind="rating", low=0, high=3)
    assert [o["value"] for o in ends.options] == [0, 1, 2, 3]


def test_defaults_are_required_and_higher_is_better():
    assert described(question(kind="yes_no")) == {
        "name": "q",
        "text": "",
        "kind": "yes_no",
        "scale": "nominal",
        "options": [],
        "low": None,
        "high": None,
        "required": True,
        "higher_is_better": True,
        "condition": None,
        "target_alpha": None,
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "rating"}, "name"),
        ({"name": " ", "kind": "rating"}, "name"),
        ({"name": "a\u202eb", "kind": "rating"}, "name"),
        ({"name": "x" * 101, "kind": "rating"}, "name"),
        ({"name": "q"}, "kind"),
        ({"name": "q", "kind": "vote"}, "kind"),
        ({"name": "q", "kind": ["rating"]}, "kind"),
        ({"name": "q", "kind": "rating", "scale": "logarithmic"}, "scale"),
        ({"name": "q", "kind": "rating", "options": ["a", "b"], "scale": "interval"}, "scale"),
        ({"name": "q", "kind": "number", "low": -1, "scale": "ratio"}, "scale"),
        ({"name": "q", "kind": "choice"}, "options"),
        ({"name": "q", "kind": "choice", "options": ["a"]}, "options"),
        ({"name": "q", "kind": "choice", "options": ["a", "a"]}, "options"),
        ({"name": "q", "kind": "choice", "options": ["a", 1]}, "options"),
        ({"name": "q", "kind": "choice", "options": ["a", True]}, "options"),
        ({"name": "q", "kind": "choice", "options": ["a", "b" * 200]}, "options"),
        ({"name": "q", "kind": "choice", "options": [{"label": "a"}, "b"]}, "options"),
        ({"name": "q", "kind": "number", "options": [1, 2]}, "options"),
        ({"name": "q", "kind": "yes_no", "options": ["a", "b"]}, "options"),
        ({"name": "q", "kind": "rating", "low": 0, "high": 100}, "options"),
        ({"name": "q", "kind": "rating", "low": 0.5, "high": 3}, "options"),
        ({"name": "q", "kind": "number", "low": 5, "high": 5}, "low"),
        ({"name": "q", "kind": "number", "low": "0"}, "low"),
        ({"name": "q", "kind": "number", "high": 1e300}, "high"),
        ({"name": "q", "kind": "yes_no", "low": 0}, "low"),
        ({"name": "q", "kind": "rating", "required": 1}, "required"),
        ({"name": "q", "kind": "rating", "weight": 1}, "weight"),
    ],
)
def test_what_does_not_work_is_named(given, field):
    assert fault(given).field == f"questions[0].{field}"


def test_a_name_stands_once():
    twice = {"name": "q", "kind": "rating"}
    assert fault(twice, twice).field == "questions[1].name"
    assert fault("q").field == "questions[0]"


@pytest.mark.parametrize(
    ("given", "answer", "kept"),
    [
        ({"kind": "rating"}, 4, 4),
        ({"kind": "rating"}, 4.0, 4),
        ({"kind": "rating"}, None, None),
        ({"kind": "choice", "options": ["a", "b"]}, "b", "b"),
        ({"kind": "number"}, 8.1, 8.1),
        ({"kind": "number", "low": 0, "high": 25}, 25, 25),
        ({"kind": "yes_no"}, True, True),
        ({"kind": "yes_no"}, "No", False),
    ],
)
def test_answers_are_kept_in_one_form(given, answer, kept):
    read = read_answer(question(**given), answer)
    assert (type(read), read) == (type(kept), kept)


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"kind": "rating"}, 6),
        ({"kind": "rating"}, "4"),
        ({"kind": "rating"}, True),
        ({"kind": "choice", "options": ["a", "b"]}, "c"),
        ({"kind": "number"}, "1"),
        ({"kind": "number"}, True),
        ({"kind": "number"}, 1e13),
        ({"kind": "number", "low": 0}, -0.1),
        ({"kind": "number", "scale": "ratio"}, -1),
        ({"kind": "yes_no"}, 1),
        ({"kind": "yes_no"}, "maybe"),
    ],
)
def test_answers_that_do_not_fit_are_refused(given, answer):
    with pytest.raises(AnswerError, match="'q'"):
        read_answer(question(**given), answer)


def test_required_questions_want_an_answer_and_optional_ones_do_not():
    questions = read_questions(
        [
            {"name": "must", "kind": "rating"},
            {"name": "may", "kind": "rating", "required": False},
        ],
        [],
    )
    assert read_answers(questions, {"must": 1}) == ({"must": 1}, [])
    assert [name for name, _ in read_answers(questions, {"may": 1})[1]] == ["must"]
    assert [name for name, _ in read_answers(questions, {"must": 1, "x": 1})[1]] == ["x"]


@pytest.mark.parametrize(
    ("given", "answer", "number"),
    [
        ({"kind": "rating", "options": [0, 50, 100]}, 50, 50.0),
        ({"kind": "rating", "options": ["bad", "fair", "good"]}, "good", 3.0),
        ({"kind": "choice", "options": ["a", "b"]}, "b", 2.0),
        ({"kind": "yes_no"}, True, 1.0),
        ({"kind": "yes_no"}, False, 0.0),
        ({"kind": "number"}, 8.1, 8.1),
    ],
)
def test_every_answer_stands_for_a_number(given, answer, number):
    asked = question(**given)
    assert as_number(asked, answer, numbers_of(asked)) == number
