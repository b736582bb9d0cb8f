"""Everything that changes datasets: a new one, a new version of one, a tag that moves."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from numpy.typing import NDArray

from evalhub.accounts.models import Project, valid_slug
from evalhub.accounts.services import Actor, record
from evalhub.datasets.drafts import Draft, Source
from evalhub.datasets.keys import positions_of_digests
from evalhub.datasets.levels import MAX_FIELD_CHARACTERS
from evalhub.datasets.manifests import Manifest
from evalhub.datasets.models import (
    Dataset,
    DatasetVersion,
    Filling,
    SliceColumn,
    VersionPage,
    VersionTag,
)
from evalhub.datasets.packing import pack
from evalhub.datasets.selectors import example_ids, newest_version
from evalhub.datasets.storing import store_examples, store_keys
from evalhub.datasets.sweeping import filling, sweep_examples
from evalhub.errors import Conflict, ContentError
from evalhub.intake.strict import quoted

MODES = ("replace", "merge")
# How often a version is made anew because another one came in meanwhile.
TRIES = 10
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
            "A dataset needs a name with at least one letter from a to z or digit, of which its "
            "address is made."
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
        raise Conflict(
            f"There is a dataset {slug!r} in this project already. Choose another name, or add a "
            "version to it."
        ) from exc
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
    cluster_field: str | None = "",
    notes: str = "",
    actor: Actor,
) -> Added:
    """Add the examples of a source as the next version, or return the version they already are.

    Without a cluster field (None) a merge keeps the one of the version it merges with.
    Nothing of a refused source is stored. Where another version comes in meanwhile, this one is
    made anew as the next after it.
    """
    wishes = _Wishes(mode, cluster_field, notes)
    with wishes.draft(source) as draft:
        return _add_draft(dataset, draft, wishes, actor)


def create_with_version(
    *,
    project: Project,
    name: str,
    description: str = "",
    source: Source,
    cluster_field: str | None = "",
    notes: str = "",
    actor: Actor,
) -> Added:
    """Open a dataset with a source's examples; a source with faults makes no dataset either."""
    wishes = _Wishes("replace", cluster_field, notes)
    with wishes.draft(source) as draft:
        dataset = create_dataset(project=project, name=name, description=description, actor=actor)
        return _add_draft(dataset, draft, wishes, actor)


@dataclass(frozen=True)
class _Wishes:
    """What is asked of a version beside its examples."""

    mode: str
    cluster_field: str | None
    notes: str

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ContentError(f"mode must be one of {', '.join(MODES)}.")
        if len(self.cluster_field or "") > MAX_FIELD_CHARACTERS:
            raise ContentError(
                f"The name of a cluster field has at most {MAX_FIELD_CHARACTERS} characters."
            )

    def draft(self, source: Source) -> Draft:
        return Draft.read(
            source, folder=settings.SPOOL_DIR, cluster_field=self.cluster_field or ""
        )

    def manifest(self, draft: Draft, parent: DatasetVersion | None) -> Manifest:
        """Return what the version will be if it is the next after this one."""
        base = parent if self.mode == "merge" else None
        if base is None:
            return Manifest.of(draft)
        cluster_field = self.cluster_field
        if cluster_field is None:
            cluster_field = base.cluster_field
        return Manifest.merged(draft, base, cluster_field=cluster_field)


def _add_draft(dataset: Dataset, draft: Draft, wishes: _Wishes, actor: Actor) -> Added:
    sweep_examples(dataset)
    parent = newest_version(dataset)
    manifest = wishes.manifest(draft, parent)
    existing = _existing(dataset, manifest)
    if existing is not None:
        return Added(existing, is_new=False)
    with filling(dataset) as mark:
        for _ in range(TRIES):
            ids = store_examples(dataset=dataset, manifest=manifest, parent=parent)
            store_keys(dataset=dataset, manifest=manifest)
            prepared = _Prepared.of(dataset, parent, manifest, ids)
            prepared.version.notes = wishes.notes
            added = _commit(prepared, mark, actor)
            if added is not None:
                return added
            parent = newest_version(dataset)
            if wishes.mode == "merge":
                manifest = wishes.manifest(draft, parent)
        raise Conflict(
            "Other versions of this dataset keep coming in at the same time. Send this one again."
        )


