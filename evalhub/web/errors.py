"""What is answered when no view could: JSON under /api/, a page elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

INTERNAL = "Something went wrong here; the log names it by the X-Request-ID."


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request, 404, "not_found", "There is no such address, or it is not yours.", "404.html"
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, "not_allowed", "This is not allowed.", "403.html")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, "shape", "The request cannot be read.", "error.html")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, "internal", INTERNAL, "500.html")


def _answer(
    request: HttpRequest, status: int, code: str, detail: str, template: str
) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"code": code, "detail": detail, "errors": []}, status=status)
    return render(request, template, {"detail": detail, "status": status}, status=status)
