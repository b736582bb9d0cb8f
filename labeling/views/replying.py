"""What the desk answers: a page, or for a script the units that it does not have yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from evalhub.accounts.http import SignedInRequest
from labeling import selectors
from labeling.forms.desk import Fields
from labeling.models import Annotator, Unit
from labeling.services import desk as services
from labeling.services.desk import Dealt, Desk
from labeling.views.sent import dealt_of, was_shown
from labeling.views.showing import (
    Shown,
    context_of,
    guide_in_html,
    guide_of,
    in_html,
    progress_of,
    shown,
    unit_in_html,
)

Said: TypeAlias = Iterable[tuple[str, bool]]  # what to tell the person, and whether it is bad


def wants_json(request: SignedInRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def page(
    request: SignedInRequest,
    annotator: Annotator,
    on: Desk,
    *,
    instead: Shown | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the whole desk, with another unit instead of the one that is due if it is given."""
    now = instead or (None if on.now is None else shown(on.now, annotator))
    after = on.now if instead is not None and not _is_same(instead, on.now) else on.ahead
    context = {
        **context_of(annotator, now),
        "ahead": None if after is None else shown(after, annotator),
        "progress": selectors.desk_progress(annotator),
        "guide": guide_of(annotator),
    }
    return render(request, "labeling/desk.html", context, status=status)


def _is_same(now: Shown, dealt: Dealt | None) -> bool:
    return dealt is not None and dealt.unit.pk == now.unit.pk


def again(
    request: SignedInRequest,
    annotator: Annotator,
    unit: Unit,
    fields: Fields,
    errors: dict[str, str],
) -> HttpResponse:
    """Show a form again with what is wrong in it; what was never on the desk is not shown."""
    if not was_shown(unit, annotator):
        raise Http404("There is no such output on your desk.")
    refused = shown(dealt_of(unit, annotator), annotator, fields=fields, errors=errors)
    if not wants_json(request):
        on = services.deal(annotator=annotator)
        return page(request, annotator, on, instead=refused, status=422)
    html = unit_in_html(request, annotator, refused)
    return JsonResponse({"is_refused": True, "now": unit.public_id, "unit": html}, status=422)


def onward(
    request: SignedInRequest,
    annotator: Annotator,
    on: Desk | None,
    *,
    said: Said = (),
    feedback: dict[str, Any] | None = None,
) -> HttpResponse:
    """Show what comes next: in JSON for a script, by a redirect for a plain form."""
    if wants_json(request):
        if on is None:
            on = services.deal(annotator=annotator)
        return JsonResponse(_reply(request, annotator, on, said, feedback))
    for words, is_bad in said:
        (messages.error if is_bad else messages.info)(request, words)
    if feedback is not None:
        context = {"campaign": annotator.campaign, **feedback}
        return render(request, "labeling/feedback.html", context)
    return redirect("labeling:desk", campaign_id=annotator.campaign.public_id)


def _reply(
    request: SignedInRequest,
    annotator: Annotator,
    on: Desk,
    said: Said,
    feedback: dict[str, Any] | None,
) -> dict[str, object]:
    """Return the desk for the script, without the unit that is on its screen (`shown`)."""
    now = "" if on.now is None else on.now.unit.public_id
    reply: dict[str, object] = {
        "now": now,
        "unit": None,
        "ahead": "",
        "progress": progress_of(annotator),
        "saved_at": annotator.saved_at and annotator.saved_at.isoformat(),
        "said": list(said),
    }
    if not now or request.POST.get("shown") != now:
        is_there = None if on.now is None else shown(on.now, annotator)
        reply["unit"] = unit_in_html(request, annotator, is_there)
    if on.ahead is not None:
        reply["ahead"] = unit_in_html(request, annotator, shown(on.ahead, annotator))
    if request.POST.get("guide") != str(annotator.campaign.guidelines_number):
        reply["guide"] = guide_in_html(request, annotator)
    if feedback is not None:
        reply["feedback"] = in_html(request, "labeling/_feedback.html", feedback)
    return reply
