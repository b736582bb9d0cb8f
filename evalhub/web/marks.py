"""Small pieces of markup: icons, badges, values with intervals, times, signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.utils.html import format_html
from django.utils.safestring import SafeString

from evalhub.web import formatting


def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; the word stands beside it."""
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


def shape(name: str) -> SafeString:
    """Draw an outcome's shape: up, down, same, unsure, dot."""
    return format_html('<svg class="m" aria-hidden="true"><use href="#b-{}"/></svg>', name)


def badge(text: str, *, kind: str = "", icon_name: str = "") -> SafeString:
    """Draw a badge with an icon, or for an outcome's kind with its shape."""
    mark = icon(icon_name) if icon_name else shape(kind or "dot")
    css = f"badge {kind}".strip()
    return format_html('<span class="{}">{}{}</span>', css, mark, text)


def outcome(name: str | None, *, text: str = "") -> SafeString:
    shown = formatting.outcome(name)
    return badge(text or shown.word, kind=shown.shape)


def state(name: str, *, text: str = "") -> SafeString:
    shown = formatting.state(name)
    return badge(text or shown.word, kind=shown.kind, icon_name=shown.icon)


def value(
    estimate: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    span: float | None = 1,
    signed: bool = False,
    reason: str = "",
    no_interval: str = "",
) -> SafeString:
    """Write a value with its interval; for what is missing, the reason."""
    if not formatting.known(estimate):
        return format_html('<span class="muted">{}</span>', reason or formatting.NO_VALUE)
    digits = formatting.earned_digits(low, high, formatting.digits_of(estimate, span))
    written = formatting.number(estimate, digits, signed=signed)
    if no_interval and not (formatting.known(low) and formatting.known(high)):
        return format_html(
            '<span class="val"><b>{}</b></span> <small class="muted">{}</small>',
            written,
            no_interval,
        )
    return format_html(
        '<span class="val"><b>{}</b><span>{}</span></span>',
        written,
        formatting.interval(low, high, digits, signed=signed),
    )


class Measured(Protocol):
    """A measurement, as far as a page writes it."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    low_bound: float | None
    high_bound: float | None
    no_interval: str
    problem: str


def span_of(measurement: Measured) -> float | None:
    """Return the length of the metric's range, or None where it has no end."""
    if measurement.low_bound is None or measurement.high_bound is None:
        return None
    return measurement.high_bound - measurement.low_bound


def measured(measurement: Measured) -> SafeString:
    """Write a measurement's value with its interval, or why there is no value.

    Why there is no interval is a sentence, too long for a cell: the page says it below the table.
    """
    return value(
        measurement.value,
        measurement.low,
        measurement.high,
        span=span_of(measurement),
        reason=measurement.problem,
        no_interval="no interval" if measurement.no_interval else "",
    )


def signature(text: str) -> SafeString:
    return format_html('<code class="sig">{}</code>', text)


def time(at: datetime | None, words: str, *, never: str) -> SafeString | str:
    """Wrap a written time so that machines and hovering people get the exact one."""
    if not at:
        return never
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        formatting.machine_time(at),
        formatting.moment(at),
        words,
    )
