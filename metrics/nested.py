"""What metrics of a metric have in common: what they take over, and what they refuse."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family, Metric, Part
from metrics.batch import COLUMNS, Floats
from metrics.fields import Kind, MetricParamsError, number_parameter, parameter
from metrics.match.exact_match import ExactMatch

HIGHEST_THRESHOLD = 1e12


def inner_parameter(meaning: str) -> Any:
    """Declare `of`: the metric whose values another metric reads, exact match by default."""
    return parameter(default=ExactMatch(), kind=Kind.METRIC, meaning=meaning)


def threshold_parameter() -> Any:
    """Declare `threshold`: from which value of the inner metric on an output passes."""
    return number_parameter(
        default=None,
        low=-HIGHEST_THRESHOLD,
        high=HIGHEST_THRESHOLD,
        meaning="From which value of the inner metric on an output passes (up to which, where "
        "less is better), and the inner metric's best value where none is given",
    )


def take_over(metric: Metric, inner: Sequence[Metric], **traits: object) -> None:
    """Give a metric of metrics, as it is made, every column it and they read, and these `traits`.

    Traits are class variables of `Metric`, such as `low` and `higher_is_better`: what they are
    depends on the inner metrics, so they stand on the object and not on its class.
    """
    read = set(type(metric).reads).union(*(one.reads for one in inner))
    reads = tuple(column for column in COLUMNS if column in read)
    for name, value in {"reads": reads, **traits}.items():
        object.__setattr__(metric, name, value)


def same_scale(inner: Metric) -> dict[str, object]:
    """Return the traits of a metric whose values lie on the inner metric's own scale."""
    return {
        "low": inner.low,
        "high": inner.high,
        "higher_is_better": inner.higher_is_better,
        "measured_in": inner.measured_in,
    }


def inner_metrics(metric: Metric) -> list[Metric]:
    """Return the metrics that are parameters of one, or parts of it."""
    inner: list[Metric] = []
    for field in dataclasses.fields(metric):
        value = getattr(metric, field.name)
        values = value if isinstance(value, tuple) else (value,)
        inner += [one.metric if isinstance(one, Part) else one for one in values
                  if isinstance(one, Metric | Part)]  # fmt: skip
    return inner


def greediest(metric: Metric) -> Metric:
    """Return which of a metric and those inside it asks for the most attempts at each example."""
    inside = (greediest(inner) for inner in inner_metrics(metric))
    return max((metric, *inside), key=lambda one: one.attempts_asked)


def check_per_example(name: str, inner: Metric) -> None:
    """Refuse an inner metric whose value for one example says too little to be built on."""
    if inner.family not in (Family.BINARY, Family.MEAN):
        raise MetricParamsError(
            f"{name} reads the values of single examples, and {inner.name} is a metric of the "
            "whole run: take one whose run value is the mean of its examples, such as "
            "rouge_l instead of bleu."
        )


def check_direction(name: str, inner: Metric) -> None:
    """Refuse an inner metric of which neither more nor less is better."""
    if inner.higher_is_better is None:
        raise MetricParamsError(
            f"{name} needs a metric of which more, or less, is better; {inner.name} has no "
            "better side."
        )


def resolved_threshold(name: str, inner: Metric, threshold: float | None) -> float:
    """Return the value from which an output passes; refuse with a sentence where none is."""
    check_direction(name, inner)
    if threshold is not None:
        return threshold
    if not math.isfinite(inner.best):
        raise MetricParamsError(
            f"{name} needs a threshold: {inner.name} has no best value to take for one."
        )
    return inner.best


def passes(values: Floats, inner: Metric, threshold: float) -> NDArray[np.bool_]:
    """Return which values of an inner metric pass; a value that is not there does not."""
    if inner.higher_is_better is False:
        return values <= threshold
    return values >= threshold


def per_example(values: Floats, attempts: int) -> Floats:
    """Return a batch's column as (examples, attempts)."""
    return values.reshape(-1, attempts)
