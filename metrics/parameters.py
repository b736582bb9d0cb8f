"""Parameters as they stand in a request, read into what the fields of a metric hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from metrics.base import Metric, Part
from metrics.batch import Json
from metrics.fields import JsonText, Kind, MetricParamsError

MAX_STEPS = 20
MAX_PARTS = 10
MAX_JSON_CHARACTERS = 20_000
HIGHEST_WEIGHT = 1e6

# Builds the metric that a spec inside another one asks for: where it stands, and the spec.
BuildInner = Callable[[str, Json], Metric]


def read_parameter(
    metric: str, field: dataclasses.Field[Any], value: Json, build_inner: BuildInner
) -> object:
    """Return what the field holds for a value of plain JSON; refuse with a sentence."""
    if value is None and field.default is None:
        return None
    where = f"{metric}: {field.name}"
    kind = field.metadata["kind"]
    if kind is Kind.METRIC:
        return build_inner(where, value)
    if kind is Kind.PARTS:
        return _parts(where, value, build_inner)
    return _READERS[kind](where, value, field.metadata)


def shown(value: object) -> str:
    """Return a value as error messages show it, cut where it is long."""
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:60]}..."


def _text(where: str, value: Json, _: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise MetricParamsError(f"{where} is text, not {shown(value)}.")
    return value


def _boolean(where: str, value: Json, _: Mapping[str, Any]) -> bool:
    if not isinstance(value, bool):
        raise MetricParamsError(f"{where} is true or false, not {shown(value)}.")
    return value


def _choice(where: str, value: Json, declared: Mapping[str, Any]) -> str:
    choices = declared["choices"]
    if not isinstance(value, str) or value not in choices:
        raise MetricParamsError(f"{where} knows {', '.join(choices)}, not {shown(value)}.")
    return value


def _steps(where: str, value: Json, declared: Mapping[str, Any]) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_STEPS:
        raise MetricParamsError(
            f"{where} is a list of at most {MAX_STEPS} steps: {', '.join(declared['choices'])}."
        )
    return tuple(_choice(where, step, declared) for step in value)


def _number(where: str, value: Json, declared: Mapping[str, Any]) -> float:
    low, high = declared["low"], declared["high"]
    if _is_number(value) and low <= value <= high:
        return float(value) + 0.0  # 1 and 1.0, 0 and -0.0 are one number, and so one signature
    raise MetricParamsError(f"{where} is a number from {low:g} to {high:g}, not {shown(value)}.")


def _whole(where: str, value: Json, declared: Mapping[str, Any]) -> int:
    low, high = declared["low"], declared["high"]
    if _is_number(value) and low <= value <= high and value == int(value):
        return int(value)
    raise MetricParamsError(
        f"{where} is a whole number from {low:g} to {high:g}, not {shown(value)}."
    )


def _json(where: str, value: Json, _: Mapping[str, Any]) -> JsonText:
    if not isinstance(value, (list, tuple, Mapping)):
        raise MetricParamsError(f"{where} is an object or a list, not {shown(value)}.")
    written = JsonText.of(value)
    if len(written.text) > MAX_JSON_CHARACTERS:
        raise MetricParamsError(
            f"{where} is {len(written.text):,} characters of JSON; {MAX_JSON_CHARACTERS:,} are "
            "allowed."
        )
    return written


_READERS: Mapping[Kind, Callable[[str, Json, Mapping[str, Any]], object]] = {
    Kind.TEXT: _text,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.STEPS: _steps,
    Kind.NUMBER: _number,
    Kind.WHOLE: _whole,
    Kind.JSON: _json,
}


def _parts(where: str, value: Json, build_inner: BuildInner) -> tuple[Part, ...]:
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= MAX_PARTS:
        raise MetricParamsError(
            f'{where} is a list of 1 to {MAX_PARTS} parts, each {{"metric": ..., "weight": ...}}.'
        )
    return tuple(_part(f"{where}[{at}]", one, build_inner) for at, one in enumerate(value))


def _part(where: str, value: Json, build_inner: BuildInner) -> Part:
    if not isinstance(value, Mapping) or value.keys() != {"metric", "weight"}:
        raise MetricParamsError(f'{where} has two members, "metric" and "weight".')
    weight = value["weight"]
    if not _is_number(weight) or not 0 < weight <= HIGHEST_WEIGHT:
        raise MetricParamsError(
            f"{where}.weight is a number above 0 and at most {HIGHEST_WEIGHT:g}, not "
            f"{shown(weight)}."
        )
    return Part(metric=build_inner(f"{where}.metric", value["metric"]), weight=float(weight))


def _is_number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
