"""Logs as JSON lines with a request id, and without any text that people or models wrote."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from django.http import HttpRequest, HttpResponse

REQUEST_ID_HEADER = "X-Request-ID"
# The loggers whose messages we write ourselves; they put nothing of a request into them.
OURS = {"evalhub", "labeling", "metrics"}
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
access = logging.getLogger("evalhub.access")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class JsonFormatter(logging.Formatter):
    """One JSON object a line; an exception by type and place, as its message may quote text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _described(record.exc_info)
        return json.dumps(line, default=str)


def _event(record: logging.LogRecord) -> str:
    """Return our own message; another library's without the texts that it puts in."""
    if record.name.split(".")[0] in OURS:
        return record.getMessage()
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if not record.args:
        return record.msg
    try:
        if isinstance(record.args, Mapping):
            return record.msg % {name: _harmless(arg) for name, arg in record.args.items()}
        return record.msg % tuple(map(_harmless, record.args))
    except (TypeError, ValueError, KeyError):
        return record.msg


def _harmless(argument: object) -> object:
    """Keep a number, name the kind of an exception, and leave any text out."""
    if argument is None or isinstance(argument, int | float):
        return argument
    return type(argument).__name__ if isinstance(argument, BaseException) else "…"


def _described(exc_info: ExcInfo) -> dict[str, object]:
    kind, _, trace = exc_info
    frames = traceback.extract_tb(trace)[-12:]
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


class RequestLog:
    """Give each request an id, answer with it, and log one line without paths or bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        token = request_id.set(given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8))
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response[REQUEST_ID_HEADER] = request_id.get()
            self._log(request, response, time.perf_counter() - started)
            return response
        finally:
            request_id.reset(token)

    @staticmethod
    def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        match = request.resolver_match
        access.info(
            "request",
            extra={
                "fields": {
                    "method": request.method,
                    "route": match.route if match else None,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                }
            },
        )
