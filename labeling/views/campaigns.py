"""Campaigns as leads see them, and the list that everybody sees."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, signed_in
from evalhub.accounts.models import Project
from evalhub.errors import Conflict, ContentError, DomainError, NotFound
from evalhub.runs.models import Run
from labeling import selectors
from labeling.forms.campaigns import (
    CampaignForm,
    QuestionFormSet,
    plan_body,
    show_errors,
)
from labeling.models import Campaign
from labeling.plans import read_plan
from labeling.services import campaigns, publication
from labeling.views.access import entered, get_or_post


@require_safe
@signed_in
def campaign_list(request: SignedInRequest, project: str) -> HttpResponse:
    """All campaigns: to label for annotators, to lead for leads."""
    found = enter_project(request, project, None)
    rows = selectors.listed(found, request.user)
    return render(request, "labeling/list.html", {"rows": rows})


@get_or_post
@signed_in
def new(request: SignedInRequest, project: str) -> HttpResponse:
    """Set up a campaign: runs, questions, guidelines, overlap."""
    found = enter_project(request, project, Capability.LEAD)
    runs = selectors.runs_to_label(found)
    data = request.POST if request.method == "POST" else None
    form = CampaignForm(
        data,
        runs=[(run.public_id, _described(run)) for run in runs],
        initial={"runs": request.GET.getlist("run")},
    )
    rows = QuestionFormSet(data, prefix="question")
    if data is not None:
        campaign = _created(request, found, form, rows)
        if campaign is not None:
            return redirect("labeling:campaign", campaign_id=campaign.public_id)
    context = {"form": form, "rows": rows, "has_runs": bool(runs)}
    return render(request, "labeling/new.html", context, status=200 if data is None else 422)


def _created(
    request: SignedInRequest, project: Project, form: CampaignForm, rows: Any
) -> Campaign | None:
    """Set the campaign up, or put beside the fields all the reasons why it cannot be."""
    is_valid = form.is_valid() & rows.is_valid()
    body, asked = plan_body(form, rows)
    try:
        plan = read_plan(project=project, body=body)
        if is_valid:
            return campaigns.create_campaign(plan=plan, actor=actor_of(request))
    except (Conflict, ContentError, NotFound) as error:
        show_errors(error, form, rows, asked)
    return None


def _described(run: Run) -> str:
    version = run.version
    dataset = f"{version.dataset.slug} v{version.number}"
    return f"{run.system_version} on {dataset}, {run.n_outputs:,} outputs ({run.public_id})"


@get_or_post
@signed_in
def detail(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """One campaign: how far it is, who labels, and what becomes of the labels."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    if request.method == "POST":
        return _act(request, campaign)
    progress = selectors.campaign_progress(campaign)
    runs = selectors.labeled_runs(campaign)
    context = {
        "campaign": campaign,
        "progress": progress,
        "questions": campaign.asked,
        "runs": runs,
        "is_scoring": any(row.is_scoring for row in runs),
        "desk_url": request.build_absolute_uri("desk/"),
        "said": list(messages.get_messages(request)),
        "messages": [],  # they stand in the page, where a toast would cover what they are about
        "tab": "progress",
    }
    return render(request, "labeling/campaign.html", context)


def _act(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    act = {"publish": publication.publish, "close": publication.close}.get(
        request.POST.get("do", "")
    )
    if act is None:
        raise Http404("There is no such thing to do with a campaign.")
    try:
        published = act(campaign=campaign, actor=actor_of(request))
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        done = "Closed. " if act is publication.close else ""
        messages.success(request, f"{done}{_said_of(published)}")
    return redirect("labeling:campaign", campaign_id=campaign.public_id)


def _said_of(published: publication.Published) -> str:
    if not published.measurements:
        return "There was nothing to publish."
    if not published.is_new:
        return "Nothing has changed since the last publication, so there is no new one."
    runs = len({measurement.run_id for measurement in published.measurements})
    return f"Published to {runs} run{'' if runs == 1 else 's'}."
