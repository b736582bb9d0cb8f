"""CSV (RFC 4180) to the same rows as JSONL, and a first look at a file of either kind."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from evalhub.errors import (
    SHOWN_ERRORS,
    ContentError,
    DomainError,
    FieldError,
    LineError,
    ShapeError,
)
from evalhub.intake import strict
from evalhub.intake.lines import ErrorCollector, Rows, json_lines
from evalhub.intake.spool import Spool

MAX_COLUMNS = 1_000
DELIMITERS = (",", ";", "\t")
PEEK_BYTES = 1024**2
_TOO_LONG = "record longer than a line may be"
_NO_ROWS = "The table has no rows; send a header line and one row a line."

# One setting for the whole process; nothing else here reads CSV.
csv.field_size_limit(strict.MAX_LINE_BYTES)


class Format(StrEnum):
    """The two kinds of bulk file."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file whose header has been read and checked."""

    columns: list[str]
    rows: Rows


def read_table(lines: Iterable[bytes], errors: ErrorCollector, *, delimiter: str = ",") -> Table:
    """Read the header; then `rows` gives the line a record starts in and its cells by column.

    All cells are text and an empty cell is absent. Blank lines are passed over. A header that
    cannot be used raises ContentError at once; faults of rows go to `errors`, and a fault of
    quoting ends the reading, because nothing after it can be trusted.
    """
    records = _records(_Feed(lines, errors), delimiter, errors)
    for line, cells in records:
        columns = _checked_header(line, cells)
        return Table(columns, _named_cells(records, columns, errors))
    errors.raise_if_any()
    raise ShapeError(_NO_ROWS, code="empty")


def _named_cells(
    records: Iterator[tuple[int, list[str]]], columns: list[str], errors: ErrorCollector
) -> Rows:
    is_empty = True
    for line, cells in records:
        is_empty = False
        if len(cells) == len(columns):
            yield line, {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
        else:
            detail = f"The row has {len(cells):,} cells and the header {len(columns):,} columns."
            errors.add(line, "columns", detail)
    if is_empty and not errors.total:
        raise ShapeError(_NO_ROWS, code="empty")


class _Feed:
    """Gives lines of text to the reader, and knows which line it is and how long its record."""

    def __init__(self, lines: Iterable[bytes], errors: ErrorCollector) -> None:
        self._lines = lines
        self._errors = errors
        self.line = 0
        self.record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        for raw in self._lines:
            self.line += 1
            self.record_bytes += len(raw)
            if self.record_bytes > strict.MAX_LINE_BYTES:
                raise csv.Error(_TOO_LONG)
            yield self._text(raw)

    def _text(self, raw: bytes) -> str:
        text = raw.removeprefix(strict.BOM) if self.line == 1 else raw
        try:
            return strict.as_characters(text)
        except ShapeError as error:
            # The body is refused in the end; it is read on so that every fault is named.
            self._errors.add(self.line, error.code, error.detail)
            return text.replace(b"\0", b"").decode(errors="replace")


def _records(
    feed: _Feed, delimiter: str, errors: ErrorCollector
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        line = feed.line + 1
        feed.record_bytes = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.add(line, *_reading_fault(str(error)))
            return
        if cells:
            yield line, cells


def _reading_fault(message: str) -> tuple[str, str]:
    if "unexpected end" in message:
        return "quote", "A quoted cell that starts here is never closed."
    if "expected after" in message:
        return "quote", 'A quote inside a quoted cell is written twice (""); this one is not.'
    if message == _TOO_LONG:
        limit = strict.MAX_LINE_BYTES // 1024**2
        return "line_too_long", f"The row is longer than {limit} MiB; look for an unclosed quote."
    return "line_ending", "A carriage return stands inside the line; end lines with \\n or \\r\\n."


def _checked_header(line: int, names: list[str]) -> list[str]:
    faults = [
        LineError(line, "header", f"Column {number} has no name; give it one.")
        for number, name in enumerate(names, start=1)
        if not name.strip()
    ]
    faults += [
        LineError(line, "header", f"{strict.quoted(name)} names {times} columns; rename one.")
        for name, times in Counter(names).items()
        if times > 1 and name.strip()
    ]
    if len(names) > MAX_COLUMNS:
        faults = [LineError(line, "header", f"The header has more than {MAX_COLUMNS:,} columns.")]
    if faults:
        raise ContentError(
            f"Line {line}: {faults[0].detail} Nothing was stored.", code="header", errors=faults
        )
    return names


@dataclass(slots=True)
class Peek:
    """What the beginning of a file looks like; `errors` are the faults met so far."""

    format: Format
    delimiter: str
    columns: list[str] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)
    errors: list[LineError | FieldError] = field(default_factory=list)


def peek(spool: Spool, n: int = 20) -> Peek:
    """Look at the first `n` rows of a file whose kind is not known yet; faults never raise."""
    first = next((line for line in spool if not line.isspace()), b"").removeprefix(strict.BOM)
    is_json = first.lstrip()[:1] in {b"{", b"["}
    seen = Peek(Format.JSONL if is_json else Format.CSV, "," if is_json else _delimiter(first))
    errors = ErrorCollector(stop_at=SHOWN_ERRORS)
    try:
        rows = json_lines(spool, errors) if is_json else _table_rows(spool, errors, seen)
        for _, row in rows:
            seen.rows.append(row)
            if len(seen.rows) == n or spool.file.tell() > PEEK_BYTES:
                break
        errors.raise_if_any()
    except DomainError as error:
        seen.errors = error.errors or [FieldError("file", error.code, error.detail)]
    names = [*seen.columns, *(name for row in seen.rows for name in row)]
    seen.columns = list(dict.fromkeys(names))[:MAX_COLUMNS]
    return seen


def _table_rows(spool: Spool, errors: ErrorCollector, seen: Peek) -> Rows:
    table = read_table(spool, errors, delimiter=seen.delimiter)
    seen.columns = table.columns
    return table.rows


def _delimiter(header: bytes) -> str:
    """Return the delimiter that cuts the header into most columns, a comma where none does."""
    text = header.decode(errors="replace")
    return max(DELIMITERS, key=lambda mark: _cells(text, mark))


def _cells(text: str, delimiter: str) -> int:
    try:
        return max(len(cells) for cells in csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return 0
