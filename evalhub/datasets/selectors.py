"""What is read of datasets: versions, examples by position, keys to positions, slices."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db.models import OuterRef, QuerySet, Subquery
from numpy.typing import NDArray

from evalhub.accounts.models import Project
from evalhub.datasets.models import (
    PAGE_EXAMPLES,
    Dataset,
    DatasetVersion,
    Example,
    SliceColumn,
    VersionPage,
)
from evalhub.datasets.packing import KeyIndex, unpack
from evalhub.errors import NotFound

IN_ONE_QUERY = 900
SEARCH_SECONDS = 0.3
SEARCH_STEP = 512


def dataset_of(project: Project, slug: str) -> Dataset:
    dataset = Dataset.objects.filter(project=project, slug=slug).first()
    if dataset is None:
        raise NotFound(f"There is no dataset {slug!r} in this project.")
    return dataset


def newest_version(dataset: Dataset) -> DatasetVersion | None:
    return dataset.versions.order_by("-number").first()


def version_of(dataset: Dataset, name: int | str | None) -> DatasetVersion:
    """Return the version with this number or tag; without a name, the newest."""
    if name is None:
        version = newest_version(dataset)
    elif isinstance(name, int) or (name.isascii() and name.isdigit()):
        number = int(str(name)[:10])
        version = dataset.versions.filter(number=number).first()
    else:
        version = dataset.versions.filter(tags__name=name).first()
    if version is None:
        what = "any version yet" if name is None else f"a version {str(name)[:100]!r}"
        raise NotFound(f"The dataset {dataset.slug} does not have {what}.")
    return version


def example_ids(version: DatasetVersion, start: int, stop: int) -> NDArray[np.int64]:
    """Return the ids of the examples at positions [start, stop), in order."""
    start, stop = max(start, 0), min(stop, version.n_examples)
    if start >= stop:
        return np.zeros(0, dtype=np.int64)
    first, last = start // PAGE_EXAMPLES, (stop - 1) // PAGE_EXAMPLES
    pages = VersionPage.objects.filter(version=version, number__range=(first, last))
    ids = np.concatenate([unpack(page.example_ids, "i8") for page in pages.order_by("number")])
    return ids[start - first * PAGE_EXAMPLES : stop - first * PAGE_EXAMPLES]


def examples_at(version: DatasetVersion, start: int, stop: int) -> list[Example]:
    """Return the examples at positions [start, stop), in order."""
    return _examples(example_ids(version, start, stop))


def examples_at_positions(version: DatasetVersion, positions: Sequence[int]) -> dict[int, Example]:
    """Return the examples at scattered positions."""
    wanted = sorted(set(positions))
    pages: dict[int, NDArray[np.int64]] = {
        page.number: unpack(page.example_ids, "i8")
        for page in VersionPage.objects.filter(
            version=version, number__in={position // PAGE_EXAMPLES for position in wanted}
        )
    }
    ids = np.array(
        [pages[position // PAGE_EXAMPLES][position % PAGE_EXAMPLES] for position in wanted],
        dtype=np.int64,
    )
    return dict(zip(wanted, _examples(ids), strict=True))


def _examples(ids: NDArray[np.int64]) -> list[Example]:
    wanted = ids.tolist()
    found: dict[int, Example] = {}
    for at in range(0, len(wanted), IN_ONE_QUERY):
        found |= Example.objects.in_bulk(wanted[at : at + IN_ONE_QUERY])
    return [found[pk] for pk in wanted]


def keys_and_digests(version: DatasetVersion) -> tuple[list[str], list[bytes]]:
    """Return every key and example digest of a version, by position."""
    rows: dict[int, tuple[str, bytes]] = {}
    ids = example_ids(version, 0, version.n_examples).tolist()
    for at in range(0, len(ids), IN_ONE_QUERY):
        part = Example.objects.filter(pk__in=ids[at : at + IN_ONE_QUERY])
        for pk, key, digest in part.values_list("pk", "key", "digest"):
            rows[pk] = key, bytes(digest)
    return [rows[pk][0] for pk in ids], [rows[pk][1] for pk in ids]


def keys_of(version: DatasetVersion) -> list[str]:
    """Return every key of a version, by position."""
    return keys_and_digests(version)[0]


@lru_cache(maxsize=16)
def _key_index(version_id: int, digest: str) -> KeyIndex:
    blob = DatasetVersion.objects.values_list("key_index", flat=True).get(pk=version_id)
    return KeyIndex.from_bytes(blob)


def positions_of(version: DatasetVersion, keys: Sequence[str]) -> NDArray[np.int64]:
    """Return each key's position in the version, -1 where it has none."""
    # The digest is part of the cache's key so that a reused row id can never answer.
    return _key_index(version.pk, version.digest).find(keys)


