"""What the report of a comparison shows, on its page and in a file that stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evalhub.errors import NotFound
from evalhub.reports import selectors, wording
from evalhub.reports.models import Comparison, Finding
from evalhub.web import charts, formatting
from metrics.statistics.findings import Outcome


def page_of(comparison: Comparison, metric: str = "") -> dict[str, Any]:
    """Return what the report shows, with the examples that moved on a metric, or the primary."""
    findings = selectors.findings_of(comparison)
    overall = [finding for finding in findings if not finding.slice_field]
    shown = _chosen(overall, metric)
    baseline, candidate = wording.names(comparison)
    return {
        "comparison": comparison,
        "title": wording.title(comparison),
        "baseline": baseline,
        "candidate": candidate,
        "sentence": wording.sentence(findings[0]),
        "limits": list(filter(None, [wording.limits(findings[0]), *wording.notes(comparison)])),
        "others": [wording.sentence(one) for one in overall[1:] if one.outcome in _DECIDED],
        "tally": wording.tally(findings),
        "forest": charts.forest([_forest_row(one) for one in overall], unit=_FOREST_UNIT),
        "overall": wording.rows(overall),
        "has_endless": any(wording.span_of(one) is None for one in overall),
        "notes": [*wording.no_interval_notes(findings), *wording.method_notes(findings)],
        "metrics": [one.metric for one in overall],
        "slices": _slice_table(findings),
        "shown": shown,
        "digits": wording.digits(shown),
        "attempts": max(comparison.baseline.attempts, comparison.candidate.attempts),
        "cases": selectors.cases(shown),
    }


_FOREST_UNIT = "gain, of 100 for the whole scale"
_DECIDED = (Outcome.IMPROVED, Outcome.REGRESSED, Outcome.EQUIVALENT)


def _chosen(overall: list[Finding], metric: str) -> Finding:
    if not metric:
        return overall[0]
    for finding in overall:
        if finding.metric == metric:
            return finding
    raise NotFound("This comparison has no such metric.")


def _forest_row(finding: Finding) -> charts.ForestRow:
    span = _range(finding)
    return charts.ForestRow(
        name=finding.metric,
        outcome=finding.outcome,
        gain=finding.gain,
        low=finding.low,
        high=finding.high,
        unit=span / 100,
        digits=wording.digits(finding),
        reason=finding.reason,
    )


@dataclass(frozen=True)
class SliceRow:
    """One slice: its size and a cell for each metric."""

    level: str
    n: int
    cells: list[dict[str, Any]]


def _slice_table(findings: list[Finding]) -> list[tuple[str, list[SliceRow]]]:
    """Return the slices by field; the cells stand in the order of the metrics."""
    by_field: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        if finding.slice_field:
            levels = by_field.setdefault(finding.slice_field, {})
            levels.setdefault(finding.slice_level, []).append(finding)
    return [
        (field, [_slice_row(level, cells) for level, cells in levels.items()])
        for field, levels in by_field.items()
    ]


def _slice_row(level: str, findings: list[Finding]) -> SliceRow:
    cells = [
        {
            "gain": wording.written(finding).gain,
            "heat": charts.heat(finding.gain, _range(finding)),
            "is_tested": finding.p_value is not None,
            "n": finding.n,
            "has_gain": finding.gain is not None,
            "reason": finding.reason,
            "holds": finding.outcome in _DECIDED,
            "shown": formatting.outcome(finding.outcome),
        }
        for finding in findings
    ]
    return SliceRow(level, max(finding.n for finding in findings), cells)


def _range(finding: Finding) -> float:
    """Return the length of the metric's range, or of what stands for it where it has no end."""
    return wording.span_of(finding) or max(
        abs(finding.baseline or 0.0), abs(finding.candidate or 0.0), 1.0
    )
