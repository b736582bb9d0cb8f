"""Bodies are received whole, within their bounds, and leave nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalhub.errors import DomainError, ShapeError, TooLarge
from evalhub.intake.spool import MIB, OUTPUTS, Limits, receive
from tests.evalhub.intake.bounds import bounded

WORDS = b"".join(b'{"key": "%d", "output": "%x"}\n' % (n, n**7) for n in range(5_000))


class Chunks:
    """A stream that gives what it has in pieces of its own size, or breaks."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self.chunks = list(chunks)
        self.breaks = breaks

    def read(self, size: int, /) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        if self.breaks:
            raise ConnectionResetError
        return b""


class Endless:
    """A sender that never stops; counts what was taken from it."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        self.taken += len(self.chunk)
        return self.chunk


def refused(spooled, body, **how):
    with pytest.raises(DomainError) as refusal:
        spooled(body, **how)
    return type(refusal.value), refusal.value.code


def test_a_body_comes_through_as_it_was_sent(spooled):
    spool = spooled(b"one\ntwo\nthree", length=13)
    assert list(spool) == [b"one\n", b"two\n", b"three"]
    assert list(spool) == [b"one\n", b"two\n", b"three"]
    assert (spool.size, spool.packed, spool.lines) == (13, 13, 3)
    assert spool.digest == hashlib.sha256(b"one\ntwo\nthree").digest()


@pytest.mark.parametrize("gzipped", [True, False], ids=["by its header", "by its first bytes"])
def test_gzip_is_unpacked(spooled, gzipped):
    packed = gzip.compress(WORDS)
    spool = spooled(packed, gzipped=gzipped, length=len(packed))
    assert b"".join(spool) == WORDS
    assert (spool.size, spool.packed, spool.lines) == (len(WORDS), len(packed), 5_000)


def test_gzip_of_several_members_and_padding_is_one_body(spooled):
    assert list(spooled(gzip.compress(b"a\n") + b"\0" * 9 + gzip.compress(b"b\n"))) == [
        b"a\n",
        b"b\n",
    ]
    assert list(spooled(gzip.compress(b"a\n") + b"\0" * 512)) == [b"a\n"]


def test_bytes_may_come_one_at_a_time(tmp_path):
    packed = gzip.compress(b"a\nb\n")
    drops = Chunks(*(bytes([byte]) for byte in packed))
    with receive(drops, folder=tmp_path, limits=OUTPUTS) as spool:
        assert list(spool) == [b"a\n", b"b\n"]


def test_the_folder_is_made_and_stays_empty(tmp_path):
    folder = tmp_path / "deep" / "spool"
    with receive(io.BytesIO(b"a"), folder=folder, limits=OUTPUTS):
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ShapeError), receive(io.BytesIO(b""), folder=folder, limits=OUTPUTS):
        pass
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("body", [b"", gzip.compress(b"")])
def test_an_empty_body_is_refused(spooled, body):
    assert refused(spooled, body) == (ShapeError, "empty")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(WORDS)[:-1],
        gzip.compress(WORDS)[:5_000],
        gzip.compress(b"a") + gzip.compress(b"b")[:8],
        b"",
        b"\x1f\x8b",
    ],
)
def test_gzip_that_ends_too_early_is_refused(spooled, body):
    assert refused(spooled, body, gzipped=True) == (ShapeError, "gzip")


def corrupted(body: bytes) -> bytes:
    middle = len(body) // 2
    return (
        body[:middle]
        + bytes(byte ^ 0xFF for byte in body[middle : middle + 9])
        + body[middle + 9 :]
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"key": "a"}',
        corrupted(gzip.compress(WORDS)),
        gzip.compress(b"a")[:-8] + b"\0" * 8,
        gzip.compress(b"a") + b"and then some",
        zlib.compress(b"a"),
    ],
    ids=["plain", "flipped", "checksum", "trailing", "zlib"],
)
def test_what_is_no_valid_gzip_is_refused(spooled, body):
    assert refused(spooled, body, gzipped=True) == (ShapeError, "gzip")


def test_a_body_shorter_than_its_length_is_refused(spooled):
    assert refused(spooled, b"abc", length=4) == (ShapeError, "truncated")


def test_a_connection_that_breaks_is_refused(tmp_path):
    broken = Chunks(b"abc", breaks=True)
    with (
        pytest.raises(ShapeError, match="after 3 bytes"),
        receive(broken, folder=tmp_path, limits=OUTPUTS),
    ):
        pass


def test_a_length_over_the_limit_is_refused_before_a_byte_is_read(tmp_path):
    sender = Endless(b"a")
    with (
        pytest.raises(TooLarge),
        receive(sender, folder=tmp_path, limits=OUTPUTS, length=OUTPUTS.packed + 1),
    ):
        pass
    assert sender.taken == 0


def test_an_endless_body_is_stopped_at_the_limit(tmp_path):
    sender = Endless(b"a line\n" * 9_000)
    limits = Limits(packed=MIB, unpacked=MIB, lines=1_000_000)
    with pytest.raises(TooLarge), receive(sender, folder=tmp_path, limits=limits):
        pass
    assert sender.taken < 1.1 * MIB


def test_unpacked_bytes_have_their_own_limit(spooled):
    limits = Limits(packed=MIB, unpacked=len(WORDS) - 1, lines=1_000_000)
    assert refused(spooled, gzip.compress(WORDS), limits=limits) == (TooLarge, "too_large")


@pytest.mark.parametrize("is_length_known", [True, False])
def test_a_gzip_bomb_is_refused_early(spooled, is_length_known):
    bomb = gzip.compress((b" " * 9_999 + b"\n") * 6_000)
    length = len(bomb) if is_length_known else None
    with bounded(seconds=2, memory=2 * MIB):
        assert refused(spooled, bomb, length=length) == (TooLarge, "bomb")


def test_a_small_bomb_is_refused_too(spooled):
    for length in (None, len(gzip.compress(b"a" * MIB))):
        assert refused(spooled, gzip.compress(b"a" * MIB), length=length) == (TooLarge, "bomb")


def test_a_bomb_of_countless_members_is_refused(spooled):
    bomb = gzip.compress(b"") * 100_001
    limits = Limits(packed=8 * MIB, unpacked=MIB, lines=9)
    with bounded(seconds=10):
        assert refused(spooled, bomb, limits=limits) == (TooLarge, "bomb")


def test_more_lines_than_allowed_are_refused(spooled):
    limits = Limits(packed=MIB, unpacked=MIB, lines=3)
    assert spooled(b"1\n2\n3", limits=limits).lines == 3
    assert spooled(b"1\n2\n3\n", limits=limits).lines == 3
    assert refused(spooled, b"1\n2\n3\n4", limits=limits) == (TooLarge, "too_many_lines")
    assert refused(spooled, b"1\n2\n3\n4\n", limits=limits) == (TooLarge, "too_many_lines")


def test_a_line_of_50_megabytes_is_refused_before_it_is_received(tmp_path):
    stream = Chunks(b"{}\n", *[b"a" * 65_536] * 800)
    with bounded(seconds=5, memory=2 * MIB), pytest.raises(TooLarge) as refusal:
        receive(stream, folder=tmp_path, limits=OUTPUTS).__enter__()
    assert [error.as_dict() for error in refusal.value.errors] == [
        {"line": 2, "code": "line_too_long", "detail": "Line 2 is longer than 16 MiB."}
    ]
    assert len(stream.chunks) > 500


def test_a_line_may_be_as_long_as_the_limit(spooled):
    limits = Limits(packed=MIB, unpacked=MIB, lines=9, line=100_000)
    assert spooled(b"a" * 100_000 + b"\n" + b"b" * 100_000, limits=limits).lines == 2
    for body in (b"a\n" + b"b" * 100_001, b"a" * 100_001 + b"\nb", b"a" * 200_000):
        assert refused(spooled, body, limits=limits) == (TooLarge, "line_too_long")


@pytest.mark.no_cover
def test_receiving_keeps_memory_flat(tmp_path):
    limits = Limits(packed=64 * MIB, unpacked=64 * MIB, lines=10_000_000)
    stream = Chunks(*[b"a line of a body" * 100 + b"\n"] * 20_000)
    with (
        bounded(seconds=10, memory=2 * MIB),
        receive(stream, folder=tmp_path, limits=limits) as spool,
    ):
        assert sum(map(len, spool)) == spool.size == 32_020_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.binary(max_size=300), st.booleans(), st.booleans(), st.none() | st.integers(0, 400))
def test_any_bytes_are_received_or_refused(tmp_path, body, is_packed, gzipped, length):
    sent = gzip.compress(body) if is_packed else body
    try:
        with receive(
            io.BytesIO(sent), folder=tmp_path, limits=OUTPUTS, gzipped=gzipped, length=length
        ) as spool:
            received = b"".join(spool)
    except DomainError:
        return
    assert received == body
