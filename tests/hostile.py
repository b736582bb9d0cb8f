"""What nobody should send: bodies and texts that break programs, each with its name."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

MIB = 1024**2
DEEP = 100_000
LONG_LINE = b'{"name": "' + b"x" * (50 * MIB) + b'"}'
T = TypeVar("T")
_HERE = "@@here@@"

# What may stand in the place of any JSON value, and is refused wherever it stands.
TOKENS = {
    "an escaped NUL": rb'"a\u0000b"',
    "a raw NUL": b'"a\0b"',
    "half a surrogate pair": rb'"\ud800"',
    "a surrogate pair in reverse": rb'"\udc00\ud800"',
    "Latin-1": b'"caf\xe9"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "an overlong form": b'"\xc0\x80"',
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e999": b"1e999",
    "1e-999": b"1e-999",
    "an integer of 65 bits": str(2**64).encode(),
    "an integer of 400 digits": b"9" * 400,
    "an integer of 5,000 digits": b"9" * 5_000,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice, once escaped": rb'{"a": 1, "\u0061": 2}',
    "a comment": b"/* a */ 1",
    "a trailing comma": b"[1,]",
    "single quotes": b"'a'",
    "a control character": b'"a\x01b"',
    "a bare word": b"nothing",
}
# The few of them that each member is tried with.
FEW_TOKENS = ("an escaped NUL", "half a surrogate pair", "1e999")

# Values that JSON allows. A door may take one or refuse it, and never stumbles.
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "x" * 100_000,
    "\u202e\u200b\ufeff",
    "<script>alert(1)</script>",
    "'; DROP TABLE accounts_user; --",
    "../../etc/passwd",
    -1,
    0,
    2**31,
    2**63 - 1,
    -(2**63),
    0.5,
    1e308,
    [],
    [None],
    [[]],
    ["x"] * 1_000,
    {},
    {"": ""},
    {"x" * 1_000: 1},
)
# What people type, paste or forge into the fields of a form.
TYPED = (
    "\0",
    "a\0b",
    "",
    "x" * 100_000,
    "NaN",
    "Infinity",
    "1e999",
    "-1",
    "9" * 5_000,
    "²",
    "1_000",
    "\ufeff\u202e\u200b",
    "\U0010ffff",
    "[" * DEEP,
    '{"a": 1, "a": 2}',
    r'"\ud800"',
    '{"extract": "(a+)+$"}',
    "../../etc/passwd",
    "<script>alert(1)</script>",
)
# Words that an address may be made of.
ODD_PARTS: tuple[object, ...] = (
    *("a\0b", "é", "\U0001f9ea", "..", "x" * 3_000, "' OR 1=1 --", "%s", "{}", "\ufffd"),
    *("run_" + "0" * 20, "-1", "1e9", " ", "a\nb"),
)
ODD_NUMBERS = (2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30, "9" * 5_000)

# Patterns that other engines need years for, and what each engine must not do.
SLOW_PATTERNS = (r"(a+)+$", r"((?:a|aa)+)$", r"(.*)*x", r"([a-z]+)*\d", r"((?:a{0,50}){0,10})x")
WRONG_PATTERNS = (
    r"(a)\1",
    r"(?=a)(a)",
    r"(?<=a)(a)",
    r"(a",
    r"a{1000000}(b)",
    r"((a{1000}){1000})",
    "(a" * 1_000 + ")" * 1_000,
    "a",
    r"(a)(b)",
    "",
    "(" * DEEP,
    "(a)" + "b" * 100_000,
    r"(\p{Nonsense})",
    "(?P<n>a)(?P<n>b)",
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a value."""
    return [*_places(value)]


def spliced(value: Any, path: tuple[Any, ...], token: bytes) -> bytes:
    """Return the JSON text of a value, with the token in one of its places."""
    text = json.dumps(replaced(value, path, _HERE)).encode()
    return text.replace(f'"{_HERE}"'.encode(), token)


def sampled(things: Sequence[T], number: int, *, every: int) -> Sequence[T]:
    """Return one in `every` of the things, others for each number, and never none."""
    return things[number % every :: every] or things[number % len(things) :][:1]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside: Any = ()
    if isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for name, one in inside:
        yield (*path, name)
        yield from _places(one, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of the value with another in one of its places."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new) if path[1:] else new
    return copy


def broken_texts(good: bytes) -> dict[str, bytes]:
    """Return whole bodies, made of a good one, that are not what they should be."""
    text = good.decode()
    return {
        "nothing": b"",
        "spaces": b" \n\t ",
        "a list": b"[]",
        "a text": b'"a"',
        "null": b"null",
        "no JSON": b"name=value",
        "XML": b"<a/>",
        "NUL bytes": b"\0" * 100,
        "UTF-16": text.encode("utf-16"),
        "UTF-16 without mark": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32"),
        "cut in a character": good.rstrip(b"}\n") + b', "x": "\xe2\x82',
        "cut in the middle": good[: len(good) // 2],
        "two marks": b"\xef\xbb\xbf\xef\xbb\xbf" + good,
        "an unknown member": good.rstrip().removesuffix(b"}") + b', "unheard_of": 1}',
        "a member twice": b'{"name": 1, "name": 1, ' + good.lstrip(b" {"),
        "deep lists": b"[" * DEEP,
        "deep objects": b'{"a":' * DEEP,
        "a long line": LONG_LINE,
        "gzip unannounced": gzip.compress(b"\0" * 1_000),
    }


def broken_gzips(good: bytes) -> dict[str, bytes]:
    """Return packed bodies that unpack to no good."""
    packed = gzip.compress(good * 100)
    return {
        # A file of many members is one file, so that a bomb need not be packed in one go.
        "a bomb": gzip.compress(bytes(MIB)) * 1_000,
        "a bomb of lines": gzip.compress(b"{}\n" * MIB) * 100,
        "a bomb in a bomb": gzip.compress(gzip.compress(b" " * MIB) * 1_000),
        "cut short": packed[:-20],
        "cut in its head": packed[:5],
        "a wrong checksum": packed[:-8] + b"\0" * 8,
        "no gzip": good,
        "zlib": zlib.compress(good),
        "nothing": b"",
        "an empty member": gzip.compress(b""),
        "rubbish behind": packed + b"rubbish",
    }
