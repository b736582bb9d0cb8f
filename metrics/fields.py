"""How a metric declares its parameters: their defaults, what JSON they take, what they mean."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from metrics.batch import Json

# A bound this large only keeps nonsense out: nobody needs to read it.
_BEYOND_REMARK = 1e9
# A longer text stands in a signature as its SHA-256.
_SIGNED_CHARACTERS = 200


class MetricParamsError(ValueError):
    """The parameters do not describe a metric that can be computed; the message is for people."""


class Kind(StrEnum):
    """What a parameter looks like in JSON."""

    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STEPS = "steps"
    NUMBER = "number"
    WHOLE = "whole"  # a whole number
    JSON = "json"  # an object or list that the metric checks itself
    METRIC = "metric"  # another metric: a name, or {"name", "params"}
    PARTS = "parts"  # metrics with weights: [{"metric", "weight"}]


def parameter(*, default: object, kind: Kind, meaning: str, choices: Sequence[str] = ()) -> Any:
    """Declare a field of a metric: its default, what JSON it takes and what it means."""
    metadata = {"kind": kind, "meaning": meaning, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def required_parameter(*, sample: Json, kind: Kind, meaning: str) -> Any:
    """Declare a field that has no default: a request must give it.

    `sample` is its JSON where a metric is shown, or held to its contract, before anybody asks
    for it.
    """
    metadata = {"kind": kind, "meaning": meaning, "choices": (), "sample": sample}
    return dataclasses.field(metadata=metadata)


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Say whether a parameter must be given."""
    return field.default is dataclasses.MISSING


def sample_params(metric: type[Any]) -> dict[str, Json]:
    """Return the parameters of a metric's sample: of those that must be given, their samples."""
    fields = dataclasses.fields(metric)
    return {field.name: field.metadata["sample"] for field in fields if is_required(field)}


def number_parameter(*, default: float | None, low: float, high: float, meaning: str) -> Any:
    """Declare a field that holds a number from `low` to `high`, both included."""
    default = None if default is None else float(default)
    return _bounded(Kind.NUMBER, default, float(low), float(high), meaning)


def whole_parameter(*, default: int | None, low: int, high: int, meaning: str) -> Any:
    """Declare a field that holds a whole number from `low` to `high`, both included."""
    return _bounded(Kind.WHOLE, default, low, high, meaning)


def _bounded(kind: Kind, default: float | None, low: float, high: float, meaning: str) -> Any:
    metadata = {"kind": kind, "choices": (), "low": low, "high": high}
    bounds = f": from {low:g} to {high:g}." if high < _BEYOND_REMARK else "."
    bounded = meaning.removesuffix(".") + bounds
    return dataclasses.field(default=default, metadata={**metadata, "meaning": bounded})


@dataclasses.dataclass(frozen=True)
class JsonText:
    """A parameter that is an object or a list: its canonical text."""

    text: str

    @classmethod
    def of(cls, value: Json) -> JsonText:
        """Write an object or a list the way equal ones are always written."""
        return cls(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))

    def value(self) -> Json:
        """Return the object or list."""
        parsed: Json = json.loads(self.text)
        return parsed

    @property
    def signature(self) -> str:
        """The text, or what tells a long one from any other."""
        if len(self.text) <= _SIGNED_CHARACTERS:
            return self.text
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()}"
