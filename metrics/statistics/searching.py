"""Where it got worse: a search over slices of one and of two fields, corrected for the search.

For each slice the mean gain inside is set against the mean gain in the rest, over its standard
error. Under the null hypothesis the gain does not depend on the slice, and the sign of what an
independent group's gains are off the mean says nothing. Flipping these signs keeps every group's
size, spread and slices; with u_g what group g adds to a difference, the difference of flipped
data over the root of the sum of u_g squared has a variance of 1. The least of all such in a set
of flips is what a search finds in data that hold nothing (the max-T method: Westfall & Young,
"Resampling-Based Multiple Testing", 1993, section 2.6).

A slice that by chance holds no win where wins are rare has next to no spread of its own, and it
is low: its own error would make any difference large. So the error of the data's difference is
never less than that of a slice of its size whose gains spread as all do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats
from metrics.statistics.groups import Groups
from metrics.statistics.slices import MIN_EXAMPLES

FLIPS = 1_999
# A reserve: where gains lean to wins, somewhat more is found than this (decision 26).
LEVEL = 0.04
MIN_GROUPS = 20
# Flips of more groups than this are drawn for random unions of them.
MAX_GROUPS = 2_000
MAX_SLICES = 4_000
_AT_ONCE = 250  # slices


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """A metadata field cut into levels: `codes` has the level of each example, -1 for none."""

    name: str
    levels: Sequence[str]
    codes: NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class SearchedSlice:
    """One slice: the mean gain of its `n` examples, that of the rest, and how far it is lower.

    `difference` is inside minus rest; `low` and `high` bound it at 92 %, 4 % on either side, for
    all searched slices at once: `high` is below 0 where the slice is found. `p_adjusted` is the
    chance that a search of data without any such slice finds one that stands out as much.
    """

    fields: tuple[str, ...]
    levels: tuple[str, ...]
    n: int
    inside: float
    rest: float
    difference: float
    low: float
    high: float
    p_adjusted: float

    @property
    def is_found(self) -> bool:
        """Whether it is worse in this slice, in spite of how many were searched."""
        return self.p_adjusted <= LEVEL


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The slices of a search, the most worse first; `reason` says why nothing was searched.

    `left_out` names the pairs of fields for which there was no room.
    """

    slices: tuple[SearchedSlice, ...] = ()
    n_searched: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @property
    def found(self) -> tuple[SearchedSlice, ...]:
        return tuple(one for one in self.slices if one.is_found)


