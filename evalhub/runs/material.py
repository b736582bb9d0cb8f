"""What a chunk is scored from: the examples and outputs of some positions, side by side.

A chunk of long texts comes in pieces, so that a worker's memory does not depend on what it is
given. No number does: a metric sees an example's rows whole, and no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from evalhub.datasets.selectors import content_bytes, contents_at
from evalhub.runs.models import Run
from evalhub.runs.selectors import output_bytes, outputs_between
from metrics.batch import FACTS, Batch, Floats, Json

# Texts that are scored together: neither they nor what metrics make of them fill a worker.
PIECE_BYTES = 4 * 1024 * 1024
_FIELDS = ("position", "attempt", "text", "data", "digest")


class _Expected(msgspec.Struct):
    """The part of an example that every metric reads; the decoder passes over the rest."""

    expected_output: Any = None
    references: list[Any] = []


class _Whole(_Expected):
    """What some metrics read besides."""

    metadata: dict[str, Any] = {}
    relevant: dict[str, float] | None = None


_decode_expected = msgspec.json.Decoder(_Expected).decode
_decode_whole = msgspec.json.Decoder(_Whole).decode


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Some positions of a run: a batch with a row for each attempt, and the inputs' digests."""

    batch: Batch
    example_digests: Sequence[bytes]
    output_digests: Sequence[bytes]


def pieces_of(
    run: Run, start: int, stop: int, columns: Collection[str] = ()
) -> Iterator[Material]:
    """Read positions [start, stop) of a run, as many at a time as are worth `PIECE_BYTES`."""
    for first, last in _cut(run, start, stop):
        yield material_of(run, first, last, columns)


def material_of(run: Run, start: int, stop: int, columns: Collection[str] = ()) -> Material:
    """Read positions [start, stop) of a run, with those columns of a batch that are asked for."""
    contents = contents_at(run.version, start, stop)
    given = _Given.of(len(contents) * run.attempts, columns)
    outputs = outputs_between(run, start, stop).values_list(*_FIELDS, *given.more)
    for position, attempt, text, data, digest, *more in outputs:
        row = (position - start) * run.attempts + attempt - 1
        given.outputs[row] = text if data is None else msgspec.json.decode(data)
        given.digests[row] = bytes(digest)
        given.add(row, more)
    decode = _decode_whole if {"metadata", "relevant"} & set(columns) else _decode_expected
    expected = [row for content in contents for row in [decode(content.text)] * run.attempts]
    wholes = [row for row in expected if isinstance(row, _Whole)]
    return Material(
        batch=Batch(
            outputs=given.outputs,
            expected_outputs=[row.expected_output for row in expected],
            references=[row.references for row in expected],
            metadata=[row.metadata for row in wholes],
            relevant=[row.relevant for row in wholes],
            retrieved=given.retrieved,
            facts=given.facts,
            attempts=run.attempts,
        ),
        example_digests=[content.digest for content in contents],
        output_digests=given.digests,
    )


def inputs_digest(start: int, examples: Sequence[bytes], outputs: Sequence[bytes]) -> str:
    """Return what tells the inputs of a chunk from any others, of the digests of them all."""
    digest = hashlib.sha256(f"{start} {len(examples)} {len(outputs)}".encode())
    digest.update(b"".join(examples))
    digest.update(b"".join(output or bytes(32) for output in outputs))
    return digest.hexdigest()


def _cut(run: Run, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of positions that are read together."""
    if stop - start == 1 or _bytes(run, start, stop) <= PIECE_BYTES:
        yield start, stop
        return
    middle = (start + stop) // 2
    yield from _cut(run, start, middle)
    yield from _cut(run, middle, stop)


def _bytes(run: Run, start: int, stop: int) -> int:
    """Return how many bytes of texts there are at these positions, without reading them."""
    return content_bytes(run.version, start, stop) + output_bytes(run, start, stop)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The outputs' side of a batch."""

    outputs: list[Json]
    digests: list[bytes]
    retrieved: list[Any]
    facts: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, n: int, columns: Collection[str]) -> _Given:
        return cls(
            outputs=[None] * n,
            digests=[b""] * n,
            retrieved=[None] * n if "retrieved" in columns else [],
            facts={name: np.full(n, np.nan) for name in FACTS if name in columns},
        )

    @property
    def more(self) -> list[str]:
        """What is read of an output beside its text or data."""
        return [*self.facts, *(["retrieved"] if self.retrieved else [])]

    def add(self, row: int, more: Sequence[Any]) -> None:
        """Take `more` of the output that stands in a row."""
        for values, value in zip(self.facts.values(), more, strict=False):
            if value is not None:
                values[row] = value
        if self.retrieved and more[-1]:
            self.retrieved[row] = msgspec.json.decode(more[-1])
