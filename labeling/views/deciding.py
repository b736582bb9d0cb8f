"""Where people differ: the queue of units, and the page on which an expert decides one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from evalhub.accounts.capabilities import NEEDED, Capability
from evalhub.accounts.http import SignedInRequest, actor_of, get_or_post, signed_in
from evalhub.errors import Conflict, ContentError, FieldError, NotAllowed
from evalhub.web import formatting
from labeling import deciding
from labeling.forms.asked import sheet_of
from labeling.forms.deciding import REASON_WORDS, DecisionForm, RuleForm
from labeling.models import Campaign, DecisionReason, Purpose, Unit
from labeling.questions import DifferRule
from labeling.services import decisions as services
from labeling.services.controls import set_control
from labeling.views.access import entered


@get_or_post
@never_cache
@signed_in
def queue(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """The units that wait for a decision, those with most disagreement first."""
    campaign = entered(request, campaign_id, Capability.DECIDE)
    form, status = RuleForm.about(DifferRule.of(campaign.differ_rule)), 200
    if request.method == "POST":
        form = _rule_form(request)
        if form.is_valid():
            services.set_rule(campaign=campaign, rule=form.chosen, actor=actor_of(request))
            messages.success(request, "The queue follows the new rule.")
            return redirect("labeling:deciding", campaign_id=campaign.public_id)
        status = 422
    found = _queue(request, campaign)
    filters = deciding.Filters.of(request.GET, campaign)
    rows = deciding.filtered(campaign, found, filters)
    start = _start(request)
    context = {
        "campaign": campaign,
        "queue": found,
        "by_question": found.n_by_question().most_common(),
        "filters": filters,
        "shows": deciding.SHOWS,
        "slicings": deciding.slices_of(campaign),
        "shown": deciding.shown_units(rows[start : start + deciding.SHOWN]),
        "pagination": _pagination(filters, start, len(rows)),
        "first": _first(rows),
        "form": form,
        "tab": "deciding",
    }
    return render(request, "labeling/deciding.html", context, status=status)


def _rule_form(request: SignedInRequest) -> RuleForm:
    if Capability.LEAD not in request.capabilities:
        raise NotAllowed(NEEDED[Capability.LEAD])
    if request.POST.get("do") != "rule":
        raise Http404("There is no such thing to do here.")
    return RuleForm(request.POST)


def _first(rows: Sequence[deciding.Waiting]) -> Unit | None:
    waits = next((row.unit for row in rows if row.waits), None)
    return None if waits is None else Unit.objects.get(pk=waits)


def _start(request: SignedInRequest) -> int:
    given = request.GET.get("from", "0")
    return int(given[:9]) if given.isascii() and given.isdigit() else 0


def _pagination(filters: deciding.Filters, start: int, n: int) -> dict[str, str]:
    end = min(start + deciding.SHOWN, n)

    def address(at: int) -> str:
        return filters.with_query({"from": str(at)} if at else {})

    return {
        "shown": f"{start + 1}–{end} of {formatting.count(n)}" if start < end else "",
        "previous": address(max(0, start - deciding.SHOWN)) if start else "",
        "next": address(end) if end < n else "",
    }


def _queue(request: SignedInRequest, campaign: Campaign) -> deciding.Queue:
    is_lead = Capability.LEAD in request.capabilities
    return deciding.queue_of(campaign, request.user, with_controls=is_lead)


@get_or_post
@never_cache
@signed_in
def decide(request: SignedInRequest, campaign_id: str, unit_id: str) -> HttpResponse:
    """One unit with all that was said of it, and the expert's decision."""
    campaign = entered(request, campaign_id, Capability.DECIDE)
    unit = _unit(request, campaign, unit_id)
    if deciding.may_be_asked(campaign, request.user, unit):
        raise Conflict(
            "You label in this campaign, and may still be asked about this one yourself. Answer "
            "it first, or let others fill its places: then you can see what they said."
        )
    case = deciding.case_of(campaign, unit)
    if request.method != "POST":
        form = DecisionForm.about(campaign.asked, case.decision, is_swapped=case.is_swapped)
        return _decide_page(request, case, form)
    act = _ACTS.get(request.POST.get("do", "decide"))
    if act is None:
        raise Http404("There is no such thing to do with a decision.")
    return act(request, case)


def _unit(request: SignedInRequest, campaign: Campaign, unit_id: str) -> Unit:
    units = Unit.objects.select_related("run__version", "campaign__project", "twin")
    unit = units.filter(campaign=campaign, public_id=unit_id[:24].replace("\0", "")).first()
    is_lead = Capability.LEAD in request.capabilities
    if unit is None or (unit.purpose != Purpose.LABEL and not is_lead):
        raise Http404("There is no such output in this campaign, or it is not to be decided.")
    return unit


