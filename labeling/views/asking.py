"""The questions of a campaign: shown, changed as a new version, and what they were. For leads."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, get_or_post, signed_in
from evalhub.errors import Conflict, ContentError, DomainError
from labeling.asking import answer_counts, consequences
from labeling.forms.changing import QuestionsForm
from labeling.forms.questions import (
    asked_in,
    asked_now,
    faults_of,
    rearranged,
    rows_of,
    sent_rows,
    show_question_error,
)
from labeling.models import Campaign, QuestionSet
from labeling.services.asking import change_questions, read_asked
from labeling.views.access import entered


@get_or_post
@signed_in
def questions(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """Show what is asked, say what a change would mean, and take it as a new version."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    if request.method != "POST":
        return _page(request, campaign, rows_of(initial=asked_now(campaign.asked)))
    what = request.POST.get("do", "change")
    if what in ("change", "look"):
        return _checked(request, campaign, changes=what == "change")
    rows, at = rearranged(sent_rows(request.POST), what)
    name = "labeling/_questions.html" if request.headers.get("HX-Request") else ""
    shown = rows_of(initial=rows, begins_at=at if what == "add" else None)
    return _page(request, campaign, shown, name=name, at=at, moved=what)


def _checked(request: SignedInRequest, campaign: Campaign, *, changes: bool) -> HttpResponse:
    """Take the change, or say what it means, or put beside the fields what does not work."""
    form, rows = QuestionsForm(request.POST), rows_of(request.POST)
    is_valid = form.is_valid() & rows.is_valid()
    asked, places = asked_in(rows)
    part = "labeling/_consequences.html" if request.headers.get("HX-Request") else ""
    try:
        read = read_asked(campaign, asked)
        if is_valid and changes:
            made = change_questions(
                campaign=campaign, asked=asked, **form.cleaned_data, actor=actor_of(request)
            )
            messages.success(request, _said(made))
            return redirect("labeling:questions", campaign_id=campaign.public_id)
        if is_valid:
            found = consequences(campaign, read)
            return _page(request, campaign, rows, form=form, name=part, found=found)
    except (ContentError, Conflict) as error:
        _show(error, form, rows, places)
    return _page(request, campaign, rows, form=form, name=part, status=422)


def _said(made: QuestionSet | None) -> str:
    if made is None:
        return "Nothing is different, so there is no new version."
    return f"Version {made.number} is asked from now on. No answer given so far was touched."


def _show(error: DomainError, form: QuestionsForm, rows: Any, places: list[Any]) -> None:
    for fault in faults_of(error):
        if show_question_error(fault, places):
            continue
        is_none = fault.field == "questions" and fault.code == "type"
        if not is_none or rows.is_valid():
            said = "Ask at least one question: give it a name." if is_none else fault.detail
            form.add_error("note" if fault.field == "note" else None, said)


def _page(
    request: SignedInRequest,
    campaign: Campaign,
    rows: Any,
    *,
    form: QuestionsForm | None = None,
    name: str = "",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    number = 0 if campaign.question_set is None else campaign.question_set.number
    sent = {"seen": request.POST.get("seen", number), "note": request.POST.get("note", "")}
    context = {
        "campaign": campaign,
        "form": form or QuestionsForm(initial=sent),
        "rows": rows,
        "versions": _versions(campaign),
        "tab": "questions",
        "is_of_pairs": campaign.is_of_pairs,
        **more,
    }
    return render(request, name or "labeling/questions.html", context, status=status)


def _versions(campaign: Campaign) -> list[tuple[QuestionSet, int]]:
    """Return all versions, the newest first, each with how many answers were given under it."""
    counts: dict[int, int] = {}
    for (_, version), n in answer_counts(campaign).items():
        counts[version] = max(n, counts.get(version, 0))
    sets = campaign.question_sets.select_related("created_by").prefetch_related("questions")
    return [(each, counts.get(each.pk, 0)) for each in sets.order_by("-number")]
