"""The real service, started for a test by its supervising command and ended with it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import redis

from tests import databases
from tests.databases import BASE_DIR, clean_environment

# A first start migrates and puts in the demo: 20 s of CPU, on a machine that may have other work.
START_SECONDS = 240.0
STOP_SECONDS = 15.0
# What tells the programs apart on their command lines. Pools share that of their parent.
WEB, WORKER, BEAT, BROKER, GUARD = "gunicorn", " worker ", " beat ", "valkey-server", "guard.py"


@dataclass
class Service:
    """A running service. `output` is what its supervising command printed."""

    data_dir: Path
    port: int
    environment: dict[str, str]
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self._output_path.read_text(errors="replace")

    @property
    def _output_path(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}-output.txt")

    def start(self) -> None:
        """Start the supervising command and wait until the service answers."""
        self.launch()
        wait_until(lambda: "EvalHub runs at" in self.output or self.is_gone, seconds=START_SECONDS)
        assert not self.is_gone, self.output

    def launch(self) -> None:
        with self._output_path.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "evalhub.supervisor"),
                    *("--parent", str(os.getpid()), *self.arguments),
                ],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_gone(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self) -> int | None:
        """Ask it to stop, wait, and return the exit code."""
        if self.process is None:
            return None
        if not self.is_gone:
            self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill the supervising process as nobody should, and wait for the guard's work."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not self.pids(), seconds=5)

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the service, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask its database, in a fraction of the time that a command beside the service takes."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("postgres"):
            with psycopg.connect(url) as connection:
                return connection.execute(sql.encode()).fetchall()
        path = self.data_dir / databases.SQLITE_NAME
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database:
            return database.execute(sql).fetchall()

    def client(self, *, key: str = "") -> httpx2.Client:
        """Return an HTTP client on the service, with an API key or as a stranger."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def broker(self) -> redis.Redis:
        """Connect to its broker as its programs do (Linux): to flush it, or to see who listens."""
        socket = self._socket_of_broker()
        assert socket, "The broker has not named its socket yet."
        return redis.Redis(unix_socket_path=socket)

    def has_listening_worker(self) -> bool:
        """Say whether a worker waits for messages at the broker, which may be starting again."""
        if not self._socket_of_broker():
            return False
        with self.broker() as broker:
            return any("brpop" in str(client["cmd"]) for client in broker.client_list())

    def _socket_of_broker(self) -> str:
        """Return the socket that the broker's title names, once it has one."""
        (pid,) = self.pids(BROKER)
        words = Path(f"/proc/{pid}/cmdline").read_text()
        return words.partition("unixsocket:")[2].strip("\0 ")

    def pids(self, pattern: str = "") -> list[int]:
        """Return its processes (Linux), those whose command line matches the pattern."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and self._is_ours(entry):
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if re.search(pattern, words):
                        found.append(int(entry.name))
        return sorted(found)

    def _is_ours(self, entry: Path) -> bool:
        # The broker overwrites its environment, but writes into the service's log.
        mark = b"EVALHUB_DATA_DIR=" + os.fsencode(self.data_dir)
        return mark in (entry / "environ").read_bytes().split(b"\0") or (
            (entry / "fd" / "1").readlink().is_relative_to(self.data_dir)
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition, *, seconds: float) -> None:
    """Wait for a condition, or fail with its last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s; last answer {answer!r}"
        time.sleep(0.05)


@contextlib.contextmanager
def service_environment(
    data_dir: Path, settings: Mapping[str, str], *, migrated: bool = False
) -> Iterator[dict[str, str]]:
    """Yield the environment of a service of its own: data directory, port, database."""
    with _own_database(data_dir, migrated=migrated) as database:
        yield {
            **clean_environment(),
            **database,
            "EVALHUB_DATA_DIR": str(data_dir),
            "EVALHUB_PORT": str(free_port()),
            "EVALHUB_WORKERS": "2",
            **settings,
        }


@contextlib.contextmanager
def _own_database(data_dir: Path, *, migrated: bool) -> Iterator[dict[str, str]]:
    """Yield the address of a database for one service: SQLite's is in the data directory."""
    url = os.environ.get("DATABASE_URL", "")
    if url.startswith("postgres"):
        with databases.own_postgres(url, migrated=migrated) as own:
            yield {"DATABASE_URL": own}
        return
    if migrated:
        data_dir.mkdir(mode=0o700)
        databases.copy_sqlite(data_dir / databases.SQLITE_NAME)
    yield {"DATABASE_URL": url if url.startswith("sqlite") else ""}


def running(
    data_dir: Path, *arguments: str, **settings: str
) -> contextlib.AbstractContextManager[Service]:
    """Run a service of its own. It is stopped at the end, whatever the test did to it.

    It starts on a database that is migrated already, and with one web process: each takes seconds.
    """
    settings = {"EVALHUB_WEB_PROCESSES": "1", **settings}
    return _running(data_dir, arguments, settings, migrated=True)


def running_from_nothing(
    data_dir: Path, *arguments: str, **settings: str
) -> contextlib.AbstractContextManager[Service]:
    """Run a service of its own as on a newcomer's machine, with the settings of the product."""
    return _running(data_dir, arguments, settings, migrated=False)


@contextlib.contextmanager
def _running(
    data_dir: Path, arguments: tuple[str, ...], settings: Mapping[str, str], *, migrated: bool
) -> Iterator[Service]:
    with service_environment(data_dir, settings, migrated=migrated) as environment:
        service = Service(
            data_dir=data_dir,
            port=int(environment["EVALHUB_PORT"]),
            environment=environment,
            arguments=arguments,
        )
        service.start()
        try:
            yield service
        finally:
            service.stop()


def send(pid: int, name: str) -> None:
    """Send a signal by its name to one process."""
    os.kill(pid, signal.Signals[name])
