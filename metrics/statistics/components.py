"""What a past campaign says about answers: how they vary, and how long they take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metrics.batch import Codes, Floats
from metrics.statistics.intervals import is_rounding

_NO_OVERLAP = "No unit has two answers, so nothing tells how far people differ on one."
_ONE_UNIT = "All answers are about one unit, so nothing tells how far units differ."
_ONE_EXAMPLE = "All answers are about one example, so nothing tells how far examples differ."
_NO_VARIATION = "All answers are the same, so nothing tells how far they may vary."
_BELOW_ZERO = "The variance between {} came out below 0, by chance, and counts as 0."


@dataclass(frozen=True, kw_only=True)
class Components:
    """The variance of single answers, in parts.

    `example`: between examples, for all their units; None where each has one unit. `unit`:
    between the units (outputs) of an example, or between all units where `example` is None.
    `answer`: between the answers to one unit. `note` is a sentence where a part came out below 0.
    """

    example: float | None
    unit: float
    answer: float
    note: str = ""

    @property
    def between(self) -> float:
        """The variance between units."""
        return (self.example or 0.0) + self.unit

    @property
    def spread(self) -> float:
        """The standard deviation of single answers."""
        return math.sqrt(self.between + self.answer)

    @property
    def agreement(self) -> float:
        """The share of the variance that is between units: ICC(1), what alpha estimates."""
        return self.between / (self.between + self.answer)

    @property
    def shared(self) -> float | None:
        """How far the units of one example go together: the correlation of what they are worth."""
        if self.example is None or self.between == 0.0:
            return None
        return self.example / self.between


def variance_components(
    *, values: ArrayLike, units: ArrayLike, examples: ArrayLike
) -> Components | str:
    """Return the components of answers given as columns, or the sentence why there are none.

    NaN is "cannot judge". Estimates are those of the nested analysis of variance, whose sums of
    squares are set equal to their expectations: Henderson's (1953) method 1 as in Searle, Casella
    & McCulloch, "Variance Components" (1992), chapter 5. They need no model of the distribution.
    """
    numbers = np.asarray(values, dtype=np.float64)
    columns = [np.asarray(units), np.asarray(examples)]
    if any(column.shape != numbers.shape for column in columns):
        raise ValueError("Values, units and examples differ in length.")
    given = ~np.isnan(numbers)
    unit, example = (np.unique(column[given], return_inverse=True)[1] for column in columns)
    # Sorted, so that the sums do not depend on the order in which answers came.
    order = np.lexsort((numbers[given], unit, example))
    numbers, unit, example = numbers[given][order], unit[order], example[order]
    n, n_units, n_examples = len(numbers), len(np.unique(unit)), len(np.unique(example))
    if n == n_units:
        return _NO_OVERLAP
    if n_units == 1:
        return _ONE_UNIT
    if is_rounding(float(np.ptp(numbers)), scale=float(np.abs(numbers).max())):
        return _NO_VARIATION
    if n_examples == n_units:
        return _two_levels(numbers, unit)
    if n_examples == 1:
        return _ONE_EXAMPLE
    return _three_levels(numbers, unit, example)


def _two_levels(values: Floats, units: Codes) -> Components:
    sizes = np.bincount(units)
    n, n_units = len(values), len(sizes)
    means = _means(values, units)
    answer = float(np.square(values - means[units]).sum()) / (n - n_units)
    squares = float((sizes * np.square(means - values.mean())).sum())
    unit = (squares - (n_units - 1) * answer) / (n - float(np.square(sizes).sum()) / n)
    note = _BELOW_ZERO.format("units") if unit < 0 else ""
    return Components(example=None, unit=max(0.0, unit), answer=answer, note=note)


def _three_levels(values: Floats, units: Codes, examples: Codes) -> Components:
    example_of_unit = np.zeros(int(units.max()) + 1, dtype=np.intp)
    example_of_unit[units] = examples
    sizes, totals = np.bincount(units), np.bincount(examples)
    n, n_units, n_examples = len(values), len(sizes), len(totals)
    of_units, of_examples = _means(values, units), _means(values, examples)
    answer = float(np.square(values - of_units[units]).sum()) / (n - n_units)
    within = float((sizes * np.square(of_units - of_examples[example_of_unit])).sum())
    inner = float((np.square(sizes) / totals[example_of_unit]).sum())
    unit = (within - (n_units - n_examples) * answer) / (n - inner)
    between = float((totals * np.square(of_examples - values.mean())).sum())
    outer = inner - float(np.square(sizes).sum()) / n
    example = (between - (n_examples - 1) * answer - outer * unit) / (
        n - float(np.square(totals).sum()) / n
    )
    below = [name for name, part in (("units", unit), ("examples", example)) if part < 0]
    return Components(
        example=max(0.0, example),
        unit=max(0.0, unit),
        answer=answer,
        note=_BELOW_ZERO.format(" and ".join(below)) if below else "",
    )


def _means(values: Floats, codes: Codes) -> Floats:
    means: Floats = np.bincount(codes, weights=values) / np.bincount(codes)
    return means


def median_seconds(seconds: ArrayLike) -> float | None:
    """Return the median time of an answer, None without any; NaN is a time that is not known."""
    known = np.asarray(seconds, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(np.median(known)) if len(known) else None
