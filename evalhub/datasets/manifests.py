"""What a version will be: its keys and digests in order, and the levels of its metadata."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.drafts import DIGEST_BYTES, Draft
from evalhub.datasets.levels import MAX_LEVEL_CHARACTERS, Column, Levels
from evalhub.datasets.models import PAGE_EXAMPLES, DatasetVersion, Example
from evalhub.datasets.packing import pack
from evalhub.datasets.selectors import examples_at
from evalhub.errors import ContentError

_TYPES = {
    **dict.fromkeys(b"tf", "boolean"),
    **{ord('"'): "string", ord("["): "array", ord("{"): "object", ord("n"): "null"},
}


class _Content(msgspec.Struct):
    """What a manifest reads of an example's canonical content; the rest it need not decode."""

    key: msgspec.Raw
    input: msgspec.Raw
    expected_output: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    references: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    relevant: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


_decode = msgspec.json.Decoder(_Content).decode
_RAW_MEMBERS = ("key", "input", "expected_output", "references", "context", "relevant")


@dataclass
class Manifest:
    """The ordered examples of a version.

    An example comes from the draft, by the number of its row, or is stored already, by its id;
    the other of the two is -1.
    """

    cluster_field: str
    keys: list[str] = field(default_factory=list)
    rows: array[int] = field(default_factory=lambda: array("q"))
    ids: array[int] = field(default_factory=lambda: array("q"))
    _digests: bytearray = field(default_factory=bytearray)
    _levels: Levels = field(default_factory=Levels)
    _types: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, draft: Draft, *, parent: DatasetVersion | None, cluster_field: str) -> Manifest:
        """Order a draft's rows; with a parent, merge: its keys stay unless the draft has them."""
        manifest = cls(cluster_field=cluster_field, _levels=Levels(cluster_field=cluster_field))
        numbers = range(len(draft))
        rest = dict(zip(draft.keys, numbers, strict=True)) if parent else {}
        for example in _stored(parent):
            number = rest.pop(example.key, None)
            if number is None:
                manifest._add_stored(example)
            else:
                manifest._add_row(draft, number)
        for number in rest.values() if parent else numbers:
            manifest._add_row(draft, number)
        manifest._check()
        return manifest

    def _add_row(self, draft: Draft, number: int) -> None:
        self.rows.append(number)
        self.ids.append(-1)
        self._add(draft.keys[number], draft.digest(number), draft.content(number))

    def _add_stored(self, example: Example) -> None:
        self.rows.append(-1)
        self.ids.append(example.pk)
        self._add(example.key, bytes(example.digest), example.content.encode())

    def _add(self, key: str, digest: bytes, content: bytes) -> None:
        self.keys.append(key)
        self._digests += digest
        members = _decode(content)
        for name in _RAW_MEMBERS:
            value = getattr(members, name)
            if value is not msgspec.UNSET:
                self._types.setdefault(name, set()).add(_json_type(value))
        if isinstance(members.metadata, dict):
            self._types.setdefault("metadata", set()).add("object")
            self._levels.add(members.metadata)
        else:
            self._levels.add({})

    def _check(self) -> None:
        if not self.keys:
            raise ContentError("The file has no examples.")
        name = self.cluster_field
        if name and (missing := self._levels.missing(name)):
            raise ContentError(
                f"The cluster field {name!r} has no value in {missing:,} of "
                f"{len(self.keys):,} examples; every example belongs to a cluster. Fill it "
                "in, or choose another field or none (over REST, ?cluster=)."
            )
        if name and self._levels.longest_level(name) > MAX_LEVEL_CHARACTERS:
            raise ContentError(
                f"The cluster field {name!r} has a value of more than {MAX_LEVEL_CHARACTERS} "
                "characters; name clusters by something shorter, such as a document's id."
            )

    @property
    def digest(self) -> str:
        """The content address of the version: its cluster field and ordered example digests."""
        total = hashlib.sha256(self.cluster_field.encode() + b"\n")
        total.update(self._digests)
        return total.hexdigest()

    def example_digest(self, position: int) -> bytes:
        return bytes(self._digests[position * DIGEST_BYTES : (position + 1) * DIGEST_BYTES])

    def pages(self, ids: NDArray[np.int64]) -> Iterator[tuple[bytes, str]]:
        """Yield the packed ids and the digest of each page."""
        for start in range(0, len(ids), PAGE_EXAMPLES):
            stop = start + PAGE_EXAMPLES
            digests = self._digests[start * DIGEST_BYTES : stop * DIGEST_BYTES]
            yield pack(ids[start:stop], "i8"), hashlib.sha256(digests).hexdigest()

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


def _stored(version: DatasetVersion | None) -> Iterator[Example]:
    if version is not None:
        for start in range(0, version.n_examples, PAGE_EXAMPLES):
            yield from examples_at(version, start, start + PAGE_EXAMPLES)


def _json_type(raw: msgspec.Raw) -> str:
    return _TYPES.get(memoryview(raw)[0], "number")
