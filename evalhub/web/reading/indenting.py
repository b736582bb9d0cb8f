"""JSON with its lines indented, and otherwise as it was written."""

from __future__ import annotations

import json
import re
from typing import Final

_DEEPEST: Final = 60
_MOST_GROWTH: Final = 6  # times: what is mostly indentation stays as written
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++')
_OPENS, _CLOSES = ("{", "["), ("}", "]")


def indented(text: str) -> str | None:
    """Return a text that is a JSON object or list with its lines indented, or None.

    Numbers stay as they are written, names that come twice come twice; only escaped letters
    become the letters.
    """
    bare = text.strip(" \t\r\n")
    if not bare or bare[0] + bare[-1] not in {"{}", "[]"}:
        return None
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return None  # [2] is a citation, and numbers are read in a line
    laid_out = _laid_out(_PIECE.findall(bare))
    is_short = laid_out is not None and len(laid_out) <= 2_000 + _MOST_GROWTH * len(text)
    return laid_out if is_short else None


def _laid_out(pieces: list[str]) -> str | None:
    parts: list[str] = []
    depth, before = 0, ""
    for piece in pieces:
        is_empty = before in _OPENS and piece in _CLOSES
        depth -= piece in _CLOSES
        if before and not is_empty and (before in (*_OPENS, ",") or piece in _CLOSES):
            parts.append("\n" + "  " * depth)
        depth += piece in _OPENS
        if depth > _DEEPEST:
            return None
        parts.append(": " if piece == ":" else _in_letters(piece))
        before = piece
    return "".join(parts)


def _in_letters(piece: str) -> str:
    if piece[0] != '"' or "\\u" not in piece:
        return piece
    return json.dumps(json.loads(piece), ensure_ascii=False)
