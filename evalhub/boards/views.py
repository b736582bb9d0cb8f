"""The pages of trends and leaderboards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project, signed_in
from evalhub.boards import wording
from evalhub.boards.histories import History, Point, Trends, trends_of
from evalhub.boards.pairs import SECONDS
from evalhub.boards.standings import Standings, standings_of
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.datasets.selectors import dataset_of, newest_version, version_of
from evalhub.reports import figures
from evalhub.runs.models import Measurement
from evalhub.web import charts, formatting
from evalhub.web.axes import Axis
from evalhub.web.charts import Estimate
from evalhub.web.marks import span_of
from evalhub.web.timelines import Mark, timeline
from metrics.statistics.boards import Match
from metrics.statistics.findings import LEVEL
from metrics.statistics.standings import RANK_RULE


def _head(dataset: Dataset, name: str) -> dict[str, Any]:
    """Return what the head of a board shows: what it is of, and the pages beside it."""
    beside = {"Trends": "boards:trends", "Leaderboard": "boards:leaderboard", "Gate": "gates:gate"}
    where = [dataset.project.slug, dataset.slug]
    pages = [(title, reverse(at, args=where)) for title, at in beside.items() if title != name]
    return {"dataset": dataset, "name": name, "pages": pages}


def _choice(
    name: str, label: str, options: Iterable[tuple[object, str]], chosen: object
) -> dict[str, Any]:
    """Return a list to choose from: values with their words, and which one is shown."""
    listed = [(value, words, value == chosen) for value, words in options]
    return {"name": name, "label": label, "options": listed}


@require_safe
@signed_in
def trends(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """Each metric of a system over its runs on a dataset."""
    found = dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    shown = trends_of(
        found, system=request.GET.get("system", "")[:100], tag=request.GET.get("tag", "")[:100]
    )
    context = {
        **_head(found, "Trends"),
        "trends": shown,
        "choices": _choices_of_trends(shown) if shown.systems else [],
        "figures": [_figure(one) for one in shown.histories],
        "left_out": wording.left_out(shown),
        "nothing_shown": wording.nothing_shown(shown),
    }
    return render(request, "boards/trends.html", context)


def _choices_of_trends(shown: Trends) -> list[dict[str, Any]]:
    tags = [("", "all runs"), *((tag, tag) for tag in shown.tags)]
    systems = ((system, system) for system in shown.systems)
    return [
        _choice("system", "System", systems, shown.system),
        _choice("tag", "Tag of the run", tags, shown.tag),
    ]


def _figure(history: History) -> dict[str, Any]:
    """Return what the page shows of one metric; its table has the newest run first."""
    newest = history.points[-1]
    rows = [
        {"point": point, "change_p": wording.p_in_words(change.p_value) if change else ""}
        for at, point in enumerate(history.points)
        for change in [history.change_at(at)]
    ]
    return {
        "name": history.name,
        "newest": newest,
        "unit": figures.unit(newest.measurement),
        "chart": _drawn(history),
        "sentences": wording.summary(history),
        "rows": rows[::-1],
    }


def _break_name(point: Point) -> str:
    """Return what stands at a break of the line: the new version, or that the metric changed."""
    if not point.break_reason:
        return ""
    return f"v{point.run.version.number}" if point.is_of_new_version else "new signature"


def _drawn(history: History) -> str:
    """Draw a history. A change bears its version where no other mark's name could cross it."""
    n_breaks = sum(bool(_break_name(point)) for point in history.points)
    is_only_mark = n_breaks + len(history.changes.points) == 1
    marks = [
        Mark(
            estimate=Estimate(
                value=point.value, low=point.measurement.low, high=point.measurement.high
            ),
            break_name=_break_name(point),
            change=wording.kind_of(point, history.change_at(at)),
            change_name=wording.named(point) if is_only_mark else "",
        )
        for at, point in enumerate(history.points)
    ]
    first, last = history.points[0], history.points[-1]
    runs = formatting.plural(len(marks), "run")
    value = wording.written(last.measurement, last.value)
    return timeline(
        marks,
        label=f"{history.name} over {runs}, the newest {value}. The numbers are in the table.",
        **_ends(first.run.created_at, last.run.created_at),
    )


