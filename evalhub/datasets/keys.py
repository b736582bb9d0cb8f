"""Where keys stand in versions: indexes read from their blocks, and kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.models import DatasetVersion, KeyBlock
from evalhub.datasets.packing import KeyIndex

# Of a million keys an index has 20 MB; what is kept over requests counts for each web process.
MAX_KEPT_BYTES = 64 * 1024**2


class _Indexes:
    """The indexes used last, as many as the bytes allow; one too large is never kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], KeyIndex] = OrderedDict()
        self._lock = Lock()

    def of(self, version: DatasetVersion) -> KeyIndex:
        name = version.dataset_id, version.keys_digest
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        index = _read(*name)
        with self._lock:
            self._kept[name] = index
            while sum(one.n_bytes for one in self._kept.values()) > MAX_KEPT_BYTES:
                self._kept.popitem(last=False)
        return index


_indexes = _Indexes()


def _read(dataset_id: int, digest: str) -> KeyIndex:
    blocks = KeyBlock.objects.filter(dataset=dataset_id, digest=digest).order_by("number")
    return KeyIndex.from_blocks(blocks.values_list("blob", flat=True).iterator(chunk_size=8))


def positions_of(version: DatasetVersion, keys: Sequence[str]) -> NDArray[np.int64]:
    """Return each key's position in the version, -1 where it has none."""
    return _indexes.of(version).find(keys)


def positions_of_digests(version: DatasetVersion, digests: bytes) -> NDArray[np.int64]:
    """Return the position of each key, given by the joined digests of keys; -1 where none is."""
    return _indexes.of(version).find_joined(digests)


def shared_positions(version: DatasetVersion, other: DatasetVersion) -> NDArray[np.int64]:
    """Return where the other version has the key of each position, -1 where it has not."""
    is_same_dataset = version.dataset_id == other.dataset_id
    if is_same_dataset and version.keys_digest == other.keys_digest:
        return np.arange(version.n_examples)
    index = _indexes.of(version)
    found = np.full(version.n_examples, -1, dtype=np.int64)
    found[index.positions] = _indexes.of(other).find_digests(index.high, index.low)
    return found
