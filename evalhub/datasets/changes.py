"""What a version did to the keys of the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalhub.datasets.keys import shared_positions
from evalhub.datasets.models import PAGE_EXAMPLES, DatasetVersion, Example
from evalhub.datasets.selectors import example_ids, examples_at_positions, page_digests


@dataclass(frozen=True)
class Change:
    """What a version did to one key."""

    kind: str  # added, changed, removed
    key: str
    before: Example | None
    after: Example | None


def changes(version: DatasetVersion, *, limit: int) -> list[Change]:
    """Return the first keys that a version added or changed, then those it removed."""
    parent = version.parent
    if parent is None:
        return []
    new, old, gone = _changed_positions(version.pk, version.digest, limit)
    now = examples_at_positions(version, new)
    before = examples_at_positions(parent, [*(at for at in old if at >= 0), *gone])
    return [
        *(_change(before.get(was), now[position]) for position, was in zip(new, old, strict=True)),
        *(_change(before[position], None) for position in gone),
    ]


# The digest is part of the cache's key so that a reused row id can never answer.
@lru_cache(maxsize=1_000)
def _changed_positions(
    version_id: int, digest: str, limit: int
) -> tuple[list[int], list[int], list[int]]:
    """Return the first positions that differ, where their keys were before, and those gone."""
    version = DatasetVersion.objects.select_related("parent").get(pk=version_id, digest=digest)
    parent = version.parent
    assert parent is not None  # noqa: S101 - the caller has looked
    if parent.keys_digest == version.keys_digest:
        new = _differing(version, parent)[:limit]
        return new, new, []
    in_parent = shared_positions(version, parent)
    ids = example_ids(version, 0, version.n_examples)
    old_ids = example_ids(parent, 0, parent.n_examples)
    is_changed = (in_parent < 0) | (old_ids[in_parent] != ids)
    changed = np.flatnonzero(is_changed)[:limit]
    is_gone = np.ones(parent.n_examples, dtype=np.bool_)
    is_gone[in_parent[in_parent >= 0]] = False
    gone = np.flatnonzero(is_gone)[: limit - len(changed)]
    return changed.tolist(), in_parent[changed].tolist(), gone.tolist()


def _differing(version: DatasetVersion, parent: DatasetVersion) -> list[int]:
    """Return the positions at which versions with the same keys have different examples."""
    found: list[int] = []
    pages = zip(page_digests(version), page_digests(parent), strict=True)
    for number, (ours, theirs) in enumerate(pages):
        if ours != theirs:
            start, stop = number * PAGE_EXAMPLES, (number + 1) * PAGE_EXAMPLES
            differs = example_ids(version, start, stop) != example_ids(parent, start, stop)
            found += (start + np.flatnonzero(differs)).tolist()
    return found


def _change(before: Example | None, after: Example | None) -> Change:
    kind = "removed" if after is None else "added" if before is None else "changed"
    known = after or before
    return Change(kind, known.key if known else "", before, after)
