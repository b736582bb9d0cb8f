"""One JSON text to one value, strictly: what is let in here can be stored and given back."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, tee
from typing import NoReturn, cast

import msgspec

from evalhub.errors import FieldError, LineError, ShapeError, TooLarge
from metrics.structured.strict_json import INT64_HIGH, INT64_LOW, MAX_DEPTH

BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 16 * 1024**2
MAX_JSON_BYTES = 1024**2
# A line of nothing but brackets costs a hundred times its size in memory.
MAX_CONTAINERS = 200_000
SURELY_FEW_CONTAINERS = 2 * MAX_CONTAINERS  # bytes, of which each container takes two
# A NUL that may not be, and a colon that is not seen as one.
DOUBTFUL_ESCAPES = b"\\u0000", b"\\u003a", b"\\u003A"

_NEGATIVE_EXPONENT = re.compile(rb"[0-9][eE]-")
_NONZERO_DIGITS = re.compile(r"[1-9]")
_BRACKETS_AND_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_TOO_DEEP = f"Lists and objects may be nested {MAX_DEPTH} deep."
_ECHO = 40
_LONGEST_PATH = 200


def decode(text: bytes) -> object:
    """Return the value of one JSON text, or raise ShapeError with a stable code.

    The fast decoder alone is not strict, so its value is believed only when nothing is left
    to doubt; otherwise the exact decoder below decides. Both give equal values. The doubts
    are an escaped NUL, a number that left the range of its type, depth, and a repeated member
    name: a text has one colon for each member and those inside its strings, so when value and
    text count equal, no member was dropped (an escaped colon, ``\\u003a``, is a doubt itself).
    """
    if len(text) > SURELY_FEW_CONTAINERS:
        _refuse_too_many_containers(text)
    try:
        value = _decode_fast(text)
        if has_doubtful_escape(text):
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


def leaves_doubt(members: Iterable[object], text: bytes) -> bool:
    """Whether the fast decoder may be wrong about these values of the members of one object."""
    zeros: list[float] = []
    try:
        _count_colons(members, MAX_DEPTH - 1, zeros)
    except _DoubtError:
        return True
    return bool(zeros) and _may_underflow(text)


def has_doubtful_escape(text: bytes) -> bool:
    return b"\\" in text and any(escape in text for escape in DOUBTFUL_ESCAPES)


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
    characters, reader = as_characters(text), _Reader()
    try:
        value: object = reader.decode(characters)
    except RecursionError:
        _refuse(_TOO_DEEP, "depth", line=_line_of_depth(characters))
    except json.JSONDecodeError as error:
        if reader.fault is not None:
            raise reader.fault from None
        reason = error.msg.removesuffix(" at").removesuffix(" starting")
        where = f"character {error.pos + 1}"
        detail = f"This is not JSON ({where}): {reason[:1].lower()}{reason[1:]}."
        _refuse(detail, "not_json", line=error.lineno)
    place: list[str | int] = []
    try:
        _inspect(value, MAX_DEPTH, place)
    except ShapeError as error:
        raise _placed(error, place) from None
    if reader.fault is not None:  # it stood in a member that a later one of its name replaced
        raise _placed(reader.fault, [])
    return value


def _placed(error: ShapeError, inside_out: Sequence[str | int]) -> ShapeError:
    """Return the error with the field it is about, or with line 1 for the value as a whole."""
    path = ""
    for part in reversed(inside_out):
        path += f"[{part}]" if isinstance(part, int) else f".{shortened(part)}"
    path = path.removeprefix(".")
    fault = (
        FieldError(path[:_LONGEST_PATH], error.code, error.detail)
        if path
        else LineError(1, error.code, error.detail)
    )
    return ShapeError(error.detail, code=error.code, errors=[fault])


def _refuse(detail: str, code: str, *, line: int) -> NoReturn:
    raise ShapeError(detail, code=code, errors=[LineError(line, code, detail)]) from None


def as_characters(text: bytes) -> str:
    """Return the text of UTF-8 bytes without mark and NUL, or raise ShapeError."""
    if text.startswith(BOM):
        _refuse("A byte order mark may stand only at the very start of a body.", "bom", line=1)
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        _refuse(_not_utf8(text, error), "not_utf8", line=text.count(b"\n", 0, error.start) + 1)
    if "\0" in characters:
        at = text.index(0)
        detail = f"A NUL character (byte {at + 1}) cannot be stored; remove it."
        _refuse(detail, "nul", line=text.count(b"\n", 0, at) + 1)
    return characters


def _not_utf8(text: bytes, error: UnicodeDecodeError) -> str:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "The body is UTF-16; save it as UTF-8."
    byte = text[error.start]
    return f"This is not UTF-8: byte 0x{byte:02X} at byte {error.start + 1}. Save it as UTF-8."


def _line_of_depth(characters: str) -> int:
    """Return the line on which the nesting goes too deep, the first where none does."""
    found, again = tee(_BRACKETS_AND_TEXTS.finditer(characters))
    depths = accumulate({"[": 1, "{": 1, "]": -1, "}": -1}.get(one[0], 0) for one in found)
    too_deep = (one.start() for depth, one in zip(depths, again, strict=True) if depth > MAX_DEPTH)
    at = next(too_deep, 0)
    return characters.count("\n", 0, at) + 1


def _inspect(item: object, room: int, place: list[str | int]) -> None:
    """Raise what is wrong with a value; `place` is then where, from the inside out."""
    if isinstance(item, ShapeError):
        raise item
    if isinstance(item, str):
        _check_text(item)
    elif isinstance(item, dict | list):
        if not room:
            raise ShapeError(_TOO_DEEP, code="depth")
        for part, inner in _parts(item):
            try:
                _inspect(inner, room - 1, place)
            except ShapeError:
                place.append(part)
                raise


def _parts(container: dict[str, object] | list[object]) -> Iterable[tuple[str | int, object]]:
    if isinstance(container, list):
        return enumerate(container)
    for name in container:
        _check_text(name)
    return container.items()


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


class _Reader:
    """The standard library's decoder, which leaves the first fault in the place of its value.

    Only so is it known which field the fault is in. Of further faults nothing is kept.
    """

    def __init__(self) -> None:
        self.fault: ShapeError | None = None
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=self._constant,
        ).decode

    def _fault(self, detail: str, code: str) -> ShapeError | None:
        if self.fault is not None:
            return None
        self.fault = ShapeError(detail, code=code)
        return self.fault

    def _object(self, pairs: list[tuple[str, object]]) -> object:
        members = dict(pairs)
        if len(members) < len(pairs) and self.fault is None:
            name = Counter(name for name, _ in pairs).most_common(1)[0][0]
            return self._fault(
                f"An object names {quoted(name)} twice; keep one.", "duplicate_member"
            )
        return members

    def _integer(self, digits: str) -> object:
        number = int(digits) if len(digits) <= 20 else INT64_HIGH + 1
        if INT64_LOW <= number <= INT64_HIGH:
            return number
        return self._fault(
            f"The whole number {shortened(digits)} does not fit in 64 bits; send it as text.",
            "integer_range",
        )

    def _float(self, digits: str) -> object:
        number = float(digits)
        if math.isinf(number):
            return self._fault(
                f"The number {shortened(digits)} is too large for a 64-bit float.", "not_finite"
            )
        if number == 0.0 and _NONZERO_DIGITS.search(re.split("[eE]", digits)[0]):
            return self._fault(
                f"The number {shortened(digits)} is too small for a 64-bit float; send 0.",
                "underflow",
            )
        return number

    def _constant(self, name: str) -> object:
        return self._fault(f"{name} is no JSON number; send null or leave it out.", "not_finite")


def quoted(text: str) -> str:
    """Return somebody's text for a sentence: in quotes, escaped, not long."""
    return json.dumps(shortened(text))


def shortened(text: str) -> str:
    return text if len(text) <= _ECHO else text[:_ECHO] + "…"
