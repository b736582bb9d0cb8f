"""The compressed arrays of a version: pages of ids, the key index, slice codes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from evalhub.intake.keylines import KEY_BYTES, key_digests

BLOCK_KEYS = 65_536
_LEVEL = 3

N = TypeVar("N", bound=np.generic)


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
    positions: NDArray[np.uint32]

    @classmethod
    def build(cls, digests: bytes) -> KeyIndex:
        """Index key digests, joined in the order of positions."""
        high, low = _halves(digests)
        order = np.lexsort((low, high))
        return cls(high=high[order], low=low[order], positions=order.astype(np.uint32))

    @property
    def n_bytes(self) -> int:
        return self.high.nbytes + self.low.nbytes + self.positions.nbytes

    def blocks(self) -> Iterator[bytes]:
        """Yield the index in compressed blocks, none so large that storing it takes long."""
        for start in range(0, len(self.high), BLOCK_KEYS):
            part = slice(start, start + BLOCK_KEYS)
            raw = self.high[part].astype("<u8").tobytes() + self.low[part].astype("<u8").tobytes()
            raw += self.positions[part].astype("<u4").tobytes()
            # Digests do not compress; the lowest level costs nothing and packs the positions.
            yield zstandard.ZstdCompressor(level=1).compress(raw)

    @classmethod
    def from_blocks(cls, blobs: Iterable[bytes | memoryview]) -> KeyIndex:
        """Return the index of which these are the blocks, in order."""
        parts = [cls._of_block(blob) for blob in blobs]
        return cls(
            high=_concatenated([part.high for part in parts], np.uint64),
            low=_concatenated([part.low for part in parts], np.uint64),
            positions=_concatenated([part.positions for part in parts], np.uint32),
        )

    @classmethod
    def _of_block(cls, blob: bytes | memoryview) -> KeyIndex:
        raw = zstandard.ZstdDecompressor().decompress(bytes(blob))
        n = len(raw) // (KEY_BYTES + 4)
        return cls(
            high=np.frombuffer(raw, "<u8", n),
            low=np.frombuffer(raw, "<u8", n, offset=8 * n),
            positions=np.frombuffer(raw, "<u4", n, offset=16 * n),
        )

    def find(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return each key's position, -1 where the version has no such key."""
        return self.find_digests(*_halves(key_digests([key.encode() for key in keys])))

    def find_joined(self, digests: bytes) -> NDArray[np.int64]:
        """Return the position of each of the key digests, given joined; -1 where there is none."""
        return self.find_digests(*_halves(digests))

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


def _halves(digests: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    pairs = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64, copy=False), pairs[:, 1].astype(np.uint64, copy=False)


def _concatenated(parts: Sequence[NDArray[N]], dtype: type[N]) -> NDArray[N]:
    return np.concatenate([np.zeros(0, dtype=dtype), *parts], dtype=dtype)
