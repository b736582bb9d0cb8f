"""See how a running service scores runs of 1,000 to 1,000,000 outputs, by all seven text metrics.

For each size: a dataset of its own; a run on it, whose references the workers have not seen; a
second run on the same version, whose references they have, as far as they keep them; and that run
measured again, by the same metrics. Of each, the CPU seconds and the peak of memory of the worker
processes, beside the same metric code over the same texts in a plain loop of one process.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import processes
from plain_loop import PlainLoop
from results import Results, add_arguments, load_average
from service import Service
from texts import METRICS, Texts

SIZES, QUICK_SIZES = (1_000, 10_000, 100_000, 1_000_000), (1_000, 3_000)
# Of the texts of a run, so many are scored in the plain loop.
SAMPLE = 10_000
GIVE_UP_SECONDS, LEAST_PER_SECOND = 120.0, 100.0
UNIT = "CPU ms of the workers per output"


def main() -> None:
    given = _arguments()
    service = Service(given.address, given.key)
    results = Results("Growth", f"{len(METRICS)} metrics, texts of about 60 words")
    growth = Growth(service, given.project, given.pid, results)
    for number, size in enumerate(given.sizes):
        growth.measure(size, seed=time.time_ns() // 10**9 + number)
    growth.compare()
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument(
        "--sizes", type=lambda text: tuple(map(int, text.split(","))), help="such as 1000,10000"
    )
    parser.add_argument(
        *("--pid", "-p"),
        type=int,
        action="append",
        required=True,
        help="the service's process, as the file lock of its data directory names it",
    )
    add_arguments(parser)
    given = parser.parse_args()
    given.sizes = given.sizes or (QUICK_SIZES if given.quick else SIZES)
    return given


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What scoring a run took: by the clock, and of the worker processes."""

    size: int
    seconds: float
    cpu: float
    peak_mb: float

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the workers for each output."""
        return 1_000 * self.cpu / self.size


class Growth:
    """Runs of several sizes, and what is to be said of each and of all."""

    def __init__(self, service: Service, project: str, pids: list[int], results: Results) -> None:
        self._service, self._project = service, project
        self._pids = pids
        self._results = results
        self._new: list[Cost] = []

    def measure(self, size: int, *, seed: int) -> None:
        """Take a dataset, two runs on it and a second measuring through the service."""
        dataset = self._dataset(size, seed)
        run = self._run(size, dataset, seed, system=0)
        plain = PlainLoop(Texts.of(min(size, SAMPLE), seed=seed))
        cost = self._cost(run, size, f"runs/{run}/finish", {})
        self._tell(f"{size:,} outputs, references new", cost, plain.cpu_ms())
        self._new.append(cost)

        run = self._run(size, dataset, seed, system=1)
        cost = self._cost(run, size, f"runs/{run}/finish", {})
        self._tell(f"{size:,} outputs, references seen", cost, plain.cpu_ms())
        cost = self._cost(run, size, f"runs/{run}/measurements", {"metrics": METRICS})
        self._tell(f"{size:,} outputs, measured again", cost, plain.cpu_ms())

    def compare(self) -> None:
        """Say what an output of the largest run costs against one of a middling run."""
        middling = [cost for cost in self._new if cost.size <= SAMPLE]
        if middling and self._new[-1].size > middling[-1].size:
            least, most = middling[-1], self._new[-1]
            self._results.row(
                what=f"One output of {most.size:,} against one of {least.size:,}",
                ours=most.cpu_ms,
                reference=least.cpu_ms,
                unit=UNIT,
            )

    def _dataset(self, size: int, seed: int) -> str:
        name = f"growth-{seed:x}-{size}"
        address = f"projects/{self._project}/datasets"
        self._post(address, {"name": name})
        with tempfile.TemporaryFile() as body:
            for texts in Texts.blocks(size, seed=seed):
                body.write(texts.example_lines())
            body.seek(0)
            started = time.perf_counter()
            self._service.call("POST", f"{address}/{name}/versions", body, kind="x-ndjson")
        print(f"{size:,} examples: {size / (time.perf_counter() - started):,.0f} per second")
        return name

    def _run(self, size: int, dataset: str, seed: int, system: int) -> str:
        wanted = {"dataset": dataset, "system": "growth", "metrics": METRICS}
        run: str = self._post(f"projects/{self._project}/runs", wanted)["id"]
        seconds = 0.0
        for texts in Texts.blocks(size, seed=seed, system=system):
            lines = texts.output_lines()
            started = time.perf_counter()
            self._service.call("POST", f"runs/{run}/outputs", lines, kind="x-ndjson")
            seconds += time.perf_counter() - started
        print(f"{size:,} outputs: {size / seconds:,.0f} per second submitted", flush=True)
        return run

    def _cost(self, run: str, size: int, address: str, body: dict[str, Any]) -> Cost:
        workers = processes.workers(self._pids)
        processes.forget_peaks(workers)
        cpu, started = processes.own_cpu_seconds(workers), time.perf_counter()
        self._post(address, body)
        for _ in self._service.states(run, seconds=GIVE_UP_SECONDS + size / LEAST_PER_SECOND):
            pass
        return Cost(
            size=size,
            seconds=time.perf_counter() - started,
            cpu=processes.own_cpu_seconds(workers) - cpu,
            peak_mb=max(processes.peaks_mb(workers)),
        )

    def _tell(self, what: str, cost: Cost, plain_ms: float) -> None:
        self._results.row(
            what=what,
            ours=cost.cpu_ms,
            reference=plain_ms,
            unit=UNIT,
            note=f"{cost.size / cost.seconds:,.0f} per second, peak of a worker "
            f"{cost.peak_mb:,.0f} MB, load average {load_average():.1f}",
        )

    def _post(self, address: str, body: dict[str, Any]) -> Any:
        return self._service.call("POST", address, json.dumps(body).encode())


if __name__ == "__main__":
    main()
