"""How far the answers to one unit are apart: what figures about pairs of answers add up."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats
from metrics.statistics.agreement.answers import Answers
from metrics.statistics.agreement.coincidences import Level, Scale, counted, distinct_pairs
from metrics.statistics.agreement.sets import SetDistance, set_distance


class Weighing(StrEnum):
    """How much a disagreement weighs: any alike, by its distance, or by that squared."""

    ALIKE = "alike"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


def disagreements(answers: Answers, scale: Scale, *, width: float | None = None) -> Floats:
    """Return how far the answers to each unit are apart, as a share of the largest distance.

    The mean over the pairs of answers, from 0 to 1, in the order of `unit_ids`; NaN where there
    is no pair. Options are apart or not, chosen sets by their distance, and numbers by their
    difference as a share of `width`, the scale's (without it, that between all answers).
    """
    if isinstance(scale, SetDistance):
        return mean_distances(answers, scale)
    if scale is Level.NOMINAL:
        return mean_distances(answers, Weighing.ALIKE)
    if width is None:
        width = float(np.ptp(answers.values)) if len(answers.values) else 0.0
    return mean_distances(answers, Weighing.LINEAR) / (width or 1.0)


def mean_distances(answers: Answers, weighing: Weighing | SetDistance) -> Floats:
    """Return each unit's mean distance over its pairs of answers; NaN where there is none."""
    m = answers.per_unit.astype(np.float64)
    means = np.full(len(m), np.nan)
    np.divide(_sums(answers, weighing), m * (m - 1) / 2, out=means, where=m > 1)
    return means


def _sums(answers: Answers, weighing: Weighing | SetDistance) -> Floats:
    if isinstance(weighing, SetDistance):
        return _between_sets(answers, weighing)
    by_weighing = {
        Weighing.ALIKE: _unequal,
        Weighing.LINEAR: _differences,
        Weighing.QUADRATIC: _squares,
    }
    return by_weighing[weighing](answers)


def _unequal(answers: Answers) -> Floats:
    m = answers.per_unit
    _, codes = np.unique(answers.values, return_inverse=True)
    owner, _, counts = counted(answers.units, codes, int(codes.max(initial=0)) + 1)
    equal = np.bincount(owner, weights=counts * (counts - 1), minlength=len(m))
    return np.asarray((m * (m - 1) - equal) / 2)


def _differences(answers: Answers) -> Floats:
    """In rising order, the i-th of m answers is added in i pairs and taken away in the others."""
    m = answers.per_unit
    order = np.lexsort((answers.values, answers.units))
    units, values = answers.units[order], answers.values[order]
    starts = np.cumsum(m) - m
    above_lowest = values - values[starts[units]]
    times = 2.0 * (np.arange(len(units)) - starts[units]) - m[units] + 1
    return np.bincount(units, weights=times * above_lowest, minlength=len(m)).astype(np.float64)


def _squares(answers: Answers) -> Floats:
    m = answers.per_unit
    sums = np.bincount(answers.units, weights=answers.values, minlength=len(m))
    around = np.square(answers.values - (sums / np.maximum(m, 1))[answers.units])
    return np.asarray(m * np.bincount(answers.units, weights=around, minlength=len(m)))


def _between_sets(answers: Answers, distance: SetDistance) -> Floats:
    domain, codes = np.unique(answers.values, return_inverse=True)
    owner, low, high, product = distinct_pairs(answers.units, codes, len(domain))
    apart = product * set_distance(domain[low], domain[high], distance)
    n_units: int = len(answers.unit_ids)
    return np.bincount(owner, weights=apart, minlength=n_units).astype(np.float64)


def worst(distances: Floats, n: int) -> NDArray[np.intp]:
    """Return the places of the n units that are furthest apart, furthest first."""
    order = np.argsort(-np.nan_to_num(distances, nan=-1.0), kind="stable")[:n]
    return order[distances[order] > 0]
