"""The runs pages: list, one run, its progress, one output in full, a metric added."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
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
from evalhub.errors import DomainError
from evalhub.runs import catalog, pages, services, tables
from evalhub.runs.form_pages import form_page, sent, wished
from evalhub.runs.forms import MeasureForm, initial_of
from evalhub.runs.listing import record_of, with_names
from evalhub.runs.models import Measurement, Run


def enter_run(request: SignedInRequest, run_id: str, capability: Capability) -> Run:
    """Return a run of one of the person's projects: 404 for strangers, 403 without the right."""
    run = with_names(Run.objects.for_member(request.user).filter(public_id=run_id)).first()
    if run is None:
        raise Http404("There is no such run, or it is not yours.")
    enter_project_of(request, run.project, capability)
    return run


@require_safe
@signed_in
def metrics(request: SignedInRequest) -> HttpResponse:
    """The reference of all metrics, for everybody who is signed in."""
    groups = list(catalog.reference().items())
    n_metrics = sum(len(entries) for _, entries in groups)
    return render(request, "runs/catalog.html", {"groups": groups, "n_metrics": n_metrics})


@require_safe
@signed_in
def run_list(request: SignedInRequest, project: str) -> HttpResponse:
    found = enter_project(request, project, Capability.VIEW)
    return render(request, "runs/list.html", pages.list_context(found, request.GET))


@require_safe
@signed_in
def detail(request: SignedInRequest, run_id: str) -> HttpResponse:
    """A run. Its classes, its slices and its outputs are also fragments of their own."""
    run = enter_run(request, run_id, Capability.VIEW)
    fragments = {"classes": _classes, "slices": _slices, "outputs": _outputs}
    target = request.headers.get("HX-Target", "")
    if target in fragments:
        response = fragments[target](request, run)
    else:
        response = render(request, "runs/detail.html", _run_context(request, run))
    patch_vary_headers(response, ["HX-Target"])
    return response


def _classes(request: SignedInRequest, run: Run) -> HttpResponse:
    context = pages.classes_context(record_of(run), request.GET)
    return render(request, "runs/_classes.html", {"run": run, **context})


def _slices(request: SignedInRequest, run: Run) -> HttpResponse:
    context = pages.slices_context(record_of(run), request.GET)
    return render(request, "runs/_slices.html", {"run": run, **context})


def _outputs(request: SignedInRequest, run: Run) -> HttpResponse:
    context = pages.outputs_context(record_of(run), request.GET)
    return render(request, "runs/_outputs.html", {"run": run, **context})


def _run_context(request: SignedInRequest, run: Run) -> dict[str, Any]:
    rest = request.build_absolute_uri("/api/v1")
    return pages.run_context(record_of(run), request.GET, rest=rest)


@require_safe
@signed_in
def progress(request: SignedInRequest, run_id: str) -> HttpResponse:
    """How far the scoring is; once it is over, the whole run in its place."""
    run = enter_run(request, run_id, Capability.VIEW)
    if pages.is_at_work(record_of(run)):
        return render(request, "runs/_progress.html", pages.progress_context(run))
    context = {**_run_context(request, run), "announced": f"The run is {run.state}."}
    response = render(request, "runs/_run.html", context)
    response["HX-Retarget"] = "#run"
    response["HX-Reswap"] = "outerHTML"
    return response


@require_safe
@signed_in
def output(request: SignedInRequest, run_id: str, position: int, attempt: int) -> HttpResponse:
    """One output in full, with all its scores."""
    run = enter_run(request, run_id, Capability.VIEW)
    if position >= run.version.n_examples or not 1 <= attempt <= run.attempts:
        raise Http404("There is no such output.")
    place = position * run.attempts + attempt - 1
    wish = tables.Wish.of(request.GET)
    return render(request, "runs/output.html", pages.output_context(record_of(run), place, wish))


@get_or_post
@signed_in
def measure(request: SignedInRequest, run_id: str) -> HttpResponse:
    """Score a finished run with another metric, or again."""
    run = enter_run(request, run_id, Capability.SUBMIT)
    form = MeasureForm(
        sent(request), project=run.project, initial=wished(request, _initial(run, request.GET))
    )
    if form.is_bound and form.is_valid():
        try:
            services.measure_run(run=run, metrics=[form.spec()], actor=actor_of(request))
        except DomainError as exc:
            form.take_errors(exc)
        else:
            messages.info(request, "The run is being scored.")
            return redirect("runs:detail", run_id=run_id)
    return form_page(request, "runs/measure.html", form, run.project, {"run": run})


def _initial(run: Run, query: QueryDict) -> dict[str, str]:
    """Return the metric that is to be scored again, as it was measured last."""
    earlier = (
        run.measurements.filter(name=query.get("name", "")[:100], is_for_comparison=False)
        .order_by("-generation")
        .first()
    )
    if earlier is None:
        return {}
    # A judge takes no parameters: what stands there is what the measurement was planned with.
    params = earlier.params if earlier.kind == Measurement.Kind.AUTOMATIC else {}
    return initial_of(earlier.metric, earlier.name, params)
