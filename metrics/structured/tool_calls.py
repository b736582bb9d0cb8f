"""Tool calls: how many of the calls that were expected an output makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rapidfuzz.distance import LCSseq

from metrics.base import Example
from metrics.batch import Json
from metrics.fields import Kind, parameter
from metrics.structured.documents import CountedMetric, Counts, Document
from metrics.structured.strict_json import MAX_JSON_CHARACTERS, NotJsonError, canonical, read_json

_BOTH, _NAME, _ARGUMENTS = "both", "name", "arguments"
_ANY, _SAME = "any", "same"
# The longest common subsequence takes time that grows with the product of two numbers of calls.
MAX_EXPECTED_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; None stands for what cannot be read and equals nothing."""

    name: str | None
    arguments: str | None


@dataclass(frozen=True, kw_only=True)
class ToolCalls(CountedMetric[Sequence[Hashable]]):
    """F1 over the calls of an output and those that were expected."""

    name: ClassVar[str] = "tool_calls"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Tool calls"
    summary: ClassVar[str] = "How many tool calls of an output are those that were expected."
    formula: ClassVar[str] = (
        "2 right / (calls of the output + expected calls), 1 where there are none on either side; "
        "a call is right if an expected one has the same name and equal arguments (compare), each "
        "used once. In any order right calls are counted as a multiset, in the same order by the "
        "longest common subsequence. Calls are a list, the tool_calls of an object, or one call; "
        'a call is {"name", "arguments"}, also inside "function", the arguments an object or its '
        "JSON text. An output without calls or that is not JSON makes none. An example whose "
        "expected output is not made of such calls, at most 10,000, has no value. Several "
        "references: the best. "
        "The run's value is the mean."
    )
    source: ClassVar[str] = (
        "Exact match of parsed calls as in the Berkeley Function Calling Leaderboard (Patil et "
        "al. 2025), as F1 so that a part counts."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output='[{"name": "search", "arguments": {"q": "river", "limit": 3}}]',
            expected_output=[{"name": "search", "arguments": {"limit": 3, "q": "river"}}],
            value=1.0,
        ),
        Example(
            output={"tool_calls": [{"function": {"name": "search", "arguments": '{"q": "a"}'}}]},
            expected_output=[
                {"name": "search", "arguments": {"q": "a"}},
                {"name": "open", "arguments": {"id": 1}},
            ],
            value=0.6667,
        ),
        Example(
            output=[{"name": "search", "arguments": {"q": "sea"}}],
            expected_output=[{"name": "search", "arguments": {"q": "river"}}],
            params={"compare": "name"},
            value=1.0,
        ),
        Example(output="It needs no tool.", expected_output=[], value=1.0),
    )

    compare: str = parameter(
        default=_BOTH,
        kind=Kind.CHOICE,
        choices=(_BOTH, _NAME, _ARGUMENTS),
        meaning="What makes two calls equal: name and arguments, or only one of them.",
    )
    order: str = parameter(
        default=_ANY,
        kind=Kind.CHOICE,
        choices=(_ANY, _SAME),
        meaning="Whether calls may come in any order, or count only in the same one.",
    )

    def standard(self, expected: Document) -> Sequence[Hashable] | None:
        """Return what equal calls have in common, None where they cannot be read, or are many."""
        calls = _calls(expected.value)
        if calls is None or len(calls) > MAX_EXPECTED_CALLS:
            return None
        if any(call.name is None or call.arguments is None for call in calls):
            return None
        return self._keys(calls)

    def counts(self, output: Document | None, standard: Sequence[Hashable]) -> Counts:
        """Count the calls that are right, in the output alone and expected alone."""
        got = self._keys([] if output is None else _calls(output.value) or [])
        if self.order == _SAME:
            right = LCSseq.similarity(got, standard)
        else:
            right = (Counter(got) & Counter(standard)).total()
        return Counts(right=right, surplus=len(got) - right, missing=len(standard) - right)

    def _keys(self, calls: Sequence[Call]) -> list[Hashable]:
        return [self._key(call) for call in calls]

    def _key(self, call: Call) -> Hashable:
        parts = {
            _BOTH: (call.name, call.arguments),
            _NAME: (call.name,),
            _ARGUMENTS: (call.arguments,),
        }[self.compare]
        return object() if None in parts else parts


def _calls(value: Json) -> list[Call] | None:
    """Return the calls of a document, or None where it is not made of any."""
    if isinstance(value, Mapping):
        if "tool_calls" not in value:
            return [_call(value)] if "name" in value or "function" in value else None
        value = value["tool_calls"]
    if value is None:
        return []
    return [_call(one) for one in value] if isinstance(value, list | tuple) else None


def _call(value: Json) -> Call:
    inner = value.get("function", value) if isinstance(value, Mapping) else None
    if not isinstance(inner, Mapping):
        return Call(None, None)
    name = inner.get("name")
    return Call(name if isinstance(name, str) else None, _arguments(inner.get("arguments")))


def _arguments(value: Json) -> str | None:
    """Return arguments so that equal ones are equal texts, or None where they are no object."""
    if value is None or value == "":
        value = {}
    if isinstance(value, str):
        try:
            value = read_json(value) if len(value) <= MAX_JSON_CHARACTERS else None
        except NotJsonError:
            return None
    return canonical(value) if isinstance(value, Mapping) else None
