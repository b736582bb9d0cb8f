"""REST: is the candidate better or worse than the baseline?"""

from __future__ import annotations

from django.http import HttpResponseBase
from rest_framework.request import Request

from evalhub.accounts.capabilities import Capability, capabilities_of_scopes
from evalhub.accounts.rest import KeyView
from evalhub.errors import ShapeError
from evalhub.reports import openapi, selectors
from evalhub.reports.files import FORMATS, answer_in, origin_of
from evalhub.reports.models import Comparison
from evalhub.reports.postponed import patiently, same_question
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.runs.requests import wait_seconds


class Comparisons(KeyView):
    """GET /api/v1/comparisons?baseline=&candidate=&format=&wait="""

    @openapi.compare
    def get(self, request: Request) -> HttpResponseBase:
        self.need(Capability.VIEW)
        form = request.query_params.get("format", "json")
        if form not in FORMATS:
            raise ShapeError(f"format must be one of {', '.join(FORMATS)}.")
        sides = {side: request.query_params.get(side, "") for side in ("baseline", "candidate")}
        for side, given in sides.items():
            if not given:
                raise ShapeError(f"Name the run with ?{side}=<id>.")
        seconds = wait_seconds(request.query_params.get("wait"))
        try:
            comparison = patiently(lambda: self._compared(sides), seconds=seconds)
        except ScoredAgainFirst as exc:
            exc.location = same_question(self.plain_request)
            raise
        return answer_in(form, comparison, origin=origin_of(self.plain_request))

    def _compared(self, sides: dict[str, str]) -> Comparison:
        return compare_runs(
            baseline=selectors.run_of(self.key.project, sides["baseline"]),
            candidate=selectors.run_of(self.key.project, sides["candidate"]),
            actor=self.actor,
            may_score=Capability.SUBMIT in capabilities_of_scopes(self.key.scopes),
        )
