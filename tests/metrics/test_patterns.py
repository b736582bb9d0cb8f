"""What a user's pattern takes from an output, against Google's RE2 searching match by match."""

import pytest
import re2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metrics.fields import MetricParamsError
from metrics.patterns import MAX_WORK, ExtractionLimitError, last_match

ATOMS = r"a b A: . \d \s [ab] (?:ab|a) a* b+? .* .*? \b $ ^ x? (?:a|b)*? \w+ (?i:a) [^a] a{2,3} é"
atoms = st.lists(st.sampled_from(ATOMS.split()), max_size=3).map("".join)
endings = st.sampled_from(["", "?", "*", "|b", "|a"])
patterns = st.builds(
    lambda before, group, ending, after: f"{before}({group}){ending}{after}",
    atoms,
    atoms,
    endings,
    atoms,
)
outputs = st.text(alphabet="aabbA: 1\nxé", max_size=14)


def one_after_the_other(pattern, text):
    found = None
    for match in re2.compile(pattern).finditer(text):
        found = match[1] if match[1] is not None else found
    return found


@pytest.mark.no_cover
@settings(max_examples=400)
@given(patterns, outputs)
def test_one_pass_finds_what_searching_match_by_match_finds(pattern, text):
    try:
        finder = last_match(pattern)
    except MetricParamsError:
        assume(False)

    assert finder.find(text) == one_after_the_other(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"A:\s*(.+?)\s*$", "So 3 * 4 = 12\nA: 12 \n", "12"),
        (r"A:\s*(.+?)\s*$", "A: 5 A: 6", "5 A: 6"),
        (r"(\d+)", "12 of 345", "345"),
        (r"(\d+)", "none", None),
        (r"answer is (?:(\w+)|\?)", "answer is yes. answer is ?", "yes"),
        (r"^(\w+)", "first\nsecond", "first"),
        (r"(\w+)$", "first\nsecond", "second"),
        (r"(\w+)$", "first\n", None),
        (r"(?m)^(\w+)$", "first\nsecond\n", "second"),
        (r"^(.*)$", "", ""),
        (r"→ (.+)", "日本 → 東京都 😀", "東京都 😀"),
    ],
)
def test_the_last_match_counts_and_the_ends_are_those_of_the_text(pattern, text, found):
    assert last_match(pattern).find(text) == found


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("a(", "missing )"),
        ("(?<=A: )(a)", "Looking ahead or behind"),
        ("(a)(?=b)", "Looking ahead or behind"),
        ("(a)(?!b)", "Looking ahead or behind"),
        (r"(a)\1", "Back-references"),
        (r"(\pL{200})", "Repeat fewer times"),
        ("(a{2000})", "Repeat fewer times"),
        ("a", "has 0 groups"),
        ("(a)(b)", "has 2 groups"),
        (r"(\C)", r"uses \C"),
        (r"(\Qa.b)", r"uses \Q"),
        ("(a" + "b" * 1000 + ")", "1,003 characters long; 1,000 are allowed"),
        ("(a*)", "also matches empty text"),
        (r"\b(a*)", "also matches empty text"),
        ("(a)|$", "also matches empty text"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_a_sentence(pattern, sentence):
    with pytest.raises(MetricParamsError, match=r"^extract ") as refused:
        last_match(pattern)

    assert sentence in str(refused.value)


def test_an_escaped_backslash_before_a_letter_is_no_special_escape():
    assert last_match(r"(\\C)").find(r"a \C b") == r"\C"


@pytest.mark.parametrize("pattern", [r"(?:a+)+(b)$", r"(a)(?:.*b)?", r"(?:a|a)*(c)", r"(x+x+)+y"])
def test_patterns_that_explode_elsewhere_take_one_pass(pattern):
    assert last_match(pattern).find("a" * 200_000) in (None, "a")


def test_too_much_work_for_one_output_is_refused_before_it_begins():
    finder = last_match("([ab]{1,1000})")

    assert finder.find("ab" * 600) == "ab" * 100
    with pytest.raises(ExtractionLimitError):
        finder.find("ab" * (MAX_WORK // 2000))
