"""REST: is the candidate better or worse than the baseline?"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability, capabilities_of_scopes
from evalhub.accounts.rest import KeyView
from evalhub.errors import ShapeError
from evalhub.reports import openapi, selectors
from evalhub.reports.files import FORMATS, answer_in, origin_of
from evalhub.reports.many import MAX_CANDIDATES, Many, compare_many
from evalhub.reports.models import Comparison
from evalhub.reports.postponed import (
    StillComparing,
    patiently,
    same_question,
    step_seconds,
    whole,
)
from evalhub.reports.rendering.document import many_as_json
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.reports.terms import Terms, named
from evalhub.runs.requests import wait_seconds


class Comparisons(KeyView):
    """GET /api/v1/comparisons?baseline=&candidate=&margin=&format=&wait="""

    @openapi.compare
    def get(self, request: Request) -> HttpResponseBase:
        self.need(Capability.VIEW)
        form = _format(request)
        sides = {side: _one(request, side) for side in ("baseline", "candidate")}
        seconds = wait_seconds(request.query_params.get("wait"))
        terms = named(request.query_params.getlist("margin"))
        if terms is not None:  # each set of margins is a comparison of its own, which is kept
            self.need(Capability.SUBMIT)
        try:
            comparison = patiently(lambda: self._compared(sides, terms), seconds=seconds)
        except ScoredAgainFirst as exc:
            exc.location = same_question(self.plain_request)
            raise
        return answer_in(form, comparison, origin=origin_of(self.plain_request))

    def _compared(self, sides: dict[str, str], terms: Terms | None) -> Comparison:
        return compare_runs(
            baseline=selectors.run_of(self.key.project, sides["baseline"]),
            candidate=selectors.run_of(self.key.project, sides["candidate"]),
            actor=self.actor,
            may_score=_may_score(self),
            terms=terms,
        )


class StoredComparison(KeyView):
    """GET /api/v1/comparisons/{comparison_id}?format="""

    @openapi.read
    def get(self, request: Request, comparison_id: str) -> HttpResponseBase:
        self.need(Capability.VIEW)
        form = _format(request)
        comparison = selectors.comparison_of(self.key.project, comparison_id)
        return answer_in(form, comparison, origin=origin_of(self.plain_request))


class ManyComparisons(KeyView):
    """GET /api/v1/comparisons/many?baseline=&candidate=&candidate=&wait="""

    @openapi.compare_many
    def get(self, request: Request) -> Response:
        self.need(Capability.VIEW)
        if "margin" in request.query_params:
            raise ShapeError(
                "Many candidates are compared by the gate's margins; /api/v1/comparisons takes "
                "margin= for one."
            )
        baseline = _one(request, "baseline")
        candidates = request.query_params.getlist("candidate")[: MAX_CANDIDATES + 1]
        seconds = wait_seconds(request.query_params.get("wait"))
        try:
            many = patiently(
                lambda: self._compared(baseline, candidates, seconds), seconds=seconds
            )
        except (ScoredAgainFirst, StillComparing) as exc:
            exc.location = same_question(self.plain_request)
            raise
        return Response(many_as_json(baseline, many.rows))

    def _compared(self, baseline: str, candidates: Sequence[str], wait: float) -> Many:
        many = compare_many(
            baseline=selectors.run_of(self.key.project, baseline),
            candidates=[selectors.run_of(self.key.project, one) for one in candidates],
            actor=self.actor,
            may_score=_may_score(self),
            seconds=step_seconds(wait),
        )
        return whole(many)


def _format(request: Request) -> str:
    form = str(request.query_params.get("format", "json"))
    if form not in FORMATS:
        raise ShapeError(f"format must be one of {', '.join(FORMATS)}.")
    return form


def _one(request: Request, side: str) -> str:
    """Return the one run that is named for a side."""
    given = request.query_params.getlist(side)
    if len(given) > 1:
        raise ShapeError(
            f"Name one {side}, not {len(given)}; /api/v1/comparisons/many takes many candidates."
        )
    if not given or not given[0]:
        raise ShapeError(f"Name the run with ?{side}=<id>.")
    return str(given[0])


def _may_score(view: KeyView) -> bool:
    return Capability.SUBMIT in capabilities_of_scopes(view.key.scopes)
