"""Scores as they may be stored: what a metric answers is checked before anybody believes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.base import Metric
from metrics.batch import Floats, Scores
from metrics.reasons import Reason

# Rounding may carry a value past the end of its range by so much.
TOLERANCE = 1e-9


class UnsoundError(Exception):
    """What a metric answered is no scores for these rows; the message is for people."""


def sound(answer: object, metric: Metric, n: int) -> Scores:
    """Return a metric's scores of n rows as they may be stored.

    An answer of another kind or shape is refused. A single row that breaks the contract (a value
    that is not finite or out of range, an unknown reason) loses its value, with a reason.
    """
    if not isinstance(answer, Scores):
        raise UnsoundError(f"It answered {type(answer).__name__} instead of scores.")
    parts: list[Any] = [answer.values, answer.reasons, answer.statistics]
    expected = [(n,), (n,), (n, len(metric.statistic_names))]
    shapes = [np.shape(part) for part in parts]
    if shapes != expected:
        raise UnsoundError(
            f"It answered values, reasons and statistics of the shapes {shapes} for {n} rows."
        )
    values, reasons, statistics = (_numbers(part) for part in parts)
    labels = _labels(answer.labels)
    broken = _broken(values, reasons, statistics, metric)
    if metric.names_labels:
        broken |= ~_are_places(statistics, len(labels))
    clean = np.where(broken, Reason.METRIC_FAILED, reasons).astype(np.uint8)
    scored = clean == Reason.SCORED
    return Scores(
        values=np.where(scored, values, np.nan),
        reasons=clean,
        statistics=np.where(scored[:, None], statistics, 0.0),
        labels=labels,
    )


def _labels(given: object) -> tuple[str, ...]:
    if isinstance(given, tuple) and all(isinstance(one, str) for one in given):
        return given
    raise UnsoundError("It answered labels that are no tuple of texts.")


def _are_places(statistics: Floats, n_labels: int) -> NDArray[np.bool_]:
    whole = statistics == np.floor(statistics)
    are_places: NDArray[np.bool_] = np.all(
        whole & (statistics >= 0.0) & (statistics <= n_labels), axis=1
    )
    return are_places


def _numbers(part: Any) -> Floats:
    try:
        numbers: Floats = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnsoundError("It answered something that is no number.") from None
    return numbers


def _broken(
    values: Floats, reasons: Floats, statistics: Floats, metric: Metric
) -> NDArray[np.bool_]:
    """Return which rows cannot be stored as they are."""
    known = np.isin(reasons, [reason.value for reason in Reason])
    inside = (values >= metric.low - TOLERANCE) & (values <= metric.high + TOLERANCE)
    is_number = np.isfinite(values) & inside & np.isfinite(statistics).all(axis=1)
    broken: NDArray[np.bool_] = ~known | ((reasons == Reason.SCORED) & ~is_number)
    return broken


def all_failed(metric: Metric, n: int) -> Scores:
    """Return the scores of rows on which a metric failed."""
    return Scores(
        values=np.full(n, np.nan),
        reasons=np.full(n, Reason.METRIC_FAILED, dtype=np.uint8),
        statistics=np.zeros((n, len(metric.statistic_names))),
    )
