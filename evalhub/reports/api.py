"""REST: is the candidate better or worse than the baseline?"""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView
from evalhub.errors import ShapeError
from evalhub.reports import openapi, rendering, selectors, wording
from evalhub.reports.services import compare_runs

FORMATS = ("json", "markdown", "junit", "html")


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
        address = reverse("reports:detail", args=[comparison.public_id])
        findings = selectors.findings_of(comparison)
        if form == "html":
            context = {
                "notes": wording.no_interval_notes(findings),
                "title": wording.title(comparison),
                "sentence": wording.sentence(findings[0]),
                "address": address,
                "overall": wording.rows([one for one in findings if not one.slice_field]),
                "names": wording.names(comparison),
                "comparison": comparison,
            }
            return render(self.plain_request, "reports/plain.html", context)
        if form == "markdown":
            url = request.build_absolute_uri(address)
            text = rendering.as_markdown(comparison, findings, url=url)
            return HttpResponse(text, content_type="text/markdown; charset=utf-8")
        if form == "junit":
            text = rendering.as_junit(comparison, findings)
            return HttpResponse(text, content_type="application/xml; charset=utf-8")
        return Response(rendering.as_json(comparison, findings))
