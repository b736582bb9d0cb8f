"""What a version will be: its digests in order, and the levels of its metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.drafts import DIGEST_BYTES, Digests, Draft, Rows
from evalhub.datasets.levels import MAX_LEVEL_CHARACTERS, Column, Levels
from evalhub.datasets.models import PAGE_EXAMPLES, DatasetVersion
from evalhub.datasets.packing import KEY_BYTES, KeyIndex, key_digests
from evalhub.datasets.selectors import stored_at
from evalhub.errors import ContentError

_TYPES: dict[type, str] = {
    **{str: "string", bool: "boolean", int: "number", float: "number"},
    **{list: "array", dict: "object", type(None): "null"},
}


class _Content(msgspec.Struct):
    """What a manifest reads of an example's canonical content."""

    key: msgspec.Raw
    input: Any
    expected_output: Any = msgspec.UNSET
    references: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    relevant: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


_decode = msgspec.json.Decoder(list[_Content]).decode
_ALWAYS = {"references": "array", "context": "array", "relevant": "object"}
_NO_METADATA: dict[str, Any] = {}


class _Summary:
    """What a version says of its examples as a whole: the types of their members, the levels."""

    def __init__(self, cluster_field: str) -> None:
        self.levels = Levels(cluster_field=cluster_field)
        self._types: dict[str, set[str]] = {"key": {"string"}, "input": set()}

    def add(self, contents: Sequence[bytes]) -> None:
        """Take the canonical contents of the next examples."""
        read = _decode(b"[" + b",".join(contents) + b"]")
        for name in ("input", "expected_output"):
            kinds = set(map(type, map(attrgetter(name), read))) - {msgspec.UnsetType}
            if kinds:
                self._types.setdefault(name, set()).update(_TYPES[kind] for kind in kinds)
        for name, kind in _ALWAYS.items():
            if set(map(type, map(attrgetter(name), read))) != {msgspec.UnsetType}:
                self._types[name] = {kind}
        metadata = list(map(attrgetter("metadata"), read))
        if set(map(type, metadata)) != {dict}:
            metadata = [one if isinstance(one, dict) else _NO_METADATA for one in metadata]
        if any(metadata):
            self._types["metadata"] = {"object"}
        self.levels.add(metadata)

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the examples as they are."""
        return {
            "type": "object",
            "properties": {
                name: {"type": sorted(types)} for name, types in sorted(self._types.items())
            },
            "required": ["input", "key"],
        }


class Manifest:
    """The ordered examples of a version.

    An example comes from the draft, by the number of its row, or is stored already, by its id:
    `rows` and `ids` say which, the other of the two is -1. Where `rows` is None the draft's rows
    are the version's, in their order.
    """

    def __init__(
        self,
        draft: Draft,
        cluster_field: str,
        digests: Digests,
        key_digests: Digests,
        *,
        n_examples: int,
        rows: NDArray[np.int64] | None = None,
        ids: NDArray[np.int64] | None = None,
    ) -> None:
        self.draft = draft
        self.cluster_field = cluster_field
        self.n_examples = n_examples
        self.rows = rows
        self.ids = ids
        self._digests = digests
        self._key_digests = key_digests
        total = hashlib.sha256(cluster_field.encode() + b"\n")
        keys = hashlib.sha256()
        self.page_digests: list[str] = []
        for start, stop in self.pages():
            page = digests.read(start, stop)
            total.update(page)
            keys.update(key_digests.read(start, stop))
            self.page_digests.append(hashlib.sha256(page).hexdigest())
        # The content address of the version: its cluster field and ordered example digests.
        self.digest = total.hexdigest()
        self.keys_digest = keys.hexdigest()

    @classmethod
    def of(cls, draft: Draft, *, cluster_field: str) -> Manifest:
        """Take a draft's rows in their order."""
        summary = _Summary(cluster_field)
        for start, stop in draft.spans():
            summary.add([content for _, content in draft.rows(start, stop)])
        manifest = cls(
            draft, cluster_field, draft.digests, draft.key_digests, n_examples=len(draft)
        )
        manifest._take(summary)
        return manifest

    @classmethod
    def merged(cls, draft: Draft, parent: DatasetVersion, *, cluster_field: str) -> Manifest:
        """Merge a draft into a version: its examples stay unless the draft has their key."""
        summary = _Summary(cluster_field)
        digests, keys = Digests(draft.scratch(), DIGEST_BYTES), Digests(draft.scratch(), KEY_BYTES)
        numbers: list[NDArray[np.int64]] = []
        ids: list[NDArray[np.int64]] = []
        for rows, of_rows, of_ids in _merged_rows(draft, parent):
            summary.add(rows.contents)
            digests.extend(b"".join(rows.digests))
            keys.extend(key_digests(rows.keys))
            numbers.append(of_rows)
            ids.append(of_ids)
        n_examples = sum(map(len, ids))
        manifest = cls(
            *(draft, cluster_field, digests, keys),
            n_examples=n_examples,
            rows=np.concatenate([np.zeros(0, dtype=np.int64), *numbers]),
            ids=np.concatenate([np.zeros(0, dtype=np.int64), *ids]),
        )
        manifest._take(summary)
        return manifest

    def _take(self, summary: _Summary) -> None:
        self._summary = summary
        if not self.n_examples:
            raise ContentError("The file has no examples.")
        name, levels = self.cluster_field, summary.levels
        if name and (missing := levels.missing(name)):
            raise ContentError(
                f"The cluster field {name!r} has no value in {missing:,} of "
                f"{self.n_examples:,} examples; every example belongs to a cluster. Fill it "
                "in, or choose another field or none (over REST, ?cluster=)."
            )
        if name and levels.longest_level(name) > MAX_LEVEL_CHARACTERS:
            raise ContentError(
                f"The cluster field {name!r} has a value of more than {MAX_LEVEL_CHARACTERS} "
                "characters; name clusters by something shorter, such as a document's id."
            )

    def pages(self) -> Iterator[tuple[int, int]]:
        """Yield the positions [start, stop) of each page."""
        for start in range(0, self.n_examples, PAGE_EXAMPLES):
            yield start, min(start + PAGE_EXAMPLES, self.n_examples)

    def example_digests(self, start: int, stop: int) -> list[bytes]:
        """Return the digests of the examples at positions [start, stop)."""
        joined = self._digests.read(start, stop)
        return [joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)]

    def rows_at(self, positions: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the key and the content of examples of the draft, in the order of positions."""
        numbers = positions if self.rows is None else self.rows[list(positions)].tolist()
        return self.draft.rows_of(numbers)

    def key_digests(self, start: int, stop: int) -> bytes:
        """Return the digests of the keys at positions [start, stop), joined."""
        return self._key_digests.read(start, stop)

    def key_index(self) -> KeyIndex:
        return KeyIndex.build(self.key_digests(0, self.n_examples))

    def columns(self) -> list[Column]:
        return self._summary.levels.columns()

    def schema(self) -> dict[str, object]:
        return self._summary.schema()


def _merged_rows(
    draft: Draft, parent: DatasetVersion
) -> Iterator[tuple[Rows, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the examples of a merge some at a time, with the numbers of rows and the ids."""
    index = KeyIndex.build(draft.key_digests.read(0, len(draft)))
    is_new = np.ones(len(draft), dtype=np.bool_)
    for start in range(0, parent.n_examples, PAGE_EXAMPLES):
        stored = stored_at(parent, start, start + PAGE_EXAMPLES)
        keys = [one.key.encode() for one in stored]
        numbers = index.find_joined(key_digests(keys))
        is_new[numbers[numbers >= 0]] = False
        rows = Rows()
        for one, key, number in zip(stored, keys, numbers.tolist(), strict=True):
            if number < 0:
                rows.add(key, one.content.encode(), one.digest)
            else:
                rows.add(key, draft.row(number)[1], draft.digests.read(number, number + 1))
        of_ids = np.array([one.pk for one in stored], dtype=np.int64)
        yield rows, numbers, np.where(numbers < 0, of_ids, -1)
    new = np.flatnonzero(is_new)
    for start in range(0, len(new), PAGE_EXAMPLES):
        numbers = new[start : start + PAGE_EXAMPLES]
        rows = Rows()
        for number in numbers.tolist():
            rows.add(*draft.row(number), draft.digests.read(number, number + 1))
        yield rows, numbers, np.full(len(numbers), -1, dtype=np.int64)
