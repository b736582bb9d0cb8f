"""Lines are read to the end, and each fault is named with its line."""

from __future__ import annotations

import pytest

from evalhub.errors import ContentError, ShapeError
from evalhub.intake.lines import ErrorCollector, Repeats, json_lines
from tests.evalhub.intake.bounds import bounded


def read(*lines: bytes):
    errors = ErrorCollector()
    rows = list(json_lines(lines, errors))
    return rows, [(error.line, error.code) for error in errors.errors]


def test_good_lines_come_with_their_numbers():
    assert read(b'{"a": 1}\n', b'{"a": 2}\r\n', b'{"a": 3}') == (
        [(1, {"a": 1}), (2, {"a": 2}), (3, {"a": 3})],
        [],
    )


def test_blank_lines_are_passed_over_and_counted():
    assert read(b"\n", b'{"a": 1}\n', b" \t\r\n", b'{"a": 2}\n', b"\n") == (
        [(2, {"a": 1}), (4, {"a": 2})],
        [],
    )


def test_a_byte_order_mark_may_start_line_1_only():
    rows, faults = read(b'\xef\xbb\xbf{"a": 1}\n', b'\xef\xbb\xbf{"a": 2}\n')
    assert rows == [(1, {"a": 1})]
    assert faults == [(2, "bom")]


def test_reading_goes_on_after_a_bad_line():
    rows, faults = read(b"{\n", b'{"a": 1, "a": 1}\n', b'{"a": 1}\n', b'{"a": NaN}\n', b'"\xff"')
    assert rows == [(3, {"a": 1})]
    assert faults == [(1, "not_json"), (2, "duplicate_member"), (4, "not_finite"), (5, "not_utf8")]


@pytest.mark.parametrize(
    ("line", "kind"), [(b"[1]", "a list"), (b"null", "a single value"), (b'"a"', "a single value")]
)
def test_a_line_that_is_no_object_is_a_fault(line, kind):
    errors = ErrorCollector()
    assert list(json_lines([line], errors)) == []
    assert errors.errors[0].code == "not_object"
    assert errors.errors[0].detail == f"A line is one JSON object, {{…}}; this is {kind}."


@pytest.mark.parametrize("lines", [[], [b"\n", b" \n"]])
def test_a_body_without_rows_is_refused(lines):
    with pytest.raises(ShapeError) as refused:
        list(json_lines(lines, ErrorCollector()))
    assert refused.value.code == "empty"


class TestErrorCollector:
    def test_no_fault_lets_pass(self):
        ErrorCollector().raise_if_any()

    def test_one_fault_is_the_sentence(self):
        errors = ErrorCollector()
        errors.add(1_204, "type", "cost must be a number from 0 to 1e12.", "cost")
        with pytest.raises(ContentError) as refused:
            errors.raise_if_any()
        assert refused.value.as_dict() == {
            "code": "lines",
            "detail": "Line 1,204: cost must be a number from 0 to 1e12. Nothing was stored.",
            "errors": [
                {
                    "line": 1204,
                    "field": "cost",
                    "code": "type",
                    "detail": "cost must be a number from 0 to 1e12.",
                }
            ],
            "total": 1,
        }

    def test_of_many_faults_the_first_twenty_and_the_number_are_told(self):
        errors = ErrorCollector()
        for line in range(1, 31):
            errors.add(line, "nul", "A NUL.")
        with pytest.raises(ContentError) as refused:
            errors.raise_if_any()
        assert [error.as_dict()["line"] for error in refused.value.errors] == list(range(1, 21))
        assert refused.value.total == 30
        assert refused.value.detail == ("30 faults. The first: Line 1: A NUL. Nothing was stored.")

    def test_a_body_of_garbage_is_not_read_to_its_end(self):
        garbage = iter([b"x\n"] * 100_000)
        with bounded(seconds=5), pytest.raises(ContentError, match="reading stopped") as refused:
            list(json_lines(garbage, ErrorCollector()))
        assert refused.value.total == 10_000
        assert len(list(garbage)) == 90_000


def test_a_repeated_place_names_both_lines():
    errors = ErrorCollector()
    repeats = Repeats[tuple[str, int]](errors, lambda place: f'Key "{place[0]}"')
    assert repeats.is_new(("a", 1), 3)
    assert repeats.is_new(("a", 2), 4)
    assert not repeats.is_new(("a", 1), 7)
    assert [error.as_dict() for error in errors.errors] == [
        {
            "line": 7,
            "field": "key",
            "code": "repeated",
            "detail": 'Key "a" stands in line 3 already; keep one of the two.',
        }
    ]
