"""Ceilings: what a run came to against a budget. A fact of the run, and no estimate."""

from __future__ import annotations

import math
from typing import Any

from evalhub.gates import advising, wording
from evalhub.gates.rules import Ceiling
from evalhub.runs.models import Measurement
from metrics.base import Family
from metrics.reasons import Reason
from metrics.statistics.findings import MAX_UNSCORED_SHARE
from metrics.statistics.gating import Answer


def judged(rule: Ceiling, measured: Measurement | None) -> dict[str, Any]:
    """Return what a ceiling says; where too much is unscored, only if that cannot turn it."""
    part: dict[str, Any] = {
        "kind": "ceiling",
        "metric": rule.metric,
        "limit": rule.ceiling,
        "value": None,
        "advice": [],
    }
    if measured is None or measured.value is None:
        reason = f"The candidate has no value of {rule.metric}."
        return part | advising.left_open(reason, advising.of_no_value(rule.metric))
    n_unscored = _unscored(measured)
    n = measured.n_scored + n_unscored
    part |= {"value": measured.value, "measurement": measured.public_id}
    part |= {"n_scored": measured.n_scored, "n_unscored": n_unscored}
    if measured.higher_is_better:
        reason = f"More of {rule.metric} is better."
        return part | advising.left_open(reason, advising.NO_CEILING)
    is_met = measured.value <= rule.ceiling
    said = (
        f"{measured.value:g} is {'within' if is_met else 'above'} {rule.ceiling:g}, over "
        f"{measured.n_scored} of {n} outputs"
    )
    if n_unscored > MAX_UNSCORED_SHARE * n and any(
        (value <= rule.ceiling) != is_met for value in _filled(measured, n_unscored)
    ):
        reason = f"{said}; the {n_unscored} without a value could turn that."
        return part | advising.left_open(reason, advising.of_unscored(rule.metric))
    return part | {
        "answer": (Answer.PASS if is_met else Answer.FAIL).value,
        "reason": f"{said}.",
        "advice": [] if is_met else [wording.ABOVE_A_CEILING.format(metric=rule.metric)],
    }


def _unscored(measured: Measurement) -> int:
    """Count the outputs without a value; those that nobody was asked about are none."""
    counts: dict[str, int] = {**measured.unscored, Reason.NOT_RATED.code: 0}
    return sum(counts.values()) + measured.n_failed


def _filled(measured: Measurement, n_unscored: int) -> tuple[float, float]:
    """Return what the value would be with every gap filled by the least and the most there is.

    Only a mean over outputs can be filled; of anything else nothing is known.
    """
    is_mean = measured.family in (Family.MEAN, Family.BINARY) and measured.run.attempts == 1
    if not is_mean or measured.value is None:
        return -math.inf, math.inf
    ends = (
        -math.inf if measured.low_bound is None else measured.low_bound,
        math.inf if measured.high_bound is None else measured.high_bound,
    )
    n = measured.n_scored + n_unscored
    least, most = ((measured.value * measured.n_scored + end * n_unscored) / n for end in ends)
    return least, most
