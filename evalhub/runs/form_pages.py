"""Asking for a metric on a page: what was sent, what is shown first, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from evalhub.accounts.http import SignedInRequest
from evalhub.accounts.models import Project
from evalhub.runs.catalog import about
from evalhub.runs.forms import MeasureForm


def sent(request: SignedInRequest) -> QueryDict | None:
    """Return what was sent to be done: nothing where only other parameters are asked for."""
    return request.POST if request.method == "POST" and "choose" not in request.POST else None


def wished(request: SignedInRequest, initial: Mapping[str, str]) -> dict[str, str]:
    """Return what a form about a metric shows first: the one named, or what was typed so far."""
    typed = request.POST.dict() if request.method == "POST" else {}
    chosen = {"metric": request.GET["metric"][:100]} if "metric" in request.GET else {}
    return {**initial, **chosen, **typed}


def form_page(
    request: SignedInRequest,
    template: str,
    form: MeasureForm,
    project: Project,
    context: Mapping[str, Any],
) -> HttpResponse:
    """Return a page that asks for a metric, or the part of it that follows the metric."""
    is_part = request.headers.get("HX-Target") == "parameters"
    context = {
        **context,
        "form": form,
        "about": about(form.chosen, project),
        "is_part": is_part,
    }
    name = "runs/_parameters.html" if is_part else template
    response = render(request, name, context, status=422 if form.errors else 200)
    patch_vary_headers(response, ["HX-Target"])
    return response
