"""What is said of a measurement beside its name: which metric it is, its unit, its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from evalhub.runs.models import Measurement, Output, Run
from metrics.base import Family, Metric
from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.nested import inner_metrics

NO_SIDE = "no better side"


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Words for under a measurement's name, and where its metric is explained, if anywhere."""

    url: str
    words: str


def traits_of(measurement: Measurement) -> Traits:
    """Return what helps to read a number; nothing where the name says all."""
    metric = metric_of(measurement)
    words = [_kind_of(measurement, metric)]
    if metric is not None and metric.measured_in:
        words.append(f"in {metric.measured_in}")
    if measurement.higher_is_better is None:
        words.append(NO_SIDE)
    url = "" if metric is None else f"{reverse('runs:metrics')}#{metric.name}"
    return Traits(url=url, words=", ".join(filter(None, words)))


def _kind_of(measurement: Measurement, metric: Metric | None) -> str:
    """Return which metric it is where the name does not say it: `95 % quantile of latency`."""
    kind = "" if measurement.name == measurement.metric else measurement.metric
    if metric is None:
        return kind
    inner = inner_metrics(metric)
    if metric.family is Family.QUANTILE:
        level = "median" if metric.level == 0.5 else f"{100 * metric.level:g} % quantile"
        kind = level if inner or not kind else f"{level} of {kind}"
    return f"{kind} of {inner[0].name}".strip() if len(inner) == 1 else kind


def metric_of(measurement: Measurement) -> Metric | None:
    """Return the metric of the catalog that a measurement is of, None where it is none today."""
    if measurement.kind != Measurement.Kind.AUTOMATIC:
        return None
    try:
        return build(MetricSpec(name=measurement.metric, params=measurement.params))
    except MetricParamsError:
        return None


def nothing_retrieved(run: Run, measurements: Sequence[Measurement]) -> str:
    """Say that a run is measured by what it retrieved and never sent any; empty where it did.

    Outputs are looked through only where every such number is 0, as it must be then.
    """
    of_retrieval = [
        one
        for one in measurements
        if (metric := metric_of(one)) is not None and "retrieved" in metric.reads
    ]
    if not of_retrieval or any(one.value != 0.0 for one in of_retrieval):
        return ""
    if Output.objects.filter(run=run).exclude(retrieved="").exists():
        return ""
    names = ", ".join(one.name for one in of_retrieval)
    return (
        f"No output came with retrieved documents, so nothing was found by {names}: send them as "
        '"retrieved" with each output (reopen the run to change its outputs).'
    )
