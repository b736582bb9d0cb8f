"""What a form of the desk says, for every kind of question, whichever side is on the left."""

import pytest
from django.http import QueryDict

from labeling.forms.asked import keys_of, sheet_of
from labeling.forms.desk import (
    MISSING,
    NO_NUMBER,
    NOTHING_SAID,
    answers_in,
    carried_over,
    fields_of,
    fields_sent,
)
from labeling.questions import read_questions

RATING = {"name": "rating", "kind": "rating"}
PREFERENCE = {"name": "better", "kind": "preference"}
GRADED = {"name": "grade", "kind": "preference", "options": [-2, -1, 0, 1, 2]}
WHY = {"name": "why", "kind": "text", "condition": {"question": "rating", "at_most": 2}}
OF_ONE = [
    RATING,
    {"name": "safe", "kind": "yes_no"},
    {"name": "tone", "kind": "choice", "options": ["warm", "cold"]},
    {"name": "faults", "kind": "choices", "options": ["made up", "too long", "rude"]},
    {"name": "minutes", "kind": "number", "low": 0, "high": 60},
    WHY,
    {"name": "fixed", "kind": "correction", "required": False},
]


def asked(*given, is_of_pairs=False):
    errors = []
    questions = read_questions(list(given), errors, is_of_pairs=is_of_pairs)
    assert errors == []
    return questions


def sent(query):
    return QueryDict(query)


@pytest.mark.parametrize(
    ("question", "fields", "said"),
    [
        (RATING, {"q0": ["3"]}, 4),
        (RATING, {"q0": ["na"]}, None),
        (RATING, {}, MISSING),
        ({"name": "q", "kind": "yes_no"}, {"q0": ["1"]}, False),
        ({"name": "q", "kind": "choice", "options": ["a", "b"]}, {"q0": ["1"]}, "b"),
        ({"name": "q", "kind": "choices", "options": ["a", "b"]}, {"q0": ["1", "0"]}, ["a", "b"]),
        ({"name": "q", "kind": "choices", "options": ["a", "b"]}, {"q0-na": ["on"]}, None),
        ({"name": "q", "kind": "choices", "options": ["a", "b"]}, {}, MISSING),
        ({"name": "q", "kind": "number"}, {"q0": [" \N{MINUS SIGN}7.5 "]}, -7.5),
        ({"name": "q", "kind": "number"}, {"q0": ["8.0"]}, 8),
        ({"name": "q", "kind": "number"}, {"q0": ["1_0"]}, NO_NUMBER),
        ({"name": "q", "kind": "number"}, {"q0": ["nan"]}, NO_NUMBER),
        ({"name": "q", "kind": "number"}, {"q0": ["1e999"]}, NO_NUMBER),
        ({"name": "q", "kind": "number"}, {"q0": ["much"]}, NO_NUMBER),
        ({"name": "q", "kind": "number"}, {"q0": ["7"], "q0-na": ["on"]}, None),
        ({"name": "q", "kind": "number", "high": 9}, {"q0": ["10"]}, "a number from -1e+12 to 9."),
        ({"name": "q", "kind": "text"}, {"q0": ["  It is.\n"]}, "It is."),
        ({"name": "q", "kind": "text"}, {"q0": ["na"]}, "na"),
        ({"name": "q", "kind": "text"}, {"q0": [" "]}, MISSING),
        ({"name": "q", "kind": "text"}, {"q0": ["x" * 100_001]}, "more than 100,000 characters"),
        ({"name": "q", "kind": "correction"}, {"q0": ["  As it is.\n"]}, "  As it is.\n"),
    ],
)  # fmt: skip
def test_every_kind_of_control_says_its_answer_or_what_is_wrong(question, fields, said):
    answers, errors = answers_in(asked(question), fields)
    if isinstance(said, str) and errors:
        assert said in errors["q0"]
        assert answers == {}
    else:
        assert (list(answers.values()), errors) == ([said], {})


def test_a_form_that_says_nothing_is_refused_as_a_whole():
    optional = asked({**RATING, "required": False})
    assert answers_in(optional, {}) == ({}, {"": NOTHING_SAID})


ALL_OF_ONE = [
    {"rating": 2, "safe": True, "tone": "cold", "faults": ["made up", "rude"], "minutes": 7.5,
     "why": "It says no.", "fixed": "As it is."},
    {"rating": None, "safe": None, "tone": None, "faults": None, "minutes": None, "fixed": None},
]  # fmt: skip
PAIR = asked(PREFERENCE, GRADED, is_of_pairs=True)
ALL_OF_PAIRS = [
    {"better": side, "grade": grade}
    for side in ("first", "second", "tie", "both_bad", None)
    for grade in (-2, 0, 1, None)
]


@pytest.mark.parametrize("is_swapped", [False, True])
@pytest.mark.parametrize(
    ("questions", "answers"),
    [*((asked(*OF_ONE), each) for each in ALL_OF_ONE), *((PAIR, each) for each in ALL_OF_PAIRS)],
    ids=str,
)
def test_answers_come_back_from_the_form_that_shows_them(questions, answers, is_swapped):
    fields = fields_of(questions, answers, is_swapped=is_swapped)
    assert answers_in(questions, fields, is_swapped=is_swapped) == (answers, {})


def test_what_is_on_the_left_is_the_second_output_where_the_pair_is_swapped():
    left = {"q0": ["0"], "q1": ["4"]}  # A, and A by much
    assert answers_in(PAIR, left)[0] == {"better": "first", "grade": 2}
    assert answers_in(PAIR, left, is_swapped=True)[0] == {"better": "second", "grade": -2}


