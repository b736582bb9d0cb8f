"""Send outputs and dataset versions to a running service, and see what that takes of it.

Outputs go in bodies of 10,000 lines of about 470 bytes. Then a dataset gets a version of new
examples, one with ten rows changed, and is read in pages of 50 at its start, middle and end. A
rate stands beside the same bytes read with json and put into a plain SQLite file in transactions
as large as the service's; an answer of the service means that what it acknowledges is committed.

The web process's memory is its peak over what it held before, by the kernel's count. The longest
write transaction is seen from outside: on SQLite by asking for the write lock all the time, on
PostgreSQL by looking at the transactions of others that have written.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any

import processes
import references
import transactions
from results import Results, add_arguments, load_average
from service import Service
from texts import SYLLABLES, VOCABULARY

EXAMPLES, QUICK_EXAMPLES = 1_000_000, 5_000
OUTPUTS, BODY_LINES = 100_000, 10_000
CHANGED = 10
PAGE, PAGE_REQUESTS = 50, 51


def main() -> None:
    given = _arguments()
    service = Service(given.address, given.key)
    setting = f"{given.examples:,} examples, {given.outputs:,} outputs"
    results = Results("Ingestion", setting)
    bench = Ingestion(service, given, results)
    bench.outputs()
    bench.pages(bench.versions())
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument("--examples", type=int, help=f"of a version ({EXAMPLES:,})")
    parser.add_argument("--outputs", type=int, help=f"of a run ({OUTPUTS:,})")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 10**9)
    parser.add_argument("--pid", "-p", type=int, required=True, help="the service's process")
    add_arguments(parser)
    given = parser.parse_args()
    given.examples = given.examples or (QUICK_EXAMPLES if given.quick else EXAMPLES)
    given.outputs = given.outputs or (QUICK_EXAMPLES if given.quick else OUTPUTS)
    return given


Body = bytes | IO[bytes] | dict[str, Any]


class Ingestion:
    """One dataset and one run through the service, and what is to be said of each step."""

    def __init__(self, service: Service, given: argparse.Namespace, results: Results) -> None:
        self._service, self._given, self._results = service, given, results
        self._web = processes.web([given.pid])
        self._database, self._roots = _database(self._web[0]), [given.pid]
        if isinstance(self._database, str):
            self._roots.append(transactions.server_process(self._database))
        self._words = _vocabulary(given.seed)

    def outputs(self) -> None:
        """Fill a run, a body at a time."""
        n = self._given.outputs
        dataset = self._dataset("outputs")
        with _file({"key": f"k{at:07}", "input": "?"} for at in range(n)) as body:
            self._post(f"{dataset}/versions", body, "x-ndjson")
        wanted = {"dataset": dataset.rpartition("/")[2], "system": "ingestion"}
        wanted |= {"metrics": ["exact_match"]}
        run = self._post(f"projects/{self._given.project}/runs", wanted)["id"]
        bodies = list(self._output_bodies(n))
        plain = _timed(lambda: references.store_plainly(bodies[0]))
        taken = self._measured(
            lambda: [self._post(f"runs/{run}/outputs", body, "x-ndjson") for body in bodies]
        )
        self._tell(f"{n:,} outputs", n, taken, len(bodies[0].splitlines()) / plain)

    def versions(self) -> str:
        """Add a version of new examples, and one with ten rows changed."""
        n, dataset = self._given.examples, self._dataset("versions")
        for what, changed in ((f"{n:,} new examples", 0), (f"{n:,}, {CHANGED} changed", CHANGED)):
            with _file(self._examples(n, changed)) as body:
                plain = _timed(lambda body=body: references.store_examples_plainly(body))
                body.seek(0)
                size = os.fstat(body.fileno()).st_size
                before = processes.resident_mb(self._web)
                processes.forget_peaks(self._web)
                taken = self._measured(
                    lambda body=body: self._post(f"{dataset}/versions", body, "x-ndjson")
                )
                peak = processes.peaks_mb(self._web)
            self._tell(what, n, taken, n / plain)
            self._results.row(
                what=f"Web process over idle, {what}, a body of {size / 1e6:,.0f} MB",
                ours=max(now - was for now, was in zip(peak, before, strict=True)),
                unit="MB",
            )
        return dataset

    def pages(self, dataset: str) -> None:
        """Read pages of 50 over REST at the start, in the middle and at the end."""
        n = self._given.examples
        for where, start in (("start", 0), ("middle", n // 2), ("end", n - PAGE)):
            version = f"{dataset}/versions/2/examples"
            # A cursor is what the service says it is; nobody walks to the end for this.
            cursor = base64.urlsafe_b64encode(str(start).encode()).decode().rstrip("=")
            path = f"{version}?limit={PAGE}&cursor={cursor}"
            before = processes.own_cpu_seconds(self._web)
            seconds = [self._page(path) for _ in range(PAGE_REQUESTS)]
            cpu = (processes.own_cpu_seconds(self._web) - before) / PAGE_REQUESTS
            self._results.row(
                what=f"A page of {PAGE} examples at the {where}",
                ours=1_000 * median(seconds),
                unit="ms",
                note=f"{1_000 * cpu:.1f} CPU ms, the longest of {PAGE_REQUESTS} took "
                f"{1_000 * max(seconds):.0f} ms, "
                f"load average {load_average():.1f}",
            )

    def _page(self, path: str) -> float:
        started = time.perf_counter()
        found = self._service.call("GET", path)
        assert len(found["data"]) == min(PAGE, self._given.examples)
        return time.perf_counter() - started

    def _measured(self, act: Callable[[], object]) -> Taken:
        cpu, started = processes.cpu_seconds(self._roots), time.perf_counter()
        with transactions.watching(self._database) as watch:
            act()
        seconds = time.perf_counter() - started
        return Taken(seconds, processes.cpu_seconds(self._roots) - cpu, watch.longest)

    def _tell(self, what: str, n: int, taken: Taken, plain: float) -> None:
        self._results.row(
            what=what,
            ours=n / taken.seconds,
            reference=plain,
            unit="per second",
            note=f"{taken.seconds:.1f} s, {taken.cpu:.1f} CPU s of service and database, "
            f"load average {load_average():.1f}",
        )
        self._results.row(what=f"Longest write transaction, {what}", ours=taken.longest, unit="s")

    def _dataset(self, name: str) -> str:
        name = f"ingestion-{name}-{self._given.seed:x}"
        address = f"projects/{self._given.project}/datasets"
        self._post(address, {"name": name})
        return f"{address}/{name}"

    def _post(
        self, path: str, body: bytes | IO[bytes] | dict[str, Any], kind: str = "json"
    ) -> Any:
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        return self._service.call("POST", path, sent, kind=kind)

    def _output_bodies(self, n: int) -> Iterator[bytes]:
        words = random.Random(self._given.seed)
        for start in range(0, n, BODY_LINES):
            rows = (
                {
                    "key": f"k{at:07}",
                    "output": " ".join(words.choices(self._words, k=75)),
                    **{"latency_ms": at % 900, "input_tokens": at % 300, "output_tokens": 75},
                }
                for at in range(start, min(start + BODY_LINES, n))
            )
            yield b"".join(_lines(rows))

    def _examples(self, n: int, changed: int) -> Iterator[dict[str, Any]]:
        words = random.Random(self._given.seed)
        step = max(n // changed, 1) if changed else n + 1
        for at in range(n):
            text = " ".join(words.choices(self._words, k=45))
            expected = " ".join(words.choices(self._words, k=25))
            yield {
                **{"key": f"k{at:07}", "input": text},
                "expected_output": "changed" if at % step == step // 2 else expected,
                "metadata": {
                    **{"lang": ("en", "de", "fr")[at % 3], "topic": f"t{at % 17}"},
                    **{"length": len(text), "hard": at % 5 == 0, "doc": f"d{at // 4}"},
                },
            }


@dataclass(frozen=True)
class Taken:
    """What a step took: seconds by the clock, CPU seconds, the longest write transaction."""

    seconds: float
    cpu: float
    longest: float


def _database(web: int) -> str | Path:
    """Return where a service's data is: an address, or the file of SQLite."""
    environment = processes.environment(web)
    return environment.get("DATABASE_URL") or next(
        Path(environment["EVALHUB_DATA_DIR"]).glob("*.sqlite3")
    )


def _vocabulary(seed: int) -> list[str]:
    words = random.Random(seed)
    return ["".join(words.choices(SYLLABLES, k=words.randint(1, 4))) for _ in range(VOCABULARY)]


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    return (json.dumps(row).encode() + b"\n" for row in rows)


@contextmanager
def _file(rows: Iterator[dict[str, Any]]) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        file.writelines(_lines(rows))
        file.seek(0)
        yield file


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
