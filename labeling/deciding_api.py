"""REST: what experts decided, and the right answers of controls."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from labeling import deciding_openapi
from labeling.exports.decisions import decision_rows
from labeling.exports.known import known_rows
from labeling.rest import CampaignView, streamed
from labeling.services import decided_lines, known_lines


class Decisions(CampaignView):
    """GET, POST /api/v1/campaigns/{id}/decisions"""

    @deciding_openapi.export_decisions
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        return streamed(decision_rows(self.campaign(campaign_id, Capability.VIEW)))

    @deciding_openapi.import_decisions
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.DECIDE)
        return self.take_lines(
            "Decisions",
            decided_lines.LIMITS,
            lambda lines: decided_lines.import_decisions(
                campaign=campaign, lines=lines, actor=self.actor
            ),
        )


class Controls(CampaignView):
    """GET, POST /api/v1/campaigns/{id}/controls"""

    @deciding_openapi.export_controls
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        # Who reads them knows which units are controls: no key of an annotator does.
        return streamed(known_rows(self.campaign(campaign_id, Capability.LEAD)))

    @deciding_openapi.import_controls
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LEAD)
        return self.take_lines(
            "Controls",
            known_lines.LIMITS,
            lambda lines: known_lines.import_known(
                campaign=campaign, lines=lines, actor=self.actor
            ),
        )
