"""REST: the scorers of a project."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, idempotent
from evalhub.api import listed
from evalhub.intake.http import read_json
from evalhub.intake.members import (
    Member,
    is_name,
    is_number,
    is_text,
    is_truth,
    is_whole,
    members_of,
)
from evalhub.scorers import openapi, selectors, services
from evalhub.scorers.models import Scorer
from evalhub.scorers.services import Proposal

PROPOSAL = {
    "slug": Member("text", is_name, is_required=True),
    "url": Member("an address", is_name, is_required=True),
    "version": Member("text", is_name, is_required=True),
    "title": Member("text", is_text),
    "description": Member("text", is_text),
    "higher_is_better": Member("true or false", is_truth),
    "low": Member("a number", is_number),
    "high": Member("a number", is_number),
    "is_binary": Member("true or false", is_truth),
    "timeout_seconds": Member("a number", is_number),
    "batch_size": Member("a whole number", is_whole),
    "header": Member("text", is_text),
    "secret": Member("text", is_text),
}


class Scorers(KeyView):
    """GET, POST /api/v1/projects/{project}/scorers"""

    @openapi.list_scorers
    def get(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.VIEW)
        rows = [_answer(one) for one in selectors.scorers_of(found)]
        return listed(rows, next_cursor=None)

    @openapi.propose_scorer
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.LEAD)
        given: Any = members_of(read_json(self.plain_request), PROPOSAL)
        proposed = services.propose_scorer(
            project=found, proposal=Proposal(**given), actor=self.actor
        )
        body = {**_answer(proposed.scorer), "remark": proposed.remark or None}
        return Response(body, status=201 if proposed.is_revised else 200)


def _answer(scorer: Scorer) -> dict[str, Any]:
    now = selectors.Ready(scorer=scorer, revision=selectors.newest_revision(scorer))
    shared = ("title", "description", "timeout_seconds", "batch_size")
    defining = ("url", "origin", "version", "higher_is_better", "low", "high", "is_binary")
    return {
        "slug": scorer.slug,
        "metric": selectors.PREFIX + scorer.slug,
        **{name: getattr(scorer, name) for name in shared},
        **{name: getattr(now.revision, name) for name in defining},
        "revision": now.revision.number,
        "signature": now.signature,
        "has_secret": selectors.has_secret(scorer),
        "is_approved": now.revision.origin in selectors.approvals_of(scorer.project),
        "is_retired": scorer.retired_at is not None,
        "created_at": scorer.created_at,
    }
