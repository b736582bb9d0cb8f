"""How far people agree: Krippendorff's alpha with its interval, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import krippendorff
import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.batch import Floats
from metrics.statistics.coincidences import (
    Alphas,
    Answers,
    Codes,
    Level,
    TooLarge,
    agreeing_share,
    alphas,
)
from metrics.statistics.distributions import t_quantile
from metrics.statistics.groups import MIN_CLUSTERS

__all__ = ["Agreement", "Level", "Undefined", "agreement"]

SIGNIFICANCE = 0.05
# The package builds arrays of units x values x values: beyond this many cells the sums of ours
# give the point value, equal to 1e-9.
PACKAGE_CELLS = 1_000_000


class Undefined(StrEnum):
    """Why there is no alpha. It is then never shown as 0 or as 1."""

    NO_ANSWERS = "no_answers"
    ONE_ANNOTATOR = "one_annotator"
    NO_OVERLAP = "no_overlap"
    NO_VARIATION = "no_variation"
    NEGATIVE_VALUES = "negative_values"
    TOO_MANY_VALUES = "too_many_values"

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _SENTENCES[self]


_SENTENCES = {
    Undefined.NO_ANSWERS: "There are no answers yet.",
    Undefined.ONE_ANNOTATOR: "Only one person has answered: agreement needs two.",
    Undefined.NO_OVERLAP: "No unit has answers from two people yet.",
    Undefined.NO_VARIATION: (
        "All answers are the same, so there is nothing that people could have disagreed about."
    ),
    Undefined.NEGATIVE_VALUES: "A ratio scale starts at 0, and some answers are below it.",
    Undefined.TOO_MANY_VALUES: (
        "The answers have too many different values for this scale: an interval scale takes any."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Krippendorff's alpha of one question, with its counts.

    `alpha` is None with the reason in `undefined`; `low` and `high` are None together with the
    reason in `no_interval`. `units`, `pairable` and `annotators` count what enters alpha: units
    with two answers or more, those answers, and who gave them; `answers` counts all. `percent`
    is the share of pairs of answers to one unit that are equal; `groups` the independent
    examples or clusters behind the interval.
    """

    level: Level
    alpha: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    percent: float | None = None
    answers: int = 0
    units: int = 0
    pairable: int = 0
    annotators: int = 0
    groups: int = 0
    undefined: Undefined | None = None
    no_interval: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counts:
    answers: int
    units: int
    pairable: int
    annotators: int

    def without_alpha(self, level: Level, why: Undefined) -> Agreement:
        return Agreement(
            level=level,
            undefined=why,
            no_interval=why.sentence,
            answers=self.answers,
            units=self.units,
            pairable=self.pairable,
            annotators=self.annotators,
        )


