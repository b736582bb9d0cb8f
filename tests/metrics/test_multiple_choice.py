"""Multiple choice, against the patterns that published harnesses read answers with."""

import re
import time

import pytest

from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.match.multiple_choice import MultipleChoice
from metrics.reasons import Reason
from tests.metrics.texts import expecting

# MMLU of OpenAI's simple-evals, MMLU-Pro, and the multiple choice of Inspect.
PUBLISHED = (
    r"(?i)Answer[ \t]*:[ \t]*\$?([A-D])\$?",
    r"answer is \(?([A-J])\)?",
    r"(?i)ANSWER\s*:\s*([A-Za-z])(?:[^\w]|\n|$|\.)",
)
WRITTEN = (
    "Answer: {0}",
    "Answer: ${0}$",
    "ANSWER: {0}\n",
    "The answer is ({0}).",
    "The answer is {0}, since (A) and (D) are wrong.",
    "First I thought that the answer is (A). No.\n\nThe answer is ({0}).",
    "(A) fails.\n(B) fails too.\nAnswer: {0}) that one",
)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("letter", "ABCD")
def test_what_published_patterns_read_is_read(written, letter):
    text = written.format(letter)
    published = {match[-1] for one in PUBLISHED if (match := re.findall(one, text))}

    assert published == {letter}
    assert MultipleChoice().score(expecting([text], [letter])).values.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        (" (b)\n", "B"),
        ("**B**", "B"),
        ("B) Paris", "B"),
        ("B. Paris, as (A) is in Italy", "B"),
        ("B - Paris", "B"),
        ("**Answer:** B", "B"),
        ("The correct answer is therefore option **B**", "B"),
        (r"So the final answer is $\boxed{\text{B}}$.", "B"),
        ("answer: b", "B"),
        ("Answer:\n\nB because of it", "B"),
        ("(B) is the correct option; A) is not.", "B"),
        ("A) no\nB) yes\n\nB", "B"),
        ("### Answer\r\n**B**\r\n", "B"),
        ("I would take (A) at first sight, but it is (B)", "B"),
        ("Answer: A or B", None),
        ("Answer: (A), (B)", None),
        ("A) Rome\nB) Paris", None),
        ("A dog is best.", None),
        ("The answer is a matter of taste", None),
        ("Answer: Because", None),
        ("Answer: F", None),
        ("I do not know.", None),
        ("", None),
    ],
)
def test_the_letter_that_is_answered(text, letter):
    for expected in "ABCD":
        value = MultipleChoice().score(expecting([text], [expected])).values[0]

        assert value == float(expected == letter)


def test_an_expected_output_is_a_letter_or_starts_with_one():
    scores = MultipleChoice().score(
        expecting(["B"] * 5, ["b", "(B)", "B) Paris", "Paris", "A or B"])
    )

    assert scores.reasons.tolist() == [0, 0, 0, Reason.UNDEFINED, Reason.UNDEFINED]
    assert scores.values[:3].tolist() == [1.0, 1.0, 1.0]


def test_options_may_have_other_letters_or_digits():
    digits = build(MetricSpec(name="multiple_choice", params={"letters": "12"}))
    many = build(MetricSpec(name="multiple_choice", params={"letters": "ABCDEFGHIJ"}))

    assert digits.score(expecting(["The answer is 2."], ["2"])).values.tolist() == [1.0]
    assert many.score(expecting(["The answer is J."], ["J"])).values.tolist() == [1.0]


@pytest.mark.parametrize("letters", ["", "A", "AAB", "abc", "A-D", "A" * 27])
def test_letters_that_name_no_options_are_refused(letters):
    with pytest.raises(MetricParamsError, match="2 to 26 different capital letters or digits"):
        build(MetricSpec(name="multiple_choice", params={"letters": letters}))


@pytest.mark.parametrize(
    "hostile",
    [
        "answer: " * 10**5,
        "answer is" + " " * 10**6,
        "B) " * 10**5,
        "\n" * 10**5,
        "_" * 10**6,
    ],
)
def test_hostile_texts_take_linear_time(hostile):
    started = time.process_time()
    MultipleChoice().score(expecting([hostile], ["B"]))

    assert time.process_time() - started < 2
