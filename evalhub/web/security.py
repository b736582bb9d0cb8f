"""What every page answers with: the content security policy, and one face for domain errors."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from evalhub.errors import DomainError
from evalhub.web.errors import bad_request

log = logging.getLogger("evalhub.web")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ContentSecurityPolicy:
    """Nothing inline, nothing from elsewhere, no frames."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", POLICY)
        return response


MIB = 1024**2
MAX_FORM_BYTES = 4 * MIB
MAX_UPLOAD_BYTES = 1025 * MIB
UPLOAD_PAGE = "/datasets/new/"


class Doorkeeper:
    """Refuse what no view should have to meet.

    NUL in an address, which no database can hold; and a form far larger than the page it is
    for, before anything reads it. Bodies under /api/ have their own, stricter door.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return bad_request(request)
        if not request.path.startswith("/api/") and _is_oversized(request):
            return error_page(request, 413, "The form is larger than this page takes.")
        return self.get_response(request)


def _is_oversized(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = MAX_UPLOAD_BYTES if request.path.endswith(UPLOAD_PAGE) else MAX_FORM_BYTES
    return not length.isdigit() or int(length[:20]) > limit


FORESEEN = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)


class PageErrors:
    """Render a domain error that no form caught, and a database that stays busy; log the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError):
            return error_page(request, exception.status, exception.detail)
        if is_busy(exception):
            response = error_page(
                request, 503, "The database is busy with another write. Try again in a moment."
            )
            response["Retry-After"] = "2"
            return response
        if not isinstance(exception, FORESEEN):
            log.error("unforeseen error", exc_info=exception)
        return None


def is_busy(exception: BaseException) -> bool:
    """Say whether SQLite gave up waiting for its write lock."""
    return isinstance(exception, OperationalError) and "locked" in str(exception)


def error_page(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    template = {403: "403.html", 404: "404.html"}.get(status, "error.html")
    return render(request, template, {"detail": detail, "status": status}, status=status)
