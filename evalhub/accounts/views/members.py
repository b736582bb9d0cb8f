"""Who is in a project: added, given another role, taken out, let in again."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from evalhub.accounts import departures, services
from evalhub.accounts.capabilities import Capability
from evalhub.accounts.forms import REMOVE, MemberForm, RoleForm
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    address_of,
    enter_project,
    get_or_post,
    posted,
    signed_in,
)
from evalhub.accounts.models import PLACES, Membership, Project, User, role_of
from evalhub.accounts.password_links import make_password_link
from evalhub.accounts.services import WEAK_PASSWORD
from evalhub.errors import ContentError, DomainError


@dataclass(frozen=True)
class Row:
    """A member, and why the account is not this owner's to open or to end."""

    membership: Membership
    beyond: str


@get_or_post
@signed_in
def members(request: SignedInRequest, project: str) -> HttpResponse:
    """Who is in the project; an owner adds people."""
    found = enter_project(request, project, Capability.OWN)
    form = MemberForm(posted(request))
    if request.method == "POST" and form.is_valid() and _add_member(request, found, form):
        return redirect("accounts:members", project=found.slug)
    memberships = list(found.memberships.select_related("user").order_by("user__username"))
    beyond = departures.out_of_reach(request.user, [one.user for one in memberships])
    rows = [Row(one, beyond.get(one.user_id, "")) for one in memberships]
    context = {"form": form, "rows": rows, "places": PLACES.items()}
    return render(request, "accounts/members.html", context, status=422 if form.errors else 200)


def _add_member(request: SignedInRequest, project: Project, form: MemberForm) -> bool:
    given = form.cleaned_data
    user = User.objects.filter(username=given["username"]).first()
    try:
        if user is None:
            if not given["password"]:
                form.add_error(
                    "password", "There is no such account yet. Give it a first password."
                )
                return False
            user = services.create_user(
                username=given["username"], password=given["password"], made_in=project
            )
        role, is_limited = role_of(given["role"])
        services.set_role(
            project=project, user=user, role=role, is_limited=is_limited, actor=actor_of(request)
        )
    except DomainError as exc:
        form.add_error("password" if exc.code == WEAK_PASSWORD else "username", exc.detail)
        return False
    messages.success(request, f"{user.username} is {PLACES[given['role']]}.")
    return True


@require_POST
@signed_in
def member(request: SignedInRequest, project: str, user_id: int) -> HttpResponse:
    """Change a member's role, or remove the member."""
    found = enter_project(request, project, Capability.OWN)
    user = _member_of(found, user_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise ContentError("Name one of the roles, or `remove`.")
    given = form.cleaned_data
    try:
        if given["role"] == REMOVE:
            _remove(request, found, user, with_account=given["with_account"])
        else:
            role, is_limited = role_of(given["role"])
            services.set_role(
                project=found, user=user, role=role, is_limited=is_limited, actor=actor_of(request)
            )
    except DomainError as exc:
        messages.error(request, exc.detail)
    return redirect("accounts:members", project=found.slug)


def _member_of(project: Project, user_id: int) -> User:
    # By way of the user's own field, where a number beyond 64 bits is nobody's.
    rows = project.memberships.select_related("user")
    return get_object_or_404(rows, user__id=user_id).user


def _remove(request: SignedInRequest, project: Project, user: User, *, with_account: bool) -> None:
    name, actor = user.username, actor_of(request)
    if with_account:
        left = departures.remove_account(user=user, actor=actor)
        said = [f"The account {name} is removed; what it leaves is “{left.name}”."]
    else:
        left = departures.remove_member(project=project, user=user, actor=actor)
        said = [f"{name} is out of {project.name}."]
    if left.keys:
        said.append(f"API keys of theirs that no longer work: {left.keys}.")
    messages.success(request, " ".join(said))
    for link in left.open_links:
        messages.warning(
            request,
            f"The invitation “{link.note or link}” let {name} in and is still open. "
            "Revoke it if nobody else is to come by it.",
        )


@never_cache
@require_POST
@signed_in
def member_password(request: SignedInRequest, project: str, user_id: int) -> HttpResponse:
    """Make a link by which a member sets a new password, and show it once."""
    found = enter_project(request, project, Capability.OWN)
    user = _member_of(found, user_id)
    try:
        link, token = make_password_link(project=found, user=user, owner=request.user)
    except DomainError as exc:
        messages.error(request, exc.detail)
        return redirect("accounts:members", project=found.slug)
    context = {"link": link, "address": address_of(request, "accounts:new_password", token)}
    return render(request, "accounts/password_link.html", context)
