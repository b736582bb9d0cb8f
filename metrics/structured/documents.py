"""What metrics that read JSON have in common: outputs and expected outputs as documents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family, Metric, Workspace
from metrics.batch import Json, Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.preparation import at_path, check_path
from metrics.reasons import Reason
from metrics.structured.strict_json import MAX_JSON_CHARACTERS, NotJsonError, read_json, unfenced

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value, `null` included."""

    value: Json


# None stands for a wrong answer whatever is expected.
Outputs: TypeAlias = "tuple[Sequence[Document | None], NDArray[np.uint8]]"
Expected: TypeAlias = "tuple[Sequence[tuple[Document, ...]], NDArray[np.uint8]]"


@dataclass(frozen=True, kw_only=True)
class StructuredMetric(Metric):
    """A metric of outputs that are JSON, or text that is JSON and nothing else."""

    needs: ClassVar[str] = "JSON output; expected_output or references that are JSON"

    path: str | None = parameter(
        default=None,
        kind=Kind.TEXT,
        meaning="Where the value is in an output that was submitted as JSON, such as answer or "
        "choices.0.message.content; text found there is read as JSON. An output without it is a "
        "wrong answer.",
    )
    fence: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether JSON may stand in one Markdown fence (```json ... ```) around the whole "
        "text. Nothing else is ever repaired.",
    )

    def __post_init__(self) -> None:
        if self.path is not None:
            check_path(self.path)

    def outputs(self, workspace: Workspace) -> Outputs:
        """Return each output as a document, with the reasons why one cannot be read at all."""
        return workspace.once(
            ("documents", self.path, self.fence), lambda: self._outputs(workspace.batch.outputs)
        )

    def expected(self, workspace: Workspace) -> Expected:
        """Return what each example accepts, with the reasons where that is nothing."""
        batch = workspace.batch
        return workspace.once(
            "expected documents", lambda: _expected(batch.expected_outputs, batch.references)
        )

    def _outputs(self, outputs: Sequence[Json]) -> Outputs:
        documents = [self._document(output) for output in outputs]
        reasons = np.array(
            [one if isinstance(one, Reason) else Reason.SCORED for one in documents], np.uint8
        )
        return [None if isinstance(one, Reason) else one for one in documents], reasons

    def _document(self, output: Json) -> Document | Reason | None:
        if self.path is not None and isinstance(output, dict | list | tuple):
            output = at_path(output, self.path)
        if output is None:
            return None
        if not isinstance(output, str):
            return Document(output)
        if len(output) > MAX_JSON_CHARACTERS:
            return Reason.TOO_LONG
        return _parsed(unfenced(output) if self.fence else output)


@dataclass(frozen=True, kw_only=True)
class ComparedMetric(StructuredMetric, Generic[T]):
    """A structured metric that compares an output with what it reads of an expected document."""

    def rows(
        self, workspace: Workspace
    ) -> tuple[Sequence[Document | None], Sequence[Sequence[T]], NDArray[np.uint8]]:
        """Return outputs, what each example accepts as `standard` reads it, and the reasons."""
        outputs, unreadable = self.outputs(workspace)
        expected, undefined = self.expected(workspace)
        reasons = np.where(undefined == Reason.SCORED, unreadable, undefined)
        standards: list[Sequence[T]] = []
        for row, accepted in enumerate(expected):
            read = [self.standard(document) for document in accepted]
            standards.append([one for one in read if one is not None])
            if accepted and not standards[row]:
                reasons[row] = Reason.UNDEFINED
        return outputs, standards, reasons

    @abstractmethod
    def standard(self, expected: Document) -> T | None:
        """Return what outputs are compared with, None where a document allows no comparison."""


class Counts(NamedTuple):
    """What an output has in common with what was expected."""

    right: int
    surplus: int
    missing: int

    @property
    def f1(self) -> float:
        """Return 2 right / (2 right + surplus + missing); 1 where there is nothing at all."""
        weight = 2 * self.right + self.surplus + self.missing
        return 2 * self.right / weight if weight else 1.0


@dataclass(frozen=True, kw_only=True)
class CountedMetric(ComparedMetric[T]):
    """A metric that counts what an output has in common with an expected document."""

    family: ClassVar[Family] = Family.MEAN

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by the document that it has most in common with."""
        outputs, standards, reasons = self.rows(workspace)
        scores = blank_scores(reasons, len(self.statistic_names))
        for row in np.flatnonzero(reasons == Reason.SCORED).tolist():
            counts = [self.counts(outputs[row], one) for one in standards[row]]
            best = max(counts, key=lambda one: (self.value_of(one), one.right, -one.missing))
            is_there = workspace.batch.outputs[row] is not None
            scores.values[row] = self.value_of(best) if is_there else self.worst
            if self.statistic_names:
                scores.statistics[row] = best
        return scores

    def value_of(self, counts: Counts) -> float:
        """Return what an output is worth alone."""
        return counts.f1

    @abstractmethod
    def counts(self, output: Document | None, standard: T) -> Counts:
        """Return what an output has in common with one of the standards."""


def _expected(expected_outputs: Sequence[Json], references: Sequence[Sequence[Json]]) -> Expected:
    documents: list[tuple[Document, ...]] = []
    reasons = np.zeros(len(references), np.uint8)
    for row, (expected_output, others) in enumerate(
        zip(expected_outputs, references, strict=True)
    ):
        values = others if expected_output is None else [expected_output]
        read = [one for value in values if (one := _expected_document(value)) is not None]
        documents.append(tuple(read))
        if not read:
            reasons[row] = Reason.UNDEFINED if values else Reason.NO_REFERENCE
    return documents, reasons


def _expected_document(value: Json) -> Document | None:
    if not isinstance(value, str):
        return Document(value)
    return _parsed(value) if len(value) <= MAX_JSON_CHARACTERS else None


def _parsed(text: str) -> Document | None:
    try:
        return Document(read_json(text))
    except NotJsonError:
        return None
