"""The rows of a source, read once: keys and digests in memory, contents in a temporary file."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

DIGEST_BYTES = 32
_IN_MEMORY = 4 * 1024**2


class ExampleRow(Protocol):
    """An example as a reader yields it: checked, with its canonical content."""

    @property
    def key(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def digest(self) -> bytes: ...


Source = Callable[[], Iterable[ExampleRow]]


class Draft:
    """What a source said, to be read again by row number. Gone when its context ends."""

    def __init__(self, *, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.keys: list[str] = []
        self._digests = bytearray()
        self._starts = array("q", [0])
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by __exit__
            _IN_MEMORY, dir=str(folder)
        )

    @classmethod
    def read(cls, source: Source, *, folder: Path) -> Self:
        """Read a source to its end; one with faults raises, and nothing of it is left."""
        draft = cls(folder=folder)
        try:
            for row in source():
                draft._add(row)
        except BaseException:
            draft._file.close()
            raise
        return draft

    def _add(self, row: ExampleRow) -> None:
        content = row.content.encode()
        self.keys.append(row.key)
        self._digests += row.digest
        self._starts.append(self._starts[-1] + len(content))
        self._file.write(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self.keys)

    def digest(self, number: int) -> bytes:
        return bytes(self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])

    def size(self, number: int) -> int:
        """Return how many bytes a row's content has."""
        return self._starts[number + 1] - self._starts[number]

    def content(self, number: int) -> bytes:
        start = self._starts[number]
        if self._file.tell() != start:
            self._file.seek(start)
        return self._file.read(self.size(number))
