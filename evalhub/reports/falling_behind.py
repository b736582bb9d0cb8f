"""The slices that the search found: which of them are named, and in which words.

A slice of one field that holds one of two may be found only because that one is. It is named when
what is left of it without the narrower one was worse still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalhub.reports import nested
from evalhub.reports.figures import away
from evalhub.reports.models import Comparison
from evalhub.web.formatting import count, digits_of, of, plural
from metrics.statistics.findings import Outcome
from metrics.statistics.searching import LEVEL as SEARCH_LEVEL

MOST_SLICES = 3  # that a sentence names
# A slice with this share of the examples is nearly the whole set, and no part to look into.
NEARLY_ALL = 0.9
_LONGEST_NAME = 60  # characters of a slice that a title has room for
_MUCH_THE_SAME_LOSS = 0.5
_USUAL_DIGITS, _SMALL = 3, 0.01


@dataclass(frozen=True)
class Rest:
    """What is left of a slice without a narrower one that was found as well."""

    narrower: nested.Slice
    n: int
    gain: float


def found_slices(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the searched slices that stand out in spite of how many were searched."""
    slices: list[dict[str, Any]] = comparison.searched.get("slices", [])
    return [one for one in slices if one["p_adjusted"] <= SEARCH_LEVEL]


def slice_words(searched: Mapping[str, Any], joint: str = ", ") -> str:
    """Return a searched slice in words: ``topic = tax, language = German``."""
    pairs = zip(searched["fields"], searched["levels"], strict=True)
    return joint.join(f"{field} = {level}" for field, level in pairs)


def where_worse(comparison: Comparison) -> str:
    """Name the slices that the search found, the narrowest first; what is much the same, once."""
    found = found_slices(comparison)
    said = [_worse(group, rest_of(group.first, found)) for group in _named(comparison)]
    if not said:
        return ""
    more = f" and {count(len(said) - MOST_SLICES)} more" if len(said) > MOST_SLICES else ""
    listed = "; ".join(said[:MOST_SLICES])
    return f"Worse than elsewhere on {comparison.searched['metric']}: {listed}{more}."


def is_alarming(comparison: Comparison) -> bool:
    """Say whether a slice got worse, and the outcome of the whole says nothing of it."""
    return bool(in_title(comparison))


def in_title(comparison: Comparison) -> str:
    """Name the narrowest slice that got worse where the whole did not; else nothing."""
    if comparison.outcome == Outcome.REGRESSED:
        return ""
    lost = (group.first for group in _named(comparison) if group.first["inside"] < 0.0)
    if (first := next(lost, None)) is None:
        return ""
    words = slice_words(first, " and ")
    return words if len(words) <= _LONGEST_NAME else "one slice"


def rest_of(one: nested.Slice, found: Sequence[nested.Slice]) -> Rest | None:
    """Return what is left of a slice without the narrower one that took most of the loss.

    None where no narrower one was found.
    """
    rests = [_without(one, other) for other in found if nested.is_part(other, one)]
    return max(rests, key=lambda rest: rest.gain, default=None)


def _without(one: nested.Slice, narrower: nested.Slice) -> Rest:
    n = one["n"] - narrower["n"]
    gained = one["n"] * one["inside"] - narrower["n"] * narrower["inside"]
    return Rest(narrower, n, gained / n)


def _named(comparison: Comparison) -> list[nested.Group]:
    """Return the groups that are named, the narrower ones first.

    Not named are nearly all examples; a slice that did not get worse outside of a narrower one;
    and a narrower one of a slice that got about as much worse without it.
    """
    found = found_slices(comparison)
    n_all = comparison.coverage.get("shared", 0)
    named = [
        group
        for group in nested.grouped(found)
        if not (n_all and group.first["n"] >= NEARLY_ALL * n_all)
        and _is_worse_by_itself(group.first, found)
        and not any(_explains(other, group.first) for other in found)
    ]
    return sorted(named, key=lambda one: -len(one.first["fields"]))


def _is_worse_by_itself(one: nested.Slice, found: Sequence[nested.Slice]) -> bool:
    rest = rest_of(one, found)
    return rest is None or rest.gain < 0.0


def _explains(wide: nested.Slice, narrow: nested.Slice) -> bool:
    """Say whether the rest of a wider slice lost at least half as much as the narrower one."""
    if not nested.is_part(narrow, wide):
        return False
    at_least = _MUCH_THE_SAME_LOSS * min(0.0, float(narrow["inside"]))
    return _without(wide, narrow).gain <= at_least


def _worse(group: nested.Group, rest: Rest | None) -> str:
    searched = group.first
    n = _digits([searched["inside"], searched["rest"]])
    inside, elsewhere = away(searched["inside"], n), away(searched["rest"], n)
    same = " and ".join(
        f"{nested.also(one, searched)} ({of(one['n'], searched['n'])})"
        for one in group.inside
        if not _says_nothing(one, searched)
    )
    more = [f"much the same with {same}"] if same else []
    if rest and not _explains(searched, rest.narrower):
        more.append(f"{away(rest.gain, n)} without {slice_words(rest.narrower, ' and ')}")
    said = f"{plural(searched['n'], 'example')}: {inside}, against {elsewhere} in the rest"
    return f"{slice_words(searched)} ({'; '.join([said, *more])})"


def _says_nothing(inner: nested.Slice, outer: nested.Slice) -> bool:
    """Say whether all that an inner slice leaves out is a few critical examples."""
    is_large = inner["n"] >= NEARLY_ALL * outer["n"]
    return is_large and nested.also(inner, outer) == "critical = false"


def _digits(gains: Sequence[float]) -> int:
    largest = max(map(abs, gains))
    digits = digits_of(largest, None)
    return min(digits, _USUAL_DIGITS) if largest >= _SMALL else digits
