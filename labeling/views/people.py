"""Who answers in a campaign: seen, added, invited, stopped. For leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    address_of,
    get_or_post,
    posted,
    signed_in,
)
from evalhub.accounts.models import PLACES
from evalhub.errors import DomainError
from labeling.forms.people import AddForm, InviteForm, PersonForm, without_place
from labeling.models import Annotator, Campaign, CampaignInvitation, Unit
from labeling.progress import progress_of
from labeling.services import placing
from labeling.views.access import entered


@never_cache
@get_or_post
@signed_in
def people(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """Who has a place, and who else may get one. A new link is shown once."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    add = AddForm(_sent(request, "add"), members=without_place(campaign), prefix="add")
    invite = InviteForm(_sent(request, "invite"), prefix="invite")
    if request.method != "POST":
        return _page(request, campaign, add, invite)
    what = request.POST.get("do")
    if what not in ("add", "invite"):
        raise Http404("There is no such thing to do here.")
    if what == "add":
        answer = _added(request, campaign, add)
    else:
        answer = _invited(request, campaign, invite)
    return answer or _page(request, campaign, add, invite, status=422)


def _page(
    request: SignedInRequest,
    campaign: Campaign,
    add: AddForm,
    invite: InviteForm,
    *,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    desk = reverse("labeling:desk", args=[campaign.public_id])
    context = {
        "campaign": campaign,
        "progress": progress_of(campaign),
        "invitations": _invitations(campaign),
        "add": add,
        "invite": invite,
        "has_members": add.has_members,
        "desk_url": request.build_absolute_uri(desk),
        "refusal": refusal,
        "tab": "people",
    }
    return render(request, "labeling/people.html", context, status=status)


def _sent(request: SignedInRequest, what: str) -> Any:
    return posted(request) if request.POST.get("do") == what else None


def _added(request: SignedInRequest, campaign: Campaign, form: AddForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    user = form.cleaned_data["member"]
    try:
        placing.add_member(
            campaign=campaign,
            user=user,
            quota=form.cleaned_data["quota"],
            actor=actor_of(request),
        )
    except DomainError as error:
        form.add_error(None, error.detail)
        return None
    messages.success(request, f"{user.username} has a place now.")
    return redirect("labeling:people", campaign_id=campaign.public_id)


def _invited(
    request: SignedInRequest, campaign: Campaign, form: InviteForm
) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        invitation, token = placing.invite_to(
            campaign=campaign,
            offer=form.offer(),
            quota=form.cleaned_data["quota"],
            actor=actor_of(request),
            capabilities=request.capabilities,
        )
    except DomainError as error:
        form.add_error(None, error.detail)
        return None
    context = {
        "campaign": campaign,
        "invitation": invitation,
        "address": address_of(request, "accounts:invitation", token),
        "words": PLACES[invitation.place],
    }
    return render(request, "labeling/invited.html", context)


def _invitations(campaign: Campaign) -> list[CampaignInvitation]:
    rows = CampaignInvitation.objects.filter(campaign=campaign).order_by("-pk")
    return list(rows.select_related("invitation__created_by")[:50])


@require_POST
@signed_in
def person(request: SignedInRequest, campaign_id: str, annotator_id: int) -> HttpResponse:
    """Change what one person may do: stop, go on, try again, quota, what they hold."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    annotator = get_object_or_404(
        Annotator.objects.filter(user__isnull=False), campaign=campaign, pk=annotator_id
    )
    annotator.campaign = campaign
    form = PersonForm(request.POST)
    if not form.is_valid():
        said = str(next(iter(form.errors.values()))[0])
        return _refused(request, campaign, said, 422)
    act, said = _ACTS[form.cleaned_data["do"]]
    try:
        act(annotator, form.cleaned_data, campaign, request)
    except DomainError as error:
        return _refused(request, campaign, error.detail, error.status)
    messages.success(request, said.format(name=annotator.name))
    return redirect("labeling:people", campaign_id=campaign.public_id)


def _refused(request: SignedInRequest, campaign: Campaign, said: str, status: int) -> HttpResponse:
    add = AddForm(members=without_place(campaign), prefix="add")
    return _page(request, campaign, add, InviteForm(prefix="invite"), refusal=said, status=status)


def _quota(
    annotator: Annotator, given: dict[str, Any], campaign: Campaign, request: SignedInRequest
) -> None:
    placing.set_quota(annotator=annotator, quota=given["quota"], actor=actor_of(request))


def _reserve(
    annotator: Annotator, given: dict[str, Any], campaign: Campaign, request: SignedInRequest
) -> None:
    unit = get_object_or_404(Unit, campaign=campaign, public_id=given["unit"])
    placing.reserve(annotator=annotator, unit=unit, actor=actor_of(request))


def _plain(act: Callable[..., None]) -> Callable[..., None]:
    def wrapped(
        annotator: Annotator, given: dict[str, Any], campaign: Campaign, request: SignedInRequest
    ) -> None:
        act(annotator=annotator, actor=actor_of(request))

    return wrapped


_ACTS: dict[str, tuple[Callable[..., None], str]] = {
    "quota": (_quota, "The quota of {name} is changed."),
    "reserve": (_reserve, "{name} gets this example next or soon."),
    "stop": (_plain(placing.stop), "{name} is given nothing more. What they answered stays."),
    "go_on": (_plain(placing.let_go_on), "{name} can label."),
    "retry": (_plain(placing.let_retry), "{name} answers the qualification once more."),
    "release": (_plain(placing.release), "What {name} held is free for others."),
}
