"""Run every benchmark of this folder, and write what they found as one JSON and one Markdown file.

Those that go through the product get a service of their own, with its data in a temporary folder
and on the database that DATABASE_URL names, which should be an empty one; SQLite without it. Each
benchmark ends when its time is over, and the services end with them.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import add_arguments, markdown_of
from service import PROJECT, Running, running

FOLDER = Path(__file__).resolve().parent
MINUTES, QUICK_MINUTES = 90.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A script of this folder, and whether it needs a service that runs."""

    script: str
    needs_service: bool


BENCHMARKS = (
    Benchmark(script="scoring_alone.py", needs_service=False),
    Benchmark(script="preferences.py", needs_service=False),
    Benchmark(script="agreement_coverage.py", needs_service=False),
    Benchmark(script="agreement_speed.py", needs_service=False),
    Benchmark(script="panels.py", needs_service=False),
    Benchmark(script="gates.py", needs_service=False),
    Benchmark(script="change_points.py", needs_service=False),
    Benchmark(script="comparisons.py", needs_service=False),
    Benchmark(script="resampling.py", needs_service=False),
    Benchmark(script="slice_search.py", needs_service=False),
    Benchmark(script="leaderboards.py", needs_service=False),
    Benchmark(script="steps.py", needs_service=False),
    Benchmark(script="comparing.py", needs_service=True),
    Benchmark(script="through_the_product.py", needs_service=True),
    Benchmark(script="ingestion.py", needs_service=True),
    Benchmark(script="growth.py", needs_service=True),
    Benchmark(script="desk.py", needs_service=True),
    Benchmark(script="desk_kills.py", needs_service=False),
)


def main() -> None:
    given = _arguments()
    seconds = 60.0 * (given.minutes or (QUICK_MINUTES if given.quick else MINUTES))
    found, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        for benchmark in _chosen(given.only):
            print(f"\n=== {benchmark.script}", flush=True)
            results = Path(folder) / "results.json"
            results.unlink(missing_ok=True)
            with _service_for(benchmark, given.port) as service:
                options = ["--quick"] if given.quick else []
                ended_well = _run(benchmark, service, [*options, "--json", str(results)], seconds)
            if results.exists():
                found.append(json.loads(results.read_text()))
            if not ended_well:
                failed.append(benchmark.script)
    _write(found, given)
    if failed:
        raise SystemExit(f"Not done: {', '.join(failed)}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--only", action="append", default=[], help="such as growth; repeatable")
    parser.add_argument("--port", type=int, help="of the service; any free one without it")
    parser.add_argument("--minutes", type=float, help="that a benchmark may take")
    return parser.parse_args()


def _chosen(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks to run, of those that are there."""
    known = [one for one in BENCHMARKS if (FOLDER / one.script).exists()]
    wanted = {name.removesuffix(".py") for name in names}
    if unknown := wanted - {one.script.removesuffix(".py") for one in known}:
        raise SystemExit(f"There is no benchmark {', '.join(sorted(unknown))}.")
    return [one for one in known if not wanted or one.script.removesuffix(".py") in wanted]


@contextmanager
def _service_for(benchmark: Benchmark, port: int | None) -> Iterator[Running | None]:
    """Run a service where it is needed. Each benchmark gets its own: none warms another's."""
    if not benchmark.needs_service:
        yield None
        return
    with running(port or _free_port()) as service:
        yield service


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _run(
    benchmark: Benchmark, service: Running | None, options: Sequence[str], seconds: float
) -> bool:
    """Run a benchmark to its end or that of its time; say whether it did what it should."""
    where = [service.address, service.key, PROJECT, "--pid", str(service.pid)] if service else []
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / benchmark.script), *where, *options],
        cwd=FOLDER.parent,
        start_new_session=True,
    )
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        print(f"{benchmark.script} took longer than {seconds / 60:.0f} minutes.", flush=True)
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _write(found: Sequence[dict[str, Any]], given: argparse.Namespace) -> None:
    on_postgres = os.environ.get("DATABASE_URL", "").startswith("postgres")
    database = "PostgreSQL" if on_postgres else "SQLite"
    markdown = f"# What the benchmarks found, on {database}\n\n" + "\n".join(
        map(markdown_of, found)
    )
    print(f"\n{markdown}")
    if given.json:
        everything = {"database": database, "benchmarks": found}
        given.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    if given.markdown:
        given.markdown.write_text(markdown)


if __name__ == "__main__":
    main()
