"""Two texts whose differences are marked word by word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalhub.web.differences import in_one, pieces_of, side_by_side


def said(html):
    """Return what stands inside of the one element around a marked text."""
    return re.fullmatch(r'<span class="said" dir="auto">(.*)</span>', html, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("easy", "medium", "<del>easy</del> <ins>medium</ins>"),
        ("", "new", "<ins>new</ins>"),
        ("Left at ten.", "Left at nine.", "Left at <del>ten</del><ins>nine</ins>."),
        ("How far?", "How far? Say why.", "How far? <ins>Say why.</ins>"),
        ("難民政策", "移民政策", "<del>難</del><ins>移</ins>民政策"),
        ("a <b> c d e", "a <i> c d e", "a &lt;<del>b</del><ins>i</ins>&gt; c d e"),
    ],
)
def test_one_text_tells_what_went_and_what_came(old, new, marked):
    assert said(in_one(old, new)).replace("</del> <ins>", "</del><ins>") == marked.replace(
        "</del> <ins>", "</del><ins>"
    )


def test_only_some_words_around_a_change_are_shown():
    before = "one two three four five six seven eight nine ten. " * 4
    shown = said(in_one(before + "The end.", before + "The very end."))
    assert shown.startswith("… ")
    assert shown.endswith("The <ins>very</ins> end.")
    assert len(shown) < 100


def test_side_by_side_each_text_bears_its_own_words():
    old, new = side_by_side("The gulls left at noon.", "The gulls came back at noon.", 100)
    assert said(old) == "The gulls <del>left</del> at noon."
    assert said(new) == "The gulls <ins>came back</ins> at noon."


def test_texts_that_share_little_stay_unmarked():
    old, new = side_by_side("06:40", "The first ferry leaves the quay at 06:40, in fog too.", 30)
    assert "<" not in said(old) + said(new)
    assert said(new).endswith("…")


def test_what_is_invisible_is_spelled_out_inside_a_change():
    _, new = side_by_side("see the quay now", "see the \u202equay now", 100)
    assert "U+202E" in new
    assert "\u202e" not in new


@given(st.text("ab <\n漢", max_size=60), st.text("ab <\n漢", max_size=60))
def test_the_pieces_hold_all_of_both_texts(old, new):
    pieces = pieces_of(old, new)
    assert "".join(word for piece in pieces for word in piece.old) == old
    assert "".join(word for piece in pieces for word in piece.new) == new
