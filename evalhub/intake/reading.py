"""From the lines of a body to typed rows; every fault goes to the collector, with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from evalhub.errors import ShapeError
from evalhub.intake.columns import ExampleColumns, OutputColumns
from evalhub.intake.keylines import KeyLines
from evalhub.intake.lines import ErrorCollector, Repeats, Rows, json_lines
from evalhub.intake.rows import (
    AnnotationRow,
    DecisionRow,
    ExampleRow,
    KnownRow,
    OfUnit,
    OutputRow,
    typed,
)
from evalhub.intake.strict import decode, quoted, shortened
from evalhub.intake.tables import Format, read_table

_EXAMPLE_FIELDS = ExampleColumns()
_OUTPUT_FIELDS = OutputColumns()
_YEARS = range(1970, 2200)
_AboutUnit = TypeVar("_AboutUnit", AnnotationRow, DecisionRow, KnownRow)


def read_examples(
    lines: Iterable[bytes],
    errors: ErrorCollector,
    *,
    format: Format = Format.JSONL,
    columns: ExampleColumns = _EXAMPLE_FIELDS,
    delimiter: str = ",",
    expected: int = 0,
) -> Iterator[tuple[int, ExampleRow]]:
    """Yield the line and the example of each good row; a key stands once in a body.

    Memory is made ready for as many rows as are `expected`.
    """
    repeats = Repeats[str](errors, lambda key: f"Key {quoted(key)}", KeyLines(expected))
    rows = each_example(lines, errors, format=format, columns=columns, delimiter=delimiter)
    for line, row in rows:
        if repeats.is_new(row.key, line):
            yield line, row


def each_example(
    lines: Iterable[bytes],
    errors: ErrorCollector,
    *,
    format: Format = Format.JSONL,
    columns: ExampleColumns = _EXAMPLE_FIELDS,
    delimiter: str = ",",
    first: int = 1,
) -> Iterator[tuple[int, ExampleRow]]:
    """Yield the line and the example of each good row, whatever keys the others have.

    One text stands for a list of one in `references` and `context`. In CSV, `relevant` and
    `metadata` are JSON. A named column that no row has raises ContentError. `first` is the
    number of the first line of JSON.
    """
    for line, values in _example_values(lines, errors, format, columns, delimiter, first):
        members = columns.members(values, line, errors)
        for name in ("references", "context"):
            if name in members and isinstance(text := members[name], str):
                members[name] = [text]
        row = typed(ExampleRow, members, line, errors, columns.given)
        if row is None:
            continue
        if row.input is None:
            errors.add(line, "missing", "input is missing.", "input")
        else:
            yield line, row


def read_outputs(
    lines: Iterable[bytes], errors: ErrorCollector, *, columns: OutputColumns = _OUTPUT_FIELDS
) -> Iterator[tuple[int, OutputRow]]:
    """Yield the line and the output of each good row; (key, attempt) stands once in a body."""
    repeats = Repeats[tuple[str, int]](errors, lambda place: _place(*place))
    for line, values in json_lines(lines, errors):
        members = columns.members(values, line, errors) if columns.given else values
        row = typed(OutputRow, members, line, errors, columns.given)
        if row is None:
            continue
        if (row.output is None) == (row.error is None):
            which = "neither" if row.output is None else "both"
            detail = f"A line has either an output or an error; this one has {which}."
            errors.add(line, "one_of", detail, "output")
        elif repeats.is_new((row.key, row.attempt), line):
            yield line, row


def read_annotations(
    lines: Iterable[bytes], errors: ErrorCollector
) -> Iterator[tuple[int, AnnotationRow]]:
    """Yield the line and the annotation of each good row; an annotator answers a unit once."""
    repeats = Repeats[tuple[str, tuple[object, ...]]](
        errors, lambda place: f"The answer of {quoted(place[0])} to this output"
    )
    for line, row in _about_units(AnnotationRow, lines, errors):
        if repeats.is_new((row.annotator, _named(row)), line):
            yield line, row


def read_decisions(
    lines: Iterable[bytes], errors: ErrorCollector
) -> Iterator[tuple[int, DecisionRow]]:
    """Yield the line and the decision of each good row."""
    return _about_units(DecisionRow, lines, errors)


def read_known(lines: Iterable[bytes], errors: ErrorCollector) -> Iterator[tuple[int, KnownRow]]:
    """Yield the line and the right answers of each good row."""
    return _about_units(KnownRow, lines, errors)


def _example_values(
    lines: Iterable[bytes],
    errors: ErrorCollector,
    format: Format,
    columns: ExampleColumns,
    delimiter: str,
    first: int,
) -> Rows:
    if format is Format.CSV:
        table = read_table(lines, errors, delimiter=delimiter)
        columns.check_present(table.columns, required=("key", "input"))
        in_json = [name for name in columns.json_columns if name in table.columns]
        for line, values in table.rows:
            if not in_json or _read_json_cells(values, in_json, line, errors):
                yield line, values
        return
    missing = set(columns.given.values())
    seen: dict[str, object] = {}
    for line, values in json_lines(lines, errors, first=first):
        if missing:
            missing -= values.keys()
            seen |= values if len(seen) < 20 else {}
        yield line, values
    if missing and not errors.total:
        columns.check_present(seen)


def _read_json_cells(
    values: dict[str, object], names: list[str], line: int, errors: ErrorCollector
) -> bool:
    for name in names:
        cell = values.get(name)
        if isinstance(cell, str):
            try:
                values[name] = decode(cell.encode())
            except ShapeError as error:
                detail = f"{quoted(name)} is read as JSON. {error.detail}"
                errors.add(line, error.code, detail, shortened(name))
                return False
    return True


def _about_units(
    row_type: type[_AboutUnit], lines: Iterable[bytes], errors: ErrorCollector
) -> Iterator[tuple[int, _AboutUnit]]:
    for line, values in json_lines(lines, errors):
        row = typed(row_type, values, line, errors)
        if row is not None and _is_whole(row, line, errors):
            yield line, row


def _is_whole(row: OfUnit, line: int, errors: ErrorCollector) -> bool:
    before = errors.total
    if row.run is not None and row.system is not None:
        errors.add(line, "one_of", "A line names either a run or a system.", "run")
    if row.second_run is not None and row.second_system is not None:
        detail = "A line names either a second run or a second system."
        errors.add(line, "one_of", detail, "second_run")
    if row.unit is None and row.key is None:
        errors.add(line, "missing", "key is missing.", "key")
    elif row.unit is None and row.run is None and row.system is None:
        errors.add(line, "one_of", "A line names a run or a system.", "run")
    if not row.answers:
        errors.add(line, "missing", "answers names no question.", "answers")
    at = getattr(row, "at", None)
    if at is not None and at.year not in _YEARS:
        errors.add(line, "type", "at must be a time between 1970 and 2199.", "at")
    return errors.total == before


def _named(row: OfUnit) -> tuple[object, ...]:
    second = (row.second_run, row.second_system, row.second_attempt)
    return (row.unit, row.key, row.run, row.system, row.attempt, *second)


def _place(key: str, attempt: int) -> str:
    return f"Key {quoted(key)}, attempt {attempt}"