def test_what_an_earlier_answer_does_not_call_for_is_not_read():
    how = {**WHY, "name": "how", "condition": {"question": "rating", "is": [1]}}
    questions = asked(RATING, WHY, how)
    written = {"q1": ["Because."], "q2": ["So."]}
    assert answers_in(questions, {"q0": ["4"], **written}) == ({"rating": 5}, {})
    assert answers_in(questions, {"q0": ["na"], **written}) == ({"rating": None}, {})
    assert answers_in(questions, {"q0": ["1"], **written})[0] == {"rating": 2, "why": "Because."}
    assert answers_in(questions, {"q0": ["0"]})[1] == {"q1": MISSING, "q2": MISSING}
    hidden, shown = (sheet_of(questions, {"q0": [token]}).asked for token in "40")
    assert [each.is_asked for each in hidden] == [True, False, False]
    assert [each.is_asked for each in shown] == [True, True, True]
    assert (shown[1].when.field, shown[1].when.tokens) == ("q0", "0 1")
    assert shown[1].condition == "asked when rating is 2 or less"


def test_a_condition_on_a_side_follows_the_side():
    why = {"name": "why", "kind": "text", "condition": {"question": "better", "is": ["first"]}}
    questions = asked(PREFERENCE, why, is_of_pairs=True)
    assert [
        sheet_of(questions, {}, is_swapped=is_swapped).asked[1].when.tokens
        for is_swapped in (False, True)
    ] == ["0", "1"]


def test_a_condition_on_a_number_is_told_by_its_bound():
    minutes = {"name": "minutes", "kind": "number"}
    why = {"name": "why", "kind": "text", "condition": {"question": "minutes", "at_least": 2.5}}
    when = sheet_of(asked(minutes, why), {}).asked[1].when
    assert (when.tokens, when.at_most, when.at_least) == ("", "", "2.5")


def test_a_draft_holds_what_its_questions_know_and_every_database_can():
    questions = asked(*OF_ONE)
    query = "q0=1&q0=9&q1=na&q2=7&q3=0&q3=2&q3=x&q4=%00&q5=a%00b%0D%0Ac&q9=1&unit=u&q6-na=on"
    assert fields_sent(questions, sent(query)) == {
        "q0": ["1"],
        "q1": ["na"],
        "q3": ["0", "2"],
        "q5": ["ab\nc"],
        "q6-na": ["on"],
    }
    assert len(fields_sent(questions, sent("q5=" + "x" * 200_000))["q5"][0]) == 100_001


def test_what_was_chosen_is_carried_to_new_questions_that_mean_the_same():
    old = asked(*OF_ONE)
    tone = {"name": "tone", "kind": "choice", "options": [
        {"value": "warm", "label": "Warm at heart"}, {"value": "cold", "label": "cold"}
    ]}  # fmt: skip
    new = asked({"name": "new", "kind": "yes_no"}, tone, {**RATING, "low": 1, "high": 7})
    fields = {"q0": ["1"], "q2": ["1"], "q4": ["3"]}
    assert carried_over(fields, old, new) == {"q1": ["1"]}


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        (RATING, "1 2 3 4 5"),
        ({"name": "q", "kind": "rating", "low": 0, "high": 10}, "0 1 2 3 4 5 6 7 8 9 X"),
        ({"name": "q", "kind": "rating", "options": [2, 1, 0]}, "2 1 0"),
        ({"name": "q", "kind": "rating", "options": [0.5, 1]}, "1 2"),
        ({"name": "q", "kind": "choice", "options": list("abcdefghijkl")}, "1 2 3 4 5 6 7 8 9   "),
        ({"name": "q", "kind": "yes_no"}, "1 2"),
        (PREFERENCE, "A B T X"),
        (GRADED, "5 4 3 2 1"),  # A stands on the left
    ],
)
def test_each_option_has_the_key_that_stands_on_it(question, keys):
    (read,) = asked(question, is_of_pairs=question["kind"] == "preference")
    assert " ".join(keys_of(read)) == keys


@pytest.mark.parametrize(
    ("question", "layout", "ends"),
    [
        (RATING, "line", ("low", "high")),
        ({"name": "q", "kind": "rating", "options": [2, 1, 0]}, "side", ("high", "low")),
        (
            {"name": "q", "kind": "rating", "options": ["bad", "fair", "good", "fine"]},
            "line",
            None,
        ),
        ({"name": "q", "kind": "choice", "options": [1, 2]}, "side", None),
        ({"name": "q", "kind": "choices", "options": list("abcde")}, "half", None),
        ({"name": "q", "kind": "choice", "options": ["a" * 30, "b"]}, "col", None),
        (PREFERENCE, "col", None),
    ],
)
def test_options_stand_where_there_is_room_and_bare_points_say_which_end_is_which(
    question, layout, ends
):
    questions = asked(question, is_of_pairs=question["kind"] == "preference")
    (shown,) = sheet_of(questions, {}).asked
    assert (shown.layout, shown.ends) == (layout, ends)


def test_the_sides_of_the_main_preference_are_said_in_words():
    more = {"name": "more", "kind": "preference", "options": ["first", "tie", "second"]}
    main, other = sheet_of(asked(PREFERENCE, more, is_of_pairs=True), {"q0": ["2"]}).asked
    assert [each.label for each in main.choices][:2] == ["A is better", "B is better"]
    assert (main.state, other.state) == ("As good as each other", "not yet")
    assert [(each.key, each.label) for each in other.choices] == [
        ("A", "A"), ("T", "tie"), ("B", "B"),
    ]  # fmt: skip
