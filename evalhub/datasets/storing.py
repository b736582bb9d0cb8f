"""Write the examples of a version that does not exist yet, by the thousand and without objects."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db import connection, transaction
from numpy.typing import NDArray

from evalhub.datasets.manifests import Manifest
from evalhub.datasets.models import Dataset, DatasetVersion, KeyBlock
from evalhub.datasets.packing import BLOCK_KEYS
from evalhub.datasets.selectors import IN_ONE_QUERY, example_ids, page_digests

# A write transaction must stay under half a second on SQLite, also on a slow disk: batches get
# smaller where they take long.
ROWS_AT_ONCE, BYTES_AT_ONCE = 4_096, 8 * 1024**2
_FEWEST_ROWS, _SECONDS_AT_ONCE = 256, 0.15

_COLUMNS = "id, dataset_id, digest, key, content"
_INSERT = f"INSERT INTO datasets_example ({_COLUMNS})"
_UNLESS_STORED = "ON CONFLICT (dataset_id, digest) DO NOTHING"
_INCOMING = f"SELECT {_COLUMNS} FROM datasets_incoming"  # noqa: S608

# A digest, a key, a content.
_Row = tuple[bytes, bytes, bytes]


def store_examples(
    *, dataset: Dataset, manifest: Manifest, parent: DatasetVersion | None
) -> NDArray[np.int64]:
    """Store the examples that are new to the dataset and return the ids of all, by position.

    Rows go in by short transactions before the version exists. Until then nothing refers to
    them, and the same upload finds them again. A page that the parent has as it is needs no look.
    """
    ids = np.full(manifest.n_examples, -1, dtype=np.int64)
    if manifest.ids is not None:
        ids[:] = manifest.ids
    theirs = page_digests(parent) if parent else []
    has_examples = dataset.examples.exists()
    pace = _Pace()
    for number, (start, stop) in enumerate(manifest.pages()):
        if number < len(theirs) and theirs[number] == manifest.page_digests[number]:
            assert parent is not None  # noqa: S101 - it has pages
            ids[start:stop] = example_ids(parent, start, stop)
            continue
        digests = manifest.example_digests(start, stop)
        missing = [at for at in range(start, stop) if ids[at] < 0]
        if has_examples:
            known = _ids_of(dataset, [digests[at - start] for at in missing])
            for at in missing:
                ids[at] = known.get(digests[at - start], -1)
            missing = [at for at in missing if ids[at] < 0]
        for positions, rows in _batches(manifest, missing, digests, start, pace):
            with pace:
                ids[positions] = _insert(dataset, rows)
    return ids


@dataclass
class _Pace:
    """How many rows go in at once: as many as take the time that a transaction may take."""

    rows: int = ROWS_AT_ONCE
    _started: float = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._started
        fitting = int(self.rows * _SECONDS_AT_ONCE / max(seconds, 1e-6))
        self.rows = max(_FEWEST_ROWS, min(fitting, 2 * self.rows, ROWS_AT_ONCE))


def _batches(
    manifest: Manifest, positions: Sequence[int], digests: Sequence[bytes], first: int, pace: _Pace
) -> Iterator[tuple[list[int], list[_Row]]]:
    """Yield rows to be stored with their positions, bounded in number and in bytes."""
    batch: list[int] = []
    rows: list[_Row] = []
    size = 0
    for position, (key, content) in zip(positions, manifest.rows_at(positions), strict=True):
        batch.append(position)
        rows.append((digests[position - first], key, content))
        size += len(content)
        if len(batch) >= pace.rows or size >= BYTES_AT_ONCE:
            yield batch, rows
            batch, rows, size = [], [], 0
    if batch:
        yield batch, rows


def _insert(dataset: Dataset, rows: Sequence[_Row]) -> list[int]:
    """Insert examples and return their ids; those another upload stored meanwhile serve both."""
    insert = _copy if connection.vendor == "postgresql" else _insert_many
    with transaction.atomic():
        # One upload of a dataset at a time: two in different order would wait for each other.
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        ids = insert(dataset, rows)
    if ids is not None:
        return ids
    known = _ids_of(dataset, [digest for digest, _, _ in rows])
    return [known[digest] for digest, _, _ in rows]


def _insert_many(dataset: Dataset, rows: Sequence[_Row]) -> list[int] | None:
    """Insert examples on SQLite and return their ids, None where some were stored already."""
    with connection.cursor() as cursor:
        # Nobody else writes until the transaction ends, so the next ids are these.
        cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'datasets_example'")
        [last] = cursor.fetchone()
        ids = list(range((last or 0) + 1, (last or 0) + 1 + len(rows)))
        cursor.executemany(
            f"{_INSERT} VALUES (%s, %s, %s, %s, %s) {_UNLESS_STORED}",
            [
                (pk, dataset.pk, digest, key.decode(), content.decode())
                for pk, (digest, key, content) in zip(ids, rows, strict=True)
            ],
        )
        return ids if cursor.rowcount == len(rows) else None


def _copy(dataset: Dataset, rows: Sequence[_Row]) -> list[int] | None:
    """Insert examples on PostgreSQL and return their ids, None where some were stored already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('datasets_example', 'id')) "
            "FROM generate_series(1, %s)",
            [len(rows)],
        )
        ids = [pk for (pk,) in cursor.fetchall()]
        body = _in_binary(dataset.pk, ids, rows)
        try:
            with transaction.atomic():
                _copy_into(cursor, "datasets_example", body)
        except psycopg.errors.UniqueViolation:
            _copy_unless_stored(cursor, body)
            return None
        return ids


def _copy_unless_stored(cursor: Any, body: bytes) -> None:
    cursor.execute(
        "CREATE TEMPORARY TABLE datasets_incoming (id bigint, dataset_id bigint, digest bytea, "
        "key text, content text) ON COMMIT DROP"
    )
    _copy_into(cursor, "datasets_incoming", body)
    cursor.execute(f"{_INSERT} {_INCOMING} {_UNLESS_STORED}")
    # Inside a larger transaction (a test's) the next batch would meet it again.
    cursor.execute("DROP TABLE datasets_incoming")


def _copy_into(cursor: Any, table: str, body: bytes) -> None:
    with cursor.copy(f"COPY {table} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(body)


# https://www.postgresql.org/docs/current/sql-copy.html: a signature, flags and an extension of no
# bytes; of each row the number of its fields, of each field its size and bytes; an end of -1.
_BEGIN, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_ROW_HEAD, _SIZE = struct.Struct(">hiqiqi"), struct.Struct(">i")


def _in_binary(dataset_id: int, ids: Sequence[int], rows: Sequence[_Row]) -> bytes:
    """Return rows as COPY reads them, several times faster than written one by one."""
    head, size = _ROW_HEAD.pack, _SIZE.pack
    parts = [_BEGIN]
    for pk, (digest, key, content) in zip(ids, rows, strict=True):
        parts += (
            *(head(5, 8, pk, 8, dataset_id, len(digest)), digest),
            *(size(len(key)), key, size(len(content)), content),
        )
    parts.append(_END)
    return b"".join(parts)


def store_keys(*, dataset: Dataset, manifest: Manifest) -> None:
    """Store where each key stands, a block at a time, unless a version has the same keys."""
    stored = dataset.key_blocks.filter(digest=manifest.keys_digest)
    if stored.count() == -(-manifest.n_examples // BLOCK_KEYS):
        return
    for number, blob in enumerate(manifest.key_index().blocks()):
        block = KeyBlock(dataset=dataset, digest=manifest.keys_digest, number=number, blob=blob)
        KeyBlock.objects.bulk_create([block], ignore_conflicts=True)


def _ids_of(dataset: Dataset, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the ids of the examples that are stored, by digest."""
    found: dict[bytes, int] = {}
    with connection.cursor() as cursor:
        for at in range(0, len(digests), IN_ONE_QUERY):
            part = digests[at : at + IN_ONE_QUERY]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(
                "SELECT digest, id FROM datasets_example "  # noqa: S608
                f"WHERE dataset_id = %s AND digest IN ({marks})",
                [dataset.pk, *part],
            )
            found.update((bytes(digest), pk) for digest, pk in cursor.fetchall())
    return found
