"""Everything that changes datasets: a new one, a new version of one, a tag that moves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from evalhub.accounts.models import Project, valid_slug
from evalhub.accounts.services import Actor, record
from evalhub.datasets.manifests import Manifest, Source, store_examples
from evalhub.datasets.models import (
    PAGE_EXAMPLES,
    Dataset,
    DatasetVersion,
    SliceColumn,
    VersionPage,
    VersionTag,
)
from evalhub.datasets.packing import KeyIndex, pack
from evalhub.datasets.selectors import keys_and_digests, newest_version
from evalhub.errors import Conflict, ContentError

MODES = ("replace", "merge")
RESERVED = "new"
_SLUG_LIKE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def create_dataset(*, project: Project, name: str, description: str = "", actor: Actor) -> Dataset:
    """Open a dataset. A name that works as a slug is the slug."""
    name = name.strip()
    slug = name if _SLUG_LIKE.fullmatch(name) else slugify(name)[:100]
    try:
        valid_slug(slug)
    except ValidationError as exc:
        raise ContentError(
            "A dataset needs a name with at least one letter or digit, of at most 200 characters."
        ) from exc
    if slug == RESERVED:
        raise ContentError(f"A dataset cannot be named {RESERVED!r}; that address is taken.")
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(
                project=project,
                slug=slug,
                name=name[:200],
                description=description,
                created_by=actor.user,
                created_at=timezone.now(),
            )
            record(project=project, actor=actor, verb="create dataset", subject=slug)
    except IntegrityError as exc:
        raise Conflict(f"There is a dataset {slug!r} in this project already.") from exc
    return dataset


@dataclass(frozen=True)
class Added:
    """A version and whether this upload made it."""

    version: DatasetVersion
    is_new: bool


def add_version(
    *,
    dataset: Dataset,
    source: Source,
    mode: str = "replace",
    cluster_field: str = "",
    notes: str = "",
    actor: Actor,
) -> Added:
    """Add the examples of a source as the next version, or return the version they already are.

    `source` is called twice and must yield the same rows: once to learn what the version is,
    once to store the examples that are new. Nothing of a refused source is stored.
    """
    if mode not in MODES:
        raise ContentError(f"mode must be one of {', '.join(MODES)}.")
    parent = newest_version(dataset)
    manifest = Manifest.read(
        source, parent=parent if mode == "merge" else None, cluster_field=cluster_field
    )
    existing = dataset.versions.filter(digest=manifest.digest).first()
    if existing is not None:
        return Added(existing, is_new=False)
    ids = store_examples(dataset=dataset, source=source, manifest=manifest)
    # Packed outside the transaction, which then only inserts.
    pages = _pages(ids, manifest)
    columns = manifest.columns()
    key_index = KeyIndex.build(manifest.keys).to_bytes()
    counts = _counts(manifest, parent)
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        existing = dataset.versions.filter(digest=manifest.digest).first()
        if existing is not None:
            return Added(existing, is_new=False)
        newest = newest_version(dataset)
        if newest != parent:
            raise Conflict("Another version came in at the same moment. Send this one again.")
        version = DatasetVersion.objects.create(
            dataset=dataset,
            number=newest.number + 1 if newest else 1,
            parent=parent,
            digest=manifest.digest,
            n_examples=len(manifest.keys),
            cluster_field=cluster_field,
            schema=manifest.schema(),
            notes=notes,
            key_index=key_index,
            created_by=actor.user,
            created_at=timezone.now(),
            **counts,
        )
        VersionPage.objects.bulk_create(
            VersionPage(version=version, number=number, example_ids=blob, digest=digest)
            for number, (blob, digest) in enumerate(pages)
        )
        SliceColumn.objects.bulk_create(
            SliceColumn(
                version=version,
                field=column.field,
                levels=column.levels,
                codes=pack(column.codes, "i4"),
                is_slice=column.is_slice,
            )
            for column in columns
        )
        record(project=dataset.project, actor=actor, verb="add version", subject=str(version))
    return Added(version, is_new=True)


def _pages(ids: list[int], manifest: Manifest) -> list[tuple[bytes, str]]:
    return [
        (manifest.packed_ids(ids[at : at + PAGE_EXAMPLES]), manifest.page_digest(at))
        for at in range(0, len(ids), PAGE_EXAMPLES)
    ]


def _counts(manifest: Manifest, parent: DatasetVersion | None) -> dict[str, int]:
    """Count what a version does to the one before it, by key."""
    before: dict[str, bytes] = {}
    if parent is not None:
        before = dict(zip(*keys_and_digests(parent), strict=True))
    counts = {"n_added": 0, "n_changed": 0, "n_unchanged": 0}
    for key, digest in zip(manifest.keys, manifest.digests, strict=True):
        old = before.pop(key, None)
        what = "n_added" if old is None else "n_unchanged" if old == digest else "n_changed"
        counts[what] += 1
    return {**counts, "n_removed": len(before)}


@transaction.atomic
def move_tag(*, version: DatasetVersion, name: str, actor: Actor) -> VersionTag:
    """Put a tag on a version, taking it from where it was."""
    if not _SLUG_LIKE.fullmatch(name) or name.isdigit():
        raise ContentError("A tag is a word of letters, digits, dots, dashes and underscores.")
    tag, _ = VersionTag.objects.update_or_create(
        dataset=version.dataset,
        name=name,
        defaults={"version": version, "moved_at": timezone.now()},
    )
    record(
        project=version.dataset.project,
        actor=actor,
        verb="move tag",
        subject=name,
        detail={"version": version.number},
    )
    return tag
