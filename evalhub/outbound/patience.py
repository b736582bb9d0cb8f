"""How long and how often another machine is asked, and how much of its answer is read."""

from __future__ import annotations

import email.utils
import hashlib
import time
from collections.abc import Iterable
from enum import StrEnum
from http.client import responses

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0


class Trouble(StrEnum):
    """Why there is no answer."""

    FORBIDDEN = "forbidden"  # the address is none that may be asked
    UNREACHABLE = "unreachable"  # no connection, or one that broke
    TIMED_OUT = "timed_out"
    BUSY = "busy"  # 429
    BROKEN = "broken"  # 5xx
    NOT_ALLOWED = "not_allowed"  # 401, 403, 404: the key or the address is wrong
    REJECTED = "rejected"  # any other status
    UNREADABLE = "unreadable"  # not what was asked for, or too much of it
    CALLED_OFF = "called_off"  # told to stop before there was an answer


def trouble_of(status: int) -> Trouble:
    """Return what a status other than 200 means."""
    if status == 429:
        return Trouble.BUSY
    if status >= 500:
        return Trouble.BROKEN
    return Trouble.NOT_ALLOWED if status in (401, 403, 404) else Trouble.REJECTED


def status_line(status: int) -> str:
    """Return a status as people know it, such as ``503 Service Unavailable``."""
    return f"{status} {responses.get(status, '')}".rstrip()


def bounded(parts: Iterable[bytes], *, most_bytes: int, deadline: float) -> bytes | None:
    """Return a body as far as it is wanted, one byte more at most; None when time is over.

    `deadline` is on the monotonic clock. A client's own limit is for each read: one byte a
    minute would never meet it.
    """
    content = bytearray()
    for part in parts:
        content += part
        if len(content) > most_bytes:
            break
        if time.monotonic() > deadline:
            return None
    return bytes(content[: most_bytes + 1])


def retry_after(said: str) -> float | None:
    """Return in how many seconds to ask again, from a Retry-After header in either form."""
    said = said.strip()
    if said.isascii() and said.replace(".", "", 1).isdigit():
        return float(said[:12])
    try:
        at = email.utils.parsedate_to_datetime(said)
        return max(0.0, at.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def pause(tries: int, *, seed: str, asked_for: float | None, first: float | None = None) -> float:
    """Return how many seconds to wait after so many tries: what was asked for, else twice as long
    each time. Spread by `seed`, so that those who failed together do not come back together.
    """
    first = FIRST_PAUSE_SECONDS if first is None else first
    spread = int(hashlib.sha256(f"{seed} {tries}".encode()).hexdigest()[:8], 16) / 2**32
    if asked_for is not None:
        return min(asked_for, LONGEST_PAUSE_SECONDS) + first * spread
    growing = first * 2.0 ** min(tries - 1, 30)
    return min(growing, LONGEST_PAUSE_SECONDS) * (0.5 + spread)
