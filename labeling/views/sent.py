"""What forms of the desk say: which unit, what was chosen, which numbers."""

from __future__ import annotations

from typing import Final

from django.http import Http404

from evalhub.accounts.http import SignedInRequest
from evalhub.prepared import Prepared
from labeling.forms.desk import Fields, carried_over, fields_sent
from labeling.models import Annotation, Annotator, Draft, QuestionSet, Unit
from labeling.services.desk import Dealt
from labeling.views.showing import set_number


def unit_of(request: SignedInRequest, annotator: Annotator) -> Unit:
    return unit_named(request.POST.get("unit", ""), annotator)


def unit_named(name: str, annotator: Annotator) -> Unit:
    """Return the unit that a form is about; twins are never shown."""
    unit = _UNITS.first(annotator.campaign_id, name[:24].replace("\0", ""))
    if unit is None:
        raise Http404("There is no such output in this campaign.")
    unit.campaign = annotator.campaign
    return unit


_UNITS: Final = Prepared(
    lambda campaign, name: Unit.objects.filter(
        campaign=campaign, public_id=name, twin__isnull=True
    ),
    *(int, str),
)


def was_shown(unit: Unit, annotator: Annotator) -> bool:
    """Say whether a person has a unit on the desk, or has had it there."""
    mine = {"annotator": annotator, "unit": unit}
    return Draft.objects.filter(**mine).exists() or Annotation.objects.filter(**mine).exists()


def was_swapped(unit: Unit, annotator: Annotator) -> bool:
    """Say whether a person sees, or has seen, the second output of a pair on the left."""
    if unit.second_run_id is None:
        return False
    draft = Draft.objects.filter(annotator=annotator, unit=unit).first()
    shown = draft or Annotation.objects.filter(annotator=annotator, unit=unit).first()
    return shown is not None and shown.is_swapped


def dealt_of(unit: Unit, annotator: Annotator) -> Dealt:
    """Return a unit with its draft; one that is answered already has an empty one."""
    draft = Draft.objects.filter(annotator=annotator, unit=unit).first()
    if draft is None:
        is_swapped = was_swapped(unit, annotator)
        draft = Draft(annotator=annotator, unit=unit, is_swapped=is_swapped)
    return Dealt(unit, draft)


def chosen(request: SignedInRequest, annotator: Annotator) -> Fields:
    """Return what was chosen, carried over where it was asked under an older version."""
    campaign = annotator.campaign
    number = number_in(request, "set", otherwise=set_number(campaign))
    if number == set_number(campaign):
        return fields_sent(campaign.asked, request.POST)
    old = QuestionSet.objects.filter(campaign=campaign, number=number).first()
    if old is None:
        return {}
    return carried_over(fields_sent(old.in_order, request.POST), old.in_order, campaign.asked)


def number_in(request: SignedInRequest, name: str, *, otherwise: int = 0) -> int:
    given = request.POST.get(name, "")[:9]
    return int(given) if given.isascii() and given.isdigit() else otherwise


def seconds_in(request: SignedInRequest) -> float | None:
    try:
        seconds = float(request.POST.get("seconds", "")[:20])
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def note_in(request: SignedInRequest) -> str:
    return request.POST.get("note", "").replace("\0", "")
