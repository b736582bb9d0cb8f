"""Campaigns as leads see them, and the list that everybody sees."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, get_or_post, signed_in
from evalhub.errors import DomainError
from labeling import selectors
from labeling.models import Campaign
from labeling.progress import progress_of
from labeling.services import campaigns, publication
from labeling.views.access import entered


@require_safe
@signed_in
def campaign_list(request: SignedInRequest, project: str) -> HttpResponse:
    """All campaigns: to label for annotators, to lead for leads."""
    found = enter_project(request, project, None)
    rows = selectors.listed(found, request.user)
    return render(request, "labeling/list.html", {"rows": rows})


@get_or_post
@signed_in
def detail(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """One campaign: how far it is, who labels, and what becomes of the labels."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    if request.method == "POST":
        return _act(request, campaign)
    runs = selectors.labeled_runs(campaign)
    context = {
        "campaign": campaign,
        "progress": progress_of(campaign),
        "runs": runs,
        "is_scoring": any(row.is_scoring for row in runs),
        "said": list(messages.get_messages(request)),
        "messages": [],  # they stand in the page, where a toast would cover what they are about
        "tab": "progress",
    }
    return render(request, "labeling/campaign.html", context)


def _act(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    what, actor = request.POST.get("do", ""), actor_of(request)
    act = _ACTS.get(what)
    if act is None:
        raise Http404("There is no such thing to do with a campaign.")
    try:
        done = act(campaign=campaign, actor=actor)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        published = done if isinstance(done, publication.Published) else None
        messages.success(request, f"{_DONE[what]}{_said_of(published)}")
    return redirect("labeling:campaign", campaign_id=campaign.public_id)


_ACTS = {
    "publish": publication.publish,
    "close": publication.close,
    "pause": campaigns.pause,
    "resume": campaigns.go_on,
}
_DONE = {
    "publish": "",
    "close": "Closed. ",
    "pause": "Paused: nothing is handed out or taken, and what people have chosen is kept.",
    "resume": "It goes on where it was.",
}


def _said_of(published: publication.Published | None) -> str:
    if published is None:
        return ""
    if not published.measurements:
        return "There was nothing to publish."
    if not published.is_new:
        return "Nothing has changed since the last publication, so there is no new one."
    runs = len({measurement.run_id for measurement in published.measurements})
    return f"Published to {runs} run{'' if runs == 1 else 's'}."
