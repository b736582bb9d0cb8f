"""What the labeling pages share: a campaign, and who may see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.http import Http404

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project_of
from evalhub.prepared import Prepared
from labeling.models import Campaign, QuestionSet


def entered(request: SignedInRequest, campaign_id: str, capability: Capability | None) -> Campaign:
    """Return a campaign of one of the person's projects, if their role allows this page."""
    campaign = _CAMPAIGNS.first(request.user.pk, campaign_id)
    if campaign is None:
        raise Http404("There is no such campaign, or it is not yours.")
    campaign.project = enter_project_of(request, campaign.project_id, capability)
    if campaign.question_set_id is not None:
        campaign.question_set = _question_set(campaign.public_id, campaign.question_set_id)
    return campaign


_CAMPAIGNS: Final = Prepared(
    lambda user, name: Campaign.objects.for_member(user).filter(public_id=name), int, str
)


@lru_cache(maxsize=256)
def _question_set(campaign_id: str, pk: int) -> QuestionSet:
    """Return a version of a campaign's questions, read once: its rows never change."""
    questions = QuestionSet.objects.prefetch_related("questions")
    return questions.get(pk=pk, campaign__public_id=campaign_id)
