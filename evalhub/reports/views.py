"""The comparison pages."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    address_of,
    enter_project,
    enter_project_of,
    signed_in,
)
from evalhub.errors import DomainError, Gone, NotFound
from evalhub.reports import links, selectors, wording
from evalhub.reports.files import FORMATS, answer_in, as_file, origin_of
from evalhub.reports.gated import in_short
from evalhub.reports.many import MAX_CANDIDATES, STEP, Many, compare_many
from evalhub.reports.models import Comparison
from evalhub.reports.pages import TURNED, page_of, turn
from evalhub.reports.rendering import as_html
from evalhub.reports.rendering.document import schema
from evalhub.reports.rendering.html_file import html_answer
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.runs.listing import likeliest_baseline
from evalhub.runs.models import Run
from evalhub.runs.selectors import living_workers

PAGE = 50
MOST_DIGITS = 9  # of a place in a list
MAX_SLICES = 2  # of which the examples are asked for together


@require_safe
@signed_in
def comparison_list(request: SignedInRequest, project: str) -> HttpResponse:
    """The comparisons of a project, and a form for a new one."""
    found = enter_project(request, project, Capability.VIEW)
    every = selectors.comparisons_of(found).defer("failing")
    start, n = _start(request.GET.get("from", ""), PAGE), every.count()
    start = start if start < n else 0
    shown = list(every[start : start + PAGE])
    gates = in_short(shown)
    rows = [
        {
            "comparison": one,
            "title": wording.title(one),
            "verdict": wording.verdict(one),
            "runs": (one.candidate, one.baseline),
            "gate": gates[one.pk],
        }
        for one in shown
    ]
    runs = _comparable(found.pk)
    chosen = _likeliest(runs)
    context = {
        "rows": rows,
        "turn": turn(start, n, PAGE, lambda at: f"?from={at}") if n > PAGE else None,
        "runs": runs,
        "sides": list(chosen.items()),
    }
    return render(request, "reports/list.html", context)


def _likeliest(runs: list[Run]) -> dict[str, str]:
    """Return the likeliest question: the newest run that has a baseline, and that baseline."""
    for candidate in runs:
        others = [one for one in runs if one.version.dataset_id == candidate.version.dataset_id]
        if baseline := likeliest_baseline(candidate, others):
            return {"baseline": baseline.public_id, "candidate": candidate.public_id}
    return {"baseline": "", "candidate": ""}


def _comparable(project_id: int) -> list[Run]:
    runs = Run.objects.filter(project_id=project_id, state=Run.State.SCORED)
    return list(
        runs.select_related("system_version__system", "version__dataset").order_by("-pk")[:200]
    )


@require_safe
@signed_in
def new(request: SignedInRequest, project: str) -> HttpResponse:
    """Compare two runs and go to the answer; a refusal is said beside the form.

    Where the baseline is scored again first, the page shows how far that is, and asks again.
    """
    found = enter_project(request, project, Capability.VIEW)
    sides = {side: request.GET.get(side, "") for side in ("baseline", "candidate")}
    try:
        comparison = compare_runs(
            baseline=selectors.run_of(found, sides["baseline"]),
            candidate=selectors.run_of(found, sides["candidate"]),
            actor=actor_of(request),
            may_score=Capability.SUBMIT in request.capabilities,
        )
    except ScoredAgainFirst as exc:
        return _waiting(request, exc)
    except DomainError as exc:
        if _is_asked_again(request):
            return _opened(request.get_full_path())
        context = {
            "rows": [],
            "runs": _comparable(found.pk),
            "problem": exc,
            "sides": list(sides.items()),
        }
        return render(request, "reports/list.html", context, status=exc.status)
    if _is_asked_again(request):
        return _opened(reverse("reports:detail", args=[comparison.public_id]))
    return redirect("reports:detail", comparison_id=comparison.public_id)


def _is_asked_again(request: SignedInRequest) -> bool:
    """Say whether it is a page that asks by itself, while it shows how far something is."""
    return request.headers.get("HX-Target") in ("waiting", "compared")


def _opened(address: str) -> HttpResponse:
    """Have the page that asked by itself go there."""
    return HttpResponse(headers={"HX-Redirect": address})


def _waiting(request: SignedInRequest, waits: ScoredAgainFirst) -> HttpResponse:
    context = {
        "waits": waits,
        "progress": waits.progress,
        "n_workers": living_workers(),
        "here": request.get_full_path(),
    }
    name = "reports/_waiting.html" if _is_asked_again(request) else "reports/waiting.html"
    response = render(request, name, context, status=waits.status)
    response["Retry-After"] = str(waits.retry_after)
    patch_vary_headers(response, ["HX-Target"])
    return response


@require_safe
@signed_in
def many(request: SignedInRequest, project: str) -> HttpResponse:
    """Many candidates against one baseline; without a question, the form that asks it.

    What is compared already is there at once. The page then asks for the rest by itself, a step at
    a time, and each step shows what there is by then.
    """
    found = enter_project(request, project, Capability.VIEW)
    chosen, candidates = request.GET.get("baseline", ""), request.GET.getlist("candidate")
    runs = [] if _is_asked_again(request) else _comparable(found.pk)
    context = {
        "most": MAX_CANDIDATES,
        "runs": sorted(runs, key=lambda run: run.version.dataset.name),  # stable: newest first
        "chosen": chosen,
        "candidates": candidates,
    }
    if not chosen:
        return render(request, "reports/many.html", context)
    try:
        baseline = selectors.run_of(found, chosen)
        compared = compare_many(
            baseline=baseline,
            candidates=[selectors.run_of(found, one) for one in candidates[: MAX_CANDIDATES + 1]],
            actor=actor_of(request),
            may_score=Capability.SUBMIT in request.capabilities,
            seconds=STEP if request.GET.get("step") else 0,
        )
    except DomainError as exc:
        if _is_asked_again(request):
            return _opened(_whole_page(request))
        return render(request, "reports/many.html", {**context, "problem": exc}, status=exc.status)
    return _many_page(request, {**context, "baseline": baseline, "many": compared}, compared)


def _many_page(
    request: SignedInRequest, context: dict[str, object], compared: Many
) -> HttpResponse:
    context |= {"next_step": f"{_whole_page(request)}&step=1", "trigger": "load"}
    if compared.waits is not None:
        context |= {"progress": compared.waits.progress, "n_workers": living_workers()}
        context["trigger"] = "every 2s"
    name = "reports/_many.html" if _is_asked_again(request) else "reports/many.html"
    response = render(request, name, context, status=200 if compared.is_whole else 202)
    patch_vary_headers(response, ["HX-Target"])
    return response


def _whole_page(request: SignedInRequest) -> str:
    """Return the address of the question, without the step that was asked for."""
    asked = request.GET.copy()
    asked.pop("step", None)
    return f"{request.path}?{asked.urlencode()}"


@require_safe
@signed_in
def detail(request: SignedInRequest, comparison_id: str) -> HttpResponse:
    """One comparison: the verdict, the gains, the slices, the examples that moved."""
    comparison = get_object_or_404(
        Comparison.objects.for_member(request.user).select_related(
            "baseline__system_version__system",
            "baseline__version__dataset",
            "candidate__system_version__system",
            "candidate__version__dataset",
        ),
        public_id=comparison_id,
    )
    enter_project_of(request, comparison.project_id, Capability.VIEW)
    asked = request.GET
    page = page_of(
        comparison,
        asked.get("metric", ""),
        slices=asked.getlist("slice")[:MAX_SLICES],
        group=asked.get("group", ""),
        starts={side: _start(asked.get(side, "")) for side in TURNED},
    )
    if Capability.LEAD in request.capabilities:
        page |= {"links": links.links_of(comparison), "link_days": links.DAYS}
    return render(request, "reports/detail.html", page)


def _start(given: str, step: int = selectors.SHOWN_CASES) -> int:
    """Return how many examples to pass over: whole pages, none where it is no number."""
    if not (given.isascii() and given.isdigit()) or len(given) > MOST_DIGITS:
        return 0
    return int(given) // step * step


@require_safe
@signed_in
def download(request: SignedInRequest, comparison_id: str, form: str) -> HttpResponse:
    """Give a member the file of a comparison in one of the formats."""
    comparison = get_object_or_404(
        Comparison.objects.for_member(request.user), public_id=comparison_id
    )
    enter_project_of(request, comparison.project_id, Capability.VIEW)
    if form not in FORMATS:
        raise Http404("A comparison has no such format.")
    answer = answer_in(form, comparison, origin=origin_of(request))
    return as_file(answer, comparison, form)


@require_safe
def json_schema(request: HttpRequest) -> HttpResponse:
    """The schema of a comparison in JSON, for everybody."""
    return JsonResponse(schema(), content_type="application/schema+json")


@never_cache
@require_POST
@signed_in
def share(request: SignedInRequest, comparison_id: str) -> HttpResponse:
    """Make a link to a report, which is shown once, in the answer that makes it."""
    comparison = _led(request, comparison_id)
    link, token = links.share(
        comparison=comparison, days=request.POST.get("days", ""), actor=actor_of(request)
    )
    context = {
        "comparison": comparison,
        "link": link,
        "address": address_of(request, "reports:shared", token),
    }
    return render(request, "reports/link_created.html", context)


@require_POST
@signed_in
def link_revoke(request: SignedInRequest, comparison_id: str, link_id: str) -> HttpResponse:
    """Stop a link from showing its report, at once and for good."""
    comparison = _led(request, comparison_id)
    link = get_object_or_404(comparison.links, public_id=link_id)
    links.revoke(link=link, actor=actor_of(request))
    messages.success(request, "Revoked: the link shows nothing any more.")
    return redirect(f"{reverse('reports:detail', args=[comparison.public_id])}#links")


def _led(request: SignedInRequest, comparison_id: str) -> Comparison:
    comparison = get_object_or_404(
        Comparison.objects.for_member(request.user).select_related("project"),
        public_id=comparison_id,
    )
    enter_project_of(request, comparison.project, Capability.LEAD)
    return comparison


@never_cache
@require_safe
def shared(request: HttpRequest, share_token: str) -> HttpResponse:
    """A report, read by whoever has a link to it; the address is a secret, so nothing tells it."""
    try:
        page = page_of(links.report_behind(share_token), is_shared=True)
        answer = html_answer(as_html(page, origin=""))
    except (NotFound, Gone) as exc:
        context = {"detail": exc.detail}
        answer = render(request, "accounts/link_closed.html", context, status=exc.status)
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    return answer
