"""Charts as SVG written by the server: x in percent and y in pixels, so one fits every width.

Colors are classes of app.css. A chart with a label is an image with that sentence; one without is
hidden from screen readers, because its numbers stand beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from evalhub.web import formatting, marks
from evalhub.web.axes import Axis, Writer

Kind = Literal["", "up", "down", "same", "unsure", "old", "now"]

SHAPES: Final = {"up": "up", "down": "down", "same": "same", "unsure": "unsure", "old": "old"}
ZERO_TO_ONE: Final = Axis(low=0, high=1, step=0.5)
NOTHING: Final = SafeString("")
_CAP: Final = 3.5  # half the height of an interval's end
_HEAT: Final = ((0.09, 3), (0.03, 2), (0.01, 1))
_TALLEST_STACK: Final = 5
_FOREST_HEIGHT: Final = 38
_MOST_TICKS: Final = 7


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its interval; the ends may be unknown."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One finding of a comparison, in the metric's own unit.

    `unit` is what one step of the axis is worth for this metric, such as a hundredth of its range.
    `written` and `ends` are its gain and interval as texts. Without a gain, `reason` stands in
    its place. `address` is where the outputs are that it came from.
    """

    name: str
    outcome: str
    gain: float | None
    low: float | None
    high: float | None
    unit: float
    margin: float | None = None
    written: str = ""
    ends: str = ""
    reason: str = ""
    address: str = ""


@dataclass(frozen=True)
class Panel:
    """Findings that share an axis; `unit` names its step."""

    rows: Sequence[ForestRow]
    unit: str


def picture(height: float, label: str, content: SafeString, *, extra: str = "") -> SafeString:
    """Wrap the content of a chart."""
    named = format_html('role="img" aria-label="{}"', label)
    return format_html(
        '<svg class="ch{}" height="{}" {}>{}</svg>',
        f" {extra}" if extra else "",
        _px(height),
        named if label else SafeString('aria-hidden="true"'),
        content,
    )


def interval(
    estimate: Estimate,
    *,
    axis: Axis,
    kind: Kind = "",
    label: str = "",
    margin: float | None = None,
    references: Sequence[float] = (),
    earlier: Estimate | None = None,
    height: float = 24,
) -> SafeString:
    """Draw one interval on an axis; an arrow stands where it leaves the axis.

    A margin is a band around a solid line at zero; a margin of 0 is the line alone.
    """
    middle = height / 2
    parts = [
        _band(axis, margin),
        *(_upright("mark", axis, at) for at in references if axis.holds(at)),
        NOTHING if margin is None else _upright("zero", axis, 0),
    ]
    if earlier is not None:
        parts.append(_estimate(earlier, axis=axis, kind="old", y=middle + 6))
        middle -= 5
    parts.append(_estimate(estimate, axis=axis, kind=kind, y=middle))
    if label and _leaves(estimate, axis):
        label = f"{label.rstrip('.')}. The interval is wider than the axis."
    return picture(height, label, _joined(parts))


def axis_line(
    axis: Axis, *, ticks: Sequence[float] = (), writer: Writer | None = None, signed: bool = False
) -> SafeString:
    """Draw an axis with its ticks, for the head of a column or the foot of a figure."""
    parts = [SafeString('<line class="axis" x1="0" x2="100%" y1=".5" y2=".5"/>')]
    for tick in ticks or axis.ticks:
        x = axis.percent(tick)
        text = writer(tick) if writer else axis.write(tick, signed=signed)
        parts.append(_line("axis", x, x, 0, 5))
        parts.append(_text(axis.share(tick), 17, text))
    return picture(24, "", _joined(parts))


def bar(part: float, whole: float) -> SafeString:
    """Draw a count as a bar, for the cell beside it."""
    width = f"{100 * part / whole if whole else 0:.1f}%"
    return picture(
        10, "", format_html('<rect class="bar" x="0" y="1" height="8" width="{}"/>', width)
    )


