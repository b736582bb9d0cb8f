"""Home, a project's overview, health, and the pages for what went wrong."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project, signed_in
from evalhub.runs.selectors import living_workers
from evalhub.web import reference
from evalhub.web.context import start_page
from evalhub.web.overview import overview_context

BROKER_SECONDS = 1.0


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up."""
    return JsonResponse({"status": "up"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database and migrations decide; broker and workers are shown."""
    database = _database_problem()
    answer: dict[str, Any] = {
        "ready": database is None,
        "database": database or "ok",
        "broker": _broker_problem() or "ok",
        "workers": living_workers() if database is None else None,
    }
    return JsonResponse(answer, status=200 if database is None else 503)


@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """The REST interface for programs. Open to everybody."""
    return JsonResponse(reference.document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The REST interface for people. Open to everybody."""
    address = f"{request.scheme}://{request.get_host()}"
    context = {
        "about": reference.ABOUT,
        "groups": list(reference.entries(address).items()),
        "components": reference.components(),
    }
    return render(request, "web/docs.html", context)


def _database_problem() -> str | None:
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError:
        return "The database does not answer."
    return f"{len(plan)} migrations are not applied." if plan else None


def _broker_problem() -> str | None:
    url = settings.REDIS_URL
    try:
        with Redis.from_url(
            url, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
        ) as client:
            client.ping()
    except (RedisError, OSError):
        return "The broker does not answer; waiting work starts when it does."
    return None


@require_safe
@signed_in
def home(request: SignedInRequest) -> HttpResponse:
    """The list of projects, or the only one."""
    memberships = list(request.user.memberships.select_related("project")[:2])
    if len(memberships) == 1:
        return redirect(start_page(memberships[0].project.slug, memberships[0].capabilities))
    return render(request, "web/home.html", {})


@require_safe
@signed_in
def overview(request: SignedInRequest, project: str) -> HttpResponse:
    """What a project holds and what needs a person. Annotators start where they label."""
    found = enter_project(request, project, None)
    if Capability.VIEW not in request.capabilities:
        return redirect("labeling:list", project=project)
    context = overview_context(found, request.user, request.capabilities)
    return render(request, "web/overview.html", context)
