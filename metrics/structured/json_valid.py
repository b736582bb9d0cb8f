"""JSON validity: whether an output is JSON and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Workspace
from metrics.batch import Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.reasons import Reason
from metrics.structured.documents import Document, StructuredMetric

_ANY = "any"
_TYPES: Mapping[str, tuple[type, ...]] = {
    _ANY: (object,),
    "object": (dict,),
    "list": (list, tuple),
}


@dataclass(frozen=True, kw_only=True)
class JsonValid(StructuredMetric):
    """1 where the output is strict JSON, else 0."""

    name: ClassVar[str] = "json_valid"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "JSON validity"
    summary: ClassVar[str] = "The share of outputs that are JSON and nothing else."
    formula: ClassVar[str] = (
        "1 if the output was submitted as JSON, or its text is one JSON value that could have "
        "been, else 0; the run's value is the mean. No text around it, no comments, no trailing "
        "commas, no NaN, no member named twice, no whole number beyond 64 bits, nesting of at "
        "most 64. Nothing is repaired."
    )
    source: ClassVar[str] = "RFC 8259; RFC 7493 (I-JSON) for names and characters."
    needs: ClassVar[str] = "an output"
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output='{"city": "Paris"}', value=1.0),
        Example(output='{"city": "Paris",}', value=0.0),
        Example(output='Here it is: {"city": "Paris"}', value=0.0),
        Example(output='```json\n{"city": "Paris"}\n```', value=0.0),
        Example(output='```json\n{"city": "Paris"}\n```', params={"fence": True}, value=1.0),
        Example(output="42", params={"type": "object"}, value=0.0),
    )

    type: str = parameter(
        default=_ANY,
        kind=Kind.CHOICE,
        choices=tuple(_TYPES),
        meaning="What the JSON has to be: any value, an object or a list.",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output on its own: nothing is expected of the example."""
        documents, reasons = self.outputs(workspace)
        scores = blank_scores(reasons.copy())
        valid = np.array([self._is_valid(one) for one in documents], dtype=np.bool_)
        scores.values[valid & (reasons == Reason.SCORED)] = 1.0
        return scores

    def _is_valid(self, document: Document | None) -> bool:
        return document is not None and isinstance(document.value, _TYPES[self.type])
