"""From a spooled file to the rows of a version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalhub.datasets.drafts import Source
from evalhub.errors import ContentError, FieldError, LineError
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_examples
from evalhub.intake.rows import canonical, content_digest
from evalhub.intake.spool import Spool
from evalhub.intake.tables import Format, Peek, peek


@dataclass(frozen=True, slots=True)
class Row:
    """A checked example: its canonical content and the content's SHA-256."""

    key: str
    content: str
    digest: bytes


def rows_of(
    spool: Spool, *, kind: Format, columns: ExampleColumns, delimiter: str = ","
) -> Source:
    """Return a source that reads the spool from its start each time it is called.

    It raises ContentError after the last line when any line has a fault.
    """

    def rows() -> Iterator[Row]:
        errors = ErrorCollector()
        found = read_examples(spool, errors, format=kind, columns=columns, delimiter=delimiter)
        for _, example in found:
            content = example.content()
            yield Row(example.key, content, content_digest(content))
        errors.raise_if_any()

    return rows


@dataclass(frozen=True)
class Look:
    """What a file holds, as far as its first rows tell.

    `fields` are the names of metadata that stand inside a member of that name.
    """

    kind: Format
    delimiter: str
    columns: list[str]
    first: dict[str, str]
    fields: list[str]


def look_at(spool: Spool) -> Look:
    """Look at the first rows; a file that cannot be read is refused with its faults."""
    seen: Peek = peek(spool)
    if seen.errors:
        raise ContentError(_said(seen.errors[0]), errors=seen.errors)
    if not seen.rows:
        raise ContentError("The file has no rows.")
    first = {name: _written(value) for row in reversed(seen.rows) for name, value in row.items()}
    inside = (row.get("metadata") for row in seen.rows)
    fields = dict.fromkeys(
        name for metadata in inside if isinstance(metadata, dict) for name in metadata
    )
    return Look(seen.format, seen.delimiter, seen.columns, first, list(fields))


def _said(error: LineError | FieldError) -> str:
    return f"Line {error.line:,}: {error.detail}" if isinstance(error, LineError) else error.detail


def _written(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
