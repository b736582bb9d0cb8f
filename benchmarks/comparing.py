"""What a comparison of two runs costs through the product: the first time, and from then on.

Two runs of 10,000 and of 100,000 examples with eight metrics, two of them of the corpus, and a
field of ten slices. The first answer computes from the stored columns, the second is the stored
comparison. CPU seconds and peak memory of the web processes, beside the client's clock.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import processes
from results import Results, add_arguments, load_average
from service import Service
from texts import Texts

SIZES, QUICK_SIZES = (10_000, 100_000), (2_000,)
METRICS = (
    *("exact_match", "token_f1", "contains", "bleu", "chrf", "rouge_l"),
    *("edit_similarity", "quasi_exact_match"),
)
N_SLICES = 10
BODY_LINES = 10_000
# (first, stored, memory) as promised for each size: seconds, seconds, MB
GOALS = {10_000: (1.5, 0.15, None), 100_000: (2.0, 0.15, 450.0)}


def main() -> None:
    given = _arguments()
    results = Results("Comparing", f"{len(METRICS)} metrics, {N_SLICES} slices")
    bench = Bench(Service(given.address, given.key), given, results)
    for size in QUICK_SIZES if given.quick else SIZES:
        bench.measure(size)
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument(
        *("--pid", "-p"), type=int, action="append", required=True, help="the service's process"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() // 10**9)
    add_arguments(parser)
    return parser.parse_args()


class Bench:
    def __init__(self, service: Service, given: argparse.Namespace, results: Results) -> None:
        self._service, self._given, self._results = service, given, results
        self._web = processes.web(given.pid)

    def measure(self, size: int) -> None:
        """Compare two runs of this size twice, and see what both cost."""
        dataset = self._dataset(size)
        sides = [self._scored(dataset, size, system) for system in (0, 1)]
        path = f"comparisons?baseline={sides[0]}&candidate={sides[1]}"
        first, stored, most = GOALS.get(size, (None, None, None))
        processes.forget_peaks(self._web)
        found = self._asked(path, f"{size:,} examples, first computed", first)
        peak = max(processes.peaks_mb(self._web))
        again = self._asked(path, f"{size:,} examples, stored", stored)
        assert found["id"] == again["id"], "The second answer is another comparison."
        overall = [one for one in found["findings"] if one["slice"] is None]
        assert len(overall) == len(METRICS), [one["metric"] for one in overall]
        self._results.row(
            what=f"{size:,} examples, peak of the larger web process",
            ours=peak,
            reference=most,
            unit="MB; the reference is the goal",
            note=f"{len(found['findings'])} findings",
        )

    def _asked(self, path: str, what: str, goal: float | None) -> dict[str, Any]:
        before, began = processes.own_cpu_seconds(self._web), time.perf_counter()
        found: dict[str, Any] = self._service.call("GET", path)
        took = time.perf_counter() - began
        cpu = processes.own_cpu_seconds(self._web) - before
        self._results.row(
            what=what,
            ours=took,
            reference=goal,
            unit="seconds by the client's clock; the reference is the goal",
            note=f"{cpu:.2f} CPU seconds of the web processes, load average {load_average():.1f}",
        )
        return found

    def _dataset(self, size: int) -> str:
        name = f"compared-{size}-{self._given.seed:x}"
        address = f"projects/{self._given.project}/datasets"
        self._post(address, {"name": name})
        texts = Texts.of(size, seed=self._given.seed)
        lines = texts.example_lines().splitlines()
        marked = (
            json.dumps({**json.loads(line), "part": f"part {at % N_SLICES}"})
            for at, line in enumerate(lines)
        )
        body = "\n".join(marked).encode()
        self._service.call("POST", f"{address}/{name}/versions", body, kind="x-ndjson")
        return name

    def _scored(self, dataset: str, size: int, system: int) -> str:
        wanted = {"dataset": dataset, "system": f"system-{system}", "metrics": list(METRICS)}
        run: str = self._post(f"projects/{self._given.project}/runs", wanted)["id"]
        texts = Texts.of(size, seed=self._given.seed, system=system)
        lines = texts.output_lines().splitlines(keepends=True)
        for at in range(0, size, BODY_LINES):
            body = b"".join(lines[at : at + BODY_LINES])
            self._service.call("POST", f"runs/{run}/outputs", body, kind="x-ndjson")
        self._post(f"runs/{run}/finish", {})
        for _ in self._service.states(run, seconds=900):
            pass
        return run

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._service.call("POST", path, json.dumps(body).encode())


if __name__ == "__main__":
    main()
