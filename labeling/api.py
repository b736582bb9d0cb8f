"""REST: campaigns, their annotations, agreement, publication."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, answer_once, idempotent
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.errors import FieldError, NotFound, ShapeError
from evalhub.intake.http import read_json, spool_body
from evalhub.intake.strict import quoted
from evalhub.runs.models import Measurement
from labeling import openapi, selectors
from labeling.agreement import QuestionAgreement, agreement_by_question, answers_of
from labeling.exports import annotations as exported
from labeling.exports.preferences import preferences
from labeling.models import Campaign
from labeling.plans import read_plan
from labeling.questions import described
from labeling.services import campaigns, imports, publication

JSONL = "application/x-ndjson"
CSV = "text/csv; charset=utf-8"


class CampaignView(KeyView):
    """A view of one campaign of the key's project."""

    def campaign(self, campaign_id: str, capability: Capability) -> Campaign:
        self.need(capability)
        campaign = (
            Campaign.objects.ready()
            .select_related("project")
            .filter(project=self.key.project, public_id=campaign_id)
            .first()
        )
        if campaign is None:
            raise NotFound(f"There is no campaign {campaign_id[:40]!r} for this API key.")
        return campaign


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
        return _streamed(exported.annotation_rows(campaign, with_revisions=is_whole))

    @openapi.import_annotations
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LABEL)
        if (request.content_type or "").startswith("text/csv"):
            raise ShapeError("Annotations come as JSON lines: one object a line.", code="type")
        with spool_body(
            self.plain_request, folder=settings.SPOOL_DIR, limits=imports.LIMITS
        ) as spool:

            def produce() -> Response:
                done = imports.import_annotations(campaign=campaign, lines=spool, actor=self.actor)
                return Response(
                    {
                        "accepted": done.accepted,
                        "replaced": done.replaced,
                        "unchanged": done.unchanged,
                    }
                )

            return answer_once(self, body_digest=spool.digest.hex, produce=produce)


class Preferences(CampaignView):
    """GET /api/v1/campaigns/{id}/preferences"""

    @openapi.export_preferences
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        campaign = self.campaign(campaign_id, Capability.VIEW)
        with_ties = _choice(request, "ties", ("false", "true")) == "true"
        return _streamed(preferences(campaign, with_ties=with_ties))


def _choice(request: Request, name: str, choices: Sequence[str]) -> str:
    given = request.query_params.get(name, choices[0])
    if given not in choices:
        raise ShapeError(f"{name} must be one of {', '.join(choices)}.")
    return str(given)


def _streamed(rows: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    return StreamingHttpResponse(lines, content_type=JSONL)


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
        "runs": [run.public_id for run in sorted(campaign.runs.all(), key=lambda run: run.pk)],
        "questions": [described(question) for question in campaign.asked],
        "overlap": campaign.overlap,
        "guidelines": campaign.guidelines,
        "show_reference": campaign.shows_reference,
        "outputs": campaign.n_outputs,
        "units": campaign.n_units,
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
