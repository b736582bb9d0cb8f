"""The one HTTP client for addresses that users type: guarded against being sent elsewhere.

A host is resolved once, every address checked, and the connection made to a checked address, so
that a name which changes its mind in between changes nothing; TLS still proves the name. No
redirect is followed and no proxy used. Time, header and body are bounded as a whole.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

from evalhub.outbound import places
from evalhub.outbound.patience import Trouble, bounded, retry_after, status_line, trouble_of
from evalhub.outbound.places import ForbiddenError, UnknownHostError

LONGEST_CONNECT_SECONDS = 10.0
TICK_SECONDS = 0.5
PIECE_BYTES = 65_536
_NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@dataclass(frozen=True, kw_only=True)
class NoAnswer:
    """No answer, with the sentence that says why."""

    trouble: Trouble
    detail: str
    retry_after: float | None = None


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    most_bytes: int,
    is_called_off: Callable[[], bool] = _NEVER,
) -> bytes | NoAnswer:
    """Send JSON and return the body of a 200 answer, or why there is none; never raises.

    `seconds` are for all of it, from looking up the name to the last byte. `is_called_off` is
    asked twice a second while the answer is waited for.
    """
    clock = _Clock(time.monotonic() + seconds, is_called_off)
    try:
        return _exchange(places.read_address(url), body, headers, clock, most_bytes)
    except ForbiddenError as exc:
        return NoAnswer(trouble=Trouble.FORBIDDEN, detail=str(exc))
    except UnknownHostError:
        return NoAnswer(trouble=Trouble.UNREACHABLE, detail="The name of the host leads nowhere.")
    except _CalledOffError:
        return NoAnswer(trouble=Trouble.CALLED_OFF, detail="The request was called off.")
    except (httpcore2.TimeoutException, TimeoutError):
        detail = f"There was no whole answer within {seconds:g} seconds."
        return NoAnswer(trouble=Trouble.TIMED_OUT, detail=detail)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as exc:
        return NoAnswer(trouble=Trouble.UNREACHABLE, detail=_unreachable(exc))


def _exchange(
    url: httpx2.URL, body: bytes, headers: Mapping[str, str], clock: _Clock, most_bytes: int
) -> bytes | NoAnswer:
    target = httpcore2.URL(
        scheme=url.raw_scheme,
        host=url.raw_host,
        port=places.port_of(url),
        target=url.raw_path,
    )
    sent = {
        "Host": places.host_and_port(url),
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # what is packed small may be large
        "User-Agent": "EvalHub",
        "Connection": "close",
        **headers,
    }
    with (
        httpcore2.ConnectionPool(
            ssl_context=_tls() if url.scheme == "https" else None,
            network_backend=_Guarded(clock),
            max_connections=1,
        ) as pool,
        pool.stream("POST", target, headers=list(sent.items()), content=body) as response,
    ):
        content = bounded(response.iter_stream(), most_bytes=most_bytes, deadline=clock.deadline)
    if content is None:
        raise TimeoutError
    said = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    return _read(response.status, said, content, most_bytes)


def _read(
    status: int, headers: Mapping[bytes, str], content: bytes, most_bytes: int
) -> bytes | NoAnswer:
    if status != 200:
        hint = " Redirects are not followed." if 300 <= status < 400 else ""
        return NoAnswer(
            trouble=trouble_of(status),
            detail=f"The answer was {status_line(status)}.{hint}",
            retry_after=retry_after(headers.get(b"retry-after", "")),
        )
    if headers.get(b"content-encoding", "identity").strip().lower() not in ("", "identity"):
        detail = "The answer is compressed, though that was not asked for."
        return NoAnswer(trouble=Trouble.UNREADABLE, detail=detail)
    if len(content) > most_bytes:
        detail = f"The answer is larger than {most_bytes:,} bytes."
        return NoAnswer(trouble=Trouble.UNREADABLE, detail=detail)
    return content


def _unreachable(exc: Exception) -> str:
    """Say what happened in words of our own: theirs may quote a header."""
    if isinstance(exc, httpcore2.ConnectError) and isinstance(exc.args[0], ssl.SSLError):
        return "TLS failed: the host did not prove its name, or speaks no TLS at this port."
    if isinstance(exc, httpcore2.ConnectError):
        return "No connection came about. Is the address right, and does the service run?"
    if isinstance(exc, httpcore2.ProtocolError):
        return "The other side closed the connection, or spoke no HTTP."
    return "The connection broke."


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the settings of TLS, with the certificates that the system trusts."""
    return httpx2.create_ssl_context()


# --- the guarded connection -----------------------------------------------------------------


class _CalledOffError(Exception):
    """Told to stop."""


@dataclass(frozen=True)
class _Clock:
    """When a request is over, and whether somebody called it off."""

    deadline: float
    is_called_off: Callable[[], bool]

    def left(self) -> float:
        """Return the seconds that are left, or raise what ends the request."""
        if self.is_called_off():
            raise _CalledOffError
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Guarded(httpcore2.NetworkBackend):
    """Connects to checked addresses alone: nothing after this looks the name up again."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = min(self._clock.left(), LONGEST_CONNECT_SECONDS)
        addresses = places.resolved(host, port, seconds=seconds)
        return self._connected(addresses, port)

    def _connected(self, addresses: list[places.Address], port: int) -> httpcore2.NetworkStream:
        """Return a connection to the first address that takes one."""
        last = len(addresses) - 1
        for number, address in enumerate(addresses):
            share = min(self._clock.left() / (last - number + 1), LONGEST_CONNECT_SECONDS)
            try:
                stream = httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == last:
                    raise
            else:
                return _Stream(stream, self._clock)
        raise AssertionError


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends with the request's clock, whoever set which limit."""

    def __init__(self, inner: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            wait = min(self._clock.left(), TICK_SECONDS)
            try:
                return self._inner.read(max_bytes, timeout=wait)
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), PIECE_BYTES):
            self._inner.write(buffer[at : at + PIECE_BYTES], timeout=self._clock.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._clock.left())
        return _Stream(secured, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
