"""The typed rows of bulk bodies: what an example, an output, what is said of one must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from evalhub.intake import strict
from evalhub.intake.lines import ErrorCollector

_INT32_HIGH = 2**31 - 1

Key = Annotated[str, Meta(min_length=1, max_length=400)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[str, Meta(min_length=1)]
# Numbers stay far from the ends of their columns' types, so that sums of them do not overflow.
Count = Annotated[int, Meta(ge=0, le=_INT32_HIGH)]
Attempt = Annotated[int, Meta(ge=1, le=_INT32_HIGH)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Option = str | int | float | bool
Answers = dict[Name, Option | list[Option] | None]

_KEY_IS = "must be text of 1 to 400 characters"
_NAME_IS = "must be text of 1 to 200 characters"
_TEXTS_ARE = "must be text or a list of texts"
_AMOUNT_IS = "must be a number from 0 to 1e12"
_COUNT_IS = f"must be a whole number from 0 to {_INT32_HIGH}"
_MOMENT_IS = "must be a time as RFC 3339 with its zone, as in 2026-03-01T09:30:00Z"

# What each member must be, in words; its type below says the same to the machine.
_MUST = {
    "key": _KEY_IS,
    "references": _TEXTS_ARE,
    "context": _TEXTS_ARE,
    "relevant": "must be an object of document ids and their grades, whole numbers from 0",
    "metadata": "must be an object, {…}",
    "error": "must be text of at least 1 character",
    "attempt": f"must be a whole number from 1 to {_INT32_HIGH}",
    "latency_ms": _AMOUNT_IS,
    "ttft_ms": _AMOUNT_IS,
    "input_tokens": _COUNT_IS,
    "output_tokens": _COUNT_IS,
    "cached_tokens": _COUNT_IS,
    "cost": _AMOUNT_IS,
    "confidence": "must be a number from 0 to 1",
    "retrieved": "must be a list of {id, score?, text?}: id and text are text, score a number",
    "trace_id": _KEY_IS,
    "run": _NAME_IS,
    "system": _NAME_IS,
    "second_run": _NAME_IS,
    "second_system": _NAME_IS,
    "second_attempt": f"must be a whole number from 1 to {_INT32_HIGH}",
    "unit": _NAME_IS,
    "annotator": _NAME_IS,
    "answers": "must be an object of questions and answers: text, a number, true, false, null, "
    "or a list of the options chosen",
    "at": _MOMENT_IS,
    "seconds": _AMOUNT_IS,
    "question_set": f"must be a whole number from 1 to {_INT32_HIGH}",
    "by": _NAME_IS,
    "reason": _NAME_IS,
    "note": "must be text",
    "revision": _COUNT_IS,
    "tolerance": _AMOUNT_IS,
    "explanation": "must be text",
    "purpose": _NAME_IS,
}


# What JSON is made into has no cycles: a garbage collector need not look for any (gc=False).
class ExampleRow(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """One example; absent, null and empty are the same, but for input and expected output."""

    key: Key
    input: Any
    expected_output: Any = None
    references: list[str] = []
    context: list[str] = []
    relevant: dict[Key, Count] = {}
    metadata: dict[str, Any] = {}

    def content(self) -> str:
        """Return the canonical JSON text of the whole example: what is stored and digested."""
        if _holds_float((self.input, self.expected_output, self.metadata)):
            return _encode_canonical(msgspec.to_builtins(self))
        return encode_sorted(self).decode()


class Retrieved(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One document that the system found."""

    id: Key
    score: float | None = None
    text: str | None = None


