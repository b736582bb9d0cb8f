"""Template tags and filters: how numbers, times, outcomes and charts look on every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from evalhub.web import charts, differences, formatting, histograms, marks, untrusted
from evalhub.web.axes import Axis

register = template.Library()

# Numbers and words

register.filter("number", formatting.number)
register.filter("p_value", formatting.p_value)
register.filter("percent", formatting.percent)
register.filter("count", formatting.count)
register.filter("of", formatting.of)
register.filter("duration", formatting.duration)
register.filter("milliseconds", formatting.milliseconds)
register.filter("size", formatting.size)
register.filter("heat", charts.heat)


@register.filter
def score(value: float | None, span: float = 1) -> str:
    """Write one score with the usual decimals for a metric whose range has this length."""
    return formatting.number(value, formatting.digits_of(value, span))


@register.filter
def gain(value: float | None, span: float = 1) -> str:
    """Write a gain with its sign."""
    return formatting.number(value, formatting.digits_of_span(span), signed=True)


@register.filter
def worked(value: float) -> str:
    """Write the value of a worked example: up to four decimals, without zeros at the end."""
    text = formatting.number(value, 4)
    return text.rstrip("0").rstrip(".")


@register.filter
def plural(n: int, nouns: str) -> str:
    """Write a count with its noun: `{{ n|plural:"run" }}`, `{{ n|plural:"entry,entries" }}`."""
    one, _, many = nouns.partition(",")
    return formatting.plural(n, one, many)


@register.simple_tag
def interval(low: float | None, high: float | None, span: float = 1, **how: Any) -> str:
    """Write an interval alone; `signed=True` for gains."""
    digits = formatting.earned_digits(low, high, formatting.digits_of_span(span))
    return formatting.interval(low, high, digits, **how)


# Times


@register.filter
def moment(at: datetime | None, never: str = "never") -> SafeString | str:
    """Write a moment in UTC, inside <time>."""
    return marks.time(at, formatting.moment(at) if at else "", never=never)


@register.filter
def day(at: datetime | None, never: str = "never") -> SafeString | str:
    return marks.time(at, formatting.day(at) if at else "", never=never)


@register.filter
def ago(at: datetime | None, never: str = "never") -> SafeString | str:
    """Write how long ago it was, inside <time>."""
    words = formatting.ago(at, now=timezone.now()) if at else ""
    return marks.time(at, words, never=never)


# Marks

register.simple_tag(marks.icon, name="icon")
register.simple_tag(marks.shape, name="shape")
register.filter("signature", marks.signature)


@register.simple_tag
def badge(text: str, kind: str = "", icon: str = "") -> SafeString:
    """Draw a badge: `{% badge "low agreement" "warn" icon="alert" %}`."""
    return marks.badge(text, kind=kind, icon_name=icon)


@register.simple_tag
def outcome(name: str | None, text: str = "") -> SafeString:
    """Draw an outcome: shape, word, color."""
    return marks.outcome(name, text=text)


@register.simple_tag
def state(name: str, text: str = "") -> SafeString:
    """Draw the state of a run, a measurement or a campaign."""
    return marks.state(name, text=text)


@register.simple_tag
def value(
    estimate: float | None,
    low: float | None = None,
    high: float | None = None,
    **how: Any,
) -> SafeString:
    """Write a value with its interval: `{% value m.value m.low m.high span=100 reason=why %}`."""
    return marks.value(estimate, low, high, **how)


register.simple_tag(marks.measured, name="measured")
register.filter("span_of", marks.span_of)

# What others wrote


@register.filter
def untrusted_text(text: str | None, nothing: str = "no text") -> SafeString:
    """Write a whole text for reading, its invisible characters spelled out."""
    if text is None:
        return _muted(nothing)
    return untrusted.readable(text) if text else _muted("empty text")


register.filter("untrusted", untrusted_text)


@register.filter
def excerpt(text: str | None, length: int = 120) -> SafeString:
    """Write the beginning of a text for one line of a table."""
    if text is None:
        return _muted("no text")
    return untrusted.excerpt(text, length) if text else _muted("empty text")


@register.filter
def unbroken(text: str) -> str:
    """Keep a number and its per cent sign on one line, and ``n = 40``."""
    fixed = formatting.FIXED
    return text.replace(" %", f"{fixed}%").replace(" n = ", f" n{fixed}={fixed}")


@register.filter
def in_a_list(run: Any) -> str:
    """Name a run in a list to choose from."""
    return formatting.in_a_list(
        str(run.system_version), str(run.version), run.public_id, run.created_at
    )


@register.filter
def whole_words(text: object) -> SafeString:
    """Write a text for a heading: a name with hyphens goes to the next line as a whole."""
    parts = re.split(r"([^\s-]*-\S*)", str(text))
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<span class="whole">{}</span>', part) if at % 2 else part,)
            for at, part in enumerate(parts)
        ),
    )


register.simple_tag(differences.side_by_side, name="side_by_side")
register.simple_tag(differences.in_one, name="in_one")


def _muted(text: str) -> SafeString:
    return format_html('<span class="muted">{}</span>', text)


# Charts


@register.simple_tag
def chart_interval(
    estimate: float | None,
    low: float | None,
    high: float | None,
    start: float = 0,
    end: float = 1,
    label: str = "",
    **how: Any,
) -> SafeString:
    """Draw an interval between start and end; without a value, nothing."""
    if estimate is None or not formatting.known(estimate):
        return charts.NOTHING
    return charts.interval(
        charts.Estimate(value=estimate, low=low, high=high),
        axis=Axis.of(start, end),
        label=label,
        **how,
    )


@register.simple_tag
def chart_measured(measurement: marks.Measured, **how: Any) -> SafeString:
    """Draw a measurement's interval over the metric's whole range; nothing where it has no end."""
    if marks.span_of(measurement) is None or measurement.value is None:
        return charts.NOTHING
    return chart_interval(
        measurement.value,
        measurement.low,
        measurement.high,
        measurement.low_bound or 0,
        measurement.high_bound or 0,
        label=measurement.name,
        **how,
    )


@register.simple_tag
def chart_axis(
    start: float = 0, end: float = 1, steps: int = 2, *, signed: bool = False
) -> SafeString:
    """Draw the axis that stands over or under a column of intervals."""
    return charts.axis_line(Axis.of(start, end, steps=steps), signed=signed)


@register.simple_tag
def chart_bar(part: float, whole: float) -> SafeString:
    return charts.bar(part, whole)


@register.simple_tag
def chart_strip(answers: Sequence[float], low: float, high: float, label: str) -> SafeString:
    return charts.strip(answers, low=low, high=high, label=label)


@register.simple_tag
def chart_histogram(bins: histograms.Bins, label: str = "") -> SafeString:
    return histograms.histogram(bins, label=label)


# Layout


@register.simple_block_tag
def tablewrap(content: str, label: str, *, tall: bool = False) -> SafeString:
    """Let a table scroll by itself, and make it reachable with Tab."""
    return format_html(
        '<div class="tw{}" tabindex="0" role="region" aria-label="{}">{}</div>',
        " tall" if tall else "",
        label,
        content,
    )
