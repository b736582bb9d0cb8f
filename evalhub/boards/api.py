"""REST: how a system went over time, and how systems stand."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView
from evalhub.boards import openapi
from evalhub.boards.histories import History, Point, trends_of
from evalhub.boards.standings import Line, Pair, Standings, standings_of
from evalhub.datasets.selectors import dataset_of, version_of
from evalhub.errors import NotFound
from evalhub.runs.models import Run
from metrics.statistics.standings import RANK_RULE


class Trends(KeyView):
    """GET /api/v1/projects/{project}/datasets/{dataset}/trends?system=&tag="""

    @openapi.read_trends
    def get(self, request: Request, project: str, dataset: str) -> Response:
        found = dataset_of(self.project(project, Capability.VIEW), dataset)
        asked = request.query_params
        shown = trends_of(found, system=asked.get("system", ""), tag=asked.get("tag", ""))
        return Response(
            {
                "dataset": found.slug,
                "system": shown.system or None,
                "tag": shown.tag or None,
                "metrics": [_history(one) for one in shown.histories],
                "partial_runs_left_out": shown.n_partial,
                "older_runs_left_out": shown.n_older,
            }
        )


class Leaderboard(KeyView):
    """GET /api/v1/projects/{project}/datasets/{dataset}/leaderboard?version=&metric="""

    @openapi.read_leaderboard
    def get(self, request: Request, project: str, dataset: str) -> Response:
        found = dataset_of(self.project(project, Capability.VIEW), dataset)
        asked = request.query_params
        version = version_of(found, asked.get("version") or None)
        shown = standings_of(version, metric=asked.get("metric", ""))
        if shown.metrics and shown.metric not in shown.metrics:
            known = ", ".join(shown.metrics[:20])
            raise NotFound(
                f"No run of this version was measured with {shown.metric[:100]!r}. There are: "
                f"{known}."
            )
        return Response(_board(shown))


def _history(history: History) -> dict[str, Any]:
    return {
        "metric": history.name,
        "points": [_point(point) for point in history.points],
        "changes": [
            {
                "run": history.points[one.at].run.public_id,
                "p_value": one.p_value,
                "before": one.before,
                "after": one.after,
            }
            for one in history.changes.points
        ],
        "reason": history.changes.reason,
    }


def _point(point: Point) -> dict[str, Any]:
    measurement = point.measurement
    return {
        **_named(point.run),
        "dataset_version": point.run.version.number,
        "created_at": point.run.created_at,
        "value": measurement.value,
        "low": measurement.low,
        "high": measurement.high,
        "signature": measurement.signature,
        "break": point.break_reason or None,
    }


def _named(run: Run) -> dict[str, Any]:
    return {
        "run": run.public_id,
        "system": run.system_version.system.slug,
        "system_version": run.system_version.name or None,
    }


def _board(shown: Standings) -> dict[str, Any]:
    return {
        "dataset": shown.version.dataset.slug,
        "version": shown.version.number,
        "metric": shown.metric or None,
        "metrics": shown.metrics,
        "signature": shown.signature or None,
        "systems": [_line(line) for line in shown.lines],
        "pairs": [_pair(pair) for pair in shown.pairs],
        "rule": RANK_RULE,
        "reason": shown.reason,
    }


def _line(line: Line) -> dict[str, Any]:
    place, measurement = line.place, line.measurement
    return {
        **_named(line.run),
        "state": line.run.state,
        "best_rank": place.best,
        "worst_rank": place.worst,
        "value": measurement.value if measurement else None,
        "low": measurement.low if measurement else None,
        "high": measurement.high if measurement else None,
        "n_scored": place.n_scored,
        "reason": place.reason,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    compared, lead = pair.match.compared, pair.match.lead
    better = {1: pair.first.run.public_id, -1: pair.second.run.public_id, 0: None}
    return {
        "first": pair.first.run.public_id,
        "second": pair.second.run.public_id,
        "n": compared.n,
        "gain": compared.gain,
        "low": compared.low,
        "high": compared.high,
        "p_value": compared.p_value,
        "p_adjusted": pair.match.p_adjusted,
        "better": better[lead],
        "comparison": f"{reverse('reports:api_comparisons')}?{pair.question}",
        "method": compared.method,
        "reason": compared.reason,
    }
