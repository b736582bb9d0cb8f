"""Metric specs of requests, checked and turned into what a measurement will be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from evalhub.accounts.models import Project
from evalhub.errors import ContentError, FieldError
from evalhub.runs.models import Measurement
from evalhub.scorers.selectors import PREFIX, NotReadyError, ready_by_name
from metrics.base import Family, Metric
from metrics.batch import Json
from metrics.catalog import (
    MetricSpec,
    build,
    configured,
    known_metrics,
    missing_params,
    read_spec,
)
from metrics.fields import MetricParamsError, sample_params
from metrics.judge import RUBRICS, Rubric, Setting, signature
from metrics.nested import greediest

MAX_METRICS = 50
JUDGE_PREFIX = "judge_"
# What every question is asked with. It stands in the measurement's params and its signature.
JUDGE_SETTINGS: Mapping[str, Setting] = {"temperature": 0, "max_tokens": 4_096}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A measurement to be: what its spec asks for, and what defines its number."""

    name: str
    kind: Measurement.Kind
    metric: str
    params: Mapping[str, Json]
    signature: str
    family: Family
    higher_is_better: bool | None
    low_bound: float | None
    high_bound: float | None


def plan(
    specs: Sequence[Json],
    *,
    project: Project,
    attempts: int | None = None,
    field: str = "metrics",
) -> list[Planned]:
    """Return what the specs ask for in a project, or raise ContentError naming every wrong one.

    `attempts` is how many a run has at each example; None where there is no run yet.
    """
    if len(specs) > MAX_METRICS:
        raise ContentError(f"A run takes at most {MAX_METRICS} metrics; these are {len(specs)}.")
    planned: list[Planned] = []
    faults: list[FieldError] = []
    for at, value in enumerate(specs):
        where = f"{field}[{at}]"
        found = _planned(value, where, project, attempts)
        if isinstance(found, FieldError):
            faults.append(found)
        elif found.name in {earlier.name for earlier in planned}:
            detail = f'Two metrics answer to {found.name!r}; give one another name with "as".'
            faults.append(FieldError(f"{where}.as", "repeated", detail))
        else:
            planned.append(found)
    if faults:
        raise ContentError(f"{faults[0].field}: {faults[0].detail}", errors=faults)
    return planned


def _planned(
    value: Json, where: str, project: Project, attempts: int | None
) -> Planned | FieldError:
    try:
        spec = read_spec(value)
    except MetricParamsError as exc:
        return FieldError(where + _wrong_member(value), "metric", str(exc))
    if spec.name.startswith(JUDGE_PREFIX):
        return _judged(spec, where)
    if spec.name.startswith(PREFIX):
        return _remote(spec, where, project)
    try:
        metric = build(spec)
    except MetricParamsError as exc:
        return FieldError(where + _wrong_param(spec), "metric", str(exc))
    if attempts is not None and (too_many := _too_many_attempts(metric, attempts)):
        param = "k" if "k" in spec.params else "of"
        return FieldError(f"{where}.params.{param}", "attempts", too_many)
    return _automatic(spec, metric)


def _too_many_attempts(metric: Metric, attempts: int) -> str:
    """Say that a metric asks for more attempts than a run has; empty where it does not."""
    asking = greediest(metric)
    if asking.attempts_asked <= max(attempts, 1):
        return ""
    has = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return (
        f"{asking.name} asks for {asking.attempts_asked} attempts at each example, and the run "
        f"has {has}: ask for at most {attempts}, or begin a run with more attempts."
    )


def _automatic(spec: MetricSpec, metric: Metric) -> Planned:
    return Planned(
        name=spec.alias,
        kind=Measurement.Kind.AUTOMATIC,
        metric=spec.name,
        params=dict(spec.params),
        signature=metric.signature,
        family=metric.family,
        higher_is_better=metric.higher_is_better,
        low_bound=_finite(metric.low),
        high_bound=_finite(metric.high),
    )


def _judged(spec: MetricSpec, where: str) -> Planned | FieldError:
    rubric = RUBRICS.get(spec.name.removeprefix(JUDGE_PREFIX))
    if rubric is None:
        known = ", ".join(JUDGE_PREFIX + name for name in RUBRICS)
        detail = f"There is no judge {spec.name!r}. There are: {known}."
        return FieldError(f"{where}.name", "metric", detail)
    if spec.params:
        param = sorted(spec.params)[0]
        detail = f"{spec.name} has no parameter {param!r}; it has none."
        return FieldError(f"{where}.params.{param}", "metric", detail)
    if not settings.JUDGE_URL:
        detail = (
            f"{spec.name} asks a language model, and none is set up here: set "
            "EVALHUB_JUDGE_URL and EVALHUB_JUDGE_MODEL, and start the service again."
        )
        return FieldError(f"{where}.name", "no_judge", detail)
    return _rubric_plan(spec, rubric)


def _rubric_plan(spec: MetricSpec, rubric: Rubric) -> Planned:
    model = settings.JUDGE_MODEL
    return Planned(
        name=spec.alias,
        kind=Measurement.Kind.JUDGE,
        metric=spec.name,
        params={"rubric": rubric.name, "model": model, "settings": dict(JUDGE_SETTINGS)},
        signature=signature(rubric, model=model, settings=JUDGE_SETTINGS),
        family=Family.MEAN,
        higher_is_better=True,
        low_bound=float(rubric.low),
        high_bound=float(rubric.high),
    )


def _remote(spec: MetricSpec, where: str, project: Project) -> Planned | FieldError:
    """Return a scorer at its newest revision: what it is now is what the run is scored with."""
    if spec.params:
        param = sorted(spec.params)[0]
        detail = f"{spec.name} has no parameter {param!r}; it has none."
        return FieldError(f"{where}.params.{param}", "metric", detail)
    try:
        ready = ready_by_name(project, spec.name.removeprefix(PREFIX))
    except NotReadyError as exc:
        return FieldError(f"{where}.name", exc.code, exc.detail)
    revision = ready.revision
    return Planned(
        name=spec.alias,
        kind=Measurement.Kind.REMOTE,
        metric=spec.name,
        params=ready.params,
        signature=ready.signature,
        family=Family.BINARY if revision.is_binary else Family.MEAN,
        higher_is_better=revision.higher_is_better,
        low_bound=revision.low,
        high_bound=revision.high,
    )


def _wrong_member(value: Json) -> str:
    """Return which member of a malformed spec is wrong, as far as that can be told."""
    if not isinstance(value, Mapping):
        return ""
    if unknown := sorted(value.keys() - {"name", "params", "as"}):
        return f".{unknown[0]}"
    if not isinstance(value.get("name"), str):
        return ".name"
    return ".as" if isinstance(value.get("params", {}), Mapping) else ".params"


def _wrong_param(spec: MetricSpec) -> str:
    """Return which parameter is refused: one that is missing, or the first refused alone."""
    metric = known_metrics().get(spec.name)
    if metric is None:
        return ".name"
    for name in missing_params(metric, spec.params):
        return f".params.{name}"
    for name, value in spec.params.items():
        try:
            configured(metric, {**sample_params(metric), name: value})
        except MetricParamsError:
            return f".params.{name}"
    return ".params"


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
