"""Where a metric's level changed over a history of runs: CUSUM by permutation, split in two.

The sums of the weighted, centred values go far from zero where the level changes (Page, 1955;
Hinkley, 1971). Were the level constant, the values could stand in any order, so permuting them
says how far such sums go by chance. A stretch with a change is split there, and both parts are
looked at again (binary segmentation: Vostrikova, 1981).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.batch import Floats

# The chance of any flag in a history without a change: a hundred such histories show at most one
# false flag 98 times in 100, which a level of 1 % would not give.
LEVEL = 0.002
# In fewer runs no order of the values is rare enough for this level.
MIN_RUNS = 12
PERMUTATIONS = 9_999
_ROUNDING = 1e-9
_AT_ONCE = 1_000_000
# No run weighs as if its error were under this part of the typical one.
_LEAST_ERROR = 0.25


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """The level changed between run `at` - 1 and run `at`, counted from 0.

    `before` and `after` are the weighted means of the stretches that end and begin there.
    `p_value` is that of the stretch in which it was found, times how much of the history it is
    shorter: a change is one where it is at most `LEVEL`.
    """

    at: int
    p_value: float
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of a history in order; `reason` says why none could be found."""

    points: tuple[ChangePoint, ...]
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Series:
    """The values of a history that are there, their weights, and their positions in it."""

    values: Floats
    weights: Floats
    places: NDArray[np.int64]

    def mean(self, start: int, stop: int) -> float:
        rows = slice(start, stop)
        return float(np.average(self.values[rows], weights=self.weights[rows]))


def change_points(
    values: ArrayLike,
    errors: ArrayLike | None = None,
    *,
    breaks: Sequence[int] = (),
    seed: int = 0,
) -> Changes:
    """Return where the level of `values` (runs,), in order of time, changed.

    `errors` are standard errors, NaN where unknown; runs weigh by their inverse squares. NaN
    among the values is left out. At `breaks`, positions of runs, something else is measured from
    there on: no change is looked for across one. Raises ValueError where lengths differ or a
    number is infinite.
    """
    series = _series(np.asarray(values, dtype=np.float64), errors)
    n = len(series.values)
    cuts = np.unique(np.searchsorted(series.places, [0, *breaks, _end(series)])).tolist()
    stretches = [(a, b) for a, b in pairwise(cuts) if b - a >= MIN_RUNS]
    if not stretches:
        return Changes(points=(), reason=_too_short(n, is_broken=len(cuts) > 2))
    rng = np.random.Generator(np.random.PCG64(seed))
    points = [
        point
        for start, stop in stretches
        for point in _points(series, _splits(series, start, stop, rng), start, stop)
    ]
    return Changes(points=tuple(points))


def _series(values: Floats, errors: ArrayLike | None) -> _Series:
    if errors is None:
        errors = np.full(len(values), math.nan)
    spreads = np.asarray(errors, dtype=np.float64)
    if spreads.shape != values.shape:
        raise ValueError("Values and errors differ in length.")
    if np.isinf(values).any() or np.isinf(spreads).any():
        raise ValueError("A history holds finite numbers, or NaN for what is not known.")
    there = ~np.isnan(values)
    return _Series(
        values=values[there], weights=_weights(spreads[there]), places=np.flatnonzero(there)
    )


def _weights(errors: Floats) -> Floats:
    """Return weights of mean about 1: an unknown error counts as the typical one."""
    known = errors[errors > 0.0]
    if not len(known):
        return np.ones(len(errors))
    typical = float(np.median(known))
    relative = np.where(np.isnan(errors), typical, errors) / typical
    weights: Floats = np.maximum(relative, _LEAST_ERROR) ** -2
    return weights


def _end(series: _Series) -> int:
    return int(series.places[-1]) + 1 if len(series.places) else 0


def _too_short(n: int, *, is_broken: bool) -> str:
    runs = "1 run" if n == 1 else f"{n} runs"
    have = f"the longest part without a break has fewer, of {runs}" if is_broken else f"has {runs}"
    start = "and " if is_broken else "and this history "
    return f"A change of level is looked for in {MIN_RUNS} runs or more, {start}{have}."


def _splits(
    series: _Series, start: int, stop: int, rng: np.random.Generator
) -> Iterator[tuple[int, float]]:
    """Yield where a stretch and its parts split, and the p of each, in order of time.

    A part of m of the n runs is held to LEVEL times m / n, so that all parts together keep it.
    """
    if stop - start < MIN_RUNS:
        return
    at, p_value = _farthest(series, start, stop, rng)
    p_value = min(1.0, p_value * len(series.values) / (stop - start))
    if p_value > LEVEL:
        return
    yield from _splits(series, start, at, rng)
    yield at, p_value
    yield from _splits(series, at, stop, rng)


def _farthest(
    series: _Series, start: int, stop: int, rng: np.random.Generator
) -> tuple[int, float]:
    """Return where a stretch most likely splits, and how often chance would do as much."""
    values, weights = series.values[start:stop], series.weights[start:stop]
    roots = np.sqrt(weights)
    # Residuals of one spread whatever the errors: these, and not the values, may trade places.
    residuals = roots * (values - series.mean(start, stop))
    spread = float(np.abs(residuals).max())
    if spread <= _ROUNDING * max(1e-300, float(np.abs(values).max())):
        return start, 1.0
    seen = _distances(residuals[np.newaxis], weights)[0]
    farthest = float(seen.max())
    as_far = 0
    for n in _portions(len(values)):
        shuffled = rng.permuted(np.tile(residuals, (n, 1)), axis=1)
        as_far += int((_distances(shuffled, weights).max(axis=1) >= farthest * (1 - 1e-12)).sum())
    at = start + 1 + int(np.argmax(seen >= farthest * (1 - 1e-12)))
    return at, (as_far + 1) / (PERMUTATIONS + 1)


def _portions(n: int) -> Iterator[int]:
    """Yield how many permutations of n values to hold at once."""
    most, left = max(1, _AT_ONCE // n), PERMUTATIONS
    while left:
        yield min(most, left)
        left -= min(most, left)


def _distances(residuals: Floats, weights: Floats) -> Floats:
    """Return (sets, runs - 1): how far apart the means before and after each place are.

    In units of their standard error, by the sums up to the place, centred and weighted; the
    values' own scale cancels against the permutations', which have the same.
    """
    roots = np.sqrt(weights)
    sums = np.cumsum(residuals * roots, axis=1)
    mass = np.cumsum(weights)
    share = mass[:-1] / mass[-1]
    centred = sums[:, :-1] - sums[:, -1:] * share
    distances: Floats = np.abs(centred) / np.sqrt(mass[-1] * share * (1.0 - share))
    return distances


def _points(
    series: _Series, splits: Iterator[tuple[int, float]], start: int, stop: int
) -> Iterator[ChangePoint]:
    found = list(splits)
    edges = [start, *(at for at, _ in found), stop]
    for number, (at, p_value) in enumerate(found):
        yield ChangePoint(
            at=int(series.places[at]),
            p_value=p_value,
            before=series.mean(edges[number], at),
            after=series.mean(at, edges[number + 2]),
        )
