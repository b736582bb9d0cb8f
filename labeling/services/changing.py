"""What changes of a campaign under way have in common: one at a time, and nothing unseen."""

from __future__ import annotations

from evalhub.errors import Conflict
from labeling.models import Campaign


def locked(campaign: Campaign) -> Campaign:
    """Return the campaign as it is now, for one change at a time; a closed one does not change."""
    now = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if now.state == Campaign.State.CLOSED:
        raise Conflict("This campaign is closed: what it asked and said stays as it is.")
    return now


def refuse_unseen(seen: int | None, number: int, what: str) -> None:
    """Refuse a change of a version that is no longer the newest. None is a change of any."""
    if seen is not None and seen != number:
        raise Conflict(
            f"Somebody changed the {what} in the meantime: version {number} is the newest. "
            "Load the page again; what you wrote is still in the form.",
            code="changed",
        )
