"""The pages of gates: the rules of a dataset, and one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    enter_project,
    enter_project_of,
    get_or_post,
    posted,
    signed_in,
)
from evalhub.datasets.models import Dataset
from evalhub.datasets.selectors import dataset_of
from evalhub.errors import Conflict, DomainError, ShapeError
from evalhub.gates import advising, previewing, saying, selectors, services, wording
from evalhub.gates.forms import AskForm, BeganFrom, BlessForm, GateForms, WaiverForm
from evalhub.gates.models import GateAnswer
from evalhub.gates.offering import offered_by
from evalhub.gates.pages import open_first, rows_of, told_once
from evalhub.reports import remarks
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.selectors import run_of

SHOWN = 20


def _needed(request: SignedInRequest) -> Capability:
    return Capability.LEAD if request.method == "POST" else Capability.VIEW


@get_or_post
@signed_in
def gate(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """A dataset's gate: its rules, a preview on past runs, baselines and answers."""
    found = dataset_of(enter_project(request, project, _needed(request)), dataset)
    if request.method != "POST":
        return _gate_page(request, found)
    act = ACTS.get(request.POST.get("do", ""))
    if act is None:
        raise ShapeError("This page can save, preview, ask and bless.")
    return act(request, found)


def _save(request: SignedInRequest, dataset: Dataset) -> HttpResponse:
    forms = GateForms(posted(request), None, offered_by(dataset))
    if not forms.is_valid():
        return _gate_page(request, dataset, forms=forms, is_refused=True)
    try:
        made = services.set_gate(
            dataset=dataset,
            given=forms.given(),
            actor=actor_of(request),
            began_from=_began_from(request),
        )
    except Conflict as exc:  # the page shows the rules that count by now: saving again is meant
        return _gate_page(request, dataset, forms=forms, problem=exc, is_stale=True)
    except DomainError as exc:
        return _gate_page(request, dataset, forms=forms, problem=exc)
    messages.success(request, f"Version {made.number} of the gate counts from now on.")
    return redirect("gates:gate", project=dataset.project.slug, dataset=dataset.slug)


def _began_from(request: SignedInRequest) -> int | None:
    return BeganFrom(request.POST).number


def _preview(request: SignedInRequest, dataset: Dataset) -> HttpResponse:
    forms = GateForms(posted(request), None, offered_by(dataset))
    if not forms.is_valid():
        return _gate_page(request, dataset, forms=forms, is_refused=True)
    try:
        rows = services.preview(
            dataset=dataset,
            given=forms.given(),
            tag=forms.tag,
            before=previewing.said_before(request.POST, dataset),
            seconds=previewing.STEP,
        )
    except DomainError as exc:
        return _gate_page(request, dataset, forms=forms, problem=exc)
    more = previewing.more(rows, request.POST, dataset)
    if more is not None:
        return _gate_page(request, dataset, forms=forms, preview=rows, more=more)
    previewed = wording.previewed([row.answer for row in rows])
    chances = [row.chance for row in rows if row.chance is not None]
    return _gate_page(
        request,
        dataset,
        forms=forms,
        preview=rows,
        previewed=previewed,
        chances=advising.chances(chances),
    )


def _bless(request: SignedInRequest, dataset: Dataset) -> HttpResponse:
    form = BlessForm(posted(request), offered_by(dataset))
    if not form.is_valid():
        return _gate_page(request, dataset, bless_form=form, is_refused=True)
    try:
        services.bless(dataset=dataset, actor=actor_of(request), **form.cleaned_data)
    except DomainError as exc:
        return _gate_page(request, dataset, bless_form=form, problem=exc)
    messages.success(request, "Candidates of this branch are held against it from now on.")
    return redirect("gates:gate", project=dataset.project.slug, dataset=dataset.slug)


