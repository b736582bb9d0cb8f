"""Members of small bodies: all faults at once, by name."""

import pytest

from evalhub.errors import ContentError, ShapeError
from evalhub.intake.members import (
    Member,
    is_list,
    is_name,
    is_number,
    is_text,
    is_truth,
    is_whole,
    members_of,
)

KNOWN = {
    "name": Member("text", is_name, is_required=True),
    "n": Member("a number", is_number),
    "note": Member("text", is_text),
}


@pytest.mark.parametrize(
    ("fits", "good", "bad"),
    [
        (is_name, ["a"], ["", " ", 1, None]),
        (is_text, ["", "a"], [1, ["a"]]),
        (is_whole, [0, -1, 2**63], [True, 1.0, "1"]),
        (is_number, [0, 0.5], [True, "0.5", None]),
        (is_truth, [True, False], [0, 1, "true"]),
        (is_list, [[], [1]], [{}, "a"]),
    ],
)
def test_what_fits(fits, good, bad):
    assert all(map(fits, good))
    assert not any(map(fits, bad))


def test_members_that_say_something_are_returned():
    assert members_of({"name": "a", "n": 0, "note": None}, KNOWN) == {"name": "a", "n": 0}


def test_every_fault_is_named():
    with pytest.raises(ContentError) as refused:
        members_of({"n": "1", "note": 2}, KNOWN)

    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("name", "missing"),
        ("n", "type"),
        ("note", "type"),
    ]


@pytest.mark.parametrize(("known", "says"), [(KNOWN, "name, n, note"), ({}, "it is empty")])
def test_an_unknown_member_is_refused_with_those_there_are(known, says):
    with pytest.raises(ShapeError, match=says) as refused:
        members_of({"nome": 1}, known)
    assert refused.value.errors[0].field == "nome"