def strip(answers: Sequence[float], *, low: float, high: float, label: str) -> SafeString:
    """Draw the answers to one unit: a dot each, stacked where equal."""
    axis = Axis(low=low, high=high, step=1)
    counts = Counter(answers)
    tallest = min(max(counts.values(), default=1), _TALLEST_STACK)
    ground = 9.5 + 8.5 * tallest
    parts = [_line("grid", "4%", "96%", ground, ground)]
    for tick in axis.ticks if high - low <= 20 else (low, high):
        x = _inset(axis, tick)
        parts.append(_line("axis", x, x, ground - 2, ground + 2))
    for answer, times in counts.items():
        x = _inset(axis, min(max(answer, low), high))
        if times > _TALLEST_STACK:
            parts.append(_use("dot", "", x, ground - 6))
            above = _px(ground - 14)
            parts.append(
                format_html('<text class="mid" x="{}" y="{}">×{}</text>', x, above, times)
            )
            continue
        parts.extend(_use("dot", "", x, ground - 6 - 8.5 * level) for level in range(times))
    return picture(ground + 4, label, _joined(parts), extra="spark")


def forest(*panels: Panel) -> SafeString:
    """Draw findings of unlike metrics as an ordered list, each panel over its axis."""
    drawn = [_panel(one) for one in panels if one.rows]
    return format_html('<ol class="forest">{}</ol>', _joined(drawn))


def _panel(panel: Panel) -> SafeString:
    axis = forest_axis(panel.rows)
    foot = format_html(
        '<li class="axis-row"><span></span>{}<span>{}</span><span></span></li>',
        axis_line(axis, ticks=_few_ticks(axis), signed=True),
        panel.unit,
    )
    return _joined([*(_forest_item(row, axis) for row in panel.rows), foot])


def _few_ticks(axis: Axis) -> list[float]:
    """Return every second tick, with 0, where all would not fit a narrow screen."""
    if len(axis.ticks) <= _MOST_TICKS:
        return axis.ticks
    return [tick for tick in axis.ticks if round(tick / axis.step) % 2 == 0]


def forest_axis(rows: Sequence[ForestRow]) -> Axis:
    """Return an axis that shows every gain, and intervals unless they dwarf the others.

    A symmetric interval on one side of zero ends within twice its gain, so it is shown in full.
    """
    rows = [row for row in rows if row.gain is not None]  # of others nothing is drawn
    reaches = [
        max(abs(end or 0) for end in (row.gain, row.low, row.high)) / row.unit for row in rows
    ]
    if not any(reaches):
        return Axis(low=-1, high=1, step=1)
    gains = [row.gain / row.unit for row in rows if row.gain is not None]
    limit = max(3 * median(reaches), *(2 * abs(gain) for gain in gains))
    ends = [
        min(max(end / row.unit, -limit), limit)
        for row in rows
        for end in (row.gain, row.low, row.high)
        if end is not None
    ]
    # A margin far beyond every interval would press them all against zero.
    bands = [
        side * min(row.margin / row.unit, limit) for row in rows if row.margin for side in (-1, 1)
    ]
    drawn = [*gains, *ends, *bands]
    # Zero stands inside, never at an edge, where it would read as a frame.
    beside = max(map(abs, drawn)) / 20
    return Axis.around([-beside, beside, *drawn], steps=8)


def heat(gain: float | None, span: float) -> str:
    """Return the class of a heat table's cell: n3 to n1 for losses, p1 to p3 for gains."""
    if gain is None or not math.isfinite(gain):
        return "few"
    size = abs(gain) / span
    step = next((step for least, step in _HEAT if size >= least), 0)
    return f"{'p' if gain > 0 else 'n'}{step}" if step else ""