def _ask(request: SignedInRequest, dataset: Dataset) -> HttpResponse:
    form = AskForm(posted(request), offered_by(dataset))
    if not form.is_valid():
        return _gate_page(request, dataset, ask_form=form, is_refused=True)
    try:
        run = run_of(dataset.project, form.cleaned_data["run"])
        made = services.ask(run=run, tag=form.cleaned_data["tag"], actor=actor_of(request))
    except ScoredAgainFirst as exc:
        messages.info(request, f"{exc.detail} Ask the gate again when it is done.")
        return redirect("runs:rescoring", rescoring_id=exc.rescoring.public_id)
    except DomainError as exc:
        return _gate_page(request, dataset, ask_form=form, problem=exc)
    return redirect("gates:answer", answer_id=made.public_id)


ACTS: dict[str, Callable[[SignedInRequest, Dataset], HttpResponse]] = {
    "save": _save,
    "preview": _preview,
    "bless": _bless,
    "ask": _ask,
}


def _gate_page(
    request: SignedInRequest,
    dataset: Dataset,
    *,
    forms: GateForms | None = None,
    is_refused: bool = False,
    problem: DomainError | None = None,
    is_stale: bool = False,
    **given: Any,
) -> HttpResponse:
    now, offered = selectors.gate_of(dataset), offered_by(dataset)
    counts = now.number if now else 0
    began_from = _began_from(request) if forms and not is_stale else None
    answers = selectors.answers_of(dataset.project).filter(gate__dataset=dataset)
    alarms = selectors.alarms_of(dataset)
    context = {
        "dataset": dataset,
        "gate": now,
        "rules": [] if now is None else wording.rules(now.rules),
        "forms": forms or GateForms(None, now.rules if now else None, offered),
        "is_writing": forms is not None or now is None,
        "offered": offered,
        "answers": answers[:SHOWN],
        "blessings": selectors.blessings_of(dataset)[:SHOWN],
        "alarms": advising.alarms(now, alarms),
        "rest_on": advising.alarms_rest_on(now, alarms),
        "problem": problem,
        "ask_form": AskForm(None, offered, run=_run_meant(request)),
        "bless_form": BlessForm(None, offered),
        "began_from": counts if began_from is None else began_from,
        **given,
    }
    status = problem.status if problem else 422 if is_refused else 200
    return render(request, "gates/gate.html", context, status=status)


def _run_meant(request: SignedInRequest) -> str:
    """Return the run that a link to the question is about, if any."""
    return request.GET.get("run", "")[:24].replace("\0", "")


@get_or_post
@signed_in
def answer(request: SignedInRequest, answer_id: str) -> HttpResponse:
    """One answer: what each rule said and what to do; a lead may waive it."""
    found = get_object_or_404(
        GateAnswer.objects.for_member(request.user).select_related("comparison"),
        public_id=answer_id,
    )
    project = enter_project_of(request, found.comparison.project_id, _needed(request))
    form, problem = WaiverForm(posted(request)), None
    if form.is_bound and form.is_valid():
        try:
            services.waive(answer=found, actor=actor_of(request), **form.cleaned_data)
        except DomainError as exc:
            problem = exc
        else:
            messages.success(request, "The answer is waived.")
            return redirect("gates:answer", answer_id=answer_id)
    one = selectors.answer_of(project, answer_id)
    rows, said = rows_of(one), saying.said_by(one)
    unpassed, shared = told_once(open_first(rows))
    context = {
        "answer": one,
        "title": said.title,
        "rows": rows,
        "unpassed": unpassed,
        "together": wording.together(one.parts),
        "shared": shared,
        "unnamed": _unnamed_critical(one),
        "waiver": selectors.waiver_of(one),
        "said": said,
        "before": saying.before(one.comparison, [one]),
        "form": form,
        "problem": problem,
    }
    status = problem.status if problem else 422 if form.errors else 200
    return render(request, "gates/answer.html", context, status=status)


def _unnamed_critical(one: GateAnswer) -> str:
    """Say that critical examples newly fail where the gate has no rule about them."""
    has_rule = any(part["kind"] == "critical" for part in one.parts)
    if has_rule or not one.comparison.critical.get("n_failing"):
        return ""
    return f"{remarks.critical(one.comparison)} No rule of this gate is about them."
