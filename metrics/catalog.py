"""Every metric that can be computed. Adding one means writing its file and naming it here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from metrics.base import Json, Kind, Metric, MetricParamsError
from metrics.bleu import Bleu
from metrics.chrf import Chrf
from metrics.exact_match import ExactMatch
from metrics.rouge import Rouge1, Rouge2, RougeL
from metrics.token_f1 import TokenF1

CATALOG: tuple[type[Metric], ...] = (
    ExactMatch,
    TokenF1,
    Bleu,
    Chrf,
    Rouge1,
    Rouge2,
    RougeL,
)

_BY_NAME: Mapping[str, type[Metric]] = {metric.name: metric for metric in CATALOG}
MAX_STEPS = 20
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric as a run asks for it: a name, parameters in plain JSON, and the name it answers to.

    `alias` is the key of the metric in every answer about the run.
    """

    name: str
    params: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    alias: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "alias", self.alias or self.name)

    def as_json(self) -> dict[str, Json]:
        """Return the spec as it is written in a request."""
        return {"name": self.name, "params": dict(self.params), "as": self.alias}


def read_spec(value: Json) -> MetricSpec:
    """Read a metric as it stands in a request: a name, or ``{"name", "params", "as"}``."""
    if isinstance(value, str):
        return MetricSpec(name=value)
    if not isinstance(value, Mapping):
        raise MetricParamsError('A metric is a name, or {"name": ..., "params": ..., "as": ...}.')
    if unknown := sorted(value.keys() - {"name", "params", "as"}):
        raise MetricParamsError(
            f"A metric has no member {_shown(unknown[0])}: name, params and as."
        )
    name, params, alias = value.get("name"), value.get("params", {}), value.get("as")
    if not isinstance(name, str):
        raise MetricParamsError('A metric needs a "name", which is text.')
    if not isinstance(params, Mapping):
        raise MetricParamsError(f'The "params" of {name} are not an object.')
    if alias is not None and not (isinstance(alias, str) and _ALIAS.fullmatch(alias)):
        raise MetricParamsError(
            f'The "as" of {name} is not a short name: up to 64 letters, digits and any of _.:@-.'
        )
    return MetricSpec(name=name, params=params, alias=alias or name)


def build(spec: MetricSpec) -> Metric:
    """Return the metric a spec asks for; refuse what cannot be computed with a sentence."""
    metric = _BY_NAME.get(spec.name)
    if metric is None:
        known = ", ".join(_BY_NAME)
        raise MetricParamsError(f"There is no metric {_shown(spec.name)}. There are: {known}.")
    fields = {field.name: field for field in dataclasses.fields(metric)}
    if unknown := sorted(spec.params.keys() - fields.keys()):
        raise MetricParamsError(
            f"{spec.name} has no parameter {_shown(unknown[0])}. It has: {', '.join(fields)}."
        )
    given = {
        name: _read_parameter(spec.name, fields[name], value)
        for name, value in spec.params.items()
    }
    return metric(**given)


def describe_catalog() -> list[dict[str, object]]:
    """Return the whole catalog as plain JSON, in its order."""
    return [metric.describe() for metric in CATALOG]


def _read_parameter(metric: str, field: dataclasses.Field[Any], value: Json) -> object:
    where = f"{metric}: {field.name}"
    kind, choices = field.metadata["kind"], field.metadata["choices"]
    if value is None and field.default is None:
        return None
    if kind is Kind.BOOLEAN:
        if not isinstance(value, bool):
            raise MetricParamsError(f"{where} is true or false, not {_shown(value)}.")
        return value
    if kind is Kind.NUMBER:
        return _number(where, value, low=field.metadata["low"], high=field.metadata["high"])
    if kind is Kind.STEPS:
        return _steps(where, value, choices)
    if kind is Kind.CHOICE:
        return _chosen(where, value, choices)
    if not isinstance(value, str):
        raise MetricParamsError(f"{where} is text, not {_shown(value)}.")
    return value


def _steps(where: str, value: Json, choices: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_STEPS:
        raise MetricParamsError(
            f"{where} is a list of at most {MAX_STEPS} steps: {', '.join(choices)}."
        )
    return tuple(_chosen(where, step, choices) for step in value)


def _number(where: str, value: Json, *, low: float, high: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value) + 0.0  # 1 and 1.0, 0 and -0.0 are one number, and so one signature
    raise MetricParamsError(f"{where} is a number from {low:g} to {high:g}, not {_shown(value)}.")


def _chosen(where: str, value: Json, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise MetricParamsError(f"{where} knows {', '.join(choices)}, not {_shown(value)}.")
    return value


def _shown(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:60]}..."