def _forest_item(row: ForestRow, axis: Axis) -> SafeString:
    badge = marks.outcome(row.outcome)
    name = format_html('<a href="{}">{}</a>', row.address, row.name) if row.address else row.name
    if row.gain is None:
        reason = row.reason or "not defined"
        return format_html(
            '<li><b>{}</b><span class="muted">{}</span><span></span><span>{}</span></li>',
            name,
            reason,
            badge,
        )
    shown = formatting.outcome(row.outcome)
    drawn = interval(
        Estimate(
            value=row.gain / row.unit,
            low=None if row.low is None else row.low / row.unit,
            high=None if row.high is None else row.high / row.unit,
        ),
        axis=axis,
        kind=shown.shape,
        label=f"{row.name}: gain {row.written}, interval {row.ends}, {shown.word}",
        margin=(row.margin or 0) / row.unit,
        height=_FOREST_HEIGHT,
    )
    return format_html(
        '<li><b>{}</b>{}<span class="val"><b>{}</b><span>{}</span></span><span>{}</span></li>',
        name,
        drawn,
        row.written,
        row.ends,
        badge,
    )


def _estimate(estimate: Estimate, *, axis: Axis, kind: Kind, y: float) -> SafeString:
    """Draw line, ends and point; what lies off the axis becomes an arrow at its edge."""
    low, high = estimate.low, estimate.high
    parts = []
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        left, right = (min(max(end, axis.low), axis.high) for end in (low, high))
        parts.append(_line(f"ci {kind}", axis.percent(left), axis.percent(right), y, y))
        parts.append(_end(low, left, "left", axis=axis, kind=kind, y=y))
        parts.append(_end(high, right, "right", axis=axis, kind=kind, y=y))
    if axis.holds(estimate.value):
        parts.append(_use(SHAPES.get(kind, "dot"), kind, axis.percent(estimate.value), y))
    elif not parts:
        side = "left" if estimate.value < axis.low else "right"
        edge = axis.low if side == "left" else axis.high
        parts.append(_arrow(side, kind, axis.percent(edge), y))
    return _joined(parts)


def _end(
    wanted: float, drawn: float, side: str, *, axis: Axis, kind: Kind, y: float
) -> SafeString:
    x = axis.percent(drawn)
    if not axis.holds(wanted):
        outward = "left" if wanted < axis.low else "right"
        return _arrow(outward, kind, x, y)
    if kind == "unsure":
        return NOTHING
    return _line(f"ci {kind}", x, x, y - _CAP, y + _CAP)


def _leaves(estimate: Estimate, axis: Axis) -> bool:
    ends = (estimate.low, estimate.value, estimate.high)
    return any(end is not None and not axis.holds(end) for end in ends)


def _band(axis: Axis, margin: float | None) -> SafeString:
    if not margin:
        return NOTHING
    left, right = max(axis.share(-margin), 0), min(axis.share(margin), 100)
    return format_html(
        '<rect class="band" x="{}%" y="0" width="{}%" height="100%"/>',
        f"{left:.2f}",
        f"{right - left:.2f}",
    )


def _inset(axis: Axis, value: float) -> str:
    return f"{6 + 0.88 * axis.share(value):.1f}%"


def _upright(css: str, axis: Axis, at: float) -> SafeString:
    x = axis.percent(at)
    return format_html('<line class="{}" x1="{}" x2="{}" y1="0" y2="100%"/>', css, x, x)


def _line(css: str, x1: str, x2: str, y1: float, y2: float) -> SafeString:
    return format_html(
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>', css.strip(), x1, x2, _px(y1), _px(y2)
    )


def _use(shape: str, kind: str, x: str, y: float) -> SafeString:
    css = f"m {kind}".strip()
    return format_html('<use class="{}" href="#m-{}" x="{}" y="{}"/>', css, shape, x, _px(y))


def _arrow(side: str, kind: str, x: str, y: float) -> SafeString:
    css = f"ci gone {kind}".strip()
    return format_html('<use class="{}" href="#m-{}" x="{}" y="{}"/>', css, side, x, _px(y))


def _text(share: float, y: float, text: str) -> SafeString:
    anchor = "mid" if 0.5 < share < 99.5 else "end" if share >= 99.5 else ""
    return format_html(
        '<text{} x="{}%" y="{}">{}</text>',
        format_html(' class="{}"', anchor) if anchor else "",
        f"{share:.2f}",
        _px(y),
        text,
    )


def _px(y: float) -> str:
    return f"{y:.1f}".removesuffix(".0")


def _joined(parts: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))
