"""How often each annotator answers control units as is known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metrics.batch import Floats
from metrics.statistics.distributions import normal_quantile
from metrics.statistics.intervals import ALPHA, wilson

MIN_CONTROLS = 10
_NONE = "No control unit answered yet."


@dataclass(frozen=True, kw_only=True)
class ControlAccuracy:
    """One annotator's control units: how many were answered and right, with Wilson's interval.

    `accuracy` is None without any, and `reason` says so; `caution` is a sentence where there are
    too few for a judgment about a person.
    """

    annotator: Any
    answered: int
    right: int
    cannot_judge: int
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    caution: str = ""


def control_accuracy(*, annotators: ArrayLike, are_right: ArrayLike) -> list[ControlAccuracy]:
    """Return the accuracy of each annotator, in the order of annotators.

    An answer to a control unit is 1 where it is right and 0 where it is wrong. NaN is "cannot
    judge", which is neither.
    """
    people, right = np.asarray(annotators), np.asarray(are_right, dtype=np.float64)
    if people.shape != right.shape:
        raise ValueError("Annotators and answers differ in length.")
    if not (np.isnan(right) | np.isin(right, (0.0, 1.0))).all():
        raise ValueError("An answer to a control unit is right, 1, or wrong, 0.")
    return [_accuracy(one, right[people == one]) for one in np.unique(people).tolist()]


def _accuracy(annotator: object, answers: Floats) -> ControlAccuracy:
    given = answers[~np.isnan(answers)]
    n, right = len(given), int(given.sum())
    unable = len(answers) - n
    if not n:
        return ControlAccuracy(
            annotator=annotator, answered=0, right=0, cannot_judge=unable, reason=_NONE
        )
    low, high = wilson(right / n, n, z=normal_quantile(1 - ALPHA / 2))
    units = "1 control unit" if n == 1 else f"{n} control units"
    return ControlAccuracy(
        annotator=annotator,
        answered=n,
        right=right,
        cannot_judge=unable,
        accuracy=right / n,
        low=low,
        high=high,
        caution=f"Too few to say: {units}." if n < MIN_CONTROLS else "",
    )
