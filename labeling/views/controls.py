"""Controls: units with right answers, set by leads, mixed in silently or asked first."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, get_or_post, signed_in
from evalhub.errors import DomainError, LineError
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.spool import receive
from evalhub.web import formatting
from labeling.controls import controls_of
from labeling.forms.asked import sheet_of
from labeling.forms.controls import ControlForm
from labeling.forms.desk import Fields, field_of, fields_sent, said_in
from labeling.models import Campaign, Control, Purpose
from labeling.services.controls import clear_control, set_controls
from labeling.services.known_lines import LIMITS, import_known, known_in
from labeling.views.access import entered

NO_ANSWER = "Give the right answer to one question at least."


@get_or_post
@never_cache
@signed_in
def controls(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """What is right where, how people did there, and a form for more."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    if request.method != "POST":
        return _page(request, campaign, _form(campaign))
    act = {"add": _add, "upload": _upload, "remove": _remove}.get(request.POST.get("do", ""))
    if act is None:
        raise Http404("There is no such thing to do with controls.")
    return act(request, campaign)


def _form(campaign: Campaign, data: Mapping[str, str] | None = None) -> ControlForm:
    runs = campaign.runs.select_related("system_version__system").order_by("pk")
    return ControlForm(data, runs=list(runs), is_of_pairs=campaign.is_of_pairs)


def _add(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    form = _form(campaign, request.POST)
    questions = [question for question in campaign.asked if not question.is_words]
    fields = fields_sent(questions, request.POST)
    answers, errors = said_in(questions, fields)
    if not answers and not errors:
        errors = {"": NO_ANSWER}
    if not form.is_valid() or errors:
        return _page(request, campaign, form, fields=fields, errors=errors, status=422)
    collected = ErrorCollector()
    read = known_in(campaign, [(1, form.row(answers))], collected)
    if collected.errors:
        controls = {question.name: field_of(question) for question in questions}
        said = form.show(collected.errors)
        errors = {controls.get(name, ""): detail for name, detail in said.items()}
        return _page(request, campaign, form, fields=fields, errors=errors, status=422)
    set_controls(campaign=campaign, all_known=read, actor=actor_of(request))
    messages.success(request, f"{form.cleaned_data['key']} has its right answers.")
    return redirect("labeling:controls", campaign_id=campaign.public_id)


def _upload(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        return _page(request, campaign, _form(campaign), refused="Choose a file first.")
    try:
        with receive(file, folder=settings.SPOOL_DIR, limits=LIMITS) as spool:
            done = import_known(campaign=campaign, lines=spool, actor=actor_of(request))
    except DomainError as error:
        lines = [_of_line(each) for each in error.errors if isinstance(each, LineError)]
        return _page(request, campaign, _form(campaign), refused=error.detail, refused_lines=lines)
    n = formatting.plural(done.accepted + done.replaced, "control")
    same = f", {done.unchanged} were there" if done.unchanged else ""
    messages.success(request, f"Set {n}{same}.")
    return redirect("labeling:controls", campaign_id=campaign.public_id)


def _of_line(error: LineError) -> str:
    return f"Line {error.line:,}: {error.detail}"


def _remove(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    given = request.POST.get("unit", "")[:24].replace("\0", "")
    control = (
        Control.objects.select_related("unit__twin")
        .filter(campaign=campaign, unit__public_id=given)
        .first()
    )
    if control is None:
        raise Http404("There is no such control in this campaign.")
    control.unit.campaign = campaign
    clear_control(unit=control.unit, actor=actor_of(request))
    messages.success(request, "Removed. What was answered there counts as labels now.")
    return redirect("labeling:controls", campaign_id=campaign.public_id)


def _page(
    request: SignedInRequest,
    campaign: Campaign,
    form: ControlForm,
    *,
    fields: Fields | None = None,
    errors: Mapping[str, str] | None = None,
    refused: str = "",
    refused_lines: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = controls_of(campaign)
    questions = [question for question in campaign.asked if not question.is_words]
    n_first = sum(row.control.purpose == Purpose.QUALIFICATION for row in rows)
    context = {
        "campaign": campaign,
        "rows": rows,
        "n_controls": len(rows) - n_first,
        "n_first": n_first,
        "form": form,
        "sheet": sheet_of(questions, fields or {}, errors=errors),
        "refused": refused,
        "refused_lines": refused_lines or [],
        "tab": "controls",
    }
    status = 422 if refused else status
    return render(request, "labeling/controls.html", context, status=status)
