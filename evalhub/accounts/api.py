"""REST: the invitations of a project."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts import invitations, openapi
from evalhub.accounts.capabilities import Capability, capabilities_of_scopes
from evalhub.accounts.http import address_of
from evalhub.accounts.invitations import Offer
from evalhub.accounts.models import Invitation
from evalhub.accounts.rest import KeyView, idempotent_but
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.errors import NotFound
from evalhub.intake.http import read_json
from evalhub.intake.members import Member, is_name, is_text, is_truth, is_whole, members_of
from evalhub.intake.strict import quoted

OFFER = {
    "role": Member("text", is_name, is_required=True),
    "is_limited": Member("true or false", is_truth),
    "note": Member("text", is_text),
    "max_uses": Member("a whole number", is_whole),
    "days": Member("a whole number", is_whole),
}


class Invitations(KeyView):
    """GET, POST /api/v1/projects/{project}/invitations"""

    @openapi.list_invitations
    def get(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.LEAD)
        before = decode_whole_number(request.query_params.get("cursor"))
        limit = page_limit(request)
        wanted = found.invitations.select_related("created_by").order_by("-pk")
        if before is not None:
            wanted = wanted.filter(pk__lt=before)
        rows = list(wanted[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([_answer(row) for row in rows[:limit]], next_cursor=more)

    @openapi.invite
    @idempotent_but("link")
    def post(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.LEAD)
        given: Any = members_of(read_json(self.plain_request), OFFER)
        invitation, token = invitations.invite(
            project=found,
            offer=Offer(**given),
            actor=self.actor,
            capabilities=capabilities_of_scopes(self.key.scopes),
        )
        link = address_of(self.plain_request, "accounts:invitation", token)
        return Response({**_answer(invitation), "link": link}, status=201)


class InvitationDetail(KeyView):
    """DELETE /api/v1/projects/{project}/invitations/{id}"""

    @openapi.revoke_invitation
    def delete(self, request: Request, project: str, invitation_id: str) -> Response:
        found = self.project(project, Capability.LEAD)
        members_of(read_json(self.plain_request, optional=True), {})
        rows = found.invitations.select_related("created_by")
        invitation = rows.filter(public_id=invitation_id).first()
        if invitation is None:
            raise NotFound(f"There is no invitation {quoted(invitation_id)} for this API key.")
        invitations.revoke(invitation=invitation, actor=self.actor)
        invitation.refresh_from_db()
        return Response(_answer(invitation))


def _answer(invitation: Invitation) -> dict[str, Any]:
    shared = ("role", "is_limited", "note", "state", "uses", "max_uses")
    times = ("created_at", "expires_at", "revoked_at")
    maker = invitation.created_by
    return {
        "id": invitation.public_id,
        **{name: getattr(invitation, name) for name in shared},
        "created_by": None if maker is None else maker.username,
        **{name: getattr(invitation, name) for name in times},
    }
