"""JSON inside a text that a model wrote, read strictly and never repaired.

Read is what could be submitted as JSON through the product's own door, by the same rules: RFC 8259
with unique member names and whole characters (RFC 7493), whole numbers of 64 bits, finite floats,
no NUL, bounded depth.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

from metrics.batch import Json

MAX_DEPTH = 64
INT64_LOW, INT64_HIGH = -(2**63), 2**63 - 1
# Some JSON costs thirty times its size in memory: whoever reads texts of others asks first.
MAX_JSON_CHARACTERS = 1_000_000

_FENCE = "```"
_NONZERO_DIGIT = re.compile(r"[1-9]")


class NotJsonError(ValueError):
    """The text is not strict JSON."""


def read_json(text: str) -> Json:
    """Return the value of one JSON text; raise NotJsonError for anything else."""
    try:
        text.encode()
        value: Json = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise NotJsonError from error
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _inspect(value)
    return value


def unfenced(text: str) -> str:
    """Return what stands in the one Markdown fence that a text consists of, else the text."""
    stripped = text.strip()
    first, newline, rest = stripped.partition("\n")
    body = rest.removesuffix(_FENCE)
    is_fenced = first.strip().lower() in (_FENCE, f"{_FENCE}json") and newline
    return body if is_fenced and body != rest and _FENCE not in body else text


def canonical(value: Json) -> str:
    """Return the same text for equal JSON values: members in order, 1 and 1.0 one number.

    A float beyond the whole numbers of 64 bits equals none of them, and stays short.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _plain(value: Json) -> Json:
    if isinstance(value, float):
        is_whole = value.is_integer() and INT64_LOW <= value <= INT64_HIGH
        return int(value) if is_whole else value
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _inspect(value: Json) -> None:
    """Refuse what escapes can smuggle in, and depth, however deep the value is."""
    level, depth = [value], 0
    while level:
        inner: list[Json] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict | list) and depth == MAX_DEPTH:
                raise NotJsonError
            elif isinstance(item, dict):
                inner += (*item, *item.values())
            elif isinstance(item, list):
                inner += item
        level, depth = inner, depth + 1


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotJsonError from error
    if "\0" in text:
        raise NotJsonError


def _object(pairs: list[tuple[str, Json]]) -> Json:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotJsonError
    return members


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else INT64_HIGH + 1
    if not INT64_LOW <= number <= INT64_HIGH:
        raise NotJsonError
    return number


def _float(digits: str) -> float:
    number = float(digits)
    is_underflow = number == 0.0 and _NONZERO_DIGIT.search(re.split("[eE]", digits)[0])
    if math.isinf(number) or is_underflow:
        raise NotJsonError
    return number


def _constant(_: str) -> NoReturn:
    raise NotJsonError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
