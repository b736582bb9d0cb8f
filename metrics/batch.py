"""What goes into a metric and what comes out: examples side by side, and their scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from metrics.reasons import Reason
from metrics.vocabulary import under_one_vocabulary

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]
# The numbers that may come with an output.
FACTS = (
    *("latency_ms", "ttft_ms", "input_tokens", "output_tokens", "cached_tokens"),
    *("cost", "confidence"),
)
# The columns of a batch that only some metrics read.
COLUMNS = ("metadata", "relevant", "retrieved", *FACTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples side by side: what the system gave, and what was expected.

    An output is text, parsed JSON, or None where the system gave none (an error, or missing in a
    finished run). `expected_outputs` holds None and `references` an empty list where absent.
    The attempts of one example stand together, `attempts` rows for each.

    The other columns are filled where a metric `reads` them, else blank: of the example
    `metadata` (an object) and `relevant` (grades by document id, or None); of the output
    `retrieved` (documents, best first, or None) and `facts`: numbers by name, NaN where unknown.
    """

    outputs: Sequence[Json]
    expected_outputs: Sequence[Json]
    references: Sequence[Sequence[Json]]
    metadata: Sequence[Mapping[str, Json]] = ()
    relevant: Sequence[Mapping[str, float] | None] = ()
    retrieved: Sequence[Sequence[Mapping[str, Json]] | None] = ()
    facts: Mapping[str, Floats] = dataclasses.field(default_factory=dict)
    attempts: int = 1

    def __post_init__(self) -> None:
        n = len(self.outputs)
        for name, blank in (("metadata", {}), ("relevant", None), ("retrieved", None)):
            if not getattr(self, name):
                object.__setattr__(self, name, [blank] * n)
        columns = (self.expected_outputs, self.references, self.metadata, self.relevant)
        if {n, len(self.retrieved), *map(len, columns), *map(len, self.facts.values())} != {n}:
            raise ValueError("Outputs, expected outputs and the other columns differ in number.")
        if n % self.attempts:
            raise ValueError(f"{n} rows are not {self.attempts} for each example.")

    def __len__(self) -> int:
        return len(self.outputs)

    def part(self, start: int, stop: int) -> Batch:
        """Return the rows [start, stop)."""
        return self.taken(range(start, stop))

    def taken(self, rows: Sequence[int]) -> Batch:
        """Return these rows, in this order."""
        columns = (
            "outputs",
            "expected_outputs",
            "references",
            "metadata",
            "relevant",
            "retrieved",
        )
        return Batch(
            **{name: [getattr(self, name)[row] for row in rows] for name in columns},
            facts={name: values[list(rows)] for name, values in self.facts.items()},
            attempts=self.attempts,
        )

    def fact(self, name: str) -> Floats:
        """Return a number of every output, one of `FACTS`, NaN where it is not known."""
        known = self.facts.get(name)
        return np.full(len(self), np.nan) if known is None else known


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """A metric's answer, one row per example of the batch.

    `values` is NaN exactly where `reasons` is not 0; `statistics` is zero there. A metric whose
    value is its own statistic has no columns of statistics. Where statistics name labels, they
    hold a label's place in `labels`, from 1; 0 is none of them.
    """

    values: Floats
    reasons: NDArray[np.uint8]
    statistics: Floats
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of batches that follow each other, at least one."""
    if len(parts) == 1:
        return parts[0]
    statistics, labels = under_one_vocabulary([(part.statistics, part.labels) for part in parts])
    return Scores(
        values=np.concatenate([part.values for part in parts]),
        reasons=np.concatenate([part.reasons for part in parts]),
        statistics=statistics,
        labels=labels,
    )


def blank_scores(reasons: NDArray[np.uint8], columns: int = 0) -> Scores:
    """Return scores with room for values: NaN where there is a reason, else 0."""
    values = np.where(reasons == Reason.SCORED, 0.0, np.nan)
    return Scores(values=values, reasons=reasons, statistics=np.zeros((len(reasons), columns)))