@dataclass(frozen=True)
class Slicing:
    """One metadata field over a version: `codes[position]` indexes `levels`, -1 for none."""

    field: str
    levels: list[str]
    codes: NDArray[np.int64]
    is_slice: bool

    def sizes(self) -> list[tuple[str, int]]:
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels))
        return list(zip(self.levels, counts.tolist(), strict=True))


def slicings(version: DatasetVersion) -> list[Slicing]:
    """Return the fields whose levels are slices, by name."""
    columns = SliceColumn.objects.filter(version=version, is_slice=True).order_by("field")
    return [_slicing(column) for column in columns]


def slicing(version: DatasetVersion, field: str) -> Slicing | None:
    """Return one field's levels, whether they are slices or, say, clusters."""
    column = SliceColumn.objects.filter(version=version, field=field).first()
    return _slicing(column) if column else None


def clusters(version: DatasetVersion) -> NDArray[np.int64] | None:
    """Return each position's cluster, or None where the version names no cluster field."""
    if not version.cluster_field:
        return None
    found = slicing(version, version.cluster_field)
    return found.codes if found else None


def _slicing(column: SliceColumn) -> Slicing:
    return Slicing(
        field=column.field,
        levels=list(column.levels),
        codes=unpack(column.codes, "i4"),
        is_slice=column.is_slice,
    )


def positions_in_slice(version: DatasetVersion, field: str, level: str) -> NDArray[np.int64]:
    """Return the positions of one slice, in order; none where it does not exist."""
    found = slicing(version, field)
    if found is None or level not in found.levels:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(found.codes == found.levels.index(level))


@dataclass(frozen=True)
class Found:
    """A page of a search: examples with positions, and where to go on."""

    examples: list[tuple[int, Example]]
    next_position: int | None


def find_examples(
    version: DatasetVersion,
    *,
    start: int,
    limit: int,
    text: str = "",
    within: NDArray[np.int64] | None = None,
) -> Found:
    """Walk a version from a position until the page is full or the time is used.

    A page may then hold fewer than asked, and still say where the walk goes on.
    """
    candidates = np.arange(version.n_examples) if within is None else within
    candidates = candidates[candidates >= start]
    if not text:
        page = candidates[:limit].tolist()
        rows = examples_at_positions(version, page)
        more = int(candidates[limit]) if len(candidates) > limit else None
        return Found([(position, rows[position]) for position in page], more)
    return _search(version, candidates, limit=limit, text=text.lower())


def _search(
    version: DatasetVersion, candidates: NDArray[np.int64], *, limit: int, text: str
) -> Found:
    hits: list[tuple[int, Example]] = []
    until = time.monotonic() + SEARCH_SECONDS
    for at in range(0, len(candidates), SEARCH_STEP):
        if at and time.monotonic() > until:
            return Found(hits, int(candidates[at]))
        rows = examples_at_positions(version, candidates[at : at + SEARCH_STEP].tolist())
        for position, example in rows.items():
            if text in example.key.lower() or text in example.content.lower():
                if len(hits) == limit:
                    return Found(hits, position)
                hits.append((position, example))
    return Found(hits, None)


@dataclass(frozen=True)
class Change:
    """What a version did to one key."""

    kind: str  # added, changed, removed
    key: str
    position: int | None
    old_position: int | None


def changes(version: DatasetVersion) -> Iterator[Change]:
    """Yield what a version changed against its parent: changed, added, removed keys."""
    if version.parent is None:
        return
    keys, digests = keys_and_digests(version)
    old_keys, old_digests = keys_and_digests(version.parent)
    old = {key: at for at, key in enumerate(old_keys)}
    for at, key in enumerate(keys):
        before = old.pop(key, None)
        if before is None:
            yield Change("added", key, at, None)
        elif digests[at] != old_digests[before]:
            yield Change("changed", key, at, before)
    for key, before in old.items():
        yield Change("removed", key, None, before)


def datasets_of(project: Project) -> QuerySet[Dataset]:
    """Return a project's datasets, each with `newest` and `n_examples` of its newest version."""
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    return (
        Dataset.objects.filter(project=project)
        .annotate(
            newest=Subquery(newest.values("number")[:1]),
            n_examples=Subquery(newest.values("n_examples")[:1]),
            changed_at=Subquery(newest.values("created_at")[:1]),
        )
        .order_by("name", "pk")
    )
