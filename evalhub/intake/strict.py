"""One JSON text to one value, strictly: what is let in here can be stored and given back."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import NoReturn, cast

import msgspec

from evalhub.errors import ShapeError, TooLarge

BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 64
MAX_LINE_BYTES = 16 * 1024**2
MAX_JSON_BYTES = 1024**2
# A line of nothing but brackets costs a hundred times its size in memory.
MAX_CONTAINERS = 200_000
INT64_LOW, INT64_HIGH = -(2**63), 2**63 - 1

_NEGATIVE_EXPONENT = re.compile(rb"[0-9][eE]-")
_NONZERO_DIGITS = re.compile(r"[1-9]")
_ECHO = 40


def decode(text: bytes) -> object:
    """Return the value of one JSON text, or raise ShapeError with a stable code.

    The fast decoder alone is not strict, so its value is believed only when nothing is left
    to doubt; otherwise the exact decoder below decides. Both give equal values. The doubts
    are an escaped NUL, a number that left the range of its type, depth, and a repeated member
    name: a text has one colon for each member and those inside its strings, so when value and
    text count equal, no member was dropped (an escaped colon, ``\\u003a``, is a doubt itself).
    """
    if len(text) > 2 * MAX_CONTAINERS:
        _refuse_too_many_containers(text)
    try:
        value = _decode_fast(text)
        if b"\\" in text and (b"\\u000" in text or b"\\u003" in text):
            return _decode_exactly(text)
        zeros: list[float] = []
        if _count_colons((value,), MAX_DEPTH, zeros) != text.count(b":"):
            return _decode_exactly(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _DoubtError):
        return _decode_exactly(text)
    return _decode_exactly(text) if zeros and _may_underflow(text) else value


def strict_json(body: bytes, *, max_bytes: int = MAX_JSON_BYTES) -> object:
    """Return the value of an ordinary JSON body; a byte order mark at its start is let in."""
    if len(body) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes:,} bytes.")
    text = body.removeprefix(BOM)
    if not text.strip():
        raise ShapeError("The body is empty; send one JSON value.", code="empty")
    return decode(text)


class _DoubtError(Exception):
    """The fast decoder's value needs the exact decoder's word."""


_decode_fast = msgspec.json.Decoder().decode


def _count_colons(items: Iterable[object], room: int, zeros: list[float]) -> int:
    count = 0
    for item in items:
        if isinstance(item, str):
            count += item.count(":")
        elif isinstance(item, int):
            if not INT64_LOW <= item <= INT64_HIGH:
                raise _DoubtError
        elif isinstance(item, float):
            if item == 0.0:
                zeros.append(item)
        elif item is not None:
            count += _count_inside(item, room, zeros)
    return count


def _count_inside(container: object, room: int, zeros: list[float]) -> int:
    if not room:
        raise _DoubtError
    if isinstance(container, dict):
        return len(container) + _count_colons(container.values(), room - 1, zeros)
    return _count_colons(cast(list[object], container), room - 1, zeros)


def _may_underflow(text: bytes) -> bool:
    return b"0" * 300 in text or _NEGATIVE_EXPONENT.search(text) is not None


def _refuse_too_many_containers(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_CONTAINERS:
        return
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(unescaped.split(b'"')[::2])
    if outside.count(b"[") + outside.count(b"{") > MAX_CONTAINERS:
        raise ShapeError(
            f"One JSON text may hold at most {MAX_CONTAINERS:,} lists and objects.",
            code="too_many_values",
        )


def _decode_exactly(text: bytes) -> object:
    try:
        value: object = _decode_json(as_characters(text))
    except RecursionError:
        _refuse_depth()
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at").removesuffix(" starting")
        where = f"character {error.pos + 1}"
        detail = f"This is not JSON ({where}): {reason[:1].lower()}{reason[1:]}."
        raise ShapeError(detail, code="not_json") from None
    _inspect((value,), MAX_DEPTH)
    return value


def as_characters(text: bytes) -> str:
    """Return the text of UTF-8 bytes without mark and NUL, or raise ShapeError."""
    if text.startswith(BOM):
        raise ShapeError(
            "A byte order mark may stand only at the very start of a body.", code="bom"
        )
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        raise ShapeError(_not_utf8(text, error), code="not_utf8") from None
    if "\0" in characters:
        raise ShapeError(
            f"A NUL character (byte {text.index(0) + 1}) cannot be stored; remove it.", code="nul"
        )
    return characters


def _not_utf8(text: bytes, error: UnicodeDecodeError) -> str:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "The body is UTF-16; save it as UTF-8."
    byte = text[error.start]
    return f"This is not UTF-8: byte 0x{byte:02X} at byte {error.start + 1}. Save it as UTF-8."


def _inspect(items: Iterable[object], room: int) -> None:
    for item in items:
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if not room:
                _refuse_depth()
            _inspect(item, room - 1)
            if isinstance(item, dict):
                _inspect(item.values(), room - 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ShapeError(
            "A NUL character (written \\u0000) cannot be stored; remove it.", code="nul"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = ord(text[error.start])
        raise ShapeError(
            f"\\u{half:04x} is half of a surrogate pair and no character; write both halves.",
            code="surrogate",
        ) from None


def _refuse_depth() -> NoReturn:
    raise ShapeError(f"Lists and objects may be nested {MAX_DEPTH} deep.", code="depth") from None


def _member(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ShapeError(
            f"An object names {quoted(name)} twice; keep one.", code="duplicate_member"
        )
    return members


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else INT64_HIGH + 1
    if not INT64_LOW <= number <= INT64_HIGH:
        raise ShapeError(
            f"The whole number {shortened(digits)} does not fit in 64 bits; send it as text.",
            code="integer_range",
        )
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ShapeError(
            f"The number {shortened(digits)} is too large for a 64-bit float.", code="not_finite"
        )
    if number == 0.0 and _NONZERO_DIGITS.search(re.split("[eE]", digits)[0]):
        raise ShapeError(
            f"The number {shortened(digits)} is too small for a 64-bit float; send 0.",
            code="underflow",
        )
    return number


def _constant(name: str) -> NoReturn:
    raise ShapeError(f"{name} is no JSON number; send null or leave it out.", code="not_finite")


def quoted(text: str) -> str:
    """Return somebody's text for a sentence: in quotes, escaped, not long."""
    return json.dumps(shortened(text))


def shortened(text: str) -> str:
    return text if len(text) <= _ECHO else text[:_ECHO] + "…"


_decode_json = json.JSONDecoder(
    object_pairs_hook=_member, parse_int=_integer, parse_float=_float, parse_constant=_constant
).decode
