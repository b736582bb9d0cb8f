"""What is answered when no view could: JSON under /api/, a page elsewhere."""

from __future__ import annotations

import logging
import sys

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from evalhub.databases import RETRY_AFTER, trouble
from evalhub.errors import error_body

INTERNAL = "Something went wrong here; the log names it by the X-Request-ID."
TOO_LARGE = "The form is larger than this page takes."
WRONG_HOST = (
    "EvalHub does not answer to this host name. Whoever runs it names its hosts in "
    "EVALHUB_ALLOWED_HOSTS."
)
# These render without a database, and so without the person and the project.
PLAIN = {500: "500.html", 503: "503.html"}

log = logging.getLogger("evalhub.web")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 404, "not_found", "There is no such address, or it is not yours.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 403, "not_allowed", "This is not allowed.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, 413, "too_large", TOO_LARGE)
    if isinstance(exception, DisallowedHost):
        log.warning("host not in EVALHUB_ALLOWED_HOSTS")
        return answer(request, 400, "host", WRONG_HOST)
    return answer(request, 400, "shape", "The request cannot be read.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view and no middleware caught; it is called while that is being handled."""
    exception = sys.exc_info()[1]
    if exception is not None and (sentence := trouble(exception)):
        return later(request, sentence)
    log.error("unforeseen error", exc_info=True)
    return answer(request, 500, "internal", INTERNAL)


def later(request: HttpRequest, sentence: str) -> HttpResponse:
    """Answer while the database is in trouble that passes."""
    log.warning("database trouble", extra={"fields": {"error": sentence}})
    response = answer(request, 503, "busy", sentence)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Answer with a status and a sentence, as JSON or as a page."""
    if request.path.startswith("/api/"):
        return JsonResponse(error_body(code, detail), status=status)
    if status in PLAIN:
        return HttpResponse(render_to_string(PLAIN[status], {"detail": detail}), status=status)
    template = f"{status}.html" if status in {403, 404} else "error.html"
    return render(request, template, {"detail": detail, "status": status}, status=status)