def agreement(
    *,
    units: ArrayLike,
    annotators: ArrayLike,
    values: ArrayLike,
    level: Level,
    groups: ArrayLike | None = None,
    are_clusters: bool = False,
) -> Agreement:
    """Return alpha of answers given as three columns: unit, annotator, value.

    Values are numbers: options of a nominal or ordinal question by their index. NaN is "cannot
    judge" and no answer. `groups` names each answer's example (or cluster, with `are_clusters`):
    several outputs of one example are not independent, so the interval is a jackknife over
    groups with t quantiles; Hughes (2022), arXiv 2210.13265.
    """
    table = _read(units, annotators, values, groups)
    is_pairable = table.per_unit[table.units] >= 2
    counts = _Counts(
        answers=len(table.values),
        units=int((table.per_unit >= 2).sum()),
        pairable=int(is_pairable.sum()),
        annotators=len(np.unique(table.annotators[is_pairable])),
    )
    if why := _undefined(table, is_pairable, level):
        return counts.without_alpha(level, why)
    answers = _pairable(table, is_pairable)
    try:
        sums = alphas(answers, level)
    except TooLarge:
        return counts.without_alpha(level, Undefined.TOO_MANY_VALUES)
    alpha = _point_value(answers, level, sums)
    low, high, error, no_interval = _jackknife(alpha, sums.without, are_clusters=are_clusters)
    return Agreement(
        level=level,
        alpha=alpha,
        low=low,
        high=high,
        standard_error=error,
        percent=agreeing_share(answers),
        answers=counts.answers,
        units=counts.units,
        pairable=counts.pairable,
        annotators=counts.annotators,
        groups=answers.n_groups,
        no_interval=no_interval,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """The answers that are there, with units, annotators and groups as codes from 0."""

    units: Codes
    annotators: Codes
    groups: Codes
    values: Floats

    @property
    def per_unit(self) -> NDArray[np.intp]:
        return np.bincount(self.units)


def _read(
    units: ArrayLike, annotators: ArrayLike, values: ArrayLike, groups: ArrayLike | None
) -> _Table:
    numbers = np.asarray(values, dtype=np.float64)
    columns = [np.asarray(column) for column in (units, annotators)]
    columns.append(columns[0] if groups is None else np.asarray(groups))
    if any(column.shape != numbers.shape for column in columns):
        raise ValueError("Units, annotators, values and groups differ in length.")
    if np.isinf(numbers).any():
        raise ValueError("An answer is infinite.")
    given = ~np.isnan(numbers)
    unit, annotator, group = (_coded(column[given]) for column in columns)
    table = _Table(units=unit, annotators=annotator, groups=group, values=numbers[given])
    pairs = unit * (annotator.max(initial=0) + 1) + annotator
    if len(np.unique(pairs)) < len(pairs):
        raise ValueError("An annotator has answered one unit twice.")
    return table


def _coded(ids: NDArray[Any]) -> Codes:
    codes: Codes = np.unique(ids, return_inverse=True)[1]
    return codes


def _undefined(table: _Table, is_pairable: NDArray[np.bool_], level: Level) -> Undefined | None:
    if not len(table.values):
        return Undefined.NO_ANSWERS
    if table.annotators.max() == 0:
        return Undefined.ONE_ANNOTATOR
    if not is_pairable.any():
        return Undefined.NO_OVERLAP
    values = table.values[is_pairable]
    if (values == values[0]).all():
        return Undefined.NO_VARIATION
    if level is Level.RATIO and values.min() < 0:
        return Undefined.NEGATIVE_VALUES
    return None


def _pairable(table: _Table, is_pairable: NDArray[np.bool_]) -> Answers:
    units = _coded(table.units[is_pairable])
    groups = _coded(table.groups[is_pairable])
    group_of_unit = np.zeros(int(units.max()) + 1, dtype=np.intp)
    group_of_unit[units] = groups
    if (group_of_unit[units] != groups).any():
        raise ValueError("One unit stands in two groups.")
    domain, codes = np.unique(table.values[is_pairable], return_inverse=True)
    # Alpha does not depend on the unit of measurement; a power of two changes no digit.
    _, exponent = np.frexp(np.abs(domain).max())
    domain = np.ldexp(domain, -int(exponent))
    return Answers(units=units, codes=codes, domain=domain, group_of_unit=group_of_unit)


def _point_value(answers: Answers, level: Level, sums: Alphas) -> float:
    """Return alpha by the krippendorff package at ordinary sizes, else by our sums."""
    n_values = len(answers.domain)
    if answers.n_units * n_values**2 > PACKAGE_CELLS:
        return sums.whole
    cells = answers.units * n_values + answers.codes
    table = np.bincount(cells, minlength=answers.n_units * n_values)
    return float(
        krippendorff.alpha(
            value_counts=table.reshape(answers.n_units, n_values),
            value_domain=answers.domain,
            level_of_measurement=level.value,
        )
    )


def _jackknife(
    alpha: float, without: Floats, *, are_clusters: bool
) -> tuple[float | None, float | None, float | None, str]:
    """Return low, high, standard error, and the reason where there is no interval."""
    n, noun = len(without), "clusters" if are_clusters else "examples"
    least = MIN_CLUSTERS if are_clusters else 2
    if n < least:
        return None, None, None, f"An interval needs at least {least} {noun}: there are {n}."
    if np.isnan(without).any():
        return None, None, None, "All the variation comes from one of the " + noun + "."
    around = without - without.mean()
    error = math.sqrt((n - 1) / n * float(np.square(around).sum()))
    if error < 1e-12:
        return _perfect(alpha, n)
    reach = t_quantile(1 - SIGNIFICANCE / 2, n - 1) * error
    return max(-1.0, alpha - reach), min(1.0, alpha + reach), error, ""


def _perfect(alpha: float, n: int) -> tuple[float | None, float | None, float | None, str]:
    """Bound perfect agreement by the rule of three: a share 1 - 0.05^(1/n) may yet be chance."""
    if alpha < 1.0 - 1e-12:
        return (
            None,
            None,
            None,
            "Every group agrees to the same degree, so nothing shows a spread.",
        )
    return math.exp(math.log(SIGNIFICANCE) / n), 1.0, None, ""
