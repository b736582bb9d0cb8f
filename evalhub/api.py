"""What every REST answer shares: errors in one shape, and lists by cursor."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import math
from collections.abc import Sequence
from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.databases import RETRY_AFTER, trouble
from evalhub.errors import (
    Busy,
    DomainError,
    NotAllowed,
    NotFound,
    ShapeError,
    TooLarge,
    error_body,
)

log = logging.getLogger("evalhub.api")

_NO_CURSOR = "cursor is not one that this interface gave out."

DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000


class AnyType(BaseContentNegotiation):
    """Answer in the form that the address says, whatever Accept does; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> NoReturn:
        raise NotImplementedError  # the intake reads bodies

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into the body of an error; a plain 500 is unforeseen."""
    error = _domain_error(exc)
    if error is not None:
        response = Response(error.as_dict(), status=error.status)
        if retry_after := getattr(error, "retry_after", None):
            response["Retry-After"] = str(retry_after)
        if location := getattr(error, "location", ""):
            response["Location"] = location
        return response
    if isinstance(exc, exceptions.APIException):
        response = Response(error_body(_code_of(exc), str(exc.detail)), exc.status_code)
        if header := getattr(exc, "auth_header", None):
            response["WWW-Authenticate"] = header
        return response
    log.error("unforeseen error", exc_info=exc)
    detail = "Something went wrong here; the log names it by the X-Request-ID."
    return Response(error_body("internal", detail), status=500)


def _domain_error(exc: Exception) -> DomainError | None:
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, Http404):
        return NotFound("There is no such thing, or it is not yours.")
    if isinstance(exc, PermissionDenied):
        return NotAllowed("This is not allowed.")
    if isinstance(exc, RequestDataTooBig):
        return TooLarge("The body is too large for this request.")
    if isinstance(exc, SuspiciousOperation):
        return ShapeError("The request cannot be read.")
    if isinstance(exc, UnreadablePostError):
        return ShapeError("The connection broke; send the request again.", code="truncated")
    if sentence := trouble(exc):
        log.warning("database trouble", extra={"fields": {"error": sentence}})
        return Busy(sentence, retry_after=RETRY_AFTER)
    return None


def _code_of(exc: exceptions.APIException) -> str:
    codes = {401: "unauthenticated", 403: "not_allowed", 404: "not_found", 405: "method"}
    return codes.get(exc.status_code, "request")


def page_limit(request: Request) -> int:
    """Return ?limit=, from 1 to 1,000, 50 by default."""
    given = request.query_params.get("limit")
    if given is None:
        return DEFAULT_LIMIT
    is_number = given.isascii() and given.isdigit() and len(given) <= 9
    if not is_number or not 1 <= int(given) <= MAX_LIMIT:
        raise ShapeError(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(given)


def encode_cursor(value: Any) -> str:
    """Return where the next page starts, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def decode_cursor(text: str | None) -> Any:
    """Return what `encode_cursor` was given, or None for the first page."""
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        written = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        if "\\" in written:  # no cursor holds text that needs an escape, such as a NUL
            raise ShapeError(_NO_CURSOR)
        return json.loads(written, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, binascii.Error, RecursionError) as exc:
        raise ShapeError(_NO_CURSOR) from exc


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(_given: str) -> NoReturn:
    raise ShapeError(_NO_CURSOR)


def decode_whole_number(text: str | None) -> int | None:
    """Return a cursor that is one whole number of at most 63 bits."""
    value = decode_cursor(text)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < 2**63:
        raise ShapeError(_NO_CURSOR)
    return value


def listed(rows: Sequence[Any], *, next_cursor: str | None) -> Response:
    """Return ``{"data": [...], "next_cursor": ...}``."""
    return Response({"data": list(rows), "next_cursor": next_cursor})
