"""The guidelines of a campaign: read, changed, and what they were. For leads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, get_or_post, posted, signed_in
from evalhub.errors import DomainError
from labeling.forms.changing import GuidelinesForm
from labeling.models import Annotator, Campaign, GuidelineVersion
from labeling.services.guidelines import change_guidelines
from labeling.views.access import entered


@dataclass(frozen=True)
class Version:
    """A version, what it was before, and how many read it last."""

    version: GuidelineVersion
    before: str
    n_seen: int


@get_or_post
@signed_in
def guidelines(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """Show the guidelines, take a change, and list all versions with their differences."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    initial = {"text": campaign.guidelines, "seen": campaign.guidelines_number}
    form = GuidelinesForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = change_guidelines(
                campaign=campaign, **form.cleaned_data, actor=actor_of(request)
            )
        except DomainError as error:
            form.add_error(None, error.detail)
        else:
            messages.success(request, _said(made))
            return redirect("labeling:guidelines", campaign_id=campaign.public_id)
    versions = _versions(campaign)
    context = {
        "campaign": campaign,
        "form": form,
        "versions": versions,
        "newest": versions[0] if versions else None,
        "n_people": _at_desk(campaign).count(),
        "tab": "guidelines",
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/guidelines.html", context, status=status)


def _said(made: GuidelineVersion | None) -> str:
    if made is None:
        return "Nothing is different, so there is no new version."
    return (
        f"Version {made.number} is there. Each annotator sees it until they say that they read it."
    )


def _at_desk(campaign: Campaign) -> QuerySet[Annotator]:
    return campaign.annotators.filter(user__isnull=False)


def _versions(campaign: Campaign) -> list[Version]:
    """Return all versions, the newest first."""
    seen = dict(
        _at_desk(campaign).values_list("guidelines_seen").annotate(n=Count("pk")).order_by()
    )
    rows = list(campaign.guideline_versions.select_related("created_by").order_by("-number"))
    return [
        Version(version, before.text if before else "", seen.get(version.number, 0))
        for version, before in pairwise([*rows, None])
        if version is not None
    ]
