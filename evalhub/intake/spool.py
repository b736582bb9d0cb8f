"""Receive a body into a temporary file, bounded in every direction, before any transaction."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from evalhub.errors import LineError, ShapeError, TooLarge
from evalhub.intake.strict import MAX_LINE_BYTES

MIB = 1024**2
_PIECE = 64 * 1024
# Lines that are read at once: as many as begin within so many bytes. What a few hundred of them
# are made into fits in a processor's cache, and ends before a garbage collector looks for it.
BLOCK_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
# A body of countless tiny gzip members would cost far more time than bytes.
_MAX_GZIP_MEMBERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one kind of body may cost."""

    packed: int
    unpacked: int
    lines: int
    ratio: int = 200
    line: int = MAX_LINE_BYTES


OUTPUTS = Limits(packed=64 * MIB, unpacked=64 * MIB, lines=50_000)
ANNOTATIONS = Limits(packed=64 * MIB, unpacked=64 * MIB, lines=1_000_000)
DATASETS = Limits(packed=1024 * MIB, unpacked=1024 * MIB, lines=10_000_000)


class ByteStream(Protocol):
    """What bodies are read from: a WSGI stream, a request, an uploaded file."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class Spool:
    """A whole body, unpacked, in a file that is gone when its context ends."""

    file: BinaryIO
    size: int = 0
    packed: int = 0
    lines: int = 0
    digest: bytes = b""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines from the start, each bounded by ``Limits.line``."""
        self.file.seek(0)
        return iter(self.file)

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the same lines, many at a time."""
        self.file.seek(0)
        while lines := self.file.readlines(BLOCK_BYTES):
            yield lines


@contextmanager
def receive(
    stream: ByteStream,
    *,
    folder: Path,
    limits: Limits,
    length: int | None = None,
    gzipped: bool = False,
) -> Iterator[Spool]:
    """Receive `stream` whole and give it as a Spool; gzip is also known by its first bytes.

    `length` is the Content-Length where there is one. The file has no name, so not even a
    killed process leaves it behind.
    """
    packed = _Packed(stream, limits.packed, length)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        spool = Spool(file)
        meter = _Meter(limits, packed)
        pieces = iter(packed)
        if gzipped or packed.begins_with(_GZIP_MAGIC):
            pieces = meter.unpacked(_gunzip(pieces))
        for piece in pieces:
            meter.add(piece)
            file.write(piece)
        meter.close(spool)
        yield spool


class _Packed:
    """The bytes as they come over the wire."""

    def __init__(self, stream: ByteStream, limit: int, length: int | None) -> None:
        self._stream = stream
        self._limit = limit
        self.length = length
        self.size = 0
        self._head = b""
        if length is not None and length > limit:
            self._refuse()

    def begins_with(self, magic: bytes) -> bool:
        while len(self._head) < len(magic) and (chunk := self._read()):
            self._head += chunk
        return self._head.startswith(magic)

    def __iter__(self) -> Iterator[bytes]:
        chunk, self._head = self._head, b""
        while chunk or (chunk := self._read()):
            yield chunk
            chunk = b""
        if self.length is not None and self.size < self.length:
            raise ShapeError(
                f"The body ended after {self.size:,} of {self.length:,} bytes; send it again.",
                code="truncated",
            )

    def _read(self) -> bytes:
        try:
            chunk = self._stream.read(_PIECE)
        except OSError:
            raise ShapeError(
                f"The connection broke after {self.size:,} bytes; send the body again.",
                code="truncated",
            ) from None
        self.size += len(chunk)
        if self.size > self._limit:
            self._refuse()
        return chunk

    def _refuse(self) -> None:
        raise TooLarge(
            f"The body is larger than {_mib(self._limit)}; send it in several requests."
        )


@dataclass
class _Meter:
    """Counts what comes out and stops it at the first bound it crosses."""

    limits: Limits
    packed: _Packed
    size: int = 0
    lines: int = 0
    since_newline: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def unpacked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces while they stay within the ratio of unpacked to packed bytes."""
        # Without a Content-Length the packed size is known only at the end, so the beginning
        # of a body may unpack a little better than the whole.
        slack = _PIECE if self.packed.length is None else 0
        for piece in pieces:
            known = self.packed.length or self.packed.size + slack
            self._check_ratio(self.size + len(piece), known)
            yield piece
        self._check_ratio(self.size, self.packed.size)

    def _check_ratio(self, unpacked: int, packed: int) -> None:
        if unpacked > self.limits.ratio * packed:
            raise TooLarge(
                f"The body unpacks to more than {self.limits.ratio} times its packed size; "
                "send it unpacked.",
                code="bomb",
            )

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.limits.unpacked:
            raise TooLarge(
                f"The body is larger than {_mib(self.limits.unpacked)} unpacked; "
                "send it in several requests."
            )
        newlines = piece.count(b"\n")
        if newlines:
            self._check_line(self.since_newline + piece.index(b"\n"))
            self.since_newline = len(piece) - 1 - piece.rindex(b"\n")
            self.lines += newlines
        else:
            self.since_newline += len(piece)
        self._check_line(self.since_newline)
        self._check_lines(self.lines)
        self.hash.update(piece)

    def _check_line(self, length: int) -> None:
        if length > self.limits.line:
            fault = LineError(
                self.lines + 1,
                "line_too_long",
                f"Line {self.lines + 1:,} is longer than {_mib(self.limits.line)}.",
            )
            raise TooLarge(f"{fault.detail} Nothing was stored.", code=fault.code, errors=[fault])

    def _check_lines(self, lines: int) -> None:
        if lines > self.limits.lines:
            raise TooLarge(
                f"The body has more than {self.limits.lines:,} lines; send several requests.",
                code="too_many_lines",
            )

    def close(self, spool: Spool) -> None:
        """Hand the counts over; a last line needs no newline."""
        if not self.size:
            raise ShapeError("The body is empty; send one row a line.", code="empty")
        self.lines += self.since_newline > 0
        self._check_lines(self.lines)
        spool.size, spool.packed, spool.lines = self.size, self.packed.size, self.lines
        spool.digest = self.hash.digest()


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack a gzip stream of one or several members, in pieces of at most 64 KiB."""
    members = 1
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:
                rest = rest.lstrip(b"\0")  # gzip pads to whole blocks on tapes
                if not rest:
                    break
                members += 1
                unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            if members > _MAX_GZIP_MEMBERS:
                raise TooLarge("The gzip body has too many members; pack it as one.", code="bomb")
            yield from _unpack(unpacker, rest)
            rest = unpacker.unused_data
    if not unpacker.eof:
        raise ShapeError("The gzip body ends too early; send it again.", code="gzip")


def _unpack(unpacker: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    rest, piece = packed, b""
    while not unpacker.eof and (rest or len(piece) == _PIECE):
        try:
            piece = unpacker.decompress(rest, _PIECE)
        except zlib.error:
            raise ShapeError(
                "The body is no valid gzip; pack it again or send it unpacked.", code="gzip"
            ) from None
        rest = unpacker.unconsumed_tail
        yield piece


def _mib(size: int) -> str:
    return f"{size / MIB:,.4g} MiB"
