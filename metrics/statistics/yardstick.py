"""What the statistics need to know of a measurement: its family, direction, range and formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from metrics.averages import mean_of, quantile_of
from metrics.base import Family, Metric
from metrics.batch import Floats
from metrics.rows import Rows
from metrics.tallies import AnyRows, Tallies

ValuesOf = Callable[[Floats], Floats]
Difference = TypeVar("Difference", float, Floats)
Additive = Callable[[Rows, tuple[str, ...]], AnyRows]


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """How the numbers of a column are to be read.

    `low` and `high` are the range, infinite where there is none. `higher_is_better` is None where
    neither is. `values_of` turns summed statistics into values; only a corpus metric has it.
    `level` is which quantile a quantile is.
    """

    family: Family
    low: float = -math.inf
    high: float = math.inf
    higher_is_better: bool | None = True
    values_of: ValuesOf | None = None
    additive: Additive | None = None
    level: float = math.nan

    def __post_init__(self) -> None:
        if (self.family is Family.CORPUS) != (self.values_of is not None):
            raise ValueError("A corpus metric, and no other, has a value of summed statistics.")
        if (self.family is Family.QUANTILE) != (0.0 < self.level < 1.0):
            raise ValueError("A quantile, and no other, has a level between 0 and 1.")
        if not self.low < self.high:
            raise ValueError(f"The range {self.low} to {self.high} is empty.")

    @classmethod
    def of(cls, metric: Metric) -> Yardstick:
        """Return the yardstick of an automatic metric."""
        return cls(
            family=metric.family,
            low=metric.low,
            high=metric.high,
            higher_is_better=metric.higher_is_better,
            values_of=metric.values_of if metric.family is Family.CORPUS else None,
            additive=metric.additive if metric.family is Family.CORPUS else None,
            level=metric.level if metric.family is Family.QUANTILE else math.nan,
        )

    def units(self, column: Column) -> Column:
        """Return a column's units of counting: examples, their attempts averaged.

        A quantile is over outputs: averages of attempts would hide the ones far out.
        """
        if self.family is Family.QUANTILE:
            return Column(values=column.values.ravel())
        return column.folded()

    @property
    def width(self) -> float:
        """How far apart two values can be; infinite without a range."""
        return self.high - self.low

    def oriented(self, difference: Difference) -> Difference:
        """Return candidate minus baseline, one or many, so that more is better.

        Without a direction it stays as it is. No difference is 0.0, never -0.0, which not every
        database keeps.
        """
        return 0.0 - difference if self.higher_is_better is False else 0.0 + difference

    def corpus_values(self, totals: Floats) -> Floats:
        """Return the metric for summed statistics, over any leading axes."""
        if self.values_of is None:
            raise TypeError("Only a corpus metric has a value of summed statistics.")
        return np.asarray(self.values_of(totals), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One run's scores: a row per example, NaN where unscored.

    `values` is (examples,) or (examples, attempts); `statistics`, of corpus metrics, has one
    more axis. They may be rows that are read in blocks, where a table would be too large.
    """

    values: Floats
    statistics: Floats | AnyRows | None = None

    @property
    def attempts(self) -> int:
        """How many outputs each example may have."""
        return self.values.shape[1] if self.values.ndim == 2 else 1

    def folded(self) -> Column:
        """Average the scored attempts within each example, so that examples weigh alike.

        An average lies between its parts, rounding or not: attempts of one value keep it.
        """
        if self.values.ndim == 1:
            return self
        scored = ~np.isnan(self.values)
        count = scored.sum(axis=1)
        total = np.where(scored, self.values, 0.0).sum(axis=1)
        lowest = np.min(self.values, axis=1, where=scored, initial=np.inf)
        highest = np.max(self.values, axis=1, where=scored, initial=-np.inf)
        mean = np.clip(total / np.maximum(count, 1), lowest, highest)
        values = np.where(count > 0, mean, np.nan)
        if self.statistics is None:
            return Column(values=values)
        return Column(values=values, statistics=_as_rows(self.statistics).folded(scored))

    def at(self, chosen: np.ndarray) -> Column:
        """Return the rows of a mask or of positions; of a mask where statistics are `Rows`."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        statistics = self.statistics
        if isinstance(statistics, Rows | Tallies):
            statistics = statistics.at(chosen)
        elif statistics is not None:
            statistics = statistics[chosen]
        return Column(values=self.values[chosen], statistics=statistics)


def value_of(column: Column, yardstick: Yardstick) -> float:
    """Return the value of a column of units; NaN where undefined."""
    if yardstick.family is Family.QUANTILE:
        return quantile_of(column.values, yardstick.level)
    if yardstick.values_of is None:
        return mean_of(column.values)
    return float(yardstick.corpus_values(statistics_of(column).totals()))


def statistics_of(column: Column) -> AnyRows:
    """Return the statistics of a corpus metric's column."""
    if column.statistics is None:
        raise ValueError("A corpus metric's column needs its statistics.")
    return _as_rows(column.statistics)


def _as_rows(statistics: Floats | AnyRows) -> AnyRows:
    return Rows.of(statistics) if isinstance(statistics, np.ndarray) else statistics
