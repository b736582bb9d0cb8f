"""Numbers, times and words as people read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Shape = Literal["up", "down", "same", "unsure"]

MINUS: Final = "\N{MINUS SIGN}"
EN_DASH: Final = "\N{EN DASH}"
THIN: Final = "\N{NARROW NO-BREAK SPACE}"
FIXED: Final = "\N{NO-BREAK SPACE}"
NO_VALUE: Final = "no value yet"
MAX_DIGITS: Final = 6

_SIZES: Final = ("bytes", "KB", "MB", "GB", "TB")
_MOST_OF_NAME: Final = 28
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An outcome for people: the shape that carries it, and its word."""

    shape: Shape
    word: str


UNSURE: Final = Outcome(shape="unsure", word="not settled")
OUTCOMES: Final = {
    "improved": Outcome(shape="up", word="improved"),
    "regressed": Outcome(shape="down", word="regressed"),
    "equivalent": Outcome(shape="same", word="equivalent"),
    "insufficient_evidence": UNSURE,
    "insufficient evidence": UNSURE,
    "insufficient": UNSURE,
}


@dataclass(frozen=True, kw_only=True)
class State:
    """A state for people: badge class, icon, word."""

    kind: str
    icon: str
    word: str


STATES: Final = {
    "open": State(kind="", icon="edit", word="open"),
    "pending": State(kind="", icon="clock", word="waiting"),
    "waiting": State(kind="", icon="clock", word="waiting"),
    "scoring": State(kind="live", icon="clock", word="scoring"),
    "running": State(kind="live", icon="clock", word="running"),
    "working": State(kind="live", icon="clock", word="working"),
    "scored": State(kind="", icon="check", word="scored"),
    "skipped": State(kind="", icon="dot", word="skipped"),
    "done": State(kind="", icon="check", word="done"),
    "closed": State(kind="", icon="check", word="closed"),
    "published": State(kind="", icon="check", word="published"),
    "failed": State(kind="down", icon="x", word="failed"),
    "cancelled": State(kind="", icon="x", word="cancelled"),
    "revoked": State(kind="", icon="x", word="revoked"),
    "used": State(kind="", icon="check", word="used"),
    "paused": State(kind="", icon="away", word="paused"),
    "active": State(kind="live", icon="person", word="at work"),
    "qualifying": State(kind="", icon="clock", word="qualifying"),
    "unqualified": State(kind="warn", icon="x", word="not qualified"),
    "stopped": State(kind="", icon="x", word="stopped"),
    "imported": State(kind="", icon="down", word="by file"),
    "expired": State(kind="", icon="clock", word="expired"),
}


def known(value: float | None) -> bool:
    """Say whether there is a number to show."""
    return value is not None and math.isfinite(value)


def digits_of_span(span: float | None) -> int:
    """Return the usual decimals for a metric whose range has this length; None is no end."""
    if span is None or not math.isfinite(span):
        return 2
    if span <= 1:
        return 3
    return 2 if span <= 20 else 1


def digits_of(value: float | None, span: float | None) -> int:
    """Return the usual decimals for a value: where the range has no end, three digits that count.

    812 ms, 12.4 words, and a cost of 0.00042, which must not read as nothing.
    """
    if span is not None and math.isfinite(span):
        return digits_of_span(span)
    if value is None or not math.isfinite(value) or value == 0.0:
        return 0 if value == 0.0 else digits_of_span(span)
    return min(MAX_DIGITS, max(0, 2 - math.floor(math.log10(abs(value)))))


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Write a number with a real minus sign; a value that rounds to 0 has no sign."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    text = f"{abs(value):.{digits}f}"
    if not text.strip("0."):
        return text
    if value < 0:
        return MINUS + text
    return f"+{text}" if signed else text


def interval(
    low: float | None, high: float | None, digits: int = 3, *, signed: bool = False
) -> str:
    """Write an interval: a dash between plain numbers, "to" beside signs."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    ends = (number(low, digits, signed=signed), number(high, digits, signed=signed))
    return (" to " if signed or low < 0 else EN_DASH).join(ends)


def earned_digits(low: float | None, high: float | None, digits: int) -> int:
    """Return more decimals than usual where the interval is so narrow that it earns them.

    Its width has two significant digits then, as a gain of 0.15 on a scale of 125 points has.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return digits
    if low == high:
        return digits
    earned = 1 - math.floor(math.log10(abs(high - low)))
    return min(MAX_DIGITS, max(digits, earned))


