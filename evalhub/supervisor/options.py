"""What the supervising command is told by its arguments and the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalhub import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
MAX_PROCESSES = 64


@dataclass(frozen=True, kw_only=True)
class Options:
    host: str
    port: int
    data_dir: Path
    workers: int
    web_processes: int
    redis_url: str  # empty: the embedded broker
    on_sqlite: bool
    demo: bool
    parent: int | None  # stop when this process, which started us, is gone

    @property
    def address(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


def read(arguments: Sequence[str]) -> Options:
    """Return the options, or stop with a sentence that names the wrong one."""
    given = _parser().parse_args(arguments)
    redis_url = env.text("REDIS_URL")
    return Options(
        host=env.text("EVALHUB_HOST") or "127.0.0.1",
        port=env.integer("EVALHUB_PORT", 8000, low=1, high=65_535),
        data_dir=env.folder("EVALHUB_DATA_DIR", BASE_DIR / "var"),
        workers=env.integer("EVALHUB_WORKERS", _cores(), low=1, high=MAX_PROCESSES),
        web_processes=env.integer("EVALHUB_WEB_PROCESSES", 2, low=1, high=MAX_PROCESSES),
        redis_url=env.broker("REDIS_URL", "") if redis_url else "",
        on_sqlite=env.text("DATABASE_URL").startswith("sqlite:") or not env.text("DATABASE_URL"),
        demo=given.demo,
        parent=given.parent,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evalhub.supervisor",
        description="Run EvalHub on this machine: web, worker, beat and an embedded broker.",
    )
    parser.add_argument(
        "--demo", action="store_true", help="put in the demo project on the first start"
    )
    parser.add_argument(
        "--parent", type=int, metavar="PID", help="stop when this process, the parent, is gone"
    )
    return parser


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)
    return min(os.cpu_count() or 1, MAX_PROCESSES)
