"""Write outputs and ratings by the ten thousand: rows straight to the database, no ORM objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from evalhub.intake.rows import OutputRow, Retrieved, canonical
from evalhub.runs.models import Output, Run
from evalhub.runs.ratings import RatingRow

_IN_ONE_STATEMENT = 900
# position and attempt of an output
Place = tuple[int, int]

_OUTPUT_COLUMNS = (
    *("run_id", "position", "attempt", "text", "data", "error", "latency_ms", "ttft_ms"),
    *("input_tokens", "output_tokens", "cached_tokens", "cost", "confidence"),
    *("retrieved", "trace_id", "metadata", "digest"),
)
_RATING_COLUMNS = (
    *("measurement_id", "position", "attempt", "rater", "value", "reason", "at", "revision"),
    "is_decision",
)

# One look into the index for each position: a planner that thinks many of a run's outputs are
# wanted reads them all, for each body anew. OFFSET 0 keeps it from looking inside.
_STORED = """
SELECT o.position, o.attempt, o.id, o.digest, o.error IS NOT NULL
FROM json_each(%s) AS wanted CROSS JOIN runs_output AS o
WHERE o.run_id = %s AND o.position = wanted.value
"""
_STORED_POSTGRES = """
SELECT o.position, o.attempt, o.id, o.digest, o.error IS NOT NULL
FROM unnest(%s::int[]) AS wanted (position) CROSS JOIN LATERAL (
    SELECT * FROM runs_output AS o WHERE o.run_id = %s AND o.position = wanted.position OFFSET 0
) AS o
"""


class StoredOutput(NamedTuple):
    """What has to be known of an output to tell whether another one changes it."""

    pk: int
    digest: bytes
    is_error: bool


def stored_outputs(run: Run, positions: Sequence[int]) -> dict[Place, StoredOutput]:
    """Return the outputs that a run has at these positions."""
    if not _has_between(run, min(positions), max(positions)):  # most bodies go on where one ended
        return {}
    wanted = sorted(set(positions))
    is_postgres = connection.vendor == "postgresql"
    sql, values = (_STORED_POSTGRES, wanted) if is_postgres else (_STORED, json.dumps(wanted))
    with connection.cursor() as cursor:
        cursor.execute(sql, [values, run.pk])
        return {
            (position, attempt): StoredOutput(pk, bytes(digest), bool(is_error))
            for position, attempt, pk, digest, is_error in cursor.fetchall()
        }


def _has_between(run: Run, first: int, last: int) -> bool:
    return Output.objects.filter(run=run, position__range=(first, last)).exists()


@dataclass(frozen=True, slots=True)
class NewOutput:
    """An output ready to be written: all that takes time is done before the transaction."""

    place: Place
    is_error: bool
    digest: bytes
    values: tuple[Any, ...]

    @classmethod
    def of(cls, run: Run, position: int, row: OutputRow) -> NewOutput:
        digest = row.digest()
        return cls(
            place=(position, row.attempt),
            is_error=row.error is not None,
            digest=digest,
            values=_output_values(run.pk, position, row, digest),
        )


def insert_outputs(outputs: Iterable[NewOutput]) -> None:
    """Insert outputs; none of their places may be taken."""
    insert_rows("runs_output", _OUTPUT_COLUMNS, [output.values for output in outputs])


def insert_ratings(measurement_id: int, ratings: Iterable[RatingRow]) -> None:
    """Insert ratings of a measurement that has none by these raters yet."""
    adapted = connection.ops.adapt_datetimefield_value
    insert_rows(
        "runs_rating",
        _RATING_COLUMNS,
        [
            (
                *(measurement_id, rating.position, rating.attempt, rating.rater),
                *(rating.value, rating.reason, adapted(rating.at), rating.revision),
                rating.is_decision,
            )
            for rating in ratings
        ],
    )


def _output_values(run_id: int, position: int, row: OutputRow, digest: bytes) -> tuple[Any, ...]:
    is_text = isinstance(row.output, str)
    is_data = row.output is not None and not is_text
    return (
        *(run_id, position, row.attempt),
        *(row.output if is_text else None, canonical(row.output) if is_data else None, row.error),
        *(row.latency_ms, row.ttft_ms, row.input_tokens, row.output_tokens, row.cached_tokens),
        *(row.cost, row.confidence, _retrieved(row.retrieved), row.trace_id or ""),
        *("" if row.metadata is None else canonical(row.metadata), digest),
    )


def _retrieved(documents: list[Retrieved] | None) -> str:
    return "" if documents is None else msgspec.json.encode(documents).decode()


def insert_rows(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of a table as the database takes them: several times faster than models do."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
                rows,
            )


def delete_outputs(ids: Sequence[int]) -> None:
    """Delete outputs that others take the place of."""
    for at in range(0, len(ids), _IN_ONE_STATEMENT):
        Output.objects.filter(pk__in=ids[at : at + _IN_ONE_STATEMENT]).delete()