def p_value(p: float | None) -> str:
    """Write a p value: two significant digits, `<0.001` below, `1.00` only for certain."""
    if p is None or not math.isfinite(p):
        return "not defined"
    if p < 0.001:
        return "<0.001"
    if p >= 1:
        return "1.00"
    return ">0.99" if p >= 0.995 else f"{p:#.2g}"


def percent(share: float | None, digits: int = 0) -> str:
    """Write a share of 1 in per cent."""
    if share is None or not math.isfinite(share):
        return NO_VALUE
    if digits == 0 and share not in (0.0, 1.0):
        # 99.7 % must not read as all, nor 0.2 % as none.
        share = min(max(share, 0.01), 0.99)
    return f"{number(100 * share, digits)}{THIN}%"


def count(n: int | None) -> str:
    """Write a count, with thin spaces between thousands."""
    if n is None:
        return "not counted"
    return f"{abs(n):,}".replace(",", THIN) if n >= 0 else MINUS + count(-n)


def of(part: int | None, whole: int | None) -> str:
    """Write a part of a count: `251 of 412`."""
    return f"{count(part)} of {count(whole)}"


def plural(n: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 run`, `3 runs`."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def milliseconds(value: float | None) -> str:
    return duration(None if value is None else value / 1_000)


def duration(seconds: float | None) -> str:
    """Write a duration in the two largest units that matter."""
    if seconds is None or not math.isfinite(seconds):
        return "not measured"
    if seconds < 0:
        return MINUS + duration(-seconds)
    if seconds < 0.9995:
        return f"{seconds * 1_000:.0f}{FIXED}ms"
    if seconds < 9.995:
        return f"{seconds:.2f}{FIXED}s"
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f}{FIXED}s"
    return _long_duration(round(seconds))


def _long_duration(seconds: int) -> str:
    if seconds < _HOUR:
        large, small = divmod(seconds, _MINUTE)
        names = ("min", "s")
    elif seconds < _DAY:
        large, small = divmod(seconds // _MINUTE, 60)
        names = ("h", "min")
    else:
        large, small = divmod(seconds // _HOUR, 24)
        names = ("d", "h")
    text = f"{large}{FIXED}{names[0]}"
    return f"{text}{FIXED}{small}{FIXED}{names[1]}" if small else text


def size(n: float | None) -> str:
    """Write a number of bytes in thousands: `212 KB`."""
    if n is None:
        return "size unknown"
    if n < 1_000:
        return f"{n:.0f}{FIXED}byte{'' if n == 1 else 's'}"
    for name in _SIZES[1:]:
        n /= 1_000
        if n < 999.5 or name == _SIZES[-1]:
            break
    return f"{n:.1f}{FIXED}{name}" if n < 9.95 else f"{n:.0f}{FIXED}{name}"


def moment(at: datetime) -> str:
    """Write a moment in UTC: `22 November 2026, 17:36 UTC`."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def day(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def in_a_list(name: str, version: str, run: str, at: datetime) -> str:
    """Name a run in a list to choose from: what tells runs apart comes first.

    A narrow screen shows some thirty characters of the one that is chosen, so that a long name is
    cut in its middle: versions differ at the end.
    """
    if len(name) > _MOST_OF_NAME:
        half = _MOST_OF_NAME // 2
        name = f"{name[: half - 1]}…{name[-half:]}"
    utc = at.astimezone(UTC)
    return f"{name}, {utc.day} {utc:%b %H:%M}, on {version}, {run[:10]}"


def machine_time(at: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def ago(at: datetime, *, now: datetime) -> str:
    """Write how far a moment lies from now; past a month, its day."""
    passed = now - at
    if abs(passed) > timedelta(days=30):
        return day(at)
    seconds = round(abs(passed.total_seconds()))
    if seconds < 10:
        return "just now"
    text = _rough(seconds)
    return f"{text} ago" if passed > timedelta() else f"in {text}"


def _rough(seconds: int) -> str:
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= length:
            return plural(seconds // length, name)
    return plural(seconds, "second")


def outcome(name: str | None) -> Outcome:
    """Return shape and word of an outcome; one we do not know is never coloured."""
    if not name:
        return Outcome(shape="unsure", word="not compared")
    return OUTCOMES.get(name, Outcome(shape="unsure", word=name.replace("_", " ")))


def state(name: str) -> State:
    return STATES.get(name, State(kind="", icon="dot", word=name.replace("_", " ")))
