"""The comparison pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    enter_project,
    enter_project_of,
    signed_in,
)
from evalhub.errors import DomainError
from evalhub.reports import selectors, wording
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.services import compare_runs
from evalhub.runs.listing import likeliest_baseline
from evalhub.runs.models import Run
from evalhub.web import charts, formatting
from metrics.statistics.findings import Outcome

PAGE = 50


@require_safe
@signed_in
def comparison_list(request: SignedInRequest, project: str) -> HttpResponse:
    """The comparisons of a project, and a form for a new one."""
    found = enter_project(request, project, Capability.VIEW)
    rows = [
        {"comparison": one, "title": wording.title(one), "runs": (one.baseline, one.candidate)}
        for one in selectors.comparisons_of(found)[:PAGE]
    ]
    runs = _comparable(found.pk)
    chosen = _likeliest(runs)
    context = {"rows": rows, "runs": runs, "sides": list(chosen.items())}
    return render(request, "reports/list.html", context)


def _likeliest(runs: list[Run]) -> dict[str, str]:
    """Return the likeliest question: the newest run that has a baseline, and that baseline."""
    for candidate in runs:
        others = [one for one in runs if one.version.dataset_id == candidate.version.dataset_id]
        if baseline := likeliest_baseline(candidate, others):
            return {"baseline": baseline.public_id, "candidate": candidate.public_id}
    return {"baseline": "", "candidate": ""}


def _comparable(project_id: int) -> list[Run]:
    runs = Run.objects.filter(project_id=project_id, state=Run.State.SCORED)
    return list(
        runs.select_related("system_version__system", "version__dataset").order_by("-pk")[:200]
    )


@require_safe
@signed_in
def new(request: SignedInRequest, project: str) -> HttpResponse:
    """Compare two runs and go to the answer; a refusal is said beside the form."""
    found = enter_project(request, project, Capability.VIEW)
    sides = {side: request.GET.get(side, "") for side in ("baseline", "candidate")}
    try:
        comparison = compare_runs(
            baseline=selectors.run_of(found, sides["baseline"]),
            candidate=selectors.run_of(found, sides["candidate"]),
            actor=actor_of(request),
        )
    except DomainError as exc:
        context = {
            "rows": [],
            "runs": _comparable(found.pk),
            "problem": exc,
            "sides": list(sides.items()),
        }
        return render(request, "reports/list.html", context, status=exc.status)
    return redirect("reports:detail", comparison_id=comparison.public_id)


@require_safe
@signed_in
def detail(request: SignedInRequest, comparison_id: str) -> HttpResponse:
    """One comparison: the verdict, the gains, the slices, the examples that moved."""
    comparison = get_object_or_404(
        Comparison.objects.for_member(request.user).select_related(
            "baseline__system_version__system",
            "baseline__version__dataset",
            "candidate__system_version__system",
            "candidate__version__dataset",
        ),
        public_id=comparison_id,
    )
    enter_project_of(request, comparison.project_id, Capability.VIEW)
    return render(request, "reports/detail.html", page_of(comparison, request))


def page_of(comparison: Comparison, request: HttpRequest) -> dict[str, Any]:
    """Return what the report shows."""
    findings = selectors.findings_of(comparison)
    overall = [finding for finding in findings if not finding.slice_field]
    shown = _chosen(overall, request.GET.get("metric", ""))
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
    raise Http404("This comparison has no such metric.")


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
