"""Login, the account page, one's own password, and new projects."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from evalhub.accounts import services
from evalhub.accounts.forms import LoginForm, PasswordForm, ProjectForm
from evalhub.accounts.http import SignedInRequest, actor_of, get_or_post, posted, signed_in
from evalhub.errors import DomainError


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
    form = ProjectForm(posted(request))
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
