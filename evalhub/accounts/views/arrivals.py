"""What a link opens: an invitation to accept, or a password to set.

The path is the secret. So nothing keeps these pages, and nothing that they lead to is told where
one came from: a browser names the host alone. (With `no-referrer` it would send its forms with
`Origin: null`, and they would be taken for forms from elsewhere.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from evalhub.accounts import invitations, password_links
from evalhub.accounts.forms import JoinForm, LoginForm, NewPasswordForm
from evalhub.accounts.http import get_or_post, posted
from evalhub.accounts.invitations import Accepted, invitation_of
from evalhub.accounts.models import PLACES, Invitation, Membership, User
from evalhub.accounts.services import NAME_TAKEN, WEAK_PASSWORD
from evalhub.errors import ContentError, DomainError, Gone, NotFound

REFERRER = "strict-origin"
P = ParamSpec("P")


def opened_by_link(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Keep the address to the two who know it, and say on a page of its own when it is closed."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except (NotFound, Gone) as exc:
            context = {"detail": exc.detail}
            response = render(request, "accounts/link_closed.html", context, status=exc.status)
        response["Referrer-Policy"] = REFERRER
        return response

    return never_cache(get_or_post(wrapped))


@opened_by_link
def invitation(request: HttpRequest, invitation_token: str) -> HttpResponse:
    """Accept an invitation: as who one is, with a login, or with a new account."""
    user = request.user if isinstance(request.user, User) else None
    found = invitation_of(invitation_token, user=user)
    if user is not None:
        return _accept(request, found, user)
    act = {"join": _join, "login": _log_in}.get(request.POST.get("do", "join"))
    if act is None:
        raise Http404("There is no such thing to do with an invitation.")
    return act(request, found)


def _log_in(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Let somebody who has an account in, and accept for them: they have said so already."""
    form = LoginForm(request, data=request.POST, prefix="login")
    if not form.is_valid():
        return _strangers_page(request, found, JoinForm(), form)
    user = form.get_user()
    login(request, user)
    return _accept(request, found, user)


def _join(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = JoinForm(posted(request))
    if request.method != "POST" or not form.is_valid():
        return _strangers_page(request, found, form)
    given = form.cleaned_data
    try:
        accepted = invitations.join(
            invitation=found, username=given["username"], password=given["password1"]
        )
    except (NotFound, Gone):
        raise
    except DomainError as exc:
        form.add_error(_FIELDS.get(exc.code), _SAID.get(exc.code, exc.detail))
        is_taken = exc.code == NAME_TAKEN
        status = exc.status if exc.status == 429 else 422
        return _strangers_page(request, found, form, status=status, is_taken=is_taken)
    login(request, accepted.membership.user)
    return _landed(accepted)


_FIELDS = {
    WEAK_PASSWORD: "password1",
    NAME_TAKEN: "username",
    ContentError.default_code: "username",
}
_SAID = {NAME_TAKEN: "This name is taken. If it is yours, log in below; if not, choose another."}


def _strangers_page(
    request: HttpRequest,
    found: Invitation,
    form: JoinForm,
    login_form: LoginForm | None = None,
    *,
    status: int = 0,
    is_taken: bool = False,
) -> HttpResponse:
    if login_form is None:
        login_form = LoginForm(request, prefix="login")
        # It comes second here: who arrives reads first what they are invited to.
        login_form.fields["username"].widget.attrs.pop("autofocus", None)
    context = {
        **_shown(found),
        "form": form,
        "login_form": login_form,
        "is_taken": is_taken,
    }
    status = status or (422 if form.errors or login_form.errors else 200)
    return render(request, "accounts/invitation.html", context, status=status)


def _accept(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    refusal = None
    if request.method == "POST":
        try:
            return _landed(invitations.accept(invitation=found, user=user))
        except (NotFound, Gone):
            raise
        except DomainError as exc:
            refusal = exc
    membership = Membership.objects.filter(project=found.project, user=user).first()
    context = {**_shown(found), "membership": membership, "refusal": refusal}
    status = 200 if refusal is None else refusal.status
    return render(request, "accounts/invitation.html", context, status=status)


def _shown(found: Invitation) -> dict[str, object]:
    return {"invitation": found, "words": PLACES[found.place]}


def _landed(accepted: Accepted) -> HttpResponse:
    """Go to what one was invited to, or to where a member starts."""
    if accepted.landing:
        return redirect(accepted.landing)
    return redirect("web:overview", project=accepted.membership.project.slug)


@opened_by_link
def new_password(request: HttpRequest, password_token: str) -> HttpResponse:
    """Set the password of the account that the link is for, and log in with it."""
    link = password_links.password_link_of(password_token)
    form = NewPasswordForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            user = password_links.set_password(link=link, password=form.cleaned_data["password1"])
        except ContentError as exc:
            form.add_error("password1", exc.detail)
        else:
            login(request, user)
            messages.success(request, "Your password is changed.")
            return redirect("web:home")
    context = {"link": link, "form": form}
    status = 422 if form.errors else 200
    return render(request, "accounts/new_password.html", context, status=status)
