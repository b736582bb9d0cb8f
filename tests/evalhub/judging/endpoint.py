"""An OpenAI-compatible endpoint on 127.0.0.1 that behaves, and misbehaves, as a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float

    @property
    def material(self) -> str:
        return str(self.body["messages"][1]["content"])

    @property
    def rubric(self) -> str:
        is_faithfulness = "supported by the source" in self.body["messages"][0]["content"]
        return "faithfulness" if is_faithfulness else "answer_relevance"


Behavior = Callable[[BaseHTTPRequestHandler], None]
Script = Callable[[Asked], Behavior]


@dataclass
class Endpoint:
    """A running endpoint: what it was asked, and how it answers."""

    script: Script
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.path, headers, body, time.monotonic())
        with self._lock:
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self.script(asked)(handler)
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def serving(script: Script) -> Iterator[Endpoint]:
    endpoint = Endpoint(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            endpoint.answer(self)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_arguments: object) -> None:
            """A client that hung up is what some tests want."""

    with Server(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.closing.set()
            server.shutdown()
            thread.join()


# --- behaviors ------------------------------------------------------------------------------


def sends(status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> Behavior:
    """Answer with these bytes; `Retry_After="1"` is the header Retry-After."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def completes(message: dict[str, Any], *, ended: str = "stop", **members: Any) -> Behavior:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": ended}
    return sends(200, json.dumps({"choices": [choice], **members}).encode())


def says(text: str, **more: Any) -> Behavior:
    """Answer as a model does that says this."""
    usage = {"prompt_tokens": 200, "completion_tokens": 20}
    return completes({"content": text}, **{"usage": usage, **more})


def judges(score: object, explanation: str = "Because.") -> Behavior:
    return says(json.dumps({"explanation": explanation, "score": score}))


def refuses(status: int, message: str = "", **headers: str) -> Behavior:
    return sends(status, json.dumps({"error": {"message": message}}).encode(), **headers)


def raw(content: bytes) -> Behavior:
    """Send bytes that are no HTTP, and close."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return behave


closes = raw(b"")


def hangs(endpoint: Callable[[], Endpoint], *, seconds: float = 30.0) -> Behavior:
    """Say nothing until the test is over."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        endpoint().closing.wait(seconds)
        handler.close_connection = True

    return behave


def after(seconds: float, behavior: Behavior) -> Behavior:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        behavior(handler)

    return behave


def dribbles(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte every twentieth of a second, without end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def one_after_another(*behaviors: Behavior) -> Script:
    """Answer each request with the next behavior, and with the last from then on."""
    waiting = list(behaviors)
    lock = threading.Lock()

    def script(_asked: Asked) -> Behavior:
        with lock:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return script
