"""The pages of trends and leaderboards."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project, signed_in
from evalhub.boards import wording
from evalhub.boards.histories import History, trends_of
from evalhub.boards.standings import Standings, standings_of
from evalhub.datasets.selectors import dataset_of, newest_version, version_of
from evalhub.web import formatting
from evalhub.web.charts import Estimate
from evalhub.web.marks import span_of
from evalhub.web.timelines import Mark, timeline
from metrics.statistics.boards import Match
from metrics.statistics.standings import RANK_RULE


@require_safe
@signed_in
def trends(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """Each metric of a system over its runs on a dataset."""
    found = dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    shown = trends_of(
        found, system=request.GET.get("system", "")[:100], tag=request.GET.get("tag", "")[:100]
    )
    context = {
        "dataset": found,
        "trends": shown,
        "figures": [_figure(one) for one in shown.histories],
        "left_out": wording.left_out(shown),
    }
    return render(request, "boards/trends.html", context)


def _figure(history: History) -> dict[str, Any]:
    """Return what the page shows of one metric; its table has the newest run first."""
    newest = history.points[-1]
    rows = [
        {"point": point, "change": history.change_at(at)}
        for at, point in enumerate(history.points)
    ]
    return {
        "name": history.name,
        "measurement": newest.measurement,
        "chart": _drawn(history),
        "sentences": wording.summary(history),
        "n_breaks": len(history.breaks),
        "rows": rows[::-1],
    }


def _drawn(history: History) -> str:
    marks = [
        Mark(
            estimate=Estimate(
                value=point.value, low=point.measurement.low, high=point.measurement.high
            ),
            starts_anew=bool(point.break_reason),
            change=wording.kind_of(point, history.change_at(at)),
        )
        for at, point in enumerate(history.points)
    ]
    first, last = history.points[0], history.points[-1]
    runs = formatting.plural(len(marks), "run")
    value = wording.written(last.measurement, last.value)
    return timeline(
        marks,
        label=f"{history.name} over {runs}, the newest {value}. The numbers are in the table.",
        first=formatting.day(first.run.created_at),
        last=formatting.day(last.run.created_at),
    )


@require_safe
@signed_in
def leaderboard(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """The systems on a dataset version, ranked by one metric."""
    found = dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    wanted = request.GET.get("version", "")[:100]
    versions = list(found.versions.order_by("-number"))
    context: dict[str, Any] = {"dataset": found, "versions": versions, "rule": RANK_RULE}
    if wanted or newest_version(found):
        shown = standings_of(
            version_of(found, wanted or None), metric=request.GET.get("metric", "")[:100]
        )
        if shown.metrics and shown.metric not in shown.metrics:
            raise Http404("No run of this version was measured with this metric.")
        context |= _board(shown)
    return render(request, "boards/leaderboard.html", context)


def _board(shown: Standings) -> dict[str, Any]:
    ranked = [line for line in shown.lines if not line.place.reason]
    measurement = next((line.measurement for line in ranked if line.measurement), None)
    return {
        "board": shown,
        "ranked": ranked,
        "unranked": [line for line in shown.lines if line.place.reason],
        "span": span_of(measurement) if measurement else None,
        "less_is_better": measurement is not None and measurement.higher_is_better is False,
        "pairs": [{"pair": pair, "said": _said(pair.match)} for pair in shown.pairs],
    }


def _said(match: Match) -> str:
    """Say in a word how the first of two systems stands to the second."""
    if match.p_adjusted is None:
        return "not tested"
    return {1: "better", -1: "worse", 0: "not told apart"}[match.lead]
