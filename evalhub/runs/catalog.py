"""The catalog of metrics as people read it: the reference page, and what forms offer."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse

from evalhub.accounts.models import Project
from evalhub.runs.specs import JUDGE_PREFIX
from evalhub.scorers.selectors import PREFIX, ready_by_name
from metrics.base import Example, Family, Metric
from metrics.catalog import by_group, known_metrics, sample_of
from metrics.fields import Kind, sample_params
from metrics.judge import RUBRICS

JUDGES: Final = "Language models as judges"
REMOTE: Final = "Scorers of this project"
_FAMILIES: Final[Mapping[Family, str]] = {
    Family.BINARY: "the mean of yes (1) or no (0)",
    Family.MEAN: "the mean of the outputs' values",
    Family.CORPUS: "computed from sums over the whole run",
    Family.QUANTILE: "a quantile of the outputs' values",
}
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "text",
    Kind.BOOLEAN: "true or false",
    Kind.CHOICE: "one of",
    Kind.STEPS: "list, in this order, of",
    Kind.NUMBER: "number",
    Kind.WHOLE: "whole number",
    Kind.JSON: "JSON",
    Kind.METRIC: "metric",
    Kind.PARTS: "list of {metric, weight}",
}


@dataclass(frozen=True, kw_only=True)
class ParamShown:
    """One parameter as the reference shows it."""

    name: str
    kind: str
    choices: Sequence[str]
    default: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ExampleShown:
    """One worked example: what goes in by its label, and the value that comes out."""

    given: Sequence[tuple[str, str]]
    value: float | None
    params: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One metric as the reference shows it, its traits those it has by default."""

    name: str
    title: str
    version: int
    summary: str
    formula: str
    source: str
    needs: str
    reads: Sequence[str]
    range: str
    direction: str
    family: str
    signature: str
    sample: str  # what must be given, as it is in the signature and the spec
    params: Sequence[ParamShown]
    examples: Sequence[ExampleShown]
    spec: str


def reference() -> dict[str, list[Entry]]:
    """Return all metrics by group, in the order of the catalog."""
    return {group: [entry_of(one) for one in those] for group, those in by_group().items()}


def entry_of(metric: type[Metric]) -> Entry:
    """Return a metric as the reference shows it."""
    made, needed = sample_of(metric), sample_params(metric)
    described: Any = {param["name"]: param for param in _params_of(metric)}
    params = [described[field.name] for field in declared(metric)]
    return Entry(
        name=metric.name,
        title=metric.title,
        version=metric.version,
        summary=metric.summary,
        formula=metric.formula,
        source=metric.source,
        needs=metric.needs,
        reads=made.reads,
        range=range_in_words(made.low, made.high)
        + (f", in {made.measured_in}" if made.measured_in else ""),
        direction=direction_in_words(is_better=made.higher_is_better),
        family=_family_in_words(made.family, made.level),
        signature=made.signature,
        sample=", ".join(f"{name}: {_text(value)}" for name, value in needed.items()),
        params=[_param(one) for one in params],
        examples=[_example(one) for one in metric.examples],
        spec=_written({"name": metric.name, "params": {**needed, **_defaults(params)}}),
    )


def declared(metric: type[Metric]) -> list[dataclasses.Field[Any]]:
    """Return a metric's parameters as people look for them: its own before what it shares."""
    own_first = {
        name: depth
        for depth, base in reversed(list(enumerate(metric.__mro__)))
        for name in inspect.get_annotations(base)
    }
    return sorted(dataclasses.fields(metric), key=lambda field: own_first[field.name])


def _params_of(metric: type[Metric]) -> Any:
    return metric.describe()["params"]


def range_in_words(low: float | None, high: float | None) -> str:
    """Return between which values a metric lies; an end that is None or infinite is open."""
    has_low = low is not None and math.isfinite(low)
    has_high = high is not None and math.isfinite(high)
    if has_low and has_high:
        return f"{low:g} to {high:g}"
    if has_low:
        return f"{low:g} and up"
    return f"up to {high:g}" if has_high else "any number"


def direction_in_words(*, is_better: bool | None) -> str:
    """Return which side is better, for `higher_is_better`."""
    if is_better is None:
        return "neither more nor less is better: shown, and not compared"
    return "more is better" if is_better else "less is better"


def _family_in_words(family: Family, level: float) -> str:
    if family is Family.QUANTILE:
        return f"the value that {level:.1%} of the outputs do not exceed".replace(".0%", " %")
    return _FAMILIES[family]


def _param(described: Mapping[str, Any]) -> ParamShown:
    kind = Kind(described["type"])
    needed, default = described["required"], described["default"]
    return ParamShown(
        name=described["name"],
        kind=_KINDS[kind] + (", or null" if default is None and not needed else ""),
        choices=described["choices"],
        default="must be given" if needed else _written(default),
        meaning=described["meaning"],
    )


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _defaults(params: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return the parameters of a copyable spec: the defaults that say something."""
    return {one["name"]: one["default"] for one in params if one["default"] is not None}


def _example(example: Example) -> ExampleShown:
    attempts = [example.output, *example.further_attempts]
    many = len(attempts) > 1
    given = [(f"attempt {at}" if many else "output", _text(one))
             for at, one in enumerate(attempts, start=1)]  # fmt: skip
    if example.retrieved is not None:
        given = [("retrieved", ", ".join(example.retrieved))]
    if example.expected_output is not None:
        given.append(("expected", _text(example.expected_output)))
    given += [("reference", _text(one)) for one in example.references]
    if example.relevant is not None:
        grades = ", ".join(f"{name}: {grade:g}" for name, grade in example.relevant.items())
        given.append(("relevant", grades))
    return ExampleShown(
        given=given,
        value=example.value,
        params=_written(dict(example.params)) if example.params else "",
        note=example.note,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else _written(value)


@dataclass(frozen=True, kw_only=True)
class About:
    """What stands beside a form about the metric that is chosen, and where more is said."""

    name: str
    title: str
    summary: str
    formula: str
    source: str
    traits: str
    url: str


def about(name: str, project: Project) -> About:
    """Return what is known of a metric, a scorer or a judge that a form offers."""
    if metric := known_metrics().get(name):
        entry = entry_of(metric)
        return About(
            name=name,
            title=entry.title,
            summary=entry.summary,
            formula=entry.formula,
            source=entry.source,
            traits=f"{entry.range}; {entry.direction}; a run's value is {entry.family}; "
            f"needs {entry.needs}",
            url=f"{reverse('runs:metrics')}#{name}",
        )
    if name.startswith(PREFIX):
        return _about_scorer(name, project)
    rubric = RUBRICS[name.removeprefix(JUDGE_PREFIX)]
    return About(
        name=name,
        title=rubric.title,
        summary=f"A language model is asked about each output: {rubric.question}",
        formula="",
        source="",
        traits=f"{range_in_words(rubric.low, rubric.high)}; more is better",
        url=reverse("judging:list", args=[project.slug]),
    )


def _about_scorer(name: str, project: Project) -> About:
    ready = ready_by_name(project, name.removeprefix(PREFIX))
    bounds, is_better = ready.range, ready.revision.higher_is_better
    return About(
        name=name,
        title=ready.scorer.title,
        summary=ready.scorer.description,
        formula="",
        source=ready.revision.origin,
        traits=f"{range_in_words(bounds.low, bounds.high)}; "
        f"{direction_in_words(is_better=is_better)}",
        url=reverse("scorers:detail", args=[project.slug, ready.scorer.slug]),
    )
