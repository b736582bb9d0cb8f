"""The compressed arrays of a version: pages of ids, the key index, slice codes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray

_KEY_BYTES = 16
_LEVEL = 3


def pack(values: NDArray[np.generic], dtype: str) -> bytes:
    """Return the array as little-endian bytes of the type, compressed."""
    raw = np.ascontiguousarray(values.astype(np.dtype(dtype).newbyteorder("<")))
    return zstandard.ZstdCompressor(level=_LEVEL).compress(raw.tobytes())


def unpack(blob: bytes | memoryview, dtype: str) -> NDArray[np.int64]:
    """Return what `pack` was given, as a new int64 array."""
    raw = zstandard.ZstdDecompressor().decompress(bytes(blob))
    return np.frombuffer(raw, dtype=np.dtype(dtype).newbyteorder("<")).astype(np.int64)


@dataclass(frozen=True)
class KeyIndex:
    """Where each key of a version stands: sorted 128-bit key digests and their positions.

    Unknown keys are recognised without reading an example: a false match needs a collision
    of 128 bits.
    """

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    positions: NDArray[np.int64]

    @classmethod
    def build(cls, keys: Sequence[str]) -> KeyIndex:
        high, low = _digests(keys)
        order = np.lexsort((low, high))
        return cls(high=high[order], low=low[order], positions=order.astype(np.int64))

    def to_bytes(self) -> bytes:
        raw = self.high.astype("<u8").tobytes() + self.low.astype("<u8").tobytes()
        raw += self.positions.astype("<u4").tobytes()
        # Digests do not compress; the lowest level costs nothing and packs the positions.
        return zstandard.ZstdCompressor(level=1).compress(raw)

    @classmethod
    def from_bytes(cls, blob: bytes | memoryview) -> KeyIndex:
        raw = zstandard.ZstdDecompressor().decompress(bytes(blob))
        n = len(raw) // (_KEY_BYTES + 4)
        return cls(
            high=np.frombuffer(raw, "<u8", n).astype(np.uint64),
            low=np.frombuffer(raw, "<u8", n, offset=8 * n).astype(np.uint64),
            positions=np.frombuffer(raw, "<u4", n, offset=16 * n).astype(np.int64),
        )

    def find(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return each key's position, -1 where the version has no such key."""
        return self.find_digests(*_digests(keys))

    def find_digests(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the position of each digest, given in two halves; -1 where there is none."""
        found = np.full(len(high), -1, dtype=np.int64)
        at = np.searchsorted(self.high, high)
        searched = np.flatnonzero(at < len(self.high))
        while len(searched):
            # Nearly always one round: digests that share their first half stand side by side.
            searched = searched[self.high[at[searched]] == high[searched]]
            hit = self.low[at[searched]] == low[searched]
            found[searched[hit]] = self.positions[at[searched[hit]]]
            searched = searched[~hit]
            at[searched] += 1
            searched = searched[at[searched] < len(self.high)]
        return found


def _digests(keys: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    raw = b"".join(hashlib.blake2b(key.encode(), digest_size=_KEY_BYTES).digest() for key in keys)
    pairs = np.frombuffer(raw, dtype="<u8").reshape(len(keys), 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)
