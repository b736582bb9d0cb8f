"""Sweep examples that an upload stored for a version which never came to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from evalhub.datasets.models import Dataset, Example, Filling, VersionPage
from evalhub.datasets.packing import unpack
from evalhub.datasets.selectors import newest_version

ABANDONED = timedelta(days=1)
_AT_ONCE = 900


@contextmanager
def filling(dataset: Dataset) -> Iterator[Filling]:
    """Mark an upload while it stores examples; one that raises leaves its mark for the sweep."""
    with transaction.atomic():
        _lock(dataset)
        mark = Filling.objects.create(dataset=dataset, started_at=timezone.now())
    yield mark
    Filling.objects.filter(pk=mark.pk).delete()


def sweep_examples(dataset: Dataset) -> int:
    """Delete what abandoned uploads left in no version; return how many examples that were.

    Only while no other upload is under way: it may be about to use what it found stored.
    """
    abandoned = dataset.fillings.filter(started_at__lt=timezone.now() - ABANDONED)
    if not abandoned.exists() or _is_in_use(dataset):
        return 0
    newest = newest_version(dataset)
    waste = _unreferenced(dataset).tolist()
    for at in range(0, len(waste), _AT_ONCE):
        with transaction.atomic():
            _lock(dataset)
            if _is_in_use(dataset) or newest_version(dataset) != newest:
                return at
            Example.objects.filter(pk__in=waste[at : at + _AT_ONCE]).delete()
    with transaction.atomic():
        _lock(dataset)
        if _is_in_use(dataset):
            return len(waste)
        in_use = dataset.versions.values("keys_digest")
        dataset.key_blocks.exclude(digest__in=in_use).delete()
        abandoned.delete()
    return len(waste)


def _lock(dataset: Dataset) -> None:
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)


def _is_in_use(dataset: Dataset) -> bool:
    return dataset.fillings.filter(started_at__gte=timezone.now() - ABANDONED).exists()


def _unreferenced(dataset: Dataset) -> NDArray[np.int64]:
    pages = VersionPage.objects.filter(version__dataset=dataset).values_list("example_ids")
    used = [unpack(blob, "i8") for (blob,) in pages.iterator()]
    stored = np.array(dataset.examples.values_list("pk", flat=True), dtype=np.int64)
    return np.setdiff1d(stored, np.concatenate([np.zeros(0, dtype=np.int64), *used]))
