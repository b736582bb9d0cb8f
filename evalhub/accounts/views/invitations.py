"""The invitations of a project: made and shown once, listed, revoked."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from evalhub.accounts import invitations as services
from evalhub.accounts.capabilities import Capability, roles_to_invite
from evalhub.accounts.forms import InvitationForm
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    address_of,
    enter_project,
    get_or_post,
    posted,
    signed_in,
)
from evalhub.accounts.invitations import Offer
from evalhub.accounts.models import PLACES, Invitation, Project, role_of
from evalhub.errors import DomainError

SHOWN = 200


@never_cache
@get_or_post
@signed_in
def invitations(request: SignedInRequest, project: str) -> HttpResponse:
    """All invitations with their state; a new link is shown once, in the answer that makes it."""
    found = enter_project(request, project, Capability.LEAD)
    form = InvitationForm(posted(request), roles=roles_to_invite(request.capabilities))
    if request.method == "POST" and form.is_valid():
        try:
            invitation, token = _made(request, found, form)
        except DomainError as exc:
            form.add_error(None, exc.detail)
        else:
            context = {
                "invitation": invitation,
                "address": address_of(request, "accounts:invitation", token),
                "words": PLACES[invitation.place],
            }
            return render(request, "accounts/invitation_created.html", context)
    rows = found.invitations.select_related("created_by").order_by("-pk")
    context = {"form": form, "rows": rows[:SHOWN], "n_older": max(0, rows.count() - SHOWN)}
    return render(
        request, "accounts/invitations.html", context, status=422 if form.errors else 200
    )


def _made(
    request: SignedInRequest, project: Project, form: InvitationForm
) -> tuple[Invitation, str]:
    given = form.cleaned_data
    role, is_limited = role_of(given["role"])
    offer = Offer(
        role=role,
        is_limited=is_limited,
        note=given["note"],
        max_uses=given["max_uses"],
        days=given["days"],
    )
    return services.invite(
        project=project, offer=offer, actor=actor_of(request), capabilities=request.capabilities
    )


@require_POST
@signed_in
def invitation_revoke(request: SignedInRequest, project: str, invitation_id: str) -> HttpResponse:
    """Stop a link from letting anybody in, at once and for good."""
    found = enter_project(request, project, Capability.LEAD)
    invitation = get_object_or_404(found.invitations, public_id=invitation_id)
    services.revoke(invitation=invitation, actor=actor_of(request))
    messages.success(request, "Revoked: the link lets nobody in any more. Who came by it stays.")
    return redirect("accounts:invitations", project=found.slug)
