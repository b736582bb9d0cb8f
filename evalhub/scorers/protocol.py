"""Protocol 1: what a scorer is sent, and what is made of its answer. No network, no database.

The reference is docs/reference/scorer-protocol.md; a change of meaning is another number there
and here, and in every signature.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from metrics.reasons import Reason

PROTOCOL = 1
# What a range without a bound still leaves out: sums of such numbers would overflow.
LARGEST = 1e12
MAX_REASON = 300

Item: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Which values a scorer may give: within bounds that may be missing, or 0 and 1 alone."""

    low: float | None
    high: float | None
    is_binary: bool = False

    def holds(self, value: float) -> bool:
        if self.is_binary:
            return value in (0.0, 1.0)
        low = -LARGEST if self.low is None else self.low
        high = LARGEST if self.high is None else self.high
        return low <= value <= high


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a scorer said of one output: a value, or why there is none, with its own words."""

    value: float | None
    reason: Reason = Reason.SCORED
    words: str = ""


class ShapeError(Exception):
    """The answer as a whole is none; the message is a sentence for people."""


def request_body(*, slug: str, version: str, items: Sequence[Item]) -> bytes:
    """Return the JSON of one request."""
    whole = {"protocol": PROTOCOL, "scorer": slug, "version": version, "items": items}
    return msgspec.json.encode(whole)


def item(identity: str, example: Mapping[str, Any], output: object, retrieved: object) -> Item:
    """Return one output with all that a scorer may need to know; every member is always there."""
    return {
        "id": identity,
        "input": example.get("input"),
        "output": output,
        "expected_output": example.get("expected_output"),
        "references": example.get("references") or [],
        "context": example.get("context") or [],
        "retrieved": retrieved or [],
        "metadata": example.get("metadata") or {},
    }


def read_answer(content: bytes, *, ids: Sequence[str], within: Range) -> dict[str, Said]:
    """Return what was said of every id that was asked about; other ids are passed over.

    One output's trouble is its own. Raises ShapeError where the answer is not protocol 1 at all.
    """
    entries = _entries(content)
    times = Counter(entry["id"] for entry in entries)
    said = {entry["id"]: _said(entry, within) for entry in entries}
    return {
        identity: Said(value=None, reason=Reason.SCORER_LEFT_OUT)
        if identity not in said
        else Said(value=None, reason=Reason.SCORER_REPEATED)
        if times[identity] > 1
        else said[identity]
        for identity in ids
    }


def _entries(content: bytes) -> list[Mapping[str, Any]]:
    try:
        given = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise ShapeError("The answer is not JSON.") from exc
    if not isinstance(given, dict):
        raise ShapeError('The answer is no object; it is {"protocol": 1, "scores": […]}.')
    protocol = given.get("protocol")
    if type(protocol) is not int or protocol != PROTOCOL:
        raise ShapeError(f'The answer has no "protocol": {PROTOCOL}.')
    entries = given.get("scores")
    if not isinstance(entries, list):
        raise ShapeError('The answer has no list "scores".')
    if not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in entries):
        raise ShapeError('A score is no object with an "id" that is text.')
    return entries


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a member twice: which of two values would count?"""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("A member stands twice.")
    return members


def _said(entry: Mapping[str, Any], within: Range) -> Said:
    words = _words(entry.get("reason"))
    value = entry.get("value")
    if "value" in entry and value is None:
        return Said(value=None, reason=Reason.SCORER_DECLINED, words=words)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Said(value=None, reason=Reason.SCORER_NO_NUMBER, words=words)
    if isinstance(value, float) and not math.isfinite(value):
        return Said(value=None, reason=Reason.SCORER_NO_NUMBER, words=words)
    if not within.holds(value):
        return Said(value=None, reason=Reason.SCORER_OFF_RANGE, words=words)
    return Said(value=float(value) + 0.0, words=words)


def _words(given: object) -> str:
    """Return a scorer's own words in one short line that can be stored and shown."""
    if not isinstance(given, str):
        return ""
    kept = "".join(letter if letter.isprintable() else " " for letter in given[: 4 * MAX_REASON])
    return " ".join(kept.split())[:MAX_REASON]
