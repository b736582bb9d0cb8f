"""Addresses in what others wrote: which a browser may open, and how each is shown."""

from __future__ import annotations

import re
from typing import Final

from markdown_it.common.normalize_url import normalizeLink

LONGEST: Final = 120  # characters shown of one
# With a host: `http:path` would be an address of ours.
_OPENED: Final = re.compile(r"(?:https?://|mailto:)[^\s/\\?#]", re.IGNORECASE)
_DATA: Final = re.compile(r"data:[^,]{0,80},")


def opened(address: str) -> str | None:
    """Return an address as a browser may open it, or None: http, https and mailto, no others.

    In ASCII, so that letters that look like others are seen to be others.
    """
    if not _OPENED.match(address):
        return None
    try:
        normal = normalizeLink(address)
    except ValueError:
        return None
    return normal if _OPENED.match(normal) else None


def shown(address: str) -> str:
    """Return an address for reading: its beginning where it is long, its kind where it is data."""
    if len(address) <= LONGEST:
        return address
    data = _DATA.match(address)
    start = data[0] if data else address[:LONGEST]
    return f"{start}… {len(address):,} characters"
