"""The API keys of a project."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from evalhub.accounts import services
from evalhub.accounts.capabilities import SCOPES, Capability
from evalhub.accounts.forms import KeyForm
from evalhub.accounts.http import (
    SignedInRequest,
    actor_of,
    enter_project,
    get_or_post,
    posted,
    signed_in,
)
from evalhub.accounts.models import ApiKey
from evalhub.errors import DomainError


@never_cache
@get_or_post
@signed_in
def keys(request: SignedInRequest, project: str) -> HttpResponse:
    """The project's API keys; a new one is shown once, in the answer that makes it."""
    found = enter_project(request, project, Capability.OWN)
    form = KeyForm(posted(request))
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
