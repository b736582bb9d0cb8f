"""The answers to one question, as every figure about agreement takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.undefined import Undefined


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Who answered what to which unit: columns of codes from 0, in the order of answering.

    `unit_ids` and `annotator_ids` say what a code stands for, in rising order; `group_of_unit`
    names each unit's example (or cluster, with `are_clusters`): what varies independently.
    """

    units: Codes
    annotators: Codes
    values: Floats
    unit_ids: NDArray[Any]
    annotator_ids: NDArray[Any]
    group_of_unit: Codes
    are_clusters: bool

    @classmethod
    def of(
        cls,
        *,
        units: ArrayLike,
        annotators: ArrayLike,
        values: ArrayLike,
        groups: ArrayLike | None = None,
        are_clusters: bool = False,
        order: ArrayLike | None = None,
    ) -> Answers:
        """Read columns of equal length, one row for each answer.

        Values are numbers: options of a nominal or ordinal question by their index, chosen sets
        as `metrics.statistics.agreement.sets` writes them. NaN is "cannot judge" and no answer.
        Without `groups` each unit stands alone. `order` sorts, such as the moments of answering;
        without it the rows stand in order.
        """
        numbers = np.asarray(values, dtype=np.float64)
        columns = [np.asarray(column) for column in (units, annotators)]
        columns.append(columns[0] if groups is None else np.asarray(groups))
        columns.append(np.zeros(len(numbers)) if order is None else np.asarray(order))
        if any(column.shape != numbers.shape for column in columns):
            raise ValueError("Units, annotators, values, groups and order differ in length.")
        if np.isinf(numbers).any():
            raise ValueError("An answer is infinite.")
        rows = np.argsort(columns.pop(), kind="stable")
        rows = rows[~np.isnan(numbers[rows])]
        (unit_ids, unit), (annotator_ids, annotator), (_, group) = (
            _coded(column[rows]) for column in columns
        )
        if len(np.unique(unit * len(annotator_ids) + annotator)) < len(rows):
            raise ValueError("An annotator has answered one unit twice.")
        return cls(
            units=unit,
            annotators=annotator,
            values=numbers[rows],
            unit_ids=unit_ids,
            annotator_ids=annotator_ids,
            group_of_unit=_of_each(unit, group, len(unit_ids)),
            are_clusters=are_clusters,
        )

    @property
    def per_unit(self) -> NDArray[np.intp]:
        """How many answers each unit has."""
        return np.bincount(self.units, minlength=len(self.unit_ids))

    @property
    def is_pairable(self) -> NDArray[np.bool_]:
        """Which answers stand beside another one to the same unit."""
        pairable: NDArray[np.bool_] = self.per_unit[self.units] >= 2
        return pairable

    def where(self, kept: NDArray[np.bool_]) -> Answers:
        """Return some of the answers; codes keep their meaning."""
        return replace(
            self,
            units=self.units[kept],
            annotators=self.annotators[kept],
            values=self.values[kept],
        )

    def first(self, n: int) -> Answers:
        """Return the first n answers."""
        return self.where(np.arange(len(self.values)) < n)

    @property
    def without_pairs(self) -> Undefined | None:
        """Why no two answers can be compared; None when some can."""
        if not len(self.values):
            return Undefined.NO_ANSWERS
        if (self.annotators == self.annotators[0]).all():
            return Undefined.ONE_ANNOTATOR
        return None if self.is_pairable.any() else Undefined.NO_OVERLAP

    def pairable(self) -> Pairable:
        """Return the answers that can be compared, of which there must be some."""
        kept = self.is_pairable
        domain, codes = np.unique(self.values[kept], return_inverse=True)
        kept_units, units = closed_up(self.units[kept])
        _, group_of_unit = closed_up(self.group_of_unit[kept_units])
        return Pairable(
            units=units,
            annotators=self.annotators[kept],
            codes=codes,
            domain=domain,
            group_of_unit=group_of_unit,
            n_groups=int(group_of_unit.max()) + 1,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairable:
    """The answers that enter alpha: every unit has at least two.

    `codes` are indices of `domain`, the different values in rising order. Some groups and some
    values may have no answer left.
    """

    units: Codes
    annotators: Codes
    codes: Codes
    domain: Floats
    group_of_unit: Codes
    n_groups: int

    @property
    def n_units(self) -> int:
        return len(self.group_of_unit)

    @property
    def per_unit(self) -> Floats:
        """How many answers each unit has."""
        return np.bincount(self.units, minlength=self.n_units).astype(np.float64)

    @property
    def margins(self) -> Floats:
        """How often each value was given."""
        return np.bincount(self.codes, minlength=len(self.domain)).astype(np.float64)

    @property
    def groups(self) -> Codes:
        """The group of each answer."""
        return self.group_of_unit[self.units]

    @property
    def n_annotators(self) -> int:
        return int((np.bincount(self.annotators) > 0).sum())

    @property
    def scaled(self) -> Floats:
        """The domain without its unit of measurement."""
        return scaled(self.domain)

    @property
    def varies(self) -> bool:
        """Whether there are two different answers."""
        return bool((self.codes != self.codes[:1]).any())

    def in_blocks(self, most: int) -> Pairable:
        """Put groups together into at most so many."""
        if self.n_groups <= most:
            return self
        return replace(self, group_of_unit=self.group_of_unit % most, n_groups=most)

    def without_annotator(self, annotator: int) -> Pairable:
        """Return what can still be compared without one annotator: maybe nothing."""
        kept = self.annotators != annotator
        left = np.bincount(self.units[kept], minlength=self.n_units)
        kept &= left[self.units] >= 2
        kept_units, units = closed_up(self.units[kept])
        return replace(
            self,
            units=units,
            annotators=self.annotators[kept],
            codes=self.codes[kept],
            group_of_unit=self.group_of_unit[kept_units],
        )


def scaled(values: Floats) -> Floats:
    """Divide by the power of two that brings the largest value to 1, which changes no digit."""
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return np.ldexp(values, -int(exponent))


def closed_up(codes: Codes) -> tuple[Codes, Codes]:
    """Return the codes that occur, in rising order, and each one's place among them."""
    occurs = np.bincount(codes) > 0
    place = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), place[codes]


def _coded(ids: NDArray[Any]) -> tuple[NDArray[Any], Codes]:
    names, codes = np.unique(ids, return_inverse=True)
    return names, codes


def _of_each(units: Codes, groups: Codes, n_units: int) -> Codes:
    group_of_unit = np.zeros(n_units, dtype=np.intp)
    group_of_unit[units] = groups
    if (group_of_unit[units] != groups).any():
        raise ValueError("One unit stands in two groups.")
    return group_of_unit
