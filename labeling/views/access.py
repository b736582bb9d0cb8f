"""What the labeling pages share: a campaign, and who may see it."""

from __future__ import annotations

from django.http import Http404
from django.views.decorators.http import require_http_methods

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project_of
from labeling.models import Campaign

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def entered(request: SignedInRequest, campaign_id: str, capability: Capability | None) -> Campaign:
    """Return a campaign of one of the person's projects, if their role allows this page."""
    campaign = Campaign.objects.for_member(request.user).filter(public_id=campaign_id).first()
    if campaign is None:
        raise Http404("There is no such campaign, or it is not yours.")
    campaign.project = enter_project_of(request, campaign.project_id, capability)
    return campaign
