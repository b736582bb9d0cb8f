"""From a spooled body to examples by the block: as strict as line by line, in far less time.

What the quick reading does not find certain, one line or a whole block, goes the careful way. It
never says what is wrong: a body with a fault is read again by `read_examples`, which does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import attrgetter, ne
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalhub.errors import DomainError
from evalhub.intake import strict
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.keylines import key_digests
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import each_example, read_examples
from evalhub.intake.rows import ExampleRow, encode_sorted
from evalhub.intake.spool import BLOCK_BYTES, Spool
from evalhub.intake.tables import Format
from metrics.structured.strict_json import INT64_HIGH, INT64_LOW

_decode = msgspec.json.Decoder(ExampleRow).decode
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SCALARS = {str, int, bool, type(None)}
_input, _expected, _metadata = map(attrgetter, ("input", "expected_output", "metadata"))


@dataclass(frozen=True, slots=True)
class Block:
    """Some examples in order: of each its key and canonical content as UTF-8.

    `digests` are the SHA-256 of the contents, `key_digests` the 128-bit digests of the keys, both
    joined.
    """

    examples: list[ExampleRow]
    keys: list[bytes]
    contents: list[bytes]
    digests: bytes
    key_digests: bytes

    @classmethod
    def of(cls, examples: list[ExampleRow], contents: list[bytes]) -> Self:
        keys = [example.key.encode() for example in examples]
        sha = hashlib.sha256
        digests = b"".join([sha(content).digest() for content in contents])
        return cls(examples, keys, contents, digests, key_digests(keys))


@dataclass(frozen=True)
class ExampleReader:
    """How a body holds examples."""

    format: Format = Format.JSONL
    columns: ExampleColumns = field(default_factory=ExampleColumns)
    delimiter: str = ","

    def blocks(self, spool: Spool) -> Iterator[Block]:
        """Yield the examples; after them raise ContentError or ShapeError if any line is wrong."""
        seen = _Seen()
        try:
            for block in self._quickly(spool):
                seen.add(block)
                yield block
        except DomainError:
            self._refuse(spool)
            raise
        if seen.is_empty or seen.may_repeat():
            self._refuse(spool)

    def _refuse(self, spool: Spool) -> None:
        errors = ErrorCollector()
        rows = read_examples(
            spool,
            errors,
            format=self.format,
            columns=self.columns,
            delimiter=self.delimiter,
            expected=spool.lines,
        )
        for _ in rows:
            pass
        errors.raise_if_any()

    def _quickly(self, spool: Spool) -> Iterator[Block]:
        errors = ErrorCollector(stop_at=1)
        if self.format is Format.JSONL and not self.columns.given:
            first = 1
            for lines in spool.blocks():
                yield _block_of(lines, first, errors)
                first += len(lines)
            return
        rows = each_example(
            spool, errors, format=self.format, columns=self.columns, delimiter=self.delimiter
        )
        yield from _gathered(example for _, example in rows)


class _Seen:
    """The keys so far, eight bytes of each: enough to say that none stands there twice."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.uint64]] = []

    def add(self, block: Block) -> None:
        self._parts.append(np.frombuffer(block.key_digests, "<u8")[::2].copy())

    @property
    def is_empty(self) -> bool:
        return not any(map(len, self._parts))

    def may_repeat(self) -> bool:
        halves = np.concatenate(self._parts)
        self._parts.clear()
        halves.sort()
        return bool((halves[1:] == halves[:-1]).any())


def _gathered(examples: Iterator[ExampleRow]) -> Iterator[Block]:
    rows: list[ExampleRow] = []
    contents: list[bytes] = []
    size = 0
    for row in examples:
        rows.append(row)
        contents.append(row.content().encode())
        size += len(contents[-1])
        if size >= BLOCK_BYTES:
            yield Block.of(rows, contents)
            rows, contents, size = [], [], 0
    if rows:
        yield Block.of(rows, contents)


def _block_of(lines: list[bytes], first: int, errors: ErrorCollector) -> Block:
    """Return the examples of lines, of which the first has this number (from 1)."""
    rows = _plain_rows(lines)
    if rows is None:
        found = _carefully(lines, first, errors)
        return Block.of(found, [row.content().encode() for row in found])
    contents = _contents_of(rows, lines)
    for at in _doubtful(lines, contents):
        [rows[at]] = _carefully([lines[at]], first + at, errors)
        contents[at] = rows[at].content().encode()
    return Block.of(rows, contents)


def _carefully(lines: list[bytes], first: int, errors: ErrorCollector) -> list[ExampleRow]:
    if all(map(bytes.isspace, lines)):  # not all of the body may be blank, a block of it may
        return []
    return [row for _, row in each_example(lines, errors, first=first)]


def _plain_rows(lines: Sequence[bytes]) -> list[ExampleRow] | None:
    """Return the row of each line, or None where one is not written in the plainest way."""
    if max(map(len, lines)) > strict.SURELY_FEW_CONTAINERS:
        return None
    try:
        rows = list(map(_decode, lines))
    except _NOT_PLAIN:
        return None
    return None if None in map(_input, rows) else rows


def _contents_of(rows: Sequence[ExampleRow], lines: Sequence[bytes]) -> list[bytes]:
    """Return the canonical content of each row, empty where a value of it leaves a doubt."""
    if _hold_scalars(rows):
        return list(map(encode_sorted, rows))
    return [
        b"" if strict.leaves_doubt(_values(row), line) else row.content().encode()
        for row, line in zip(rows, lines, strict=True)
    ]


def _values(row: ExampleRow) -> tuple[object, ...]:
    return row.input, row.expected_output, row.metadata


def _hold_scalars(rows: Sequence[ExampleRow]) -> bool:
    """Whether all values are texts, truths, nulls and whole numbers of 64 bits."""
    inside = chain.from_iterable(map(dict.values, map(_metadata, rows)))
    values = [*map(_input, rows), *map(_expected, rows), *inside]
    kinds = set(map(type, values))
    if not kinds <= _SCALARS:
        return False
    numbers = [value for value in values if type(value) is int] if int in kinds else [0]
    return INT64_LOW <= min(numbers) <= max(numbers) <= INT64_HIGH


def _doubtful(lines: Sequence[bytes], contents: Sequence[bytes]) -> list[int]:
    """Return which lines may have lost something on their way to their content.

    A line has one colon for each member and those inside its texts, as has its content. Where the
    two count equal, no member was named twice. An escape may hide a colon, and a NUL.
    """
    said, kept = (map(bytes.count, texts, repeat(b":")) for texts in (lines, contents))
    doubtful = [at for at, is_other in enumerate(map(ne, said, kept)) if is_other]
    text = b"".join(lines)
    if any(escape in text for escape in strict.DOUBTFUL_ESCAPES):
        escaped = [at for at, line in enumerate(lines) if strict.has_doubtful_escape(line)]
        doubtful = sorted({*doubtful, *escaped})
    return doubtful
