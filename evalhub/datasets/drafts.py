"""The rows of a source, read once and kept in temporary files: little of them is in memory."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate, chain, pairwise
from operator import add
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from evalhub.datasets.summaries import Summary
from evalhub.intake.blocks import Block
from evalhub.intake.keylines import KEY_BYTES

DIGEST_BYTES = 32
# So many bytes of content are read at a time.
BYTES_AT_ONCE = 4 * 1024**2
_IN_MEMORY = 1024**2


# Examples by the block; where they are not as they must be, it raises at the latest after them.
Source = Callable[[], Iterable[Block]]


def scratch_file(folder: Path) -> IO[bytes]:
    """Return a file without a name, in memory while it is small."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))


class Digests:
    """Digests of one size in order, in a scratch file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size

    def extend(self, joined: bytes) -> None:
        """Append digests; nothing may have been read yet."""
        self._file.write(joined)

    def read(self, start: int, stop: int) -> bytes:
        """Return the digests [start, stop), joined."""
        self._file.seek(start * self._size)
        return self._file.read((stop - start) * self._size)


class Draft:
    """What a source said, to be read again by row number. Gone when its context ends."""

    def __init__(self, *, folder: Path, cluster_field: str) -> None:
        self.folder = folder
        self.summary = Summary(cluster_field)
        self._files = ExitStack()
        self._content = self.scratch()
        self.digests = Digests(self.scratch(), DIGEST_BYTES)
        self.key_digests = Digests(self.scratch(), KEY_BYTES)
        # A row's key stands before its content; a key of 400 characters fits in 16 bits.
        self._starts, self._key_sizes = array("q", [0]), array("H")

    def scratch(self) -> IO[bytes]:
        """Return a file that lives as long as the draft."""
        return self._files.enter_context(scratch_file(self.folder))

    @classmethod
    def read(cls, source: Source, *, folder: Path, cluster_field: str) -> Self:
        """Read a source to its end; one with faults raises, and nothing of it is left."""
        draft = cls(folder=folder, cluster_field=cluster_field)
        try:
            for block in source():
                draft._add(block)
        except BaseException:
            draft._files.close()
            raise
        return draft

    def _add(self, block: Block) -> None:
        sizes = map(add, map(len, block.keys), map(len, block.contents))
        self._starts.extend(accumulate(sizes, initial=self._starts.pop()))
        self._key_sizes.extend(map(len, block.keys))
        pairs = zip(block.keys, block.contents, strict=True)
        self._content.write(b"".join(chain.from_iterable(pairs)))
        self.digests.extend(block.digests)
        self.key_digests.extend(block.key_digests)
        self.summary.add(block.examples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()

    def __len__(self) -> int:
        return len(self._key_sizes)

    def rows_of(self, numbers: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the key and the content of rows, those that stand side by side read at once."""
        at = 0
        while at < len(numbers):
            start, at = numbers[at], at + 1
            stop, end = start + 1, self._starts[start] + BYTES_AT_ONCE
            while at < len(numbers) and numbers[at] == stop and self._starts[stop + 1] <= end:
                at, stop = at + 1, stop + 1
            yield from self.rows(start, stop)

    def rows(self, start: int, stop: int) -> list[tuple[bytes, bytes]]:
        """Return the key and the content of the rows [start, stop)."""
        first = self._starts[start]
        self._content.seek(first)
        block = self._content.read(self._starts[stop] - first)
        begins = [at - first for at in self._starts[start : stop + 1]]
        ends_of_keys = map(add, begins, self._key_sizes[start:stop])
        return [
            (block[begin:middle], block[middle:end])
            for (begin, end), middle in zip(pairwise(begins), ends_of_keys, strict=True)
        ]

    def row(self, number: int) -> tuple[bytes, bytes]:
        """Return one row's key and content."""
        [row] = self.rows(number, number + 1)
        return row