def search_slices(
    gains: Floats,
    fields: Sequence[Field],
    *,
    clusters: NDArray[Any] | None = None,
    seed: int,
    shown: int = 20,
) -> Searched:
    """Search all slices of one and two fields with at least 20 examples inside and in the rest.

    `gains` has one number per example, oriented so that more is better; of a corpus metric it is
    what each example moves the value. Examples of a cluster are flipped together.
    """
    groups = Groups.of(clusters, len(gains))
    if len(groups) < MIN_GROUPS:
        return Searched(
            reason=f"A search needs {MIN_GROUPS} independent examples; here are {len(groups)}."
        )
    off = gains - gains.mean()
    if not np.any(np.abs(off) > 1e-12 * np.abs(gains).max(initial=0.0)):
        return Searched(reason="All examples moved alike, so no slice stands out.")
    wanted, left_out = _wanted(fields, len(gains))
    if not wanted:
        return Searched(
            left_out=left_out,
            reason=f"No slice leaves {MIN_EXAMPLES} examples inside and {MIN_EXAMPLES} outside.",
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    unions = _unions(groups, rng)
    signs = 1.0 - 2.0 * rng.integers(2, size=(FLIPS, int(unions.max()) + 1)).astype(np.float64)
    observed, errors, least = _standardized(off, wanted, unions, signs, _Pooled.of(off, groups))
    adjusted = _adjusted(observed, least)
    reach = -float(np.quantile(least, LEVEL, method="lower"))
    order = np.argsort(observed, kind="stable")[:shown]
    return Searched(
        slices=tuple(
            _searched(wanted[at], gains, errors[at] * reach, float(adjusted[at]))
            for at in order.tolist()
            if observed[at] < 0.0
        ),
        n_searched=len(wanted),
        left_out=left_out,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Wanted:
    """A slice to search: the grouping it is a level of, and which."""

    fields: tuple[Field, ...]
    codes: NDArray[np.int64]  # of the grouping, for every example
    code: int
    n: int

    @property
    def levels(self) -> tuple[str, ...]:
        if len(self.fields) == 1:
            return (self.fields[0].levels[self.code],)
        first, second = divmod(self.code, len(self.fields[1].levels))
        return self.fields[0].levels[first], self.fields[1].levels[second]


def _wanted(fields: Sequence[Field], n: int) -> tuple[list[_Wanted], tuple[tuple[str, str], ...]]:
    """Return what to search: all levels of one field, then those of two while there is room."""
    found: list[_Wanted] = []
    left_out = []
    for parts in _groupings(fields):
        codes = _codes_of(parts)
        counts = np.bincount(codes[codes >= 0])
        large = np.flatnonzero((counts >= MIN_EXAMPLES) & (n - counts >= MIN_EXAMPLES))
        if len(parts) == 2 and len(found) + len(large) > MAX_SLICES:
            left_out.append((parts[0].name, parts[1].name))
            continue
        found += [
            _Wanted(fields=parts, codes=codes, code=code, n=int(counts[code]))
            for code in large.tolist()
        ]
    return found, tuple(left_out)


def _groupings(fields: Sequence[Field]) -> Iterator[tuple[Field, ...]]:
    yield from ((field,) for field in fields)
    yield from combinations(fields, 2)


def _codes_of(parts: tuple[Field, ...]) -> NDArray[np.int64]:
    first = parts[0].codes.astype(np.int64)
    if len(parts) == 1:
        return first
    second = parts[1].codes.astype(np.int64)
    codes: NDArray[np.int64] = np.where(
        (first < 0) | (second < 0), -1, first * len(parts[1].levels) + second
    )
    return codes


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pooled:
    """What all gains together say of the variance of a slice's difference.

    Two examples of a group share `within` of the variance `total` (the method of moments);
    `codes` are the examples' groups and `sizes` the groups' numbers of examples.
    """

    total: float
    within: float
    codes: NDArray[np.int64] | None
    sizes: Floats

    @classmethod
    def of(cls, off: Floats, groups: Groups) -> _Pooled:
        squares = float(np.square(off).sum())
        total = squares / len(off)
        if groups.codes is None:
            return cls(total=total, within=0.0, codes=None, sizes=np.ones(len(off)))
        sizes = np.bincount(groups.codes).astype(np.float64)
        sums = np.bincount(groups.codes, weights=off)
        twos = float((sizes * (sizes - 1.0)).sum())
        shared = (float(np.square(sums).sum()) - squares) / twos if twos else 0.0
        within = min(max(shared, 0.0), total)
        return cls(total=total, within=within, codes=groups.codes, sizes=sizes)

    def error(self, one: _Wanted) -> float:
        """Return the standard error of inside minus rest, if gains spread alike everywhere."""
        n = len(one.codes)
        inside, rest = 1.0 / one.n, 1.0 / (n - one.n)
        apart = (self.total - self.within) * (inside + rest)
        if self.codes is None or not self.within:
            return math.sqrt(apart)
        counts = np.bincount(self.codes[one.codes == one.code], minlength=len(self.sizes))
        shares = counts * inside - (self.sizes - counts) * rest
        return math.sqrt(apart + self.within * float(np.square(shares).sum()))


def _unions(groups: Groups, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return for each example the union of groups that is flipped with it."""
    n_unions = min(len(groups), MAX_GROUPS)
    union_of = np.arange(len(groups)) % n_unions
    if n_unions < len(groups):
        union_of = rng.permutation(union_of)
    if groups.codes is None:
        return union_of
    return union_of[groups.codes]


def _standardized(
    off: Floats,
    wanted: Sequence[_Wanted],
    unions: NDArray[np.int64],
    signs: Floats,
    pooled: _Pooled,
) -> tuple[Floats, Floats, Floats]:
    """Return each slice's standardized difference and its error, and each flip's least one."""
    n, n_unions = len(off), signs.shape[1]
    total = np.bincount(unions, weights=off, minlength=n_unions)
    observed, errors = np.empty(len(wanted)), np.empty(len(wanted))
    least = np.zeros(len(signs))
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        inside = np.stack([_sums(one, off, unions, n_unions) for one in some], axis=1)
        sizes = np.array([one.n for one in some], dtype=np.float64)
        added = inside / sizes - (total[:, None] - inside) / (n - sizes)
        own = np.sqrt(np.square(added).sum(axis=0))
        at = slice(start, start + len(some))
        errors[at] = np.maximum(own, [pooled.error(one) for one in some])
        observed[at] = added.sum(axis=0) / errors[at]
        own[own == 0.0] = np.inf  # nobody in it moved otherwise than the mean
        np.minimum(least, (signs @ (added / own)).min(axis=1), out=least)
    return observed, errors, least


def _sums(one: _Wanted, off: Floats, unions: NDArray[np.int64], n_unions: int) -> Floats:
    rows = np.flatnonzero(one.codes == one.code)
    sums: Floats = np.bincount(unions[rows], weights=off[rows], minlength=n_unions).astype(float)
    return sums


def _adjusted(observed: Floats, least: Floats) -> Floats:
    """Return for each slice the share of flips, the data among them, with one as far down."""
    ordered = np.sort(least)
    tolerance = 1e-9 * np.maximum(1.0, np.abs(observed))
    as_low = np.searchsorted(ordered, observed + tolerance, side="right")
    adjusted: Floats = ((1.0 + as_low) / (1.0 + len(least))).astype(np.float64)
    return adjusted


def _searched(one: _Wanted, gains: Floats, reach: float, p_adjusted: float) -> SearchedSlice:
    is_inside = one.codes == one.code
    inside, rest = float(gains[is_inside].mean()), float(gains[~is_inside].mean())
    return SearchedSlice(
        fields=tuple(field.name for field in one.fields),
        levels=one.levels,
        n=one.n,
        inside=inside,
        rest=rest,
        difference=inside - rest,
        low=float(inside - rest - reach),
        high=float(inside - rest + reach),
        p_adjusted=p_adjusted,
    )