def _decide(request: SignedInRequest, case: deciding.Case) -> HttpResponse:
    asked = case.campaign.asked
    form = DecisionForm.sent(asked, request.POST, is_swapped=case.is_swapped)
    if form.errors:
        return _decide_page(request, case, form, status=422)
    try:
        services.decide(
            unit=case.unit,
            answers=form.answers,
            reason=form.reason,
            note=form.note,
            seen=form.seen,
            guideline=form.guideline,
            actor=actor_of(request),
        )
    except ContentError as error:
        faults = [fault for fault in error.errors if isinstance(fault, FieldError)]
        return _decide_page(request, case, form.refused(asked, faults), status=422)
    except Conflict as conflict:
        case = deciding.case_of(case.campaign, case.unit)
        now = replace(form, seen=case.seen)
        return _decide_page(request, case, now, said=conflict.detail, status=409)
    deciding.forget_count(case.campaign)
    return _onward(request, case)


def _withdraw(request: SignedInRequest, case: deciding.Case) -> HttpResponse:
    form = DecisionForm.sent(case.campaign.asked, request.POST, is_swapped=case.is_swapped)
    try:
        services.withdraw(unit=case.unit, seen=form.seen, actor=actor_of(request))
    except Conflict as conflict:
        messages.error(request, conflict.detail)
    else:
        messages.success(request, "Withdrawn: what people said counts again.")
    deciding.forget_count(case.campaign)
    return redirect(request.get_full_path())


def _resolve(request: SignedInRequest, case: deciding.Case) -> HttpResponse:
    try:
        services.resolve_flags(unit=case.unit, actor=actor_of(request))
    except Conflict as conflict:
        messages.error(request, conflict.detail)
    deciding.forget_count(case.campaign)
    return _onward(request, case)


def _make_control(request: SignedInRequest, case: deciding.Case) -> HttpResponse:
    if Capability.LEAD not in request.capabilities:
        raise NotAllowed(NEEDED[Capability.LEAD])
    if case.decision is None:
        raise Conflict("Decide this one first: what is decided becomes its right answers.")
    words = {question.name for question in case.campaign.asked if question.is_words}
    answers = {name: said for name, said in case.decision.answers.items() if name not in words}
    try:
        set_control(
            unit=case.unit,
            answers=answers,
            explanation=case.decision.note,
            actor=actor_of(request),
        )
    except ContentError as error:
        raise Conflict(f"This decision makes no control. {error.detail}") from error
    messages.success(request, "It is a control now, with what was decided as its right answers.")
    deciding.forget_count(case.campaign)
    return _onward(request, case)


_ACTS = {
    "decide": _decide,
    "withdraw": _withdraw,
    "resolve": _resolve,
    "control": _make_control,
}


def _onward(request: SignedInRequest, case: deciding.Case) -> HttpResponse:
    """Go to the unit that stood next when the page was made, or back to the queue."""
    filters = deciding.Filters.of(request.GET, case.campaign)
    following = request.POST.get("next", "")[:24].replace("\0", "")
    if following and Unit.objects.filter(campaign=case.campaign, public_id=following).exists():
        address = reverse("labeling:decide", args=[case.campaign.public_id, following])
    else:
        messages.success(request, "That was the last one here.")
        address = reverse("labeling:deciding", args=[case.campaign.public_id])
    return redirect(f"{address}{filters.query}")


def _decide_page(
    request: SignedInRequest,
    case: deciding.Case,
    form: DecisionForm,
    *,
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    campaign = case.campaign
    filters = deciding.Filters.of(request.GET, campaign)
    found = _queue(request, campaign)
    place = deciding.place_of(found, deciding.filtered(campaign, found, filters), case.unit.pk)
    sheet = sheet_of(campaign.asked, form.fields, is_swapped=case.is_swapped, errors=form.errors)
    is_first = {*case.differing, *form.answers}
    beside = Unit.objects.in_bulk([pk for pk in (place.previous, place.next) if pk is not None])
    context = {
        "campaign": campaign,
        "case": case,
        "form": form,
        "said": said,
        "asked_first": [each for each in sheet.asked if each.question.name in is_first],
        "asked_later": [each for each in sheet.asked if each.question.name not in is_first],
        "reasons": [
            (at, reason, REASON_WORDS[reason]) for at, reason in enumerate(DecisionReason, 1)
        ],
        "filters": filters,
        "queue": found,
        "place": place,
        "previous": beside.get(place.previous or 0),
        "next": beside.get(place.next or 0),
        "tab": "deciding",
    }
    return render(request, "labeling/decide.html", context, status=status)
