"""The WSGI entry point of the web process, where a request is made of what a client sent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters
from gunicorn.http.errors import ParseException

# What a refused request may still send, so that its client is listening when the answer comes.
# One that pauses is listening already.
DRAINED_BYTES, DRAIN_SECONDS, DRAIN_PAUSE = 128 * 1024**2, 10.0, 0.5
_PIECE = 64 * 1024


class Request(WSGIRequest):
    """A request as anybody may send it: of a type that cannot be read, or cut short.

    Its text is UTF-8. Django would decode the query by the charset of the body, in here, where
    no error is answered; so a charset sets nothing, and the door refuses any other.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        environ["wsgi.input"] = _Body(environ)
        super().__init__(environ)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter in an encoding that does not exist
            kind, parameters = "", {"charset": "unreadable"}
        self.content_type, self.content_params = kind, parameters


class _Body:
    """The server's stream, where whatever goes wrong is an OSError.

    So is a client that stops before the length it announced (half a form is no form), and one
    that stalls.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        length = environ.get("CONTENT_LENGTH") or ""
        self._stream = environ["wsgi.input"]
        self._left = int(length) if length.isascii() and length.isdigit() else 0
        self._socket = environ.get("gunicorn.socket")
        self._wait_at_most(settings.STALL_SECONDS)

    def _wait_at_most(self, seconds: float) -> None:
        if self._socket is not None:
            self._socket.settimeout(seconds)

    def read(self, size: int = -1) -> bytes:
        data = self._received(self._stream.read, size)
        if self._left > 0 and (size < 0 or len(data) < size):
            raise OSError("The body ended early.")
        return data

    def readline(self, size: int = -1) -> bytes:
        return self._received(self._stream.readline, size)

    def drain(self) -> None:
        """Take in what was not read: a client that still sends does not hear the answer."""
        left, until = DRAINED_BYTES, time.monotonic() + DRAIN_SECONDS
        self._wait_at_most(DRAIN_PAUSE)
        with suppress(OSError):
            while left > 0 and time.monotonic() < until:
                if not (piece := self._received(self._stream.read, _PIECE)):
                    break
                left -= len(piece)
        self._wait_at_most(settings.STALL_SECONDS)

    def _received(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except ParseException as exc:
            raise OSError("The body is not what its headers say.") from exc
        self._left -= len(data)
        return data


class Handler(WSGIHandler):
    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        statuses: list[str] = []

        def start(status: str, headers: Any, *exc_info: Any) -> Any:
            statuses.append(status)
            return start_response(status, headers, *exc_info)

        response = super().__call__(environ, start)
        body = environ["wsgi.input"]
        if statuses and statuses[-1] >= "400" and isinstance(body, _Body):
            body.drain()
        return response


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalhub.settings")
django.setup(set_prefix=False)
application = Handler()
