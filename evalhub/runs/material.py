"""What a chunk is scored from: the examples and outputs of some positions, side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from evalhub.datasets.models import Example
from evalhub.datasets.selectors import examples_at
from evalhub.runs.models import Output, Run
from evalhub.runs.selectors import outputs_between
from metrics.base import FACTS, Batch, Floats, Json


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
    """What a chunk is scored from: examples and outputs, a row for each attempt."""

    batch: Batch
    digest: str


def material_of(run: Run, start: int, stop: int, columns: Collection[str] = ()) -> Material:
    """Read positions [start, stop) of a run, with those columns of a batch that are asked for."""
    examples = examples_at(run.version, start, stop)
    given = _Given.of(len(examples) * run.attempts, columns)
    for output in outputs_between(run, start, stop):
        given.add((output.position - start) * run.attempts + output.attempt - 1, output)
    decode = _decode_whole if {"metadata", "relevant"} & set(columns) else _decode_expected
    expected = [row for example in examples for row in [decode(example.content)] * run.attempts]
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
        digest=_digest(start, examples, given.digests),
    )


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

    def add(self, row: int, output: Output) -> None:
        self.outputs[row] = _given(output)
        self.digests[row] = bytes(output.digest)
        if self.retrieved and output.retrieved:
            self.retrieved[row] = msgspec.json.decode(output.retrieved)
        for name, values in self.facts.items():
            value = getattr(output, name)
            if value is not None:
                values[row] = value


def _given(output: Output) -> Json:
    if output.data is None:
        return output.text
    value: Json = msgspec.json.decode(output.data)
    return value


def _digest(start: int, examples: Sequence[Example], outputs: Sequence[bytes]) -> str:
    """Return what tells these inputs from any others."""
    digest = hashlib.sha256(f"{start} {len(examples)} {len(outputs)}".encode())
    for example in examples:
        digest.update(bytes(example.digest))
    for output in outputs:
        digest.update(output or bytes(32))
    return digest.hexdigest()
