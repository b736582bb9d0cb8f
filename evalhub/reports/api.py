"""REST: is the candidate better or worse than the baseline?"""

from __future__ import annotations

from django.http import HttpResponseBase
from rest_framework.request import Request

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView
from evalhub.errors import ShapeError
from evalhub.reports import openapi, selectors
from evalhub.reports.files import FORMATS, answer_in
from evalhub.reports.services import compare_runs


class Comparisons(KeyView):
    """GET /api/v1/comparisons?baseline=&candidate=&format="""

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
        comparison = compare_runs(
            baseline=selectors.run_of(self.key.project, sides["baseline"]),
            candidate=selectors.run_of(self.key.project, sides["candidate"]),
            actor=self.actor,
        )
        return answer_in(form, comparison, self.plain_request)
