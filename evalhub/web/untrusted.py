"""Text that others wrote, made safe to read: escaped, isolated, with nothing invisible."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# Controls but for tab and line feed; soft hyphen; direction marks and overrides; zero-width and
# invisible operators; line separators; the byte order mark; lone surrogates; tag characters.
# The joiners U+200C and U+200D stay: scripts and emoji need them.
_INVISIBLE: Final = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f])\\1*"
)
_SHORT: Final = {"\r": "CR", "\x00": "NUL", "\x1b": "ESC", "\xad": "SHY", "\ufeff": "BOM"}


def readable(text: str) -> SafeString:
    """Escape text for reading in full, with every invisible character spelled out."""
    return format_html('<span class="said" dir="auto">{}</span>', spelled(text))


def excerpt(text: str, length: int) -> SafeString:
    """Escape the beginning of a text for one line of a table."""
    shown = spelled(shortened(text, length))
    return format_html('<span class="said line" dir="auto">{}</span>', shown)


def spelled(text: str) -> SafeString:
    """Escape text, with every invisible character spelled out."""
    return mark_safe(written(text))  # noqa: S308


def written(text: str) -> str:
    """Return what `spelled` returns as an ordinary string, for who joins thousands of them."""
    return _INVISIBLE.sub(_spelled, html.escape(text.replace("\r\n", "\n")))


def shortened(text: str, length: int) -> str:
    """Return the beginning of a text on one line, with an ellipsis where it is cut."""
    start = " ".join(text[: 4 * length].split())
    is_cut = len(start) > length or len(text) > 4 * length
    return start[:length].rstrip() + "…" if is_cut else start


def _spelled(found: re.Match[str]) -> str:
    return _label(found[1], len(found[0]))


@lru_cache(maxsize=256)
def _label(character: str, times: int) -> str:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character")
    label = _SHORT.get(character, code) + (f" ×{times}" if times > 1 else "")
    return f'<span class="ctl" title="{code} {escape(name.lower())}">{label}</span>'
