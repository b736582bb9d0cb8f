"""What REST views of campaigns share: the campaign, and bodies that are JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, answer_once
from evalhub.errors import NotFound, ShapeError
from evalhub.intake.http import spool_body
from evalhub.intake.spool import Limits
from labeling.models import Campaign

JSONL = "application/x-ndjson"


class Taken(Protocol):
    """How many lines of a body are new, replace another, or were there."""

    @property
    def accepted(self) -> int: ...
    @property
    def replaced(self) -> int: ...
    @property
    def unchanged(self) -> int: ...


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

    def take_lines(
        self, what: str, limits: Limits, take: Callable[[Iterable[bytes]], Taken]
    ) -> Response:
        """Hand the lines of the body to a service, and say what became of them."""
        if (self.request.content_type or "").startswith("text/csv"):
            raise ShapeError(f"{what} come as JSON lines: one object a line.", code="type")
        with spool_body(self.plain_request, folder=settings.SPOOL_DIR, limits=limits) as spool:

            def produce() -> Response:
                done = take(spool)
                return Response(
                    {
                        "accepted": done.accepted,
                        "replaced": done.replaced,
                        "unchanged": done.unchanged,
                    }
                )

            return answer_once(self, body_digest=spool.digest.hex, produce=produce)


def streamed(rows: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    """Answer with a line of JSON for each row, written as it is read."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    return StreamingHttpResponse(lines, content_type=JSONL)