def _existing(dataset: Dataset, manifest: Manifest) -> DatasetVersion | None:
    return dataset.versions.filter(digest=manifest.digest).first()


@dataclass(frozen=True)
class _Prepared:
    """A version with its pages and columns: packed, so that the transaction only inserts."""

    manifest: Manifest
    version: DatasetVersion
    pages: list[VersionPage]
    columns: list[SliceColumn]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        parent: DatasetVersion | None,
        manifest: Manifest,
        ids: NDArray[np.int64],
    ) -> _Prepared:
        version = DatasetVersion(
            dataset=dataset,
            number=parent.number + 1 if parent else 1,
            parent=parent,
            digest=manifest.digest,
            n_examples=manifest.n_examples,
            cluster_field=manifest.cluster_field,
            schema=manifest.schema(),
            keys_digest=manifest.keys_digest,
            **_counts(manifest, ids, parent),
        )
        pages = [
            VersionPage(
                version=version,
                number=number,
                example_ids=pack(ids[start:stop], "i8"),
                digest=manifest.page_digests[number],
            )
            for number, (start, stop) in enumerate(manifest.pages())
        ]
        columns = [
            SliceColumn(
                version=version,
                field=column.field,
                levels=column.levels,
                sizes=column.sizes(),
                codes=pack(column.codes, "i4"),
                is_slice=column.is_slice,
            )
            for column in manifest.columns()
        ]
        return cls(manifest, version, pages, columns)


def _commit(prepared: _Prepared, mark: Filling, actor: Actor) -> Added | None:
    """Insert a version, or return None when another one came in since it was prepared."""
    version = prepared.version
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(pk=version.dataset_id)
        existing = _existing(version.dataset, prepared.manifest)
        if existing is not None:
            return Added(existing, is_new=False)
        if newest_version(version.dataset) != version.parent:
            return None
        if not Filling.objects.filter(pk=mark.pk).delete()[0]:
            raise Conflict("This upload took more than a day, too long. Send it again.")
        version.created_by, version.created_at = actor.user, timezone.now()
        version.save(force_insert=True)
        # By the hundred: their blobs together may be larger than a statement can be.
        VersionPage.objects.bulk_create(prepared.pages, batch_size=100)
        SliceColumn.objects.bulk_create(prepared.columns, batch_size=100)
        record(
            project=version.dataset.project, actor=actor, verb="add version", subject=str(version)
        )
    return Added(version, is_new=True)


def _counts(
    manifest: Manifest, ids: NDArray[np.int64], parent: DatasetVersion | None
) -> dict[str, int]:
    """Count what a version does to the one before it, by key."""
    if parent is None:
        return {"n_added": len(ids), "n_changed": 0, "n_removed": 0, "n_unchanged": 0}
    n_shared = n_same = 0
    # Content-addressed within the dataset: the same content is the same id.
    their_ids = example_ids(parent, 0, parent.n_examples)
    has_same_keys = parent.keys_digest == manifest.keys_digest
    for start, stop in manifest.pages():
        ours, theirs = ids[start:stop], their_ids[start:stop]
        if not has_same_keys and not np.array_equal(ours, theirs):
            before = positions_of_digests(parent, manifest.key_digests(start, stop))
            is_shared = before >= 0
            ours, theirs = ours[is_shared], their_ids[before[is_shared]]
        n_shared += len(ours)
        n_same += int((ours == theirs).sum())
    return {
        "n_added": len(ids) - n_shared,
        "n_changed": n_shared - n_same,
        "n_removed": parent.n_examples - n_shared,
        "n_unchanged": n_same,
    }


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


@transaction.atomic
def remove_tag(*, version: DatasetVersion, name: str, actor: Actor) -> None:
    """Take a tag off a version. Runs that name it are refused from then on."""
    if not version.tags.filter(name=name).delete()[0]:
        raise ContentError(f"Version {version.number} does not have the tag {quoted(name)}.")
    record(
        project=version.dataset.project,
        actor=actor,
        verb="remove tag",
        subject=name,
        detail={"version": version.number},
    )
