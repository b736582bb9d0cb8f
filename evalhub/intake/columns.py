"""Which column holds which part of a row, when a file has its own names for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar, Self

from evalhub.errors import ContentError, FieldError
from evalhub.intake import strict
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.rows import ExampleRow, OutputRow

# How people call these columns, the likeliest first.
_USUAL_NAMES = {
    "key": ("key", "id", "example_id", "uid"),
    "input": ("input", "question", "prompt", "query", "source", "instruction", "text"),
    "expected_output": ("expected_output", "answer", "expected", "target", "reference", "label"),
    "references": ("references", "answers", "targets"),
    "context": ("context", "contexts", "passages", "documents"),
    "relevant": ("relevant", "qrels"),
}


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """None means the part's own name."""

    parts: ClassVar[tuple[str, ...]]

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Take the names from ?key=…&input=…; an empty one is none."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: query[name] for name in names if query.get(name)})

    @cached_property
    def given(self) -> dict[str, str]:
        """The columns that somebody named, by part."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {part: column for part, column in named.items() if column is not None}

    @cached_property
    def _parts_of(self) -> dict[str, list[str]]:
        # A column that somebody gave a part is not also the part of its own name.
        parts_of: dict[str, list[str]] = {}
        for part, column in self.given.items():
            parts_of.setdefault(column, []).append(part)
        for part in self.parts:
            if part not in self.given and part not in parts_of:
                parts_of[part] = [part]
        return parts_of

    @cached_property
    def json_columns(self) -> list[str]:
        """The columns whose cells are JSON in a table, where all cells are text."""
        return [
            column
            for column, parts in self._parts_of.items()
            if "relevant" in parts or "metadata" in parts
        ]

    def members(
        self, values: Mapping[str, object], line: int, errors: ErrorCollector
    ) -> dict[str, object]:
        """Return the members of a row; what no part is made of becomes metadata."""
        members: dict[str, object] = {}
        others: dict[str, object] = {}
        parts_of = self._parts_of
        for name, value in values.items():
            if parts := parts_of.get(name):
                for part in parts:
                    members[part] = value
            else:
                others[name] = value
        metadata = members.get("metadata")
        if others and isinstance(metadata, dict):
            for name in metadata.keys() & others.keys():
                detail = f"{strict.quoted(name)} is a column and a member of metadata; keep one."
                errors.add(line, "metadata_twice", detail, "metadata")
            members["metadata"] = metadata | others
        elif others and metadata is None:
            members["metadata"] = others
        return members

    def check_present(self, columns: Iterable[str], required: Iterable[str] = ()) -> None:
        """Raise ContentError when a column that was named, or is required, is not there."""
        present = list(columns)
        wanted = {part: part for part in required} | self.given
        faults = [
            FieldError(part, "no_column", f"There is no column {strict.quoted(column)}; {advice}")
            for part, column in wanted.items()
            if column not in present
            for advice in [f"name the one that holds the {part} with ?{part}=."]
        ]
        if faults:
            shown = ", ".join(map(strict.quoted, present[:20]))
            detail = f"{faults[0].detail} The columns are {shown}. Nothing was stored."
            raise ContentError(detail, code="columns", errors=faults)


@dataclass(frozen=True, kw_only=True)
class ExampleColumns(_Columns):
    """The columns of examples; the others become metadata."""

    parts: ClassVar[tuple[str, ...]] = ExampleRow.__struct_fields__

    key: str | None = None
    input: str | None = None
    expected_output: str | None = None
    references: str | None = None
    context: str | None = None
    relevant: str | None = None


@dataclass(frozen=True, kw_only=True)
class OutputColumns(_Columns):
    """The columns of outputs. Where one is named, the unknown others become metadata.

    Without a name for any, an unknown member is an error: a misspelled one would be lost.
    """

    parts: ClassVar[tuple[str, ...]] = OutputRow.__struct_fields__

    key: str | None = None
    output: str | None = None


def guess_columns(columns: Iterable[str]) -> ExampleColumns:
    """Return the likeliest columns by their names, for people to correct."""
    names = {name.strip().lower(): name for name in columns}
    guesses = {
        part: next((names[usual] for usual in usuals if usual in names), None)
        for part, usuals in _USUAL_NAMES.items()
    }
    return ExampleColumns(**guesses)
