"""Found slices of two fields that hold nearly what a found slice of one field holds: one finding.

A slice of two fields lies inside those of either field. Where it has most of their examples, it
is found because they are, and a list of all would count one loss several times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# At least this share of the examples of one field's slice makes it much the same.
MOSTLY = 0.8

Slice = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """A found slice, and those of two fields inside it that are much the same."""

    first: Slice
    inside: tuple[Slice, ...] = ()


def grouped(found: Sequence[Slice]) -> list[Group]:
    """Return the found slices in their order, each with those that are much the same."""
    parents = [_parent_of(one, found) for one in found]
    return [
        Group(
            one,
            tuple(inner for inner, of in zip(found, parents, strict=True) if of is one),
        )
        for one, parent in zip(found, parents, strict=True)
        if parent is None
    ]


def also(inner: Slice, outer: Slice) -> str:
    """Return what a slice of two fields asks beyond one of them: ``language = German``."""
    pairs = zip(inner["fields"], inner["levels"], strict=True)
    return ", ".join(f"{name} = {level}" for name, level in pairs if name not in outer["fields"])


def _parent_of(one: Slice, found: Sequence[Slice]) -> Slice | None:
    """Return the smallest slice of one field that this one of two fields mostly fills."""
    holding = [other for other in found if _mostly_fills(one, other)]
    return min(holding, key=lambda other: int(other["n"]), default=None)


def is_part(inner: Slice, outer: Slice) -> bool:
    """Say whether a slice of two fields lies in one of them, and holds clearly less than it."""
    return _lies_in(inner, outer) and inner["n"] < MOSTLY * outer["n"]


def _mostly_fills(inner: Slice, outer: Slice) -> bool:
    return _lies_in(inner, outer) and bool(inner["n"] >= MOSTLY * outer["n"])


def _lies_in(inner: Slice, outer: Slice) -> bool:
    asked = dict(zip(inner["fields"], inner["levels"], strict=True))
    return len(inner["fields"]) > len(outer["fields"]) and all(
        asked.get(name) == level
        for name, level in zip(outer["fields"], outer["levels"], strict=True)
    )
