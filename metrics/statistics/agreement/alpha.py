"""How far people agree: Krippendorff's alpha with its interval, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import krippendorff
import numpy as np
from numpy.typing import ArrayLike

from metrics.statistics.agreement.answers import Answers, Pairable
from metrics.statistics.agreement.coincidences import (
    Alphas,
    Level,
    Scale,
    TooLarge,
    alphas,
    counted,
    manageable,
)
from metrics.statistics.agreement.jackknife import jackknifed
from metrics.statistics.agreement.undefined import Undefined

# The package builds arrays of units x values x values: beyond this many cells the sums of ours
# give the point value, equal to 1e-9.
PACKAGE_CELLS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Krippendorff's alpha of one question, with its counts.

    `alpha` is None with the reason in `undefined`; `low` and `high` are None together with the
    reason in `no_interval`. `units`, `pairable` and `annotators` count what enters alpha: units
    with two answers or more, those answers, and who gave them; `answers` counts all. `percent`
    is the share of pairs of answers to one unit that are equal; `groups` the independent
    examples or clusters behind the interval, whose t quantile has so many `degrees` and which
    lies around alpha - `bias`.
    """

    level: Scale
    alpha: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    bias: float = 0.0
    percent: float | None = None
    answers: int = 0
    units: int = 0
    pairable: int = 0
    annotators: int = 0
    groups: int = 0
    undefined: Undefined | None = None
    no_interval: str = ""


def agreement(
    *,
    units: ArrayLike,
    annotators: ArrayLike,
    values: ArrayLike,
    level: Scale,
    groups: ArrayLike | None = None,
    are_clusters: bool = False,
) -> Agreement:
    """Return alpha of answers given as three columns: unit, annotator, value.

    `Answers.of` says what may stand in them. `groups` names each answer's example (or cluster,
    with `are_clusters`): several outputs of one example are not independent.
    """
    return alpha_of(
        Answers.of(
            units=units,
            annotators=annotators,
            values=values,
            groups=groups,
            are_clusters=are_clusters,
        ),
        level,
    )


def alpha_of(answers: Answers, scale: Scale) -> Agreement:
    """Return alpha of the answers to one question, with its interval."""
    if why := answers.without_pairs:
        return _without_alpha(answers, None, scale, why)
    pairable = answers.pairable()
    if why := unsuitable(pairable, scale):
        return _without_alpha(answers, pairable, scale, why)
    try:
        sums = alphas(manageable(pairable, scale), scale)
    except TooLarge:
        return _without_alpha(answers, pairable, scale, Undefined.TOO_MANY_VALUES)
    alpha = _point_value(pairable, scale, sums)
    spread = jackknifed(alpha, sums.without, are_clusters=answers.are_clusters)
    return Agreement(
        level=scale,
        alpha=alpha,
        low=spread.low,
        high=spread.high,
        standard_error=spread.standard_error,
        degrees=spread.degrees,
        bias=spread.bias,
        percent=_agreeing_share(pairable),
        answers=len(answers.values),
        units=pairable.n_units,
        pairable=len(pairable.codes),
        annotators=pairable.n_annotators,
        groups=pairable.n_groups,
        no_interval=spread.no_interval,
    )


def unsuitable(pairable: Pairable, scale: Scale) -> Undefined | None:
    """Return why these answers have no alpha on this scale."""
    if not pairable.varies:
        return Undefined.NO_VARIATION
    if scale is Level.RATIO and pairable.domain[0] < 0:
        return Undefined.NEGATIVE_VALUES
    return None


def _without_alpha(
    answers: Answers, pairable: Pairable | None, scale: Scale, why: Undefined
) -> Agreement:
    return Agreement(
        level=scale,
        undefined=why,
        no_interval=why.sentence,
        answers=len(answers.values),
        units=pairable.n_units if pairable else 0,
        pairable=len(pairable.codes) if pairable else 0,
        annotators=pairable.n_annotators if pairable else 0,
    )


def _point_value(pairable: Pairable, scale: Scale, sums: Alphas) -> float:
    """Return alpha by the krippendorff package at ordinary sizes, else by our sums."""
    n_values = len(pairable.domain)
    if not isinstance(scale, Level) or pairable.n_units * n_values**2 > PACKAGE_CELLS:
        return sums.whole
    cells = pairable.units * n_values + pairable.codes
    table = np.bincount(cells, minlength=pairable.n_units * n_values)
    return float(
        krippendorff.alpha(
            value_counts=table.reshape(pairable.n_units, n_values),
            value_domain=pairable.scaled,
            level_of_measurement=scale.value,
        )
    )


def _agreeing_share(pairable: Pairable) -> float:
    """Return the share of pairs of answers to one unit that are equal."""
    _, _, counts = counted(pairable.units, pairable.codes, len(pairable.domain))
    m = pairable.per_unit
    return float((counts * (counts - 1)).sum() / (m * (m - 1)).sum())
