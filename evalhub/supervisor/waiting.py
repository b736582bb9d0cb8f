"""What the supervising process waits for: signals, ended children, the first answer."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Turn signals into something to wait for, so that no handler interrupts a step half way."""

    def __init__(self, *, parent: int | None) -> None:
        self._parent = parent
        self._asked = False
        self._reading, self._writing = -1, -1

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in STOPPING:
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)

    @property
    def ask_to_stop(self) -> bool:
        """Whether somebody asked us to stop, or the parent we were to stay with is gone."""
        return self._asked or (self._parent is not None and os.getppid() != self._parent)

    def wait(self, seconds: float, *sources: socket.socket) -> None:
        """Wait until a signal arrives, a source can be read, or the time is over."""
        select.select([self._reading, *(source.fileno() for source in sources)], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reading, 512):
                pass

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


class FirstAnswer:
    """Wait for the web process's first answer without blocking.

    Our own listening socket takes the connection at once, and the answer comes when it comes.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connection: socket.socket | None = None

    def source(self) -> socket.socket:
        if self._connection is None:
            host, port = self._listener.getsockname()[:2]
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
            self._connection = socket.create_connection((host, port), timeout=1)
            request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            self._connection.sendall(request.encode())
        return self._connection

    def has_come(self) -> bool:
        if self._connection is None or not select.select([self._connection], [], [], 0)[0]:
            return False
        answer = b""
        with contextlib.suppress(OSError):
            answer = self._connection.recv(64)
        self.close()
        return answer.startswith(b"HTTP/1.1 ")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address. The supervisor keeps it over a web crash."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener
