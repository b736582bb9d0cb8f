"""Write the examples of a version that does not exist yet, by the thousand and without objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from evalhub.datasets.drafts import Draft
from evalhub.datasets.manifests import Manifest
from evalhub.datasets.models import Dataset
from evalhub.datasets.selectors import IN_ONE_QUERY

# A write transaction must stay under half a second on SQLite.
ROWS_AT_ONCE, BYTES_AT_ONCE = 5_000, 8 * 1024**2

_INSERT = "INSERT INTO datasets_example (dataset_id, digest, key, content)"
_UNLESS_STORED = "ON CONFLICT (dataset_id, digest) DO NOTHING"

# A digest, a key, a content.
_Row = tuple[bytes, str, str]


def store_examples(*, dataset: Dataset, draft: Draft, manifest: Manifest) -> NDArray[np.int64]:
    """Store the examples that are new to the dataset and return the ids of all, by position.

    Rows go in by short transactions before the version exists. Until then nothing refers to
    them, and the same upload finds them again.
    """
    ids = np.array(manifest.ids, dtype=np.int64)
    has_examples = dataset.examples.exists()
    for positions in _batches(draft, manifest):
        digests = [manifest.example_digest(position) for position in positions]
        known = _ids_of(dataset, digests) if has_examples else {}
        new = [
            (digest, manifest.keys[position], draft.content(manifest.rows[position]).decode())
            for position, digest in zip(positions, digests, strict=True)
            if digest not in known
        ]
        if new:
            known |= _insert(dataset, new)
        ids[positions] = [known[digest] for digest in digests]
    return ids


def _batches(draft: Draft, manifest: Manifest) -> Iterator[list[int]]:
    """Yield the positions of the draft's rows, bounded in rows and in bytes."""
    batch: list[int] = []
    size = 0
    for position, number in enumerate(manifest.rows):
        if number < 0:
            continue
        batch.append(position)
        size += draft.size(number)
        if len(batch) == ROWS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _insert(dataset: Dataset, rows: Sequence[_Row]) -> dict[bytes, int]:
    """Insert examples and return their ids; those another upload stored meanwhile serve both."""
    with transaction.atomic():
        # One upload of a dataset at a time: two in different order would wait for each other.
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        if connection.vendor == "postgresql":
            inserted = _copy(dataset, rows)
        else:
            inserted = {}
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"{_INSERT} VALUES (%s, %s, %s, %s) {_UNLESS_STORED}",
                    [(dataset.pk, *row) for row in rows],
                )
    others = [digest for digest, _, _ in rows if digest not in inserted]
    return inserted | _ids_of(dataset, others)


def _copy(dataset: Dataset, rows: Sequence[_Row]) -> dict[bytes, int]:
    """Insert examples on PostgreSQL and return the ids of those that were new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE datasets_incoming (digest bytea, key text, content text) "
            "ON COMMIT DROP"
        )
        with cursor.copy("COPY datasets_incoming FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["bytea", "text", "text"])
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"{_INSERT} SELECT %s, digest, key, content FROM datasets_incoming "  # noqa: S608
            f"{_UNLESS_STORED} RETURNING digest, id",
            [dataset.pk],
        )
        inserted = {bytes(digest): pk for digest, pk in cursor.fetchall()}
        # Inside a larger transaction (a test's) the next batch would meet it again.
        cursor.execute("DROP TABLE datasets_incoming")
        return inserted


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
