"""REST: campaigns, their annotations, agreement, publication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, idempotent
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.errors import FieldError, ShapeError
from evalhub.intake.http import read_json
from evalhub.intake.strict import quoted
from evalhub.runs.models import Measurement
from labeling import openapi, selectors
from labeling.agreement import QuestionAgreement, agreement_by_question, answers_of
from labeling.exports import annotations as exported
from labeling.exports.preferences import preferences
from labeling.models import Campaign
from labeling.plans import read_plan
from labeling.questions import DifferRule, described
from labeling.rest import CampaignView, streamed
from labeling.services import campaigns, imports, publication

CSV = "text/csv; charset=utf-8"


class Campaigns(KeyView):
    """GET, POST /api/v1/projects/{project}/campaigns"""

    @openapi.list_campaigns
    def get(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.VIEW)
        before, limit = (
            decode_whole_number(request.query_params.get("cursor")),
            page_limit(request),
        )
        wanted = selectors.with_parts(selectors.campaigns_of(found))
        if before is not None:
            wanted = wanted.filter(pk__lt=before)
        rows = list(wanted[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([_campaign(row) for row in rows[:limit]], next_cursor=more)

    @openapi.create_campaign
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.LEAD)
        plan = read_plan(project=found, body=read_json(self.plain_request))
        campaign = campaigns.create_campaign(plan=plan, actor=self.actor)
        return Response(_campaign(campaign), status=201)


class CampaignDetail(CampaignView):
    """GET /api/v1/campaigns/{id}"""

    @openapi.get_campaign
    def get(self, request: Request, campaign_id: str) -> Response:
        return Response(_campaign(self.campaign(campaign_id, Capability.VIEW)))


class Annotations(CampaignView):
    """GET, POST /api/v1/campaigns/{id}/annotations"""

    @openapi.export_annotations
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        campaign = self.campaign(campaign_id, Capability.VIEW)
        if _choice(request, "format", ("jsonl", "csv")) == "csv":
            return StreamingHttpResponse(exported.annotations_csv(campaign), content_type=CSV)
        is_whole = _choice(request, "revisions", ("false", "true")) == "true"
        return streamed(exported.annotation_rows(campaign, with_revisions=is_whole))

    @openapi.import_annotations
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LABEL)
        return self.take_lines(
            "Annotations",
            imports.LIMITS,
            lambda lines: imports.import_annotations(
                campaign=campaign, lines=lines, actor=self.actor
            ),
        )


class Preferences(CampaignView):
    """GET /api/v1/campaigns/{id}/preferences"""

    @openapi.export_preferences
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        campaign = self.campaign(campaign_id, Capability.VIEW)
        with_ties = _choice(request, "ties", ("false", "true")) == "true"
        return streamed(preferences(campaign, with_ties=with_ties))


def _choice(request: Request, name: str, choices: Sequence[str]) -> str:
    given = request.query_params.get(name, choices[0])
    if given not in choices:
        raise ShapeError(f"{name} must be one of {', '.join(choices)}.")
    return str(given)


class CampaignAgreement(CampaignView):
    """GET /api/v1/campaigns/{id}/agreement"""

    @openapi.read_agreement
    def get(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.VIEW)
        results = agreement_by_question(campaign, answers_of(campaign))
        return Response(
            {"questions": {result.question.name: _agreement(result) for result in results}}
        )


class Publication(CampaignView):
    """POST /api/v1/campaigns/{id}/publish"""

    @openapi.publish
    @idempotent
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LEAD)
        _refuse_members(read_json(self.plain_request, optional=True))
        published = publication.publish(campaign=campaign, actor=self.actor)
        body = {
            "id": campaign.public_id,
            "state": campaign.state,
            "published_at": campaign.published_at,
            "measurements": [_measurement(each) for each in published.measurements],
        }
        return Response(body, status=202)


def _refuse_members(body: dict[str, object]) -> None:
    for name in body:
        detail = f"This request has no member {quoted(name)}; send an empty body."
        raise ShapeError(detail, errors=[FieldError(name[:60], "unknown_member", detail)])


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.public_id,
        "name": campaign.name,
        "state": campaign.state,
        "kind": campaign.kind,
        "runs": [run.public_id for run in sorted(campaign.runs.all(), key=lambda run: run.pk)],
        "questions": [described(question) for question in campaign.asked],
        "overlap": campaign.overlap,
        "extra_overlap": campaign.extra_overlap,
        "differ": DifferRule.of(campaign.differ_rule).stored(),
        "order": campaign.order_by,
        "slice": campaign.slice_field or None,
        "quota": campaign.quota,
        "control_share": campaign.control_share,
        "pass_mark": campaign.pass_mark,
        "submits_by_itself": campaign.submits_by_itself,
        "invited_only": campaign.is_invited_only,
        "guidelines": campaign.guidelines,
        "show_reference": campaign.shows_reference,
        "outputs": campaign.n_outputs,
        "units": campaign.n_units,
        "identical": campaign.n_identical,
        "created_at": campaign.created_at,
        "closed_at": campaign.closed_at,
        "published_at": campaign.published_at,
    }


def _agreement(result: QuestionAgreement) -> dict[str, Any]:
    found = result.agreement
    return {
        "level": found.level,
        "alpha": found.alpha,
        "low": found.low,
        "high": found.high,
        "units": found.units,
        "pairable": found.pairable,
        "annotators": found.annotators,
        "percent": found.percent,
        "undefined": found.undefined,
        "answers": found.answers,
        "no_interval": found.no_interval or None,
        "reading": result.reading,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "id": measurement.public_id,
        "run": measurement.run.public_id,
        "name": measurement.name,
        "generation": measurement.generation,
        "state": measurement.state,
        "signature": measurement.signature,
    }
