"""JSON Schema: whether an output has the structure that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Workspace
from metrics.batch import Json, Scores, blank_scores
from metrics.fields import JsonText, Kind, MetricParamsError, parameter
from metrics.reasons import Reason
from metrics.structured.documents import ComparedMetric, Document
from metrics.structured.schemas import Schema, schema_of

_SCHEMA: Json = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"type": "string"}},
}


@dataclass(frozen=True, kw_only=True)
class JsonSchema(ComparedMetric[Schema]):
    """1 where the output is JSON and valid under the schema, else 0."""

    name: ClassVar[str] = "json_schema"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "JSON Schema"
    summary: ClassVar[str] = "The share of outputs that are JSON and valid under a schema."
    formula: ClassVar[str] = (
        "1 if the output is JSON (as json_valid reads it) and valid under the schema, else 0; the "
        "run's value is the mean. The schema is the parameter, the same for every example, and "
        "what the examples expect does not matter. Without the parameter an example's expected "
        "output is its schema (or any of its references), if it is an object that names its "
        "$schema; other examples have no value. Drafts 4 to 2020-12 by $schema, 2020-12 without. "
        "format is not checked, patterns are without look-around, nothing is fetched: a $ref "
        "stays within the schema."
    )
    source: ClassVar[str] = "JSON Schema 2020-12 (json-schema.org), by jsonschema-rs."
    needs: ClassVar[str] = "JSON output; expected_output or references where no schema is given"
    family: ClassVar[Family] = Family.BINARY
    defined_by: ClassVar[tuple[str, ...]] = (f"jsonschema-rs:{metadata.version('jsonschema-rs')}",)
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output='{"city": "Paris"}', params={"schema": _SCHEMA}, value=1.0),
        Example(output='{"city": 75}', params={"schema": _SCHEMA}, value=0.0),
        Example(output="Paris", params={"schema": _SCHEMA}, value=0.0),
        Example(
            output=[1, 2],
            expected_output={
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "items": {"type": "integer"},
            },
            value=1.0,
        ),
        Example(output={"city": "Paris"}, expected_output={"city": "Paris"}, value=None),
    )

    schema: JsonText | None = parameter(
        default=None,
        kind=Kind.JSON,
        meaning="The JSON Schema that outputs have to be valid under. Where it is not given, each "
        "example's expected output is its schema, and has to name its $schema.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema is not None:
            schema_of(self.schema.value())

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by the one schema or by its example's."""
        if self.schema is not None:
            outputs, reasons = self.outputs(workspace)
            schemas: Sequence[Sequence[Schema]] = [[schema_of(self.schema.value())]] * len(outputs)
        else:
            outputs, schemas, reasons = self.rows(workspace)
        scores = blank_scores(reasons.copy())
        for row in np.flatnonzero(reasons == Reason.SCORED).tolist():
            document = outputs[row]
            scores.values[row] = document is not None and any(
                schema.accepts(document.value) for schema in schemas[row]
            )
        return scores

    def standard(self, expected: Document) -> Schema | None:
        """Return the schema that an expected document says it is, None where it is none."""
        if not isinstance(expected.value, dict) or "$schema" not in expected.value:
            return None
        try:
            return schema_of(expected.value)
        except MetricParamsError:
            return None
