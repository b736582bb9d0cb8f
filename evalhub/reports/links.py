"""Links that show one report to whoever has them: made, listed, opened, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.links import digest_of_token, new_token
from evalhub.accounts.services import Actor, record
from evalhub.errors import ContentError, Gone, NotFound
from evalhub.reports.models import Comparison, ShareLink

DAYS: Final = (7, 30, 90)
_ASK: Final = "Ask whoever sent it for a new one."


@transaction.atomic
def share(*, comparison: Comparison, days: str, actor: Actor) -> tuple[ShareLink, str]:
    """Make a link and return it with its token, which is not kept and never shown again."""
    if days not in map(str, DAYS):
        raise ContentError("A link holds for 7, 30 or 90 days; choose one of them.", code="days")
    token, digest = new_token()
    now = timezone.now()
    link = ShareLink.objects.create(
        comparison=comparison,
        digest=digest,
        created_by=actor.user,
        created_at=now,
        expires_at=now + timedelta(days=int(days)),
    )
    _note(link, actor, "share report", days=int(days))
    return link, token


@transaction.atomic
def revoke(*, link: ShareLink, actor: Actor) -> None:
    """Close a link, at once and for good. One that is closed already stays as it is."""
    now = timezone.now()
    still_open = ShareLink.objects.filter(pk=link.pk, revoked_at=None, expires_at__gt=now)
    if still_open.update(revoked_at=now):
        _note(link, actor, "revoke share link")


def links_of(comparison: Comparison) -> list[ShareLink]:
    """Return the links to a report, newest first, with who made them."""
    return list(comparison.links.select_related("created_by").order_by("-pk"))


def report_behind(token: str) -> Comparison:
    """Return the comparison that a link opens; one that is over is gone, any other unknown."""
    digest = digest_of_token(token)
    rows = ShareLink.objects.select_related(
        "comparison__project",
        "comparison__baseline__system_version__system",
        "comparison__baseline__version__dataset",
        "comparison__candidate__system_version__system",
        "comparison__candidate__version__dataset",
    )
    link = rows.filter(digest=digest).first() if digest else None
    if link is None:
        raise NotFound(f"There is no such link. {_ASK}")
    if link.state != "open":
        over = "was revoked" if link.state == "revoked" else "has expired"
        raise Gone(f"This link to a report {over}. {_ASK}")
    return link.comparison


def _note(link: ShareLink, actor: Actor, verb: str, **detail: object) -> None:
    comparison = link.comparison
    record(
        project=comparison.project,
        actor=actor,
        verb=verb,
        subject=comparison.public_id,
        detail={"link": link.public_id, **detail},
    )
