"""What a version will be: its digests in order, and the levels of its metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.drafts import DIGEST_BYTES, Digests, Draft
from evalhub.datasets.levels import MAX_LEVEL_CHARACTERS, Column
from evalhub.datasets.models import PAGE_EXAMPLES, DatasetVersion
from evalhub.datasets.packing import KeyIndex
from evalhub.datasets.selectors import stored_at
from evalhub.datasets.summaries import Summary
from evalhub.errors import ContentError
from evalhub.intake.keylines import KEY_BYTES, key_digests


@dataclass(slots=True)
class _Rows:
    """Some rows in order: of each its key as UTF-8, its canonical content and their digests."""

    keys: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def add(self, key: bytes, content: bytes, digest: bytes) -> None:
        self.keys.append(key)
        self.contents.append(content)
        self.digests.append(digest)


class Manifest:
    """The ordered examples of a version.

    An example comes from the draft, by the number of its row, or is stored already, by its id:
    `rows` and `ids` say which, the other of the two is -1. Where `rows` is None the draft's rows
    are the version's, in their order.
    """

    def __init__(
        self,
        draft: Draft,
        summary: Summary,
        digests: Digests,
        key_digests: Digests,
        *,
        n_examples: int,
        rows: NDArray[np.int64] | None = None,
        ids: NDArray[np.int64] | None = None,
    ) -> None:
        self.draft = draft
        self.cluster_field = cluster_field = summary.cluster_field
        self._summary = summary
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
        self._check()

    @classmethod
    def of(cls, draft: Draft) -> Manifest:
        """Take a draft's rows in their order."""
        summary, n = draft.summary, len(draft)
        return cls(draft, summary, draft.digests, draft.key_digests, n_examples=n)

    @classmethod
    def merged(cls, draft: Draft, parent: DatasetVersion, *, cluster_field: str) -> Manifest:
        """Merge a draft into a version: its examples stay unless the draft has their key."""
        summary = Summary(cluster_field)
        digests, keys = Digests(draft.scratch(), DIGEST_BYTES), Digests(draft.scratch(), KEY_BYTES)
        numbers: list[NDArray[np.int64]] = []
        ids: list[NDArray[np.int64]] = []
        for rows, of_rows, of_ids in _merged_rows(draft, parent):
            summary.add_stored(rows.contents)
            digests.extend(b"".join(rows.digests))
            keys.extend(key_digests(rows.keys))
            numbers.append(of_rows)
            ids.append(of_ids)
        n_examples = sum(map(len, ids))
        return cls(
            *(draft, summary, digests, keys),
            n_examples=n_examples,
            rows=np.concatenate([np.zeros(0, dtype=np.int64), *numbers]),
            ids=np.concatenate([np.zeros(0, dtype=np.int64), *ids]),
        )

    def _check(self) -> None:
        if not self.n_examples:
            raise ContentError("The file has no examples.")
        name, levels = self.cluster_field, self._summary.levels
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
) -> Iterator[tuple[_Rows, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the examples of a merge some at a time, with the numbers of rows and the ids."""
    index = KeyIndex.build(draft.key_digests.read(0, len(draft)))
    is_new = np.ones(len(draft), dtype=np.bool_)
    for start in range(0, parent.n_examples, PAGE_EXAMPLES):
        stored = stored_at(parent, start, start + PAGE_EXAMPLES)
        keys = [one.key.encode() for one in stored]
        numbers = index.find_joined(key_digests(keys))
        is_new[numbers[numbers >= 0]] = False
        rows = _Rows()
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
        rows = _Rows()
        for number in numbers.tolist():
            rows.add(*draft.row(number), draft.digests.read(number, number + 1))
        yield rows, numbers, np.full(len(numbers), -1, dtype=np.int64)
