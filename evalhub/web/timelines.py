"""A value over many runs as SVG: x in percent and y in pixels, as in charts.

The numbers of the axis are a picture of their own in a column of one width, so that no line runs
through them, however narrow the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from evalhub.web.axes import Axis
from evalhub.web.charts import SHAPES, Estimate, Kind, picture

_TOP: Final = 16.0
_TALL: Final = 120.0
_MIDDLE: Final = 50.0
_MOST_OF_NAME: Final = 20
_FOOT: Final = 34.0
_LEFT: Final = 3.0  # where the first and the last point stand, in percent
_RIGHT: Final = 97.0
_CAP: Final = 0.45  # half the width of an interval's end, in percent
_MOST_CAPS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point of a timeline.

    `break_name` breaks the line before it, and names the break; `change` marks its level, and
    `change_name` says what that began with.
    """

    estimate: Estimate
    break_name: str = ""
    change: Kind = ""
    change_name: str = ""


def timeline(marks: Sequence[Mark], *, label: str, first: str, last: str) -> SafeString:
    """Draw points in order, a line between those that continue one another, and what changed.

    `first` and `last` are written under the ends.
    """
    ends = [
        end
        for mark in marks
        for end in (mark.estimate.low, mark.estimate.value, mark.estimate.high)
        if end is not None
    ]
    axis = Axis.around(ends, steps=4)
    at = [_place(number, len(marks)) for number in range(len(marks))]
    parts = [_grid(axis, tick) for tick in axis.ticks]
    parts += [_before(at, number, mark) for number, mark in enumerate(marks)]
    parts += [
        _segment(at[number], at[number + 1], _y(axis, one.estimate), _y(axis, other.estimate))
        for number, (one, other) in enumerate(pairwise(marks))
        if not other.break_name
    ]
    parts += [
        _point(x, mark, axis, has_caps=len(marks) <= _MOST_CAPS)
        for x, mark in zip(at, marks, strict=True)
    ]
    parts.append(_foot(first, last if len(marks) > 1 else ""))
    return format_html(
        '<div class="timeline">{}{}</div>',
        _picture("", [_number(axis, tick) for tick in axis.ticks]),
        _picture(label, parts),
    )


def _picture(label: str, parts: Sequence[SafeString]) -> SafeString:
    content = format_html_join("", "{}", ((part,) for part in parts))
    return picture(_TOP + _TALL + _FOOT, label, content)


def _place(number: int, n: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (number / (n - 1) if n > 1 else 0.5)


def _height(axis: Axis, value: float) -> float:
    return _TOP + _TALL * (1 - axis.share(value) / 100)


def _y(axis: Axis, estimate: Estimate) -> float:
    return _height(axis, estimate.value)


def _grid(axis: Axis, tick: float) -> SafeString:
    y = _height(axis, tick)
    return _line("grid", 0.0, 100.0, y, y)


def _number(axis: Axis, tick: float) -> SafeString:
    y = f"{_height(axis, tick) + 4:.1f}"
    return format_html('<text class="end" x="100%" y="{}">{}</text>', y, axis.write(tick))


def _before(at: Sequence[float], number: int, mark: Mark) -> SafeString:
    """Draw what lies between a point and the one before: a break, or a change of level."""
    if not number or not (mark.break_name or mark.change):
        return SafeString("")
    x = (at[number - 1] + at[number]) / 2
    if mark.break_name:
        return format_html(
            '{}<text class="mid" x="{}%" y="{}">{}</text>',
            _line("mark", x, x, _TOP - 2, _TOP + _TALL),
            f"{x:.2f}",
            f"{_TOP - 5:.1f}",
            mark.break_name,
        )
    shape = SHAPES.get(mark.change, "dot")
    return format_html(
        '{}<use class="m {}" href="#m-{}" x="{}%" y="{}"/>{}',
        _line(f"ln {mark.change}", x, x, _TOP, _TOP + _TALL),
        mark.change,
        shape,
        f"{x:.2f}",
        f"{_TOP - 7:.1f}",
        _beside(x, mark.change_name),
    )


def _beside(x: float, name: str) -> SafeString:
    """Write a name beside the mark at x, to the side on which there is more room."""
    if not name:
        return SafeString("")
    is_left = x > _MIDDLE
    return format_html(
        '<text{} x="{}%" dx="{}" y="{}">{}</text>',
        SafeString(' class="end"') if is_left else "",
        f"{x:.2f}",
        "-10" if is_left else "10",
        f"{_TOP - 5:.1f}",
        name if len(name) <= _MOST_OF_NAME else f"{name[: _MOST_OF_NAME - 1]}…",
    )


def _segment(x1: float, x2: float, y1: float, y2: float) -> SafeString:
    return _line("ln", x1, x2, y1, y2)


def _point(x: float, mark: Mark, axis: Axis, *, has_caps: bool) -> SafeString:
    parts = []
    low, high = mark.estimate.low, mark.estimate.high
    if low is not None and high is not None:
        ends = _height(axis, low), _height(axis, high)
        parts.append(_line("ci old", x, x, *ends))
        if has_caps:
            parts += [_line("ci old", x - _CAP, x + _CAP, y, y) for y in ends]
    parts.append(
        format_html(
            '<use class="m" href="#m-dot" x="{}%" y="{}"/>',
            f"{x:.2f}",
            f"{_y(axis, mark.estimate):.1f}",
        )
    )
    return format_html_join("", "{}", ((part,) for part in parts))


def _foot(first: str, last: str) -> SafeString:
    y = f"{_TOP + _TALL + 20:.1f}"
    return format_html(
        '<text x="0" y="{}">{}</text><text class="end" x="100%" y="{}">{}</text>',
        y,
        first,
        y,
        last,
    )


def _line(css: str, x1: float, x2: float, y1: float, y2: float) -> SafeString:
    return format_html(
        '<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>',
        css,
        *(f"{x:.2f}" for x in (x1, x2)),
        *(f"{y:.1f}" for y in (y1, y2)),
    )
