"""The desk, where one person judges one unit at a time.

Every step is an ordinary form. A script asks for JSON: the next units come in the answer to what
was submitted, as HTML, and a unit that is on the screen already is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, get_or_post, signed_in
from evalhub.errors import Conflict, ContentError, DomainError, error_body
from labeling.forms.desk import Fields, answers_in, fields_sent
from labeling.history import beside, own_answer_to
from labeling.models import Annotator, Draft, SkipReason, Unit
from labeling.services import desk as services
from labeling.services.desk import Desk, DraftConflict
from labeling.views.access import entered
from labeling.views.replying import again, onward, page, wants_json
from labeling.views.sent import (
    chosen,
    note_in,
    number_in,
    seconds_in,
    unit_named,
    unit_of,
    was_shown,
    was_swapped,
)
from labeling.views.showing import (
    guide_in_html,
    marked_sides,
    set_number,
    shown_again,
    told,
    unit_in_html,
)

P = ParamSpec("P")
Page = Callable[Concatenate[SignedInRequest, P], HttpResponse]

OTHER_PERSON: Final = "Another account is logged in in this browser."
QUESTIONS_CHANGED: Final = "The questions have changed. Look at your answers and submit again."
REPLACED: Final = "You had answered this one before, perhaps in another tab. This answer counts."
BROUGHT_BACK: Final = "Brought back. It counts again once you submit it."
GONE: Final = "Your time for the output that was here ran out, and it has gone to other people."
REOPENED: Final = "On your desk again. Your old answer counts until you submit another."


def _in_json_for_scripts(view: Page[P]) -> Callable[..., HttpResponse]:
    """Answer a script in JSON also where something is wrong."""

    @wraps(view)
    def wrapped(request: SignedInRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not wants_json(request):
            return view(request, *args, **kwargs)
        try:
            return view(request, *args, **kwargs)
        except DraftConflict as error:
            found = {"fields": error.fields, "number": error.number}
            return JsonResponse({**error.as_dict(), **found}, status=error.status)
        except DomainError as error:
            return JsonResponse(error.as_dict(), status=error.status)
        except Http404 as error:
            return JsonResponse(error_body("not_found", str(error)), status=404)

    return wrapped


@get_or_post
@never_cache
@signed_in
@_in_json_for_scripts
def desk(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """One unit to judge, or what a script asks for."""
    campaign = entered(request, campaign_id, Capability.LABEL)
    if request.method != "POST":
        annotator = services.join(campaign=campaign, user=request.user)
        return _look(request, annotator)
    act = _ACTS.get(request.POST.get("do", "submit"))
    if act is None:
        raise Http404("There is no such thing to do at the desk.")
    if request.POST.get("person", str(request.user.pk)) != str(request.user.pk):
        raise Conflict(OTHER_PERSON, code="person")
    place = services.place_of(request.user, campaign=campaign)
    if place is None:
        raise Conflict("Open the desk of this campaign before you answer at it.")
    return act(request, place)


# What is looked at


def _look(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    if "differing" in request.GET:
        return _differing(request, annotator)
    if "own" in request.GET:
        return _own(request, annotator)
    return page(request, annotator, services.deal(annotator=annotator))


def _own(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    """Show an own answer, or for a script the one before or after it."""
    asked_for = request.GET["own"]
    at = None
    if asked_for:
        unit = unit_named(asked_for, annotator)
        at = own_answer_to(annotator, unit)
        if at is None:
            raise Http404("You have not answered this one.")
    if not wants_json(request):
        if at is None:
            raise Http404("Name one of your answers.")
        own = shown_again(at, annotator)
        return page(request, annotator, services.deal(annotator=annotator), instead=own)
    found = beside(annotator, at, older=request.GET.get("way") != "newer")
    html = None
    if found is not None:
        html = unit_in_html(request, annotator, shown_again(found, annotator))
    return JsonResponse({"unit": html})


def _differing(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    """Return the two answers of a pair with the words marked that the other one lacks."""
    unit = unit_named(request.GET["differing"], annotator)
    if unit.second_run_id is None or not was_shown(unit, annotator):
        raise Http404("There is no such pair on your desk.")
    is_swapped = was_swapped(unit, annotator)
    return JsonResponse({"sides": marked_sides(unit, annotator, is_swapped=is_swapped)})


# What is done


def _submit(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = unit_of(request, annotator)
    campaign = annotator.campaign
    fields, is_swapped = chosen(request, annotator), was_swapped(unit, annotator)
    if request.POST.get("set", str(set_number(campaign))) != str(set_number(campaign)):
        return again(request, annotator, unit, fields, {"": QUESTIONS_CHANGED})
    answers, errors = answers_in(campaign.asked, fields, is_swapped=is_swapped)
    if errors:
        return again(request, annotator, unit, fields, errors)
    try:
        done = services.submit(
            annotator=annotator, unit=unit, answers=answers, seconds=seconds_in(request)
        )
    except ContentError as error:
        return again(request, annotator, unit, fields, {"": error.detail})
    except Conflict as error:
        if error.code == "questions":
            return again(request, annotator, unit, fields, {"": QUESTIONS_CHANGED})
        if error.code == "paused":
            _keep(unit, annotator, fields)
        return onward(request, annotator, None, said=[(error.detail, True)])
    said = [(REPLACED, False)] if done.replaced and "own" not in request.POST else []
    feedback = None
    if done.feedback is not None:
        feedback = {
            "feedback": done.feedback,
            "told": told(done.feedback, is_swapped=is_swapped),
        }
    return onward(request, annotator, done.desk, said=said, feedback=feedback)


def _keep(unit: Unit, annotator: Annotator, fields: Fields) -> None:
    """Let an answer that cannot be taken now be the draft that is found when it can."""
    for draft in Draft.objects.filter(annotator=annotator, unit=unit):
        kept = {name: list(values) for name, values in fields.items()}
        services.save_draft(annotator=annotator, unit=unit, fields=kept, number=draft.number)


def _skip(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit, note = unit_of(request, annotator), note_in(request)
    reason = request.POST.get("reason", SkipReason.OTHER)
    return _done(
        request,
        annotator,
        lambda: services.skip(annotator=annotator, unit=unit, reason=reason, note=note),
    )


def _pass(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = unit_of(request, annotator)
    return _done(request, annotator, lambda: services.pass_by(annotator=annotator, unit=unit))


def _undo(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    return _done(request, annotator, lambda: services.undo(annotator=annotator), BROUGHT_BACK)


def _reopen(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = unit_of(request, annotator)
    on = services.reopen(annotator=annotator, unit=unit)
    reopened = Draft.objects.filter(annotator=annotator, unit=unit).first()
    if not wants_json(request):
        return onward(request, annotator, on, said=[(REOPENED, False)])
    return JsonResponse({"number": reopened.number if reopened else 0})


def _done(
    request: SignedInRequest,
    annotator: Annotator,
    act: Callable[[], Desk],
    words: str = "",
) -> HttpResponse:
    try:
        on = act()
    except Conflict as error:
        return onward(request, annotator, None, said=[(error.detail, True)])
    return onward(request, annotator, on, said=[(words, False)] if words else [])


def _look_again(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    return onward(request, annotator, None)


def _draft(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = unit_of(request, annotator)
    if request.POST.get("set") != str(set_number(annotator.campaign)):
        raise Conflict(QUESTIONS_CHANGED, code="questions")
    number = services.save_draft(
        annotator=annotator,
        unit=unit,
        fields=fields_sent(annotator.campaign.asked, request.POST),
        number=number_in(request, "number"),
    )
    return JsonResponse({"number": number, "saved_at": timezone.now().isoformat()})


def _flag(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    unit = unit_of(request, annotator)
    services.flag(annotator=annotator, unit=unit, note=note_in(request))
    return _noted(request, annotator, "Flagged for the lead.")


def _unflag(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    services.unflag(annotator=annotator, unit=unit_of(request, annotator))
    return _noted(request, annotator, "The flag is taken back.")


def _acknowledge(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    services.acknowledge(annotator=annotator, number=number_in(request, "guidelines"))
    if wants_json(request):
        return JsonResponse({"guide": guide_in_html(request, annotator)})
    return _noted(request, annotator, "")


def _noted(request: SignedInRequest, annotator: Annotator, words: str) -> HttpResponse:
    """Answer to what leaves the unit where it is."""
    if wants_json(request):
        return JsonResponse({})
    if words:
        messages.info(request, words)
    return redirect("labeling:desk", campaign_id=annotator.campaign.public_id)


def _stay(request: SignedInRequest, annotator: Annotator) -> HttpResponse:
    is_theirs = services.stay(annotator=annotator)
    now = "" if annotator.unit is None or not is_theirs else annotator.unit.public_id
    return JsonResponse({"now": now, "said": [] if is_theirs else [(GONE, True)]})


_ACTS: Final = {
    "submit": _submit,
    "skip": _skip,
    "pass": _pass,
    "undo": _undo,
    "reopen": _reopen,
    "look": _look_again,
    "draft": _draft,
    "flag": _flag,
    "unflag": _unflag,
    "acknowledge": _acknowledge,
    "stay": _stay,
}
