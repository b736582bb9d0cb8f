"""The service that is measured: its REST interface, and one started for a while."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.0.0.1", "localhost", "::1")
START_SECONDS, STOP_SECONDS, CALL_SECONDS = 120.0, 20.0, 1_800.0
LOOK_SECONDS = 0.1
PROJECT = "demo"


class Service:
    """The REST interface, as far as it is needed here."""

    def __init__(self, address: str, key: str) -> None:
        if urlsplit(address).hostname not in LOOPBACK:
            raise SystemExit("The address must be on this machine.")
        self.address = address.rstrip("/")
        self.key = key

    def call(
        self, method: str, path: str, body: bytes | IO[bytes] | None = None, *, kind: str = "json"
    ) -> Any:
        """Send a request and return the answer's JSON; a file is sent as it is read."""
        request = urllib.request.Request(  # noqa: S310 - http on this machine
            f"{self.address}/api/v1/{path}",
            data=body,
            method=method,
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": f"application/{kind}",
            },
        )
        if body is not None and not isinstance(body, bytes):
            request.add_header("Content-Length", str(os.fstat(body.fileno()).st_size))
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310
            return json.load(answer)

    def states(self, run: str, *, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield a run as it is, again and again until it is scored, the longer the rarer."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < seconds:
            state = self.call("GET", f"runs/{run}")
            yield state
            if state["state"] == "scored":
                return
            assert state["state"] == "scoring", state
            time.sleep(max(LOOK_SECONDS, waited / 100))
        raise TimeoutError(f"The run was not scored in {seconds:.0f} seconds.")


@dataclass(frozen=True)
class Running:
    """A service of one's own: where it is, its key, and the process that all others hang on."""

    address: str
    key: str
    pid: int


class Startable:
    """A service in a folder of one's own, which can be ended in any way and started again.

    DATABASE_URL says on which database, as always.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.said, self.address = folder / "said.txt", f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "EVALHUB_PORT": str(port),
            "EVALHUB_DATA_DIR": str(folder / "data"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Running:
        """Start it with its demo project, and wait until it runs."""
        before = self.said.stat().st_size if self.said.exists() else 0
        with self.said.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "evalhub.supervisor", "--demo"),
                    *("--parent", str(os.getpid())),
                ],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _wait_for(self.process, self.said, before)
        key = re.search(
            r"API key of the project demo: (\S+)", self.said.read_text("utf-8", "replace")
        )
        if key is None:
            raise SystemExit("The service told no API key when it started first.")
        return Running(self.address, key[1], self.process.pid)

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with no warning; its guard ends what it started."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(port: int) -> Iterator[Running]:
    """Run EvalHub with its demo project in a folder of its own, and end it with what it kept."""
    with tempfile.TemporaryDirectory(prefix="evalhub-bench-") as folder:
        service = Startable(Path(folder), port)
        try:
            yield service.start()
        finally:
            service.stop()


def _wait_for(process: subprocess.Popen[bytes], said: Path, before: int) -> None:
    """Wait until the service says, after so many bytes of what it said, that it runs."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if b"EvalHub runs at" in said.read_bytes()[before:]:
            return
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"The service did not start:\n{said.read_text(errors='replace')[-4_000:]}")
