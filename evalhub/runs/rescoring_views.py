"""The pages of re-scorings: those of a dataset, a new one, and one with all its runs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    enter_project,
    enter_project_of,
    get_or_post,
    signed_in,
)
from evalhub.datasets.selectors import dataset_of
from evalhub.errors import DomainError, ShapeError
from evalhub.runs import rescored, rescoring
from evalhub.runs.form_pages import form_page, sent, wished
from evalhub.runs.forms import RescoreForm
from evalhub.runs.models import Rescoring
from evalhub.runs.selectors import living_workers

# Those of a dataset that its page shows, and on a page of their own.
SHOWN, LISTED = 5, 50
ROWS = 50
ACTIONS = {"cancel": rescoring.cancel, "resume": rescoring.resume}


@require_safe
@signed_in
def of_dataset(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """The re-scorings of a dataset, also as a part of the dataset's page."""
    found = dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    is_part = request.headers.get("HX-Target") == "rescorings"
    n_shown = SHOWN if is_part else LISTED
    rows = list(rescored.rescorings_of(found.project).filter(dataset=found)[: n_shown + 1])
    context = {
        "dataset": found,
        "records": rescored.records(rows[:n_shown]),
        "has_more": len(rows) > n_shown,
        "n_runs": sum(n for _, n in rescored.finished_runs_by_version(found)),
        "is_part": is_part,
    }
    name = "runs/_rescorings.html" if is_part else "runs/rescorings.html"
    response = render(request, name, context)
    patch_vary_headers(response, ["HX-Target"])
    return response


@get_or_post
@signed_in
def new(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """Score the runs of a dataset with a metric."""
    found = dataset_of(enter_project(request, project, Capability.SUBMIT), dataset)
    form = RescoreForm(
        sent(request),
        initial=wished(request, {}),
        project=found.project,
        versions=rescored.finished_runs_by_version(found),
    )
    if form.is_bound and form.is_valid():
        try:
            begun = rescoring.begin(dataset=found, actor=actor_of(request), **form.asked())
        except DomainError as exc:
            form.take_errors(exc)
        else:
            return redirect("runs:rescoring", rescoring_id=begun.public_id)
    return form_page(request, "runs/rescore.html", form, found.project, {"dataset": found})


@get_or_post
@signed_in
def detail(request: SignedInRequest, rescoring_id: str) -> HttpResponse:
    """One re-scoring with its runs; it is cancelled and resumed here.

    While it is under way the page asks again for the part that changes.
    """
    capability = Capability.SUBMIT if request.method == "POST" else Capability.VIEW
    found = _enter(request, rescoring_id, capability)
    if request.method == "POST":
        return _act(request, found)
    context = _context(found, request.GET.get("from", ""))
    if request.headers.get("HX-Target") != "progress":
        response = render(request, "runs/rescoring.html", context)
    elif found.state == Rescoring.State.WORKING:
        context["is_update"] = True
        response = render(request, "runs/_rescoring_progress.html", context)
    else:
        context["announced"] = f"The re-scoring is {found.state}."
        response = render(request, "runs/_rescoring.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#rescoring", "outerHTML"
    patch_vary_headers(response, ["HX-Target"])
    return response


def _enter(request: SignedInRequest, rescoring_id: str, capability: Capability) -> Rescoring:
    """Return a re-scoring of one of the person's projects: 404 for strangers."""
    mine = Rescoring.objects.for_member(request.user).filter(public_id=rescoring_id)
    found = rescored.named(mine).first()
    if found is None:
        raise Http404("There is no such re-scoring, or it is not yours.")
    enter_project_of(request, found.project, capability)
    return found


def _act(request: SignedInRequest, found: Rescoring) -> HttpResponse:
    act = ACTIONS.get(request.POST.get("do", ""))
    if act is None:
        raise ShapeError("Choose to cancel or to resume.")
    try:
        act(rescoring=found, actor=actor_of(request))
    except DomainError as exc:
        messages.error(request, exc.detail)
    return redirect("runs:rescoring", rescoring_id=found.public_id)


def _context(found: Rescoring, given: str) -> dict[str, Any]:
    record = rescored.record_of(found)
    start = int(given[:9]) if given.isascii() and given.isdigit() else 0
    start = start if start < record.n_runs else 0
    stop = start + ROWS
    is_working = found.state == Rescoring.State.WORKING
    return {
        "rescoring": found,
        "dataset": found.dataset,
        "record": record,
        "rows": rescored.run_rows(found, start=start, stop=stop),
        "start": start,
        "is_working": is_working,
        "n_workers": living_workers(),
        "specs": [rescored.spec_in_words(spec) for spec in found.specs],
        "pagination": {
            "shown": f"{start + 1}–{min(stop, record.n_runs)} of {record.n_runs}",
            "previous": f"?from={max(0, start - ROWS)}#runs" if start else "",
            "next": f"?from={stop}#runs" if stop < record.n_runs else "",
        },
    }
