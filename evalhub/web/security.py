"""What every page answers with: the content security policy, and one face for domain errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from evalhub.databases import trouble
from evalhub.errors import DomainError
from evalhub.web.errors import TOO_LARGE, answer, later

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MIB = 1024**2
MAX_UPLOAD_BYTES = 1025 * MIB
UPLOAD_PAGE = "/datasets/new/"
UTF8 = {"utf-8", "utf8"}


class ContentSecurityPolicy:
    """Nothing inline, nothing from elsewhere, no frames."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", POLICY)
        return response


class Doorkeeper:
    """Refuse what no view should have to meet.

    NUL in an address or a cookie, which no database can hold. A charset other than UTF-8: some
    of Python's decode to half characters, and some to no text at all. A form far larger than
    the page it is for, before anything reads it; a file from somebody not logged in; and a
    form that broke off. Bodies under /api/ have their own, stricter door.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _has_nul(request):
            return answer(request, 400, "nul", "An address cannot hold a NUL character.")
        if (request.content_params or {}).get("charset", "utf-8").lower() not in UTF8:
            detail = "The Content-Type cannot be read, or names a charset other than UTF-8."
            return answer(request, 400, "charset", detail)
        if _is_form(request) and _length(request) > _most_bytes(request):
            return answer(request, 413, "too_large", TOO_LARGE)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Read a form before any view does: Django gives a broken one for an empty one."""
        if not _is_form(request):
            return None
        if _length(request) > _form_bytes() and not request.user.is_authenticated:
            return answer(request, 413, "too_large", TOO_LARGE)
        try:
            request.POST  # noqa: B018 - reading it is the point
        except UnreadablePostError:
            return answer(
                request, 400, "truncated", "The form did not arrive whole; send it again."
            )
        return None


def _has_nul(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    return (
        "\0" in request.path
        or "\0" in query
        or "%00" in query
        or any("\0" in value for value in request.COOKIES.values())
    )


def _is_form(request: HttpRequest) -> bool:
    return not request.path.startswith("/api/")


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given[:20]) if given.isascii() and given.isdigit() else 2**63


def _most_bytes(request: HttpRequest) -> int:
    return MAX_UPLOAD_BYTES if request.path.endswith(UPLOAD_PAGE) else _form_bytes()


def _form_bytes() -> int:
    most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return most


class PageErrors:
    """Render a domain error that no form caught, and a database that stays busy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError):
            response = answer(request, exception.status, exception.code, exception.detail)
            if retry_after := getattr(exception, "retry_after", None):
                response["Retry-After"] = str(retry_after)
            return response
        sentence = trouble(exception)
        return later(request, sentence) if sentence else None