def _ends(first: datetime, last: datetime) -> dict[str, str]:
    """Write when the first and the last run were made: of one day, their times as well."""
    days = formatting.day(first), formatting.day(last)
    if len(set(days)) > 1 or first == last:
        return {"first": days[0], "last": days[1]}
    start, (_, _, end) = formatting.moment(first), formatting.moment(last).rpartition(", ")
    return {"first": start.removesuffix(" UTC"), "last": end}


@require_safe
@signed_in
def leaderboard(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """The systems on a dataset version, ranked by one metric.

    The page of a large board is there at once. It then asks for the ranks by itself, a look at a
    time.
    """
    found = dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    wanted = request.GET.get("version", "")[:100]
    versions = list(found.versions.order_by("-number"))
    context = {**_head(found, "Leaderboard"), "versions": versions, "rule": RANK_RULE}
    if wanted or newest_version(found):
        shown = standings_of(
            version_of(found, wanted or None),
            metric=request.GET.get("metric", "")[:100],
            seconds=SECONDS if request.GET.get("step") else 0.0,
        )
        if shown.metrics and shown.metric not in shown.metrics:
            raise Http404("No run of this version was measured with this metric.")
        context |= _board(shown)
        asked = {"version": shown.version.number, "metric": shown.metric, "step": 1}
        context["next_step"] = f"?{urlencode(asked)}"
        if shown.metrics:
            context["choices"] = _choices_of_board(versions, shown)
    return render(request, "boards/leaderboard.html", context)


def _choices_of_board(
    versions: Sequence[DatasetVersion], shown: Standings
) -> list[dict[str, Any]]:
    numbers = ((one.number, f"v{one.number}") for one in versions)
    metrics = ((metric, metric) for metric in shown.metrics)
    return [
        _choice("version", "Version", numbers, shown.version.number),
        _choice("metric", "Metric", metrics, shown.metric),
    ]


def _board(shown: Standings) -> dict[str, Any]:
    ranked = [line for line in shown.lines if not line.place.reason]
    measurement = next((line.measurement for line in ranked if line.measurement), None)
    axis = _axis([line.measurement for line in ranked if line.measurement])
    return {
        "board": shown,
        "ranked": [(line, wording.rank(line.place)) for line in ranked],
        "leaders": wording.leaders(ranked),
        "unranked": [line for line in shown.lines if line.place.reason],
        "span": span_of(measurement) if measurement else None,
        "axis": axis,
        "axis_line": charts.axis_line(axis) if axis else "",
        "less_is_better": measurement is not None and measurement.higher_is_better is False,
        "pairs": [
            {"pair": pair, "said": _said(pair.match, len(shown.pairs))} for pair in shown.pairs
        ],
    }


def _axis(measurements: Sequence[Measurement]) -> Axis | None:
    """Return one axis for the intervals of a board; None where there is nothing to draw."""
    ends = [
        end for one in measurements for end in (one.low, one.value, one.high) if end is not None
    ]
    return Axis.around(ends, steps=2) if ends else None


def _said(match: Match, n_pairs: int) -> str:
    """Say in a word how the first of two systems stands to the second.

    Where the pair alone would be told apart, it is the number of pairs that leaves it open.
    """
    if match.p_adjusted is None:
        return "not tested"
    alone = match.compared
    is_told = alone.low is not None and alone.high is not None and alone.low * alone.high > 0.0
    is_told = is_told and (alone.p_value or 0.0) <= LEVEL < match.p_adjusted
    among = f" among {formatting.plural(n_pairs, 'pair')}" if is_told else ""
    return {1: "better", -1: "worse", 0: f"not told apart{among}"}[match.lead]
