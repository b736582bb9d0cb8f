"""From a spooled file to the rows of a version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from evalhub.datasets.drafts import Source
from evalhub.datasets.levels import MAX_FIELDS
from evalhub.errors import ContentError, DomainError, FieldError, LineError
from evalhub.intake.blocks import ExampleReader
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.lines import ErrorCollector, json_lines
from evalhub.intake.rows import canonical
from evalhub.intake.spool import Spool
from evalhub.intake.tables import Format, Peek, peek, read_table

SHOWN_SAMPLES = 3
MAX_COUNTED_ROWS, MAX_COUNTED_BYTES = 50_000, 4 * 1024**2


def rows_of(
    spool: Spool, *, kind: Format, columns: ExampleColumns, delimiter: str = ","
) -> Source:
    """Return a source that reads the spool from its start each time it is called.

    It raises ContentError after the last line when any line has a fault.
    """
    reader = ExampleReader(kind, columns, delimiter)
    return lambda: reader.blocks(spool)


@dataclass(frozen=True)
class Look:
    """What a file holds, as far as its first rows tell.

    `samples` are a few different values of each column, `fields` the names of metadata that
    stand inside a member of that name.
    """

    kind: Format
    delimiter: str
    columns: list[str]
    samples: dict[str, list[str]]
    fields: list[str]


def look_at(spool: Spool) -> Look:
    """Look at the first rows; a file that cannot be read is refused with its faults."""
    seen: Peek = peek(spool)
    if seen.errors:
        raise ContentError(_said(seen.errors[0]), errors=seen.errors)
    if not seen.rows:
        raise ContentError("The file has no rows.")
    inside = (row.get("metadata") for row in seen.rows)
    fields = dict.fromkeys(
        name for metadata in inside if isinstance(metadata, dict) for name in metadata
    )
    return Look(seen.format, seen.delimiter, seen.columns, _samples(seen.rows), list(fields))


def _samples(rows: list[dict[str, object]]) -> dict[str, list[str]]:
    samples: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.items():
            samples.setdefault(name, {})[_written(value)] = None
    return {name: list(values)[:SHOWN_SAMPLES] for name, values in samples.items()}


@dataclass
class Counted:
    """How many rows a file has, and how many values each field that could name clusters.

    Of a large file the beginning alone is counted: `is_whole` says whether it was all.
    """

    rows: int = 0
    is_whole: bool = False
    filled: Counter[str] = field(default_factory=Counter)
    values: dict[str, set[int]] = field(default_factory=dict)

    def add(self, row: Mapping[str, object]) -> None:
        self.rows += 1
        metadata = row.get("metadata")
        fields = {**row, **metadata} if isinstance(metadata, dict) else row
        for name, value in fields.items():
            is_room = name in self.values or len(self.values) < MAX_FIELDS
            if is_room and isinstance(value, str | int | float):
                self.filled[name] += 1
                self.values.setdefault(name, set()).add(hash(value))

    def n_values(self, name: str) -> int:
        return len(self.values.get(name, ()))

    def n_without(self, name: str) -> int:
        return self.rows - self.filled[name]


def count_rows(spool: Spool, look: Look) -> Counted:
    """Count rows and values as far as a page may take time for; faults are seen later."""
    counted, errors = Counted(), ErrorCollector()
    with suppress(DomainError):
        if look.kind is Format.CSV:
            rows = read_table(spool, errors, delimiter=look.delimiter).rows
        else:
            rows = json_lines(spool, errors)
        for _, row in rows:
            if counted.rows == MAX_COUNTED_ROWS or spool.file.tell() > MAX_COUNTED_BYTES:
                break
            counted.add(row)
        else:
            counted.is_whole = True
    return counted


def _said(error: LineError | FieldError) -> str:
    return f"Line {error.line:,}: {error.detail}" if isinstance(error, LineError) else error.detail


def _written(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
