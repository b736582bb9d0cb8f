"""From a request to its body: every write endpoint reads through one of the two functions here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, cast

from evalhub.errors import LineError, ShapeError, TooLarge
from evalhub.intake.spool import ByteStream, Limits, Spool, receive
from evalhub.intake.strict import MAX_JSON_BYTES, strict_json
from evalhub.intake.tables import Format

_FORMATS = {
    "application/x-ndjson": Format.JSONL,
    "application/ndjson": Format.JSONL,
    "application/jsonl": Format.JSONL,
    "application/x-jsonlines": Format.JSONL,
    "text/csv": Format.CSV,
}


class Request(Protocol):
    """The part of a WSGI request that matters here; Django's has it."""

    @property
    def META(self) -> Mapping[str, Any]: ...  # noqa: N802
    def read(self, size: int, /) -> bytes: ...


def spool_body(request: Request, *, folder: Path, limits: Limits) -> AbstractContextManager[Spool]:
    """Receive a bulk body, gzip or not, as a Spool."""
    encoding = _content_encoding(request)
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise ShapeError(
            f"The content encoding {encoding[:40]!r} is not known; send gzip or none.",
            code="encoding",
        )
    return receive(
        _stream(request),
        folder=folder,
        limits=limits,
        length=_content_length(request),
        gzipped=encoding.endswith("gzip"),
    )


def read_json(
    request: Request, *, max_bytes: int = MAX_JSON_BYTES, optional: bool = False
) -> dict[str, object]:
    """Return the JSON object of an ordinary body; an `optional` body that is empty is {}."""
    if _content_encoding(request) not in {"", "identity"}:
        raise ShapeError("Send this body without a content encoding.", code="encoding")
    body = read_whole(request, max_bytes=max_bytes)
    if optional and not body.strip():
        return {}
    value = strict_json(body, max_bytes=max_bytes)
    if not isinstance(value, dict):
        detail = "The body is one JSON object, {…}; this is another value."
        raise ShapeError(detail, errors=[LineError(1, "not_object", detail)])
    return value


def bulk_format(request: Request) -> Format:
    """Return what the Content-Type says the rows are."""
    given = str(request.META.get("CONTENT_TYPE", "")).split(";")[0].strip().lower()
    if given not in _FORMATS:
        raise ShapeError(
            "Set the header Content-Type to application/x-ndjson (one JSON object a line) "
            "or text/csv.",
            code="content_type",
        )
    return _FORMATS[given]


def read_whole(request: Request, *, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Return the bytes of an ordinary body, as many as were announced and no more than allowed."""
    stream, length = _stream(request), _content_length(request)
    if length is not None and length > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes:,} bytes.")
    body = bytearray()
    try:
        while len(body) <= max_bytes and (chunk := stream.read(max_bytes + 1 - len(body))):
            body += chunk
    except OSError:
        raise ShapeError("The connection broke; send the body again.", code="truncated") from None
    if length is not None and len(body) < length:
        raise ShapeError(
            f"The body ended after {len(body):,} of {length:,} bytes; send it again.",
            code="truncated",
        )
    return bytes(body)


def _stream(request: Request) -> ByteStream:
    # Django takes a body without Content-Length for empty; a server that ends its input
    # itself (wsgi.input_terminated) lets a chunked one be read directly.
    is_chunked = "chunked" in str(request.META.get("HTTP_TRANSFER_ENCODING", "")).lower()
    if is_chunked and request.META.get("wsgi.input_terminated"):
        return cast(ByteStream, request.META["wsgi.input"])
    return request


def _content_length(request: Request) -> int | None:
    given = str(request.META.get("CONTENT_LENGTH") or "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else None


def _content_encoding(request: Request) -> str:
    return str(request.META.get("HTTP_CONTENT_ENCODING", "")).strip().lower()
