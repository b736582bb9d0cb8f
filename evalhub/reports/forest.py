"""The picture of the gains: metrics with a scale on one axis, those without an end on another.

In percent of the larger of two values, a cost that fell from 2 to 0.1 would be drawn ten times as
far as a loss of a tenth of a scale; as a change from the baseline, on an axis of its own, both
are read as what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from evalhub.reports import figures
from evalhub.reports.models import Comparison, Finding
from evalhub.web import charts

_OF_SCALE: Final = "gain, in % of the scale"
_OF_BASELINE: Final = "gain, in % of the baseline"
_OWN: Final = "gain, in the metric’s own unit"
_NO_PERCENT: Final = "no percent of a baseline of 0: see table 1"


def drawn(
    comparison: Comparison, overall: Sequence[Finding], bands: Mapping[str, float]
) -> SafeString:
    """Draw the gains; a single one in the metric's own unit. `bands` are margins by metric."""

    def row(finding: Finding, step: float) -> charts.ForestRow:
        return _row(comparison, finding, step, bands.get(finding.metric))

    if len(overall) == 1:
        return charts.forest(charts.Panel([row(overall[0], 1.0)], unit=_OWN))
    with_ends, endless = _parted(overall)
    panels = [
        charts.Panel(
            [row(one, (figures.span_of(one) or 1.0) / 100) for one in with_ends], _OF_SCALE
        ),
        charts.Panel([row(one, abs(one.baseline or 0.0) / 100) for one in endless], _OF_BASELINE),
    ]
    return charts.forest(*panels)


def how_drawn(overall: Sequence[Finding]) -> str:
    """Say what the axes measure; nothing where one metric has its own unit."""
    if len(overall) == 1:
        return ""
    with_ends, endless = _parted(overall)
    scale = "in percent of its metric’s scale, from worst to best"
    baseline = "in percent of the baseline’s value"
    if not endless:
        return f"A gain is drawn {scale}."
    if not with_ends:
        return f"A gain is drawn {baseline}."
    *names, last = [one.metric for one in endless]
    whose = (
        f"{', '.join(names)} and {last}, whose scales have"
        if names
        else f"{last}, whose scale has"
    )
    return f"A gain is drawn {scale}; that of {whose} no end, {baseline}, on the lower axis."


def _parted(overall: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Return the metrics whose scale has two ends, and the others."""
    endless = [one for one in overall if figures.span_of(one) is None]
    return [one for one in overall if one not in endless], endless


def _row(
    comparison: Comparison, finding: Finding, step: float, margin: float | None
) -> charts.ForestRow:
    shown = figures.written(finding)
    report = reverse("reports:detail", args=[comparison.public_id])
    return charts.ForestRow(
        name=figures.with_unit(finding),
        outcome=finding.outcome,
        gain=finding.gain if step else None,
        low=finding.low,
        high=finding.high,
        unit=step,
        margin=margin,
        written=shown.change,
        ends=shown.range,
        reason=finding.reason if step else _NO_PERCENT,
        address=f"{report}?{urlencode({'metric': finding.metric})}#examples",
    )
