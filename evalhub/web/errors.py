"""What is answered when no view could: JSON under /api/, a page elsewhere."""

from __future__ import annotations

import logging
import sys

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from evalhub.api import is_busy

INTERNAL = "Something went wrong here; the log names it by the X-Request-ID."
TOO_LARGE = "The form is larger than this page takes."
BUSY = "The database is busy with another write. Try again in a moment."

log = logging.getLogger("evalhub.web")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 404, "not_found", "There is no such address, or it is not yours.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 403, "not_allowed", "This is not allowed.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, 413, "too_large", TOO_LARGE)
    return answer(request, 400, "shape", "The request cannot be read.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view and no middleware caught; it is called while that is being handled."""
    exception = sys.exc_info()[1]
    if exception is not None and is_busy(exception):
        return busy(request)
    log.error("unforeseen error", exc_info=True)
    return answer(request, 500, "internal", INTERNAL)


def busy(request: HttpRequest) -> HttpResponse:
    response = answer(request, 503, "busy", BUSY)
    response["Retry-After"] = "2"
    return response


def answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Answer with a status and a sentence, as JSON or as a page."""
    if request.path.startswith("/api/"):
        return JsonResponse({"code": code, "detail": detail, "errors": []}, status=status)
    template = f"{status}.html" if status in {403, 404, 500} else "error.html"
    return render(request, template, {"detail": detail, "status": status}, status=status)