class OutputRow(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """What a system gave for one example: an `output`, text or JSON, or else an `error`."""

    key: Key
    output: Any = None
    error: Words | None = None
    attempt: Attempt = 1
    latency_ms: Amount | None = None
    ttft_ms: Amount | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    cost: Amount | None = None
    confidence: Share | None = None
    retrieved: list[Retrieved] | None = None
    trace_id: Key | None = None
    metadata: dict[str, Any] | None = None

    def digest(self) -> bytes:
        """Return the SHA-256 of all the line said, whatever its order and spacing."""
        return hashlib.sha256(encode_sorted(self)).digest()


class OfUnit(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is said of one unit: `unit` names it, or `run` or `system` with `key`.

    A pair is named by one of its outputs together with `second_run` or `second_system`; the
    answers are about the two in that order.
    """

    answers: Answers
    unit: Name | None = None
    key: Key | None = None
    run: Name | None = None
    system: Name | None = None
    attempt: Attempt = 1
    second_run: Name | None = None
    second_system: Name | None = None
    second_attempt: Attempt = 1


class AnnotationRow(OfUnit, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One annotator's answers."""

    annotator: Name
    at: Moment | None = None
    seconds: Amount | None = None
    question_set: Attempt | None = None  # the version that was asked; the newest one


class DecisionRow(OfUnit, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What was decided. `revision` is that of the decision it replaces, 0 for none.

    `at` and `by` are what an export says, and nobody's word on who decides now.
    """

    reason: Name
    note: str = ""
    revision: Count = 0
    at: Moment | None = None
    by: Name | None = None


class KnownRow(OfUnit, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The right answers to a control, or to a unit of the qualification."""

    tolerance: Amount = 0.0
    explanation: str = ""
    purpose: Name = "control"


_OWN_NAMES: Mapping[str, str] = {}

Row = TypeVar("Row", ExampleRow, OutputRow, AnnotationRow, DecisionRow, KnownRow)

encode_sorted = msgspec.json.Encoder(order="sorted").encode
_encode_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted names, no spaces, floats as Python prints.

    The fast encoder writes all but floats just so, in an eighth of the time.
    """
    if _holds_float((value,)):
        return _encode_canonical(value)
    return encode_sorted(value).decode()


def _holds_float(items: Iterable[object]) -> bool:
    for item in items:
        if isinstance(item, str):
            continue
        if isinstance(item, float):
            return True
        if isinstance(item, dict | list):
            inner = item.values() if isinstance(item, dict) else item
            if _holds_float(inner):
                return True
    return False


def content_digest(content: str) -> bytes:
    """Return the SHA-256 of canonical content."""
    return hashlib.sha256(content.encode()).digest()


def typed(
    row_type: type[Row],
    members: dict[str, object],
    line: int,
    errors: ErrorCollector,
    columns: Mapping[str, str] = _OWN_NAMES,
) -> Row | None:
    """Return the row these members make, or add what is wrong with each of them.

    `columns` are the names that the file has for some members, for the sentences.
    """
    try:
        return msgspec.convert(members, row_type)
    except msgspec.ValidationError:
        present = {name: value for name, value in members.items() if value is not None}
    faults = list(_faults(row_type, present))
    for code, field, wrong in faults:
        name = strict.shortened(field)
        said = f"{name} (column {strict.quoted(columns[field])})" if field in columns else name
        errors.add(line, code, f"{said} {wrong}.", name)
    return None if faults else msgspec.convert(present, row_type)


def _faults(
    row_type: type[msgspec.Struct], members: dict[str, object]
) -> Iterator[tuple[str, str, str]]:
    known = _fields(row_type)
    for name, field in known.items():
        if name in members:
            if not _fits(members[name], field.type):
                yield "type", name, _MUST[name]
        elif field.required:
            yield "missing", name, "is missing"
    for name in sorted(members.keys() - known.keys()):
        yield "unknown_member", name, f"is no member of such a line; they are {', '.join(known)}"


@cache
def _fields(row_type: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.name: field for field in msgspec.structs.fields(row_type)}


def _fits(value: object, declared: Any) -> bool:
    try:
        msgspec.convert(value, declared)
    except msgspec.ValidationError:
        return False
    return True
