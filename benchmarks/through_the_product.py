"""Send outputs to a running service, let it score them, and say how fast that was.

Beside each rate stands the same work done plainly, a moment before, in one process of this
machine: a ratio says more than a rate on a machine that does other things too. Every repetition
has texts of its own, so that nothing the service remembers makes it look faster.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import processes
import references
from results import Results, add_arguments, load_average
from service import Service
from texts import METRICS, Texts

OUTPUTS, REPEAT, QUICK_OUTPUTS, QUICK_REPEAT = 10_000, 5, 2_000, 2
# The libraries take a second for so many.
SAMPLE = 300
TOLERANCE = 1e-9
GIVE_UP_SECONDS, WEIGH_SECONDS = 600.0, 1.0
PER_SECOND = "per second by the clock"


def main() -> None:
    given = _arguments()
    service = Service(given.address, given.key)
    results = Results(
        "Through the product",
        f"{given.outputs:,} outputs of about 60 words over REST, {len(METRICS)} metrics; "
        f"the median of {given.repeat}",
    )
    found = []
    for number in range(given.repeat):
        texts = Texts.of(given.outputs, seed=time.time_ns() // 10**9 + number)
        found.append(measure(service, given.project, texts, given.pid))
        print(json.dumps(found[-1]), flush=True)
    _tell(results, found)
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument("--outputs", type=int)
    parser.add_argument("--repeat", type=int)
    parser.add_argument(
        *("--pid", "-p"),
        type=int,
        action="append",
        default=[],
        help="a process whose CPU seconds and memory are measured, with all that it started: "
        "the service's is in the file lock of its data directory. May be repeated.",
    )
    add_arguments(parser)
    given = parser.parse_args()
    given.outputs = given.outputs or (QUICK_OUTPUTS if given.quick else OUTPUTS)
    given.repeat = given.repeat or (QUICK_REPEAT if given.quick else REPEAT)
    return given


def _tell(results: Results, found: Sequence[dict[str, Any]]) -> None:
    """Put the medians into the results, each beside its reference."""
    compared = {
        "Examples stored, a new version": ("examples_per_second", None, ""),
        "Outputs submitted": (
            *("submitted_per_second", "plain_per_second"),
            "reference: json and one transaction of a plain SQLite file",
        ),
        "Outputs scored, finish to aggregates": (
            *("scored_per_second", "libraries_per_second"),
            "reference: sacrebleu and rouge-score in one process, BLEU, chrF and ROUGE alone",
        ),
        "Outputs from the first byte to aggregates": ("through_per_second", None, ""),
    }
    for what, (ours, reference, note) in compared.items():
        rates = [one[ours] for one in found]
        theirs = median(one[reference] for one in found) if reference else None
        slowest = f"least {min(rates):,}"
        results.row(
            what=what,
            ours=median(rates),
            reference=theirs,
            unit=PER_SECOND,
            note=f"{slowest}; {note}" if note else slowest,
        )


def measure(service: Service, project: str, texts: Texts, pids: Sequence[int]) -> dict[str, Any]:
    """Take one dataset and one run through the service, and both references."""
    n, name, lines = len(texts.outputs), f"bench-{time.time_ns():x}", texts.output_lines()
    service.call("POST", f"projects/{project}/datasets", json.dumps({"name": name}).encode())
    address = f"projects/{project}/datasets/{name}/versions"
    dataset = timed(
        lambda: service.call("POST", address, texts.example_lines(), kind="x-ndjson"), pids
    )
    wanted = json.dumps({"dataset": name, "system": "bench", "metrics": list(METRICS)}).encode()
    run = service.call("POST", f"projects/{project}/runs", wanted)["id"]

    plain = timed(lambda: references.store_plainly(lines))
    ingest = timed(
        lambda: service.call("POST", f"runs/{run}/outputs", lines, kind="x-ndjson"), pids
    )

    sample = (texts.outputs[:SAMPLE], texts.expected[:SAMPLE])
    libraries = timed(lambda: references.score_with_libraries(*sample))
    scoring = timed(lambda: list(scored(service, run, pids)), pids)
    done, memory = zip(*scoring.result, strict=True)
    _check(service, run, libraries.result)

    per_second = {
        "examples_per_second": n / dataset.seconds,
        "submitted_per_second": n / ingest.seconds,
        "plain_per_second": n / plain.seconds,
        "scored_per_second": n / scoring.seconds,
        "through_per_second": n / (ingest.seconds + scoring.seconds),
        "libraries_per_second": len(sample[0]) / libraries.seconds,
    }
    measured: dict[str, Any] = {
        "outputs": n,
        "bytes": len(lines),
        **{what: round(rate) for what, rate in per_second.items()},
        "submitted_to_plain": round(plain.seconds / ingest.seconds, 2),
        "scored_to_libraries": round(
            per_second["scored_per_second"] / per_second["libraries_per_second"], 1
        ),
        "progress_steps": len(set(done)),
        "load_average": load_average(),
    }
    if pids:
        measured["cpu_seconds"] = {
            "dataset": dataset.cpu, "submitting": ingest.cpu, "scoring": scoring.cpu
        }  # fmt: skip
        measured["memory_mb"] = round(max(memory))
    return measured


@dataclass(frozen=True)
class Timed:
    result: Any
    seconds: float
    cpu: float


def timed(act: Callable[[], Any], pids: Sequence[int] = ()) -> Timed:
    """Do something, and say how long it took and what CPU time it cost the processes."""
    cpu, started = processes.cpu_seconds(pids), time.perf_counter()
    result = act()
    seconds = time.perf_counter() - started
    return Timed(result, seconds, round(processes.cpu_seconds(pids) - cpu, 2))


def scored(service: Service, run: str, pids: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Finish a run; yield how many outputs are scored and the memory in use, until all are."""
    service.call("POST", f"runs/{run}/finish", b"{}")
    weighed_at, memory = 0.0, 0.0
    for state in service.states(run, seconds=GIVE_UP_SECONDS):
        if pids and time.monotonic() - weighed_at > WEIGH_SECONDS:
            weighed_at, memory = time.monotonic(), processes.memory_mb(pids)
        yield state["progress"]["done"], memory


def _check(service: Service, run: str, expected: Sequence[dict[str, float]]) -> None:
    """See that the service gives the libraries' numbers: speed alone is easy."""
    rows = service.call("GET", f"runs/{run}/outputs?limit={SAMPLE}")["data"]
    for row, scores in zip(rows, expected, strict=True):
        for metric, score in scores.items():
            assert abs(row["scores"][metric] - score) <= TOLERANCE, (row["key"], metric, score)


if __name__ == "__main__":
    main()
