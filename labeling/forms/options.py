"""Options as lines of text, one a line: a label, or a value and its label."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from labeling.models import Question

_IS: Final = " = "
_NEEDED: Final = (Question.Kind.CHOICE, Question.Kind.CHOICES)
_OWN: Final = (Question.Kind.RATING, Question.Kind.PREFERENCE)  # have options of their own
_PLACED: Final = (Question.Kind.RATING,)  # a bare line is the label of its place, from 1


def options_of(kind: str, text: str) -> list[object] | None:
    """Return the options in the form of REST, or None where the kind's own are meant."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if kind not in (*_NEEDED, *_OWN) or (kind in _OWN and not lines):
        return None
    return [_option(kind, at, line) for at, line in enumerate(lines, start=1)]


def lines_of(kind: str, options: Sequence[Mapping[str, Any]]) -> str:
    """Return options as lines that are read back as they are."""
    return "\n".join(_line(kind, at, option) for at, option in enumerate(options, start=1))


def _option(kind: str, at: int, line: str) -> object:
    value, label = _parted(line)
    if label is None:
        return {"value": at, "label": line} if kind in _PLACED else line
    return {"value": value, "label": label}


def _parted(line: str) -> tuple[object, str | None]:
    """Cut "4 = good" in two. A value in quotes is text, whatever it looks like."""
    if line.startswith('"'):
        try:
            value, end = json.JSONDecoder().raw_decode(line)
        except ValueError:
            return line, None
        is_parted = line[end:].startswith(_IS)
        return (value, line[end + len(_IS) :].strip()) if is_parted else (line, None)
    before, sign, label = line.partition(_IS)
    return (_value(before.strip()), label.strip()) if sign else (line, None)


def _value(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _line(kind: str, at: int, option: Mapping[str, Any]) -> str:
    value, label = option["value"], option["label"]
    for line in (label, f"{value}{_IS}{label}"):
        read = _option(kind, at, line)
        read = read if isinstance(read, dict) else {"value": read, "label": read}
        if (type(read["value"]), read) == (type(value), {"value": value, "label": label}):
            return line
    return f"{json.dumps(value, ensure_ascii=False)}{_IS}{label}"
