"""Login, the account page, projects, members and API keys."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalhub.accounts import services
from evalhub.accounts.capabilities import SCOPES, Capability
from evalhub.accounts.forms import (
    REMOVE,
    KeyForm,
    LoginForm,
    MemberForm,
    PasswordForm,
    ProjectForm,
    RoleForm,
)
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, signed_in
from evalhub.accounts.models import ApiKey, Membership, Project, User
from evalhub.accounts.services import WEAK_PASSWORD
from evalhub.errors import ContentError, DomainError

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class Login(auth_views.LoginView):
    """Name and password; who is in already goes where they wanted to go."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again, as every page does: refused, with what is wrong in it."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """Return ?next=, when it is an address of ours and not this page again."""
        url = super().get_redirect_url()
        return "" if urlsplit(url).path == self.request.path else url


login = get_or_post(Login.as_view())
logout = auth_views.LogoutView.as_view()


def _posted(request: SignedInRequest) -> QueryDict | None:
    """Return a form that was sent, though it be empty, and None where none was."""
    return request.POST if request.method == "POST" else None


@require_safe
@signed_in
def account(request: SignedInRequest) -> HttpResponse:
    """One's own account: name, projects, and the look, which the browser keeps."""
    memberships = request.user.memberships.select_related("project").order_by("project__name")
    return render(request, "accounts/account.html", {"memberships": memberships})


class Password(auth_views.PasswordChangeView):
    """Change one's own password. This session goes on, all others of the account end."""

    template_name = "accounts/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("accounts:account")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Keep the new password, and say so on the account page."""
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed.")
        return response

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """Show the form again: refused, with what is wrong in it."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


password = get_or_post(Password.as_view())


@get_or_post
@signed_in
def project_new(request: SignedInRequest) -> HttpResponse:
    """Open a project; who opens it owns it."""
    form = ProjectForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            project = services.create_project(
                **form.cleaned_data, owner=request.user, actor=actor_of(request)
            )
        except DomainError as exc:
            form.add_error("slug", exc.detail)
        else:
            return redirect("web:overview", project=project.slug)
    return render(
        request, "accounts/project_new.html", {"form": form}, status=422 if form.errors else 200
    )


@get_or_post
@signed_in
def members(request: SignedInRequest, project: str) -> HttpResponse:
    """Who is in the project; an owner adds people."""
    found = enter_project(request, project, Capability.OWN)
    form = MemberForm(_posted(request))
    if request.method == "POST" and form.is_valid() and _add_member(request, found, form):
        return redirect("accounts:members", project=found.slug)
    rows = found.memberships.select_related("user").order_by("user__username")
    context = {"form": form, "memberships": rows, "roles": Membership.Role.choices}
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
            user = services.create_user(username=given["username"], password=given["password"])
        services.set_role(project=project, user=user, role=given["role"], actor=actor_of(request))
    except DomainError as exc:
        form.add_error("password" if exc.code == WEAK_PASSWORD else "username", exc.detail)
        return False
    messages.success(request, f"{user.username} is {given['role']}.")
    return True


@require_POST
@signed_in
def member(request: SignedInRequest, project: str, user_id: int) -> HttpResponse:
    """Change a member's role, or remove the member."""
    found = enter_project(request, project, Capability.OWN)
    # By way of the user's own field, where a number beyond 64 bits is nobody's.
    membership = get_object_or_404(found.memberships.select_related("user"), user__id=user_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise ContentError("Name one of the roles, or `remove`.")
    try:
        if (role := form.cleaned_data["role"]) == REMOVE:
            services.remove_member(project=found, user=membership.user, actor=actor_of(request))
        else:
            services.set_role(
                project=found, user=membership.user, role=role, actor=actor_of(request)
            )
    except DomainError as exc:
        messages.error(request, exc.detail)
    return redirect("accounts:members", project=found.slug)


@never_cache
@get_or_post
@signed_in
def keys(request: SignedInRequest, project: str) -> HttpResponse:
    """The project's API keys; a new one is shown once, in the answer that makes it."""
    found = enter_project(request, project, Capability.OWN)
    form = KeyForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = services.issue_api_key(
                project=found, **form.cleaned_data, actor=actor_of(request)
            )
        except DomainError as exc:
            form.add_error("name", exc.detail)
        else:
            return render(request, "accounts/key_created.html", {"key": key, "secret": secret})
    rows = ApiKey.objects.filter(project=found).order_by("-pk")
    context = {"form": form, "keys": rows, "scopes": SCOPES}
    return render(request, "accounts/keys.html", context, status=422 if form.errors else 200)


@require_POST
@signed_in
def key_revoke(request: SignedInRequest, project: str, prefix: str) -> HttpResponse:
    """Stop a key from working, at once and for good."""
    found = enter_project(request, project, Capability.OWN)
    key = get_object_or_404(ApiKey, project=found, prefix=prefix)
    services.revoke_api_key(key=key, actor=actor_of(request))
    messages.success(request, f"The key {key.name} no longer works.")
    return redirect("accounts:keys", project=found.slug)
