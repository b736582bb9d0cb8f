"""The parameters of a metric as fields of a form: what people type, and the JSON it stands for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from django import forms

from evalhub.errors import DomainError
from evalhub.intake.strict import strict_json
from metrics.batch import Json
from metrics.fields import Kind, is_required

# The id of the list of names that a field for a metric offers.
METRIC_LIST: Final = "inner-metrics"
NO_STEP: Final = "none"
_EXACT: Final = {"class": "mono", "spellcheck": "false", "autocomplete": "off"}
_YES_OR_NO: Final = {"true": "yes", "false": "no"}


class ParameterField(forms.CharField):
    """A parameter; what is cleaned is its JSON, and None where nothing was typed.

    Only what cannot be read is refused here. What the value may be is the metric's to say, in
    one place for pages and REST.
    """

    def __init__(self, declared: dataclasses.Field[Any]) -> None:
        self.kind: Kind = declared.metadata["kind"]
        super().__init__(
            required=is_required(declared),
            strip=self.kind is not Kind.TEXT,
            label=declared.name,
            help_text=_help(declared),
            widget=_widget(declared),
        )

    def clean(self, value: Any) -> Json:
        text: str = super().clean(value)
        return _READERS[self.kind](text) if text else None


def written(declared: dataclasses.Field[Any], value: Json) -> str:
    """Return a parameter's JSON as somebody would type it."""
    if value is None:
        return ""
    if declared.metadata["kind"] is Kind.STEPS and isinstance(value, list):
        return ", ".join(map(str, value)) or NO_STEP
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _default(declared: dataclasses.Field[Any]) -> str:
    """Return what a parameter is where it is left out, as a person reads it."""
    kind: Kind = declared.metadata["kind"]
    default: Any = declared.default
    if default is None or is_required(declared):
        return ""
    if kind is Kind.BOOLEAN:
        return _YES_OR_NO[json.dumps(default)]
    if kind is Kind.STEPS:
        return ", ".join(default) or "no step"
    if kind is Kind.METRIC:
        return str(default.name)
    if kind is Kind.PARTS:
        return " and ".join(f"{one.metric.name} × {one.weight:g}" for one in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _help(declared: dataclasses.Field[Any]) -> str:
    kind, parts = declared.metadata["kind"], [declared.metadata["meaning"]]
    if kind is Kind.STEPS:
        parts.append(f"Names with commas between them; {NO_STEP} for no step.")
    elif kind is Kind.METRIC:
        parts.append('A name, or JSON with parameters: {"name": …, "params": {…}}.')
    elif kind in (Kind.JSON, Kind.PARTS):
        parts.append("In JSON.")
    default = _default(declared)
    if default and kind not in (Kind.BOOLEAN, Kind.CHOICE):
        parts.append(f"Left empty: {default}.")
    return " ".join(parts)


def _widget(declared: dataclasses.Field[Any]) -> forms.Widget:
    kind, metadata = declared.metadata["kind"], declared.metadata
    if kind in (Kind.CHOICE, Kind.BOOLEAN):
        options = _YES_OR_NO if kind is Kind.BOOLEAN else {one: one for one in metadata["choices"]}
        default = _default(declared)
        return forms.Select(choices=[("", f"default: {default}"), *options.items()])
    if kind in (Kind.NUMBER, Kind.WHOLE):
        step = "1" if kind is Kind.WHOLE else "any"
        return forms.NumberInput({"min": metadata["low"], "max": metadata["high"], "step": step})
    if kind in (Kind.JSON, Kind.PARTS):
        return forms.Textarea({**_EXACT, "rows": 4})
    return forms.TextInput({**_EXACT, "list": METRIC_LIST} if kind is Kind.METRIC else _EXACT)


def _number(text: str) -> Json:
    """Return the number, or the text itself for the metric to refuse."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _steps(text: str) -> Json:
    if text == NO_STEP:
        return []
    return [step.strip() for step in text.split(",") if step.strip()]


def _json(text: str) -> Json:
    try:
        value: Any = strict_json(text.encode("utf-8", "surrogatepass"))
    except DomainError as exc:
        raise forms.ValidationError(exc.detail) from exc
    return cast("Json", value)


_READERS: Final[Mapping[Kind, Callable[[str], Json]]] = {
    Kind.TEXT: str,
    Kind.CHOICE: str,
    Kind.BOOLEAN: lambda text: {"true": True, "false": False}.get(text, text),
    Kind.NUMBER: _number,
    Kind.WHOLE: _number,
    Kind.STEPS: _steps,
    Kind.METRIC: lambda text: _json(text) if text.startswith("{") else text,
    Kind.JSON: _json,
    Kind.PARTS: _json,
}
