"""CSV becomes the same rows as JSONL, and a first look never fails."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalhub.errors import ContentError, DomainError, ShapeError
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.spool import MIB, OUTPUTS, receive
from evalhub.intake.tables import Format, peek, read_table
from tests.evalhub.intake.bounds import bounded


def read(text: str | bytes, delimiter: str = ","):
    body = text.encode() if isinstance(text, str) else text
    errors = ErrorCollector()
    table = read_table(io.BytesIO(body), errors, delimiter=delimiter)
    rows = list(table.rows)
    return rows, [(error.line, error.code) for error in errors.errors]


def test_cells_are_text_and_an_empty_cell_is_absent():
    rows, faults = read('id,question,answer\r\n1,"What, now?",\r\n2,"He said ""go""",04\r\n')
    assert rows == [
        (2, {"id": "1", "question": "What, now?"}),
        (3, {"id": "2", "question": 'He said "go"', "answer": "04"}),
    ]
    assert faults == []


def test_a_quoted_cell_may_hold_lines_and_the_row_is_where_it_starts():
    rows, faults = read('id,text\n\n1,"one\ntwo\n\nthree"\n2,four\n')
    assert rows == [
        (3, {"id": "1", "text": "one\ntwo\n\nthree"}),
        (7, {"id": "2", "text": "four"}),
    ]
    assert faults == []


def test_a_byte_order_mark_and_other_scripts_are_read():
    assert read("\ufeffключ,值\nа,🙂\n")[0] == [(2, {"ключ": "а", "值": "🙂"})]


def test_columns_may_be_divided_by_another_mark():
    assert read("a;b\n1,5;2\n", ";")[0] == [(2, {"a": "1,5", "b": "2"})]
    assert read("a\tb\n1\t2\n", "\t")[0] == [(2, {"a": "1", "b": "2"})]


def test_rows_of_another_length_are_named_and_reading_goes_on():
    rows, faults = read("a,b\n1\n1,2\n1,2,3\n")
    assert rows == [(3, {"a": "1", "b": "2"})]
    assert faults == [(2, "columns"), (4, "columns")]


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("id,,b", "Column 2 has no name; give it one."),
        ("id, ,b", "Column 2 has no name; give it one."),
        ("id,a,id,id", '"id" names 3 columns; rename one.'),
        (",".join(map(str, range(1_001))), "The header has more than 1,000 columns."),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(header, detail):
    with pytest.raises(ContentError) as refused:
        read(f"\n{header}\n1\n")
    assert refused.value.code == "header"
    assert [error.as_dict() for error in refused.value.errors] == [
        {"line": 2, "code": "header", "detail": detail}
    ]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', (3, "quote")),
        ('a,b\n1,2\n3,"4"5\n5,6\n', (3, "quote")),
        ("a,b\n1,2\r3,4\n", (2, "line_ending")),
        (b"a,b\n1,2\n3,\0\n", (3, "nul")),
        (b"a,b\n1,2\n3,\xff\n", (3, "not_utf8")),
        (b"a,b\n1,2\n\xef\xbb\xbf3,4\n", (3, "bom")),
        ("a,b\n1," + "x" * (16 * MIB + 1) + "\n", (2, "line_too_long")),
        ('a,b\n1,"' + ("x" * 99 + "\n") * 200_000 + '"\n', (2, "line_too_long")),
    ],
    ids=["open quote", "stray quote", "old line ends", "NUL", "latin", "mark", "cell", "record"],
)
def test_what_is_no_table_is_refused_with_its_line(body, fault):
    with bounded(seconds=10):
        rows, faults = read(body)
    assert faults == [fault]
    assert all(line != fault[0] or fault[1] in {"nul", "not_utf8", "bom"} for line, _ in rows)


def test_one_cell_of_the_longest_record_still_has_a_limit():
    _, faults = read('a\n"' + '""' * (16 * MIB // 2 - 1) + '"')
    assert faults == []


@pytest.mark.parametrize("body", ["", "\n\n", "a,b\n", "a,b\n\n"])
def test_a_table_without_rows_is_refused(body):
    with pytest.raises(ShapeError) as refused:
        read(body)
    assert refused.value.code == "empty"


def test_a_header_that_cannot_be_read_is_refused_with_its_fault():
    with pytest.raises(ContentError) as refused:
        read('"a,b\n1,2\n')
    assert refused.value.errors[0].code == "quote"


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=9)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_what_the_standard_library_writes_is_read_back(rows):
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows([["a", "b", "c"], *rows])
    got, faults = read(written.getvalue())
    assert faults == []
    want = [{name: cell for name, cell in zip("abc", row, strict=True) if cell} for row in rows]
    assert [row for _, row in got] == want


class TestPeek:
    def test_jsonl_is_known_by_its_first_line(self, spooled):
        lines = [
            json.dumps({"id": n, "text": "x", **({"late": 1} if n else {})}) for n in range(50)
        ]
        seen = peek(spooled(("\n\n" + "\n".join(lines)).encode()))
        assert (seen.format, seen.columns, seen.errors) == (
            Format.JSONL,
            ["id", "text", "late"],
            [],
        )
        assert [row["id"] for row in seen.rows] == list(range(20))

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_csv_is_known_with_its_delimiter(self, spooled, delimiter):
        seen = peek(spooled(f"\ufeffid{delimiter}text\n1{delimiter}a\n2{delimiter}\n".encode()), 1)
        assert (seen.format, seen.delimiter) == (Format.CSV, delimiter)
        assert seen.columns == ["id", "text"]
        assert seen.rows == [{"id": "1", "text": "a"}]

    def test_a_single_column_is_a_table_too(self, spooled):
        seen = peek(spooled(b"text\nhello\n"))
        assert (seen.format, seen.delimiter, seen.columns) == (Format.CSV, ",", ["text"])

    def test_faults_are_shown_and_not_raised(self, spooled):
        seen = peek(spooled(b'{"id": 1}\n{"id": 2\n{"id": 3}\n'))
        assert [row["id"] for row in seen.rows] == [1, 3]
        assert [error.as_dict()["line"] for error in seen.errors] == [2]

    def test_a_file_of_garbage_is_not_read_to_its_end(self, spooled):
        spool = spooled(b"{\n" * 40_000)
        seen = peek(spool)
        assert len(seen.errors) == 20
        assert spool.file.tell() < 40_000

    @pytest.mark.parametrize("body", [b"\n\n", b"a,b\n", b"\r\r\r"])
    def test_a_file_without_rows_says_so(self, spooled, body):
        seen = peek(spooled(body))
        assert [error.as_dict()["field"] for error in seen.errors] == ["file"]

    def test_old_line_ends_are_said(self, spooled):
        assert peek(spooled(b"a,b\r1,2\r")).errors[0].code == "line_ending"

    def test_long_rows_end_the_look_early(self, spooled):
        seen = peek(spooled(b'{"text": "%s"}\n' % (b"x" * MIB) * 5))
        assert len(seen.rows) == 1

    def test_no_more_columns_are_shown_than_a_table_may_have(self, spooled):
        row = {str(number): 1 for number in range(2_000)}
        assert len(peek(spooled(json.dumps(row).encode())).columns) == 1_000

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.one_of(st.binary(max_size=200), st.text('ab,;"\t\r\n{}[]:1\0é').map(str.encode)))
    def test_any_bytes_can_be_looked_at(self, tmp_path, body):
        try:
            with receive(io.BytesIO(body), folder=tmp_path, limits=OUTPUTS) as spool:
                seen = peek(spool)
        except DomainError:
            return
        assert seen.rows or seen.errors
