"""What systems are asked: datasets, their immutable versions, and examples.

A version is a manifest in pages, like a git tree: it names its examples in order, and an
example's index in it is its *position*, which aligns outputs, scores and slices.
"""

from __future__ import annotations

import json
from typing import Any, Self

from django.db import models

from evalhub.accounts.models import Project, User, valid_slug

PAGE_EXAMPLES = 4_096


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def for_member(self, user: User) -> Self:
        return self.filter(project__memberships__user=user)


class Dataset(models.Model):
    """A named family of examples with a purpose."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    slug = models.CharField(max_length=100, validators=[valid_slug])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    objects = DatasetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "slug", name="dataset_slug_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.slug


class Example(models.Model):
    """One thing a system is asked. Immutable, and addressed by its content within its dataset.

    `content` is canonical JSON text: a JSON column would reorder what the digest covers.
    """

    # The constraint's index begins with the dataset; every further one costs each upload.
    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, related_name="examples", db_index=False
    )
    digest = models.BinaryField(max_length=32)
    key = models.CharField(max_length=400)
    content = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "digest", name="example_once_per_dataset"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of dataset {self.dataset_id}"

    @property
    def fields(self) -> dict[str, Any]:
        """The example as an object: key, input, expected_output, references, context, …"""
        loaded: dict[str, Any] = json.loads(self.content)
        return loaded


class DatasetVersionQuerySet(models.QuerySet["DatasetVersion"]):
    def for_member(self, user: User) -> Self:
        return self.filter(dataset__project__memberships__user=user)


class DatasetVersion(models.Model):
    """A numbered, immutable, ordered set of examples."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    # sha256 over the cluster field and the ordered example digests, in hexadecimal
    digest = models.CharField(max_length=64)
    n_examples = models.PositiveIntegerField()
    n_added = models.PositiveIntegerField()
    n_changed = models.PositiveIntegerField()
    n_removed = models.PositiveIntegerField()
    n_unchanged = models.PositiveIntegerField()
    cluster_field = models.CharField(max_length=200, blank=True, default="")
    schema = models.JSONField(default=dict)  # JSON Schema of the examples, as seen
    notes = models.TextField(blank=True, default="")
    # sha256 over the ordered digests of the keys, in hexadecimal: names the key blocks
    keys_digest = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    objects = DatasetVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "number", name="version_number_once_per_dataset"),
            models.UniqueConstraint("dataset", "digest", name="version_content_once_per_dataset"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} v{self.number}"


class VersionPage(models.Model):
    """The ids of 4,096 examples of a version, in order: little-endian int64, compressed."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    example_ids = models.BinaryField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint("version", "number", name="page_once_per_version"),
        ]

    def __str__(self) -> str:
        return f"page {self.number} of version {self.version_id}"


class KeyBlock(models.Model):
    """A part of where the keys stand in every version that has the same keys in the same order.

    65,536 of the sorted 16-byte digests of keys, in two halves, and their positions, compressed;
    `digest` is the versions' `keys_digest`. Blocks are written before the version exists.
    """

    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, related_name="key_blocks", db_index=False
    )
    digest = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    blob = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "digest", "number", name="key_block_once"),
        ]

    def __str__(self) -> str:
        return f"keys {self.number} of dataset {self.dataset_id}"


class SliceColumn(models.Model):
    """The level of every example of a version in one scalar metadata field.

    `codes` are compressed little-endian int32, one for each position, indexing `levels` and
    `sizes`, the number of examples of each level; -1 where the example has no value.
    `is_slice` says that 2 to 30 levels make it a slice.
    """

    version = models.ForeignKey(
        DatasetVersion, on_delete=models.CASCADE, related_name="slice_columns"
    )
    field = models.CharField(max_length=200)
    levels = models.JSONField()
    sizes = models.JSONField()
    codes = models.BinaryField()
    is_slice = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint("version", "field", name="slice_column_once_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.field} of version {self.version_id}"


class Filling(models.Model):
    """An upload that stores examples for a version that does not exist yet.

    It is gone with the version's commit. One that stays behind says that its upload failed, and
    that examples which no version has may have to be swept.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="fillings")
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"filling of dataset {self.dataset_id} since {self.started_at}"


class VersionTag(models.Model):
    """A movable name on a version: golden, production."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100, validators=[valid_slug])
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="tags")
    moved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "name", name="tag_once_per_dataset"),
        ]

    def __str__(self) -> str:
        return self.name
