"""A new campaign: typed, planned, opened."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, get_or_post, signed_in
from evalhub.accounts.models import Project
from evalhub.datasets.models import SliceColumn
from evalhub.errors import Conflict, ContentError, NotFound
from evalhub.runs.models import Run
from labeling import selectors
from labeling.forms import campaigns as typed
from labeling.forms.questions import from_template, rearranged, rows_of, sent_rows
from labeling.planning import planned
from labeling.plans import Plan, read_plan
from labeling.questions.templates import TEMPLATES
from labeling.services import campaigns
from labeling.services.sizing import sizes_of


@get_or_post
@signed_in
def new(request: SignedInRequest, project: str) -> HttpResponse:
    """Set up a campaign: what is judged, what is asked, who answers; and see what it costs.

    The form is posted to move questions, to choose a template and to see the plan, too.
    """
    found = enter_project(request, project, Capability.LEAD)
    runs = selectors.runs_to_label(found)
    if request.method == "POST":
        what = request.POST.get("do", "open")
        if what in ("open", "plan"):
            return _checked(request, found, runs, opens=what == "open")
        return _retyped(request, runs, what)
    form = _form(runs, initial={"runs": request.GET.getlist("run"), "kind": "outputs"})
    return _page(request, runs, form, rows_of())


def _form(runs: list[Run], data: Any = None, initial: Any = None) -> typed.CampaignForm:
    shown = [(run.public_id, _described(run)) for run in runs]
    return typed.CampaignForm(data, runs=shown, initial=initial)


def _retyped(request: SignedInRequest, runs: list[Run], what: str) -> HttpResponse:
    """Show the form as it was typed, with a row moved or a template put in; nothing is checked."""
    rows, template, at = sent_rows(request.POST), "", 0
    if what == "use":
        template = request.POST.get("template", "")
        rows = from_template(rows, template)
    else:
        rows, at = rearranged(rows, what)
    form = _form(runs, initial=typed.sent(request.POST, template))
    is_part = bool(request.headers.get("HX-Request")) and not template
    name = "labeling/_questions.html" if is_part else "labeling/new.html"
    shown = rows_of(initial=rows, begins_at=at if what == "add" else None)
    return _page(request, runs, form, shown, name=name, at=at, moved=what, chosen=template)


def _checked(
    request: SignedInRequest, project: Project, runs: list[Run], *, opens: bool
) -> HttpResponse:
    """Open the campaign, or show the plan, or put beside the fields why neither can be."""
    form, rows = _form(runs, request.POST), rows_of(request.POST)
    plan = _plan(project, form, rows)
    try:
        if plan is not None and opens:
            campaign = campaigns.create_campaign(plan=plan, actor=actor_of(request))
            return redirect("labeling:campaign", campaign_id=campaign.public_id)
        if plan is not None:
            shown = planned(plan, sizes_of(plan))
            is_part = bool(request.headers.get("HX-Request"))
            name = "labeling/_plan.html" if is_part else "labeling/new.html"
            return _page(request, runs, form, rows, name=name, plan=shown)
    except (Conflict, ContentError, NotFound) as error:
        typed.show_errors(error, form, rows, [])
    is_part = bool(request.headers.get("HX-Request"))
    name = "labeling/_plan.html" if is_part else "labeling/new.html"
    return _page(request, runs, form, rows, name=name, status=422)


def _plan(project: Project, form: typed.CampaignForm, rows: Any) -> Plan | None:
    is_valid = form.is_valid() & rows.is_valid()
    body, asked = typed.plan_body(form, rows)
    try:
        plan = read_plan(project=project, body=body)
    except (Conflict, ContentError, NotFound) as error:
        typed.show_errors(error, form, rows, asked)
        return None
    return plan if is_valid else None


def _page(
    request: SignedInRequest,
    runs: list[Run],
    form: typed.CampaignForm,
    rows: Any,
    *,
    name: str = "labeling/new.html",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {
        "form": form,
        "rows": rows,
        "has_runs": bool(runs),
        "templates": TEMPLATES.values(),
        "slice_fields": _slice_fields(runs),
        **more,
    }
    return render(request, name, context, status=status)


def _slice_fields(runs: list[Run]) -> list[str]:
    columns = SliceColumn.objects.filter(
        version__in={run.version_id for run in runs}, is_slice=True
    )
    return sorted(set(columns.values_list("field", flat=True)))


def _described(run: Run) -> str:
    version = run.version
    dataset = f"{version.dataset.slug} v{version.number}"
    return f"{run.system_version} on {dataset}, {run.n_outputs:,} outputs ({run.public_id})"
