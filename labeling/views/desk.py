"""The desk, where one person judges one output at a time."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, signed_in
from evalhub.errors import Conflict
from labeling import selectors
from labeling.evidence import evidence_of
from labeling.forms.desk import Asked, DeskForm, asked_again
from labeling.models import Annotation, Annotator, Unit
from labeling.questions import Answer
from labeling.services import desk as services
from labeling.views.access import entered, get_or_post


@get_or_post
@never_cache
@signed_in
def desk(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """One unit to judge. Every step is an ordinary form; scripts only make it quicker."""
    campaign = entered(request, campaign_id, Capability.LABEL)
    if request.method != "POST":
        return _desk(request, services.join(campaign=campaign, user=request.user))
    act = _ACTS.get(request.POST.get("do", "submit"))
    if act is None:
        raise Http404("There is no such thing to do at the desk.")
    annotator = services.place_of(request.user, campaign=campaign)
    if annotator is None:
        raise Conflict("Open the desk of this campaign before you answer at it.")
    return act(request, annotator)


def _submit(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = _unit_of(request, annotator)
    form = DeskForm(request.POST, questions=annotator.campaign.asked)
    if not form.is_valid():
        for error in form.non_field_errors():
            messages.error(request, str(error))
        return _desk(request, annotator, unit=unit, questions=list(form.asked()), status=422)
    try:
        done = services.submit(annotator=annotator, unit=unit, answers=form.answers)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        if done.replaced:
            messages.info(
                request,
                "You had answered this one before, perhaps in another tab. This answer counts.",
            )
    return _onward(request, annotator)


def _skip(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    try:
        services.skip(annotator=annotator, unit=_unit_of(request, annotator), reason="other")
    except Conflict as error:
        messages.error(request, error.detail)
    return _onward(request, annotator)


def _undo(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    try:
        services.undo(annotator=annotator)
        messages.info(request, "Brought back. It counts again once you submit it.")
    except Conflict as error:
        messages.error(request, error.detail)
    return _onward(request, annotator)


def _stay(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    services.stay(annotator=annotator)
    return HttpResponse(status=204)


_ACTS = {"submit": _submit, "skip": _skip, "undo": _undo, "stay": _stay}


def _unit_of(request: SignedInRequest, annotator: Annotator) -> Unit:
    """Return the unit that a form is about; twins are never shown."""
    unit = Unit.objects.filter(
        campaign=annotator.campaign,
        public_id=request.POST.get("unit", "")[:24].replace("\0", ""),
        twin__isnull=True,
    ).first()
    if unit is None:
        raise Http404("There is no such output in this campaign.")
    return unit


def _onward(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    """Show what comes next: in place for htmx, by a redirect for a plain form."""
    if not getattr(request, "htmx", False):
        return redirect("labeling:desk", campaign_id=annotator.campaign.public_id)
    return _desk(request, annotator)


def _desk(
    request: SignedInRequest,
    annotator: Annotator,
    *,
    unit: Unit | None = None,
    questions: Sequence[Asked] = (),
    status: int = 200,
) -> HttpResponse:
    """Render the unit in hand, or why there is none."""
    if unit is None:
        now = services.deal(annotator=annotator).now
        unit = None if now is None else now.unit
    campaign = annotator.campaign
    context = {
        "campaign": campaign,
        "annotator": annotator,
        "progress": selectors.desk_progress(annotator),
        "unit": unit,
    }
    if unit is None:
        context["nothing"] = selectors.why_nothing(annotator)
    else:
        context["evidence"] = evidence_of(unit, annotator)
        context["questions"] = questions or asked_again(
            campaign.asked, _answers_before(annotator, unit)
        )
    is_part = getattr(request, "htmx", False)
    template = "labeling/_unit.html" if is_part else "labeling/desk.html"
    return render(request, template, context, status=status)


def _answers_before(annotator: Annotator, unit: Unit) -> dict[str, Answer]:
    """Return what this person answered before they took it back."""
    before = Annotation.objects.filter(annotator=annotator, unit=unit).first()
    return {} if before is None else before.answers
