"""A human score for annotators like those who gave it, beside the one for this panel."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalhub.datasets.selectors import clusters
from evalhub.runs.models import Measurement, Rating, Run
from evalhub.web.formatting import digits_of_span, interval
from metrics.statistics.resolution import Rule
from metrics.statistics.two_way import two_way_mean

_DECIDED = "Experts decided outputs of it, and what they say is no sample of what people say."


def for_annotators_like_these(measurement: Measurement, run: Run) -> dict[str, Any]:
    """Return the interval as it is kept, or the reason why there is none.

    It is one of means: nothing is said of judges, medians and majorities.
    """
    is_mean = measurement.params.get("resolution") == Rule.MEAN
    if measurement.kind != Measurement.Kind.HUMAN or not is_mean:
        return {}
    rows = list(
        Rating.objects.filter(measurement=measurement)
        .order_by("position", "attempt", "rater")
        .values_list("position", "attempt", "rater", "value", "is_decision")
    )
    if any(is_decision for *_, is_decision in rows):
        return {"reason": _DECIDED}
    groups = clusters(run.version)
    positions = np.array([row[0] for row in rows], dtype=np.int64)
    found = two_way_mean(
        values=np.array([row[3] for row in rows], dtype=np.float64),
        units=positions * run.attempts + [row[1] - 1 for row in rows],
        examples=positions,
        annotators=np.array([row[2] for row in rows], dtype=np.str_),
        clusters=None if groups is None else groups[positions],
        low=-np.inf if measurement.low_bound is None else measurement.low_bound,
        high=np.inf if measurement.high_bound is None else measurement.high_bound,
    )
    if found.low is None or found.high is None:
        return {"reason": found.reason}
    return {
        "low": found.low,
        "high": found.high,
        "annotators": found.annotators,
        "note": found.note,
    }


def in_words(measurement: Measurement) -> str:
    """Say what a score is for annotators like these, or nothing where it was not asked."""
    kept = measurement.like_these
    if not kept:
        return ""
    if reason := kept.get("reason"):
        return f"{measurement.name} for other annotators like these: no interval. {reason}"
    low, high = measurement.low_bound, measurement.high_bound
    digits = digits_of_span(None if low is None or high is None else high - low)
    ends = interval(kept["low"], kept["high"], digits)
    said = f"{measurement.name} for annotators like these {kept['annotators']}: {ends}."
    return f"{said} {kept['note']}".rstrip()
