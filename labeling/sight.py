"""Who of those who label can see the runs and their scores, and from whom these are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evalhub.accounts.capabilities import Capability, capabilities_of_role
from evalhub.accounts.models import Membership
from labeling.models import Annotator, Campaign

_UNDER_WAY: Final = (Campaign.State.OPEN, Campaign.State.PAUSED)
_CLOSED: Final = (
    "You label in the campaign “{campaign}”. Runs, datasets and reports of this project stay "
    "closed to you meanwhile, so that nobody judges an output knowing its system or its score. "
    "They open when the campaign is closed, or when a lead ends your place in it."
)


def withheld_from(membership: Membership) -> Mapping[Capability, str]:
    """Return what a member may not do while they have a place in a campaign, and the sentence.

    Leads keep their sight, since the campaign is theirs to look after; agreement names them.
    """
    given = membership.capabilities
    if Capability.LEAD in given or not {Capability.VIEW, Capability.LABEL} <= given:
        return {}
    places = Annotator.objects.filter(
        user=membership.user_id,
        campaign__project=membership.project_id,
        campaign__state__in=_UNDER_WAY,
    ).exclude(state=Annotator.State.STOPPED)
    campaign = places.order_by("pk").values_list("campaign__name", flat=True).first()
    return {} if campaign is None else {Capability.VIEW: _CLOSED.format(campaign=campaign)}


@dataclass(frozen=True)
class Seer:
    """Somebody with a place in a campaign whose role opens the runs of the project."""

    annotator: Annotator
    role: str
    is_withheld: bool

    @property
    def said(self) -> str:
        if self.is_withheld:
            return f"{self.role}: runs are closed to them while they label, and were open before"
        return f"{self.role}: can open the runs and see systems and scores"


def seers_of(campaign: Campaign) -> dict[int, Seer]:
    """Return, by annotator, those whose judgement may know the systems."""
    project = Membership.objects.filter(project=campaign.project_id)
    members: dict[int | None, Membership] = {one.user_id: one for one in project}
    seers = {}
    for annotator in campaign.annotators.filter(user__isnull=False).order_by("name"):
        member = members.get(annotator.user_id)
        if member is None or Capability.VIEW not in capabilities_of_role(member.role):
            continue
        seers[annotator.pk] = Seer(annotator, member.role, bool(withheld_from(member)))
    return seers
