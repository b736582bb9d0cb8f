"""The scorer pages: all of a project, one with its revisions, and what may be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, get_or_post, signed_in
from evalhub.accounts.models import Project
from evalhub.errors import Conflict, ContentError, DomainError
from evalhub.outbound.client import NoAnswer
from evalhub.scorers import selectors, services
from evalhub.scorers.forms import ScorerForm, initial_of
from evalhub.scorers.models import Approval, Revision, Scorer
from evalhub.scorers.selectors import NotReadyError


@dataclass(frozen=True)
class ShownScorer:
    """A scorer as the pages show it."""

    scorer: Scorer
    revision: Revision
    approval: Approval | None

    @property
    def spec(self) -> str:
        """How a run asks for it."""
        return selectors.PREFIX + self.scorer.slug


@require_safe
@signed_in
def scorer_list(request: SignedInRequest, project: str) -> HttpResponse:
    found = enter_project(request, project, Capability.VIEW)
    approvals = selectors.approvals_of(found)
    revised = [(one, selectors.newest_revision(one)) for one in selectors.scorers_of(found)]
    shown = [ShownScorer(one, newest, approvals.get(newest.origin)) for one, newest in revised]
    return render(request, "scorers/list.html", {"scorers": shown})


@get_or_post
@signed_in
def scorer_new(request: SignedInRequest, project: str) -> HttpResponse:
    """Propose a scorer, or another revision of the one that ?of= names."""
    found = enter_project(request, project, Capability.LEAD)
    earlier = _scorer(found, request.GET["of"]) if request.GET.get("of") else None
    initial = initial_of(earlier) if earlier else {}
    form = ScorerForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            proposed = services.propose_scorer(
                project=found,
                proposal=form.proposal(),
                actor=actor_of(request),
                is_new_name=earlier is None or earlier.slug != form.cleaned_data["slug"],
            )
        except DomainError as exc:
            form.take_errors(exc)
        else:
            slug = proposed.scorer.slug
            said = (
                "is proposed" if proposed.is_revised else "gives the same numbers as before: kept"
            )
            messages.success(request, f"{selectors.PREFIX}{slug} {said}.")
            if proposed.remark:
                messages.warning(request, proposed.remark)
            return redirect("scorers:detail", project=found.slug, slug=slug)
    context = {"form": form, "earlier": earlier}
    return render(request, "scorers/new.html", context, status=422 if form.errors else 200)


@require_safe
@signed_in
def scorer_detail(request: SignedInRequest, project: str, slug: str) -> HttpResponse:
    """One scorer: what it is, who approved its host, and its revisions."""
    found = enter_project(request, project, Capability.VIEW)
    return render(request, "scorers/detail.html", _detail(found, _scorer(found, slug)))


@require_POST
@signed_in
def scorer_try(request: SignedInRequest, project: str, slug: str) -> HttpResponse:
    """Send one made-up output, and show what comes back."""
    found = enter_project(request, project, Capability.LEAD)
    scorer = _scorer(found, slug)
    try:
        said = services.try_scorer(scorer=scorer, actor=actor_of(request))
    except NotReadyError as exc:
        raise Conflict(exc.detail, code=exc.code) from exc
    trial = {"trouble": said.detail} if isinstance(said, NoAnswer) else {"said": said}
    return render(request, "scorers/detail.html", {**_detail(found, scorer), "trial": trial})


@require_POST
@signed_in
def scorer_host(request: SignedInRequest, project: str, slug: str) -> HttpResponse:
    """Approve the host that the owner has looked at, or take an approval back."""
    found = enter_project(request, project, Capability.OWN)
    scorer = _scorer(found, slug)
    origin, actor = request.POST.get("origin", ""), actor_of(request)
    if request.POST.get("do") == "approve":
        services.approve_host(scorer=scorer, origin=origin, actor=actor)
        messages.success(request, f"Outputs may be sent to {origin} now.")
    elif request.POST.get("do") == "withdraw" and _is_host_of(scorer, origin):
        services.withdraw_host(project=found, origin=origin, actor=actor)
        messages.success(request, f"Nothing is sent to {origin} any more.")
    else:
        raise ContentError("Say whether to approve or to withdraw, and which host.")
    return redirect("scorers:detail", project=found.slug, slug=slug)


@require_POST
@signed_in
def scorer_retire(request: SignedInRequest, project: str, slug: str) -> HttpResponse:
    """Ask a scorer nothing any more."""
    found = enter_project(request, project, Capability.LEAD)
    services.retire_scorer(scorer=_scorer(found, slug), actor=actor_of(request))
    messages.success(request, f"{selectors.PREFIX}{slug} is retired. What it said stays.")
    return redirect("scorers:list", project=found.slug)


def _scorer(project: Project, slug: str) -> Scorer:
    found = selectors.scorer_of(project, slug)
    if found is None:
        raise Http404("There is no such scorer.")
    return found


def _is_host_of(scorer: Scorer, origin: str) -> bool:
    return any(one.origin == origin for one in scorer.revisions.all())


def _detail(project: Project, scorer: Scorer) -> dict[str, Any]:
    revision = selectors.newest_revision(scorer)
    approval = selectors.approvals_of(project).get(revision.origin)
    return {
        "shown": ShownScorer(scorer, revision, approval),
        "revisions": scorer.revisions.all(),
        "has_secret": selectors.has_secret(scorer),
        "sample": services.SAMPLE,
    }
