"""What a version will be: its keys and digests in order, read from a source, and stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from django.db import transaction

from evalhub.datasets.levels import Column, Levels
from evalhub.datasets.models import PAGE_EXAMPLES, Dataset, DatasetVersion, Example
from evalhub.datasets.packing import pack
from evalhub.datasets.selectors import IN_ONE_QUERY, examples_at
from evalhub.errors import ContentError

# A write transaction must stay under half a second on SQLite.
STORED_AT_ONCE = 2_000
MISSING_SHOWN = 3


class ExampleRow(Protocol):
    """An example as a reader yields it: checked, with its canonical content."""

    @property
    def key(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def digest(self) -> bytes: ...


Source = Callable[[], Iterable[ExampleRow]]


@dataclass(frozen=True)
class _Stored:
    """An example of the parent version, as a row."""

    key: str
    content: str
    digest: bytes

    @classmethod
    def of(cls, example: Example) -> _Stored:
        return cls(example.key, example.content, bytes(example.digest))


@dataclass
class Manifest:
    """The ordered keys and example digests of a version, with its metadata levels."""

    cluster_field: str
    keys: list[str] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    _levels: Levels = field(default_factory=Levels)
    _types: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def read(
        cls, source: Source, *, parent: DatasetVersion | None, cluster_field: str
    ) -> Manifest:
        """Read a source whole; with a parent, merge: its keys stay unless the source has them."""
        manifest = cls(cluster_field=cluster_field, _levels=Levels(cluster_field=cluster_field))
        given = _by_key(source()) if parent else None
        if parent and given is not None:
            for example in _stored(parent):
                newer = given.pop(example.key) if example.key in given else None
                manifest._add(newer or _Stored.of(example))
        for row in given.values() if given is not None else source():
            manifest._add(row)
        manifest._check()
        return manifest

    def _add(self, row: ExampleRow) -> None:
        self.keys.append(row.key)
        self.digests.append(bytes(row.digest))
        content = json.loads(row.content)
        self._levels.add(content.get("metadata") or {})
        for name, value in content.items():
            self._types.setdefault(name, set()).add(_json_type(value))

    def _check(self) -> None:
        if not self.keys:
            raise ContentError("The file has no examples.")
        if self.cluster_field and (missing := self._levels.missing(self.cluster_field)):
            raise ContentError(
                f"The cluster field {self.cluster_field!r} has no value in {missing} of "
                f"{len(self.keys)} examples; every example belongs to a cluster."
            )

    @property
    def digest(self) -> str:
        """The content address of the version: its cluster field and ordered example digests."""
        total = hashlib.sha256(self.cluster_field.encode() + b"\n")
        for digest in self.digests:
            total.update(digest)
        return total.hexdigest()

    def page_digest(self, start: int) -> str:
        return hashlib.sha256(b"".join(self.digests[start : start + PAGE_EXAMPLES])).hexdigest()

    @staticmethod
    def packed_ids(ids: list[int]) -> bytes:
        return pack(np.array(ids, dtype=np.int64), "i8")

    def columns(self) -> list[Column]:
        return self._levels.columns()

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the examples as they are."""
        return {
            "type": "object",
            "properties": {
                name: {"type": sorted(types)} for name, types in sorted(self._types.items())
            },
            "required": ["input", "key"],
        }


def _by_key(rows: Iterable[ExampleRow]) -> dict[str, ExampleRow]:
    return {row.key: row for row in rows}


def _stored(version: DatasetVersion) -> Iterator[Example]:
    for start in range(0, version.n_examples, PAGE_EXAMPLES):
        yield from examples_at(version, start, start + PAGE_EXAMPLES)


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return names[type(value)]


def store_examples(*, dataset: Dataset, source: Source, manifest: Manifest) -> list[int]:
    """Store the examples that are new to the dataset and return the ids of all, by position.

    Rows go in by short transactions before the version exists. Until then nothing refers to
    them, and the same upload finds them again.
    """
    ids = _ids_of(dataset, manifest.digests)
    waiting: dict[bytes, Example] = {}
    for row in source():
        digest = bytes(row.digest)
        if digest not in ids and digest not in waiting:
            waiting[digest] = Example(
                dataset=dataset, digest=digest, key=row.key, content=row.content
            )
        if len(waiting) == STORED_AT_ONCE:
            ids |= _store(dataset, waiting)
            waiting = {}
    ids |= _store(dataset, waiting)
    return [ids[digest] for digest in manifest.digests]


def _store(dataset: Dataset, examples: dict[bytes, Example]) -> dict[bytes, int]:
    with transaction.atomic():
        # Another upload may have stored some of them meanwhile: those rows serve both.
        Example.objects.bulk_create(examples.values(), ignore_conflicts=True)
    return _ids_of(dataset, list(examples))


def _ids_of(dataset: Dataset, digests: list[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for at in range(0, len(digests), IN_ONE_QUERY):
        rows = Example.objects.filter(
            dataset=dataset, digest__in=digests[at : at + IN_ONE_QUERY]
        ).values_list("digest", "pk")
        found |= {bytes(digest): pk for digest, pk in rows}
    return found
