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

from evalhub.accounts.http import SignedInRequest, enter_project, projects_of, signed_in
from evalhub.runs.selectors import living_workers

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
    projects = list(projects_of(request.user))
    if len(projects) == 1:
        return redirect("web:overview", project=projects[0].slug)
    return render(request, "web/home.html", {"projects": projects})


@require_safe
@signed_in
def overview(request: SignedInRequest, project: str) -> HttpResponse:
    """What a project holds and what needs a person."""
    enter_project(request, project, None)
    return render(request, "web/overview.html", {})
