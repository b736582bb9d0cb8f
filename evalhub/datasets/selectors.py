"""What is read of datasets: versions, examples by position, keys to positions, slices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from django.db import connection
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
from evalhub.datasets.packing import unpack
from evalhub.errors import ContentError, NotFound, ShapeError
from evalhub.intake.strict import quoted
from evalhub.prepared import Prepared

IN_ONE_QUERY = 900
SEARCH_SECONDS = 0.3
SEARCH_STEP = 512
# How many names a refusal offers, and how many colons of a slice's name are tried.
SHOWN_NAMES, SPLITS = 30, 20
SHOWN_SLUGS = 10


def dataset_of(project: Project, slug: str) -> Dataset:
    dataset = Dataset.objects.filter(project=project, slug=slug).first()
    if dataset is None:
        slugs = Dataset.objects.filter(project=project).order_by("slug")
        known = list(slugs.values_list("slug", flat=True)[: SHOWN_SLUGS + 1])
        more = ", …" if len(known) > SHOWN_SLUGS else ""
        named = f"Its datasets are {', '.join(known[:SHOWN_SLUGS])}{more}."
        raise NotFound(
            f"There is no dataset {quoted(slug)} in this project. "
            f"{named if known else 'It has none yet.'}"
        )
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


def page_digests(version: DatasetVersion) -> list[str]:
    """Return the digest of each page of a version, in order."""
    pages = VersionPage.objects.filter(version=version).order_by("number")
    return list(pages.values_list("digest", flat=True))


def examples_at(version: DatasetVersion, start: int, stop: int) -> list[Example]:
    """Return the examples at positions [start, stop), in order."""
    return _examples(example_ids(version, start, stop))


@dataclass(frozen=True, slots=True)
class Content:
    """What an example says, as canonical JSON text, and its digest."""

    text: str
    digest: bytes


def contents_at(version: DatasetVersion, start: int, stop: int) -> list[Content]:
    """Return what the examples at positions [start, stop) say, in order."""
    ids = example_ids(version, start, stop).tolist()
    found = {
        pk: Content(text, bytes(digest)) for pk, text, digest in _rows(ids, "id, content, digest")
    }
    return [found[pk] for pk in ids]


def content_bytes(version: DatasetVersion, start: int, stop: int) -> int:
    """Return how many bytes the examples at positions [start, stop) take.

    SQLite says characters, which is the same to the order of size.
    """
    length = "OCTET_LENGTH" if connection.vendor == "postgresql" else "LENGTH"
    [[size]] = _rows(example_ids(version, start, stop).tolist(), f"SUM({length}(content))")
    return size or 0


def _rows(ids: Sequence[int], columns: str) -> list[tuple[Any, ...]]:
    """Return columns of examples, in plain SQL: a run asks for a million of them."""
    among = "= ANY(%s)"
    values: list[Any] = [list(ids)]
    if connection.vendor == "sqlite":
        among, values = "IN (SELECT value FROM json_each(%s))", [json.dumps(list(ids))]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM datasets_example WHERE id {among}",  # noqa: S608
            values,
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


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


def example_at(version_id: int, position: int) -> Example:
    """Return the example at one position."""
    [page] = _PAGES.rows(version_id, position // PAGE_EXAMPLES)
    [example] = _EXAMPLES.rows(int(unpack(page.example_ids, "i8")[position % PAGE_EXAMPLES]))
    return example


_PAGES: Final = Prepared(
    lambda version, number: VersionPage.objects.filter(version=version, number=number), int, int
)
_EXAMPLES: Final = Prepared(lambda pk: Example.objects.filter(pk=pk), int)


def _examples(ids: NDArray[np.int64]) -> list[Example]:
    wanted = ids.tolist()
    found: dict[int, Example] = {}
    for at in range(0, len(wanted), IN_ONE_QUERY):
        found |= Example.objects.in_bulk(wanted[at : at + IN_ONE_QUERY])
    return [found[pk] for pk in wanted]


class Stored(NamedTuple):
    """An example as it is stored."""

    pk: int
    key: str
    digest: bytes
    content: str


def stored_at(version: DatasetVersion, start: int, stop: int) -> list[Stored]:
    """Return the examples at positions [start, stop), in order, as plain rows."""
    ids = example_ids(version, start, stop).tolist()
    found = {
        pk: Stored(pk, key, bytes(digest), content)
        for pk, key, digest, content in _rows(ids, "id, key, digest, content")
    }
    return [found[pk] for pk in ids]


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


def n_clusters(version: DatasetVersion) -> int:
    """Return how many clusters a version has; 0 without a cluster field."""
    column = SliceColumn.objects.filter(version=version, field=version.cluster_field)
    levels = column.values_list("levels", flat=True).first() if version.cluster_field else None
    return len(levels or [])


def _slicing(column: SliceColumn) -> Slicing:
    return Slicing(
        field=column.field,
        levels=list(column.levels),
        codes=unpack(column.codes, "i4"),
        is_slice=column.is_slice,
    )


def positions_in(version: DatasetVersion, given: str) -> NDArray[np.int64]:
    """Return the positions of a slice written as ``field:level``; either may hold colons.

    A slice that the version does not have is refused with those it has: an empty answer to a
    misspelled one would look like a finding.
    """
    if ":" not in given:
        raise ShapeError("slice is written as field:value.")
    column, level = _column_named(version, given)
    if level not in column.levels:
        raise _no_slice(
            f"{column.field!r} has no value {level[:100]!r}.", "Its values are", column.levels
        )
    return np.flatnonzero(unpack(column.codes, "i4") == column.levels.index(level))


def positions_if_any(version: DatasetVersion, given: str) -> NDArray[np.int64]:
    """Return the positions of a slice, and none where the version has no such slice."""
    try:
        return positions_in(version, given)
    except (ContentError, ShapeError):
        return np.zeros(0, dtype=np.int64)


def _column_named(version: DatasetVersion, given: str) -> tuple[SliceColumn, str]:
    """Return the column whose field begins a text, the shortest if there are several."""
    parts = given.split(":")
    splits = {":".join(parts[:n]): ":".join(parts[n:]) for n in range(1, len(parts))}
    columns = SliceColumn.objects.filter(version=version, field__in=list(splits)[:SPLITS])
    found = min(columns, key=lambda column: len(column.field), default=None)
    if found is None:
        fields = SliceColumn.objects.filter(version=version, is_slice=True).order_by("field")
        raise _no_slice(
            f"This version has no slices by {parts[0][:100]!r}.",
            "It has slices by",
            fields.values_list("field", flat=True)[: SHOWN_NAMES + 1],
        )
    return found, splits[found.field]


def _no_slice(what: str, there_are: str, names: Iterable[str]) -> ContentError:
    known = [repr(name[:100]) for name in names]
    more = ", …" if len(known) > SHOWN_NAMES else ""
    return ContentError(
        f"{what} {there_are} {', '.join(known[:SHOWN_NAMES]) or 'none'}{more}.", code="no_slice"
    )


@dataclass(frozen=True)
class SliceSizes:
    """The levels of one field that slices, with how many examples each has."""

    field: str
    sizes: list[tuple[str, int]]


def slice_sizes(version: DatasetVersion) -> list[SliceSizes]:
    """Return the slices of a version by field, without reading who is in them."""
    columns = SliceColumn.objects.filter(version=version, is_slice=True).order_by("field")
    return [
        SliceSizes(field, list(zip(levels, sizes, strict=True)))
        for field, levels, sizes in columns.values_list("field", "levels", "sizes")
    ]


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
    candidates: Sequence[int] | NDArray[np.int64] = range(start, version.n_examples)
    if within is not None:
        candidates = within[np.searchsorted(within, start) :]
    if not text:
        page = [int(position) for position in candidates[:limit]]
        rows = examples_at_positions(version, page)
        more = int(candidates[limit]) if len(candidates) > limit else None
        return Found([(position, rows[position]) for position in page], more)
    return _search(version, candidates, limit=limit, text=text.lower())


def _search(
    version: DatasetVersion,
    candidates: Sequence[int] | NDArray[np.int64],
    *,
    limit: int,
    text: str,
) -> Found:
    hits: list[tuple[int, Example]] = []
    # As a text looks inside JSON: an escaped quote is found by one that is not.
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    until = time.monotonic() + SEARCH_SECONDS
    for at in range(0, len(candidates), SEARCH_STEP):
        if at and time.monotonic() > until:
            return Found(hits, int(candidates[at]))
        step = [int(position) for position in candidates[at : at + SEARCH_STEP]]
        rows = examples_at_positions(version, step)
        for position, example in rows.items():
            if written in example.content.lower() and _says(example.fields, text):
                if len(hits) == limit:
                    return Found(hits, position)
                hits.append((position, example))
    return Found(hits, None)


def _says(value: object, text: str) -> bool:
    """Whether a text stands in a value, and not only in the names of its members."""
    if isinstance(value, dict):
        return any(_says(member, text) for member in value.values())
    if isinstance(value, list):
        return any(_says(member, text) for member in value)
    written = value if isinstance(value, str) else json.dumps(value)
    return text in written.lower()


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
