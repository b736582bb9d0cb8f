"""REST: what leads change of a campaign under way: its guidelines, its questions, its state."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import idempotent
from evalhub.errors import ContentError, FieldError, ShapeError
from evalhub.intake.http import read_json
from evalhub.intake.strict import quoted
from labeling import leading_openapi, members
from labeling.asking import consequences
from labeling.models import Campaign
from labeling.plans import MAX_GUIDELINES
from labeling.questions import described
from labeling.rest import CampaignView
from labeling.services import asking, campaigns, guidelines, publication

State = Campaign.State


def _known(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the body, or refuse a member that is none of these."""
    for name in body.keys() - set(names):
        detail = f"This request has no member {quoted(name)}; it has {', '.join(names)}."
        raise ShapeError(detail, errors=[FieldError(name[:60], "unknown_member", detail)])
    return body


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise ContentError(errors[0].detail, errors=errors)


class Guidelines(CampaignView):
    """GET, POST /api/v1/campaigns/{id}/guidelines"""

    @leading_openapi.read_guidelines
    def get(self, request: Request, campaign_id: str) -> Response:
        return Response(_guidelines(self.campaign(campaign_id, Capability.VIEW)))

    @leading_openapi.change_guidelines
    @idempotent
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LEAD)
        body = _known(read_json(self.plain_request), "text", "note", "seen")
        errors: list[FieldError] = []
        text = members.text(body, "text", errors, most=MAX_GUIDELINES)
        if body.get("text") is None:
            errors.append(FieldError("text", "missing", "Give the text, though it be empty."))
        note = members.text(body, "note", errors, most=guidelines.MAX_NOTE)
        seen = members.whole(body, "seen", errors, most=10**9, least=0)
        _raise(errors)
        made = guidelines.change_guidelines(
            campaign=campaign, text=text, note=note, seen=seen, actor=self.actor
        )
        return Response(_guidelines(campaign), status=200 if made is None else 201)


class Questions(CampaignView):
    """GET, POST /api/v1/campaigns/{id}/questions"""

    @leading_openapi.read_questions
    def get(self, request: Request, campaign_id: str) -> Response:
        return Response(_questions(self.campaign(campaign_id, Capability.VIEW)))

    @leading_openapi.change_questions
    @idempotent
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LEAD)
        body = _known(read_json(self.plain_request), "questions", "note", "seen")
        errors: list[FieldError] = []
        note = members.text(body, "note", errors, most=asking.MAX_NOTE)
        seen = members.whole(body, "seen", errors, most=10**9, least=0)
        _raise(errors)
        asked = body.get("questions")
        meant = consequences(campaign, asking.read_asked(campaign, asked))
        made = asking.change_questions(
            campaign=campaign, asked=asked, note=note, seen=seen, actor=self.actor
        )
        answer = {
            **_questions(campaign),
            "changes": [
                {"name": each.name, "change": each.change, "detail": each.sentence}
                for each in meant
            ],
        }
        return Response(answer, status=200 if made is None else 201)


class CampaignState(CampaignView):
    """POST /api/v1/campaigns/{id}/state"""

    @leading_openapi.change_state
    @idempotent
    def post(self, request: Request, campaign_id: str) -> Response:
        campaign = self.campaign(campaign_id, Capability.LEAD)
        body = _known(read_json(self.plain_request), "state")
        acts = {
            State.OPEN.value: campaigns.go_on,
            State.PAUSED.value: campaigns.pause,
            State.CLOSED.value: publication.close,
        }
        wanted = body.get("state")
        act = acts.get(wanted) if isinstance(wanted, str) else None
        if act is None:
            detail = f"state must be one of {', '.join(acts)}."
            raise ContentError(detail, errors=[FieldError("state", "word", detail)])
        act(campaign=campaign, actor=self.actor)
        campaign.refresh_from_db()
        return Response(
            {
                "id": campaign.public_id,
                "state": campaign.state,
                "closed_at": campaign.closed_at,
                "published_at": campaign.published_at,
            }
        )


def _guidelines(campaign: Campaign) -> dict[str, Any]:
    versions = campaign.guideline_versions.order_by("-number")
    return {
        "version": campaign.guidelines_number,
        "text": campaign.guidelines,
        "versions": [
            {"version": one.number, "note": one.note, "created_at": one.created_at}
            for one in versions
        ],
    }


def _questions(campaign: Campaign) -> dict[str, Any]:
    versions = list(campaign.question_sets.order_by("-number"))
    return {
        "version": versions[0].number if versions else 0,
        "questions": [described(question) for question in campaign.asked],
        "versions": [
            {"version": one.number, "note": one.note, "created_at": one.created_at}
            for one in versions
        ],
    }
