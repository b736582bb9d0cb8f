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


@contextmanager
def running(port: int) -> Iterator[Running]:
    """Run EvalHub with its demo project in a folder of its own, and end it with what it kept.

    DATABASE_URL says on which database, as always.
    """
    with tempfile.TemporaryDirectory(prefix="evalhub-bench-") as folder:
        said = Path(folder) / "said.txt"
        environment = {
            **os.environ,
            "EVALHUB_PORT": str(port),
            "EVALHUB_DATA_DIR": str(Path(folder) / "data"),
        }
        with said.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "evalhub.supervisor", "--demo"),
                    *("--parent", str(os.getpid())),
                ],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Running(f"http://127.0.0.1:{port}", _key(process, said), process.pid)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its guard ends what it started
        process.wait()


def _key(process: subprocess.Popen[bytes], said: Path) -> str:
    """Wait until the service runs, and return the API key of its demo project."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = said.read_text(errors="replace")
        key = re.search(r"API key of the project demo: (\S+)", text)
        if key and "EvalHub runs at" in text:
            return key[1]
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"The service did not start:\n{said.read_text(errors='replace')}")
