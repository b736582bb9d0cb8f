"""Send outputs to a running service, let it score them, and print how fast that was.

Beside each rate stands the same work done plainly, a moment before, in one process of this
machine: a ratio says more than a rate on a machine that does other things too. Every repetition
has texts of its own, so that nothing the service remembers makes it look faster. Texts are made
from a fixed vocabulary and seed: references of about 60 words, outputs that keep most of their
words, so that every metric has work to do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import processes
import references

METRICS = ["exact_match", "token_f1", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SYLLABLES = [
    *("a", "e", "i", "o", "u", "ba", "ce", "di", "fo"),
    *("gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "wi"),
]
# The libraries take a second for so many.
SAMPLE = 300
TOLERANCE = 1e-9
GIVE_UP_SECONDS = 600.0
LOOK_SECONDS, WEIGH_SECONDS = 0.1, 1.0
SUMMED_UP = (
    *("examples_per_second", "submitted_per_second", "submitted_to_plain"),
    *("scored_per_second", "scored_to_libraries"),
)


def main() -> None:
    given = _arguments()
    service = Service(given.address, given.key)
    found = []
    for number in range(given.repeat):
        found.append(
            measure(service, given.project, Texts.of(given.outputs, seed=number), given.pid)
        )
        print(json.dumps(found[-1]), flush=True)
    rates = {name: [one[name] for one in found] for name in SUMMED_UP}
    least = {name: {"min": min(of), "median": median(of)} for name, of in rates.items()}
    print(json.dumps({"of": len(found), **least}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument("--outputs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        *("--pid", "-p"),
        type=int,
        action="append",
        default=[],
        help="a process whose CPU seconds and memory are measured, with all that it started: "
        "the service's is in the file lock of its data directory. May be repeated.",
    )
    given = parser.parse_args()
    if urlsplit(given.address).hostname not in LOOPBACK:
        parser.error("the address must be on this machine")
    return given


class Service:
    """The REST interface, as far as it is needed here."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address.rstrip("/")
        self._key = key

    def call(
        self, method: str, path: str, body: bytes | None = None, *, kind: str = "json"
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http on this machine
            f"{self._address}/api/v1/{path}",
            data=body,
            method=method,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": f"application/{kind}",
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)


@dataclass(frozen=True)
class Texts:
    """What is expected and what the system gave, by example."""

    expected: Sequence[str]
    outputs: Sequence[str]

    @classmethod
    def of(cls, n: int, *, seed: int) -> Texts:
        words = random.Random(seed)
        vocabulary = [
            "".join(words.choices(SYLLABLES, k=words.randint(1, 4))) for _ in range(4_000)
        ]
        expected = [words.choices(vocabulary, k=words.randint(45, 75)) for _ in range(n)]
        outputs = [
            # One in twenty is right to the letter.
            reference
            if words.random() < 0.05
            else [word if words.random() < 0.8 else words.choice(vocabulary) for word in reference]
            for reference in expected
        ]
        return cls([" ".join(one) for one in expected], [" ".join(one) for one in outputs])

    def example_lines(self) -> bytes:
        return _lines(
            {"key": f"k{at:06}", "input": f"k{at:06}", "expected_output": text}
            for at, text in enumerate(self.expected)
        )

    def output_lines(self) -> bytes:
        return _lines(
            {"key": f"k{at:06}", "output": text, "latency_ms": at % 900}
            for at, text in enumerate(self.outputs)
        )


def _lines(rows: Iterator[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def measure(service: Service, project: str, texts: Texts, pids: Sequence[int]) -> dict[str, Any]:
    """Take one dataset and one run through the service, and both references."""
    n, name, lines = len(texts.outputs), f"bench-{time.time_ns():x}", texts.output_lines()
    service.call("POST", f"projects/{project}/datasets", json.dumps({"name": name}).encode())
    address = f"projects/{project}/datasets/{name}/versions"
    dataset = timed(
        lambda: service.call("POST", address, texts.example_lines(), kind="x-ndjson"), pids
    )
    wanted = json.dumps({"dataset": name, "system": "bench", "metrics": METRICS}).encode()
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
        "load_average": os.getloadavg()[0],
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
    until = time.monotonic() + GIVE_UP_SECONDS
    weighed_at, memory = 0.0, 0.0
    while time.monotonic() < until:
        state = service.call("GET", f"runs/{run}")
        if pids and time.monotonic() - weighed_at > WEIGH_SECONDS:
            weighed_at, memory = time.monotonic(), processes.memory_mb(pids)
        yield state["progress"]["done"], memory
        if state["state"] == "scored":
            return
        assert state["state"] == "scoring", state
        time.sleep(LOOK_SECONDS)
    raise TimeoutError("The run was not scored in ten minutes.")


def _check(service: Service, run: str, expected: Sequence[dict[str, float]]) -> None:
    """See that the service gives the libraries' numbers: speed alone is easy."""
    rows = service.call("GET", f"runs/{run}/outputs?limit={SAMPLE}")["data"]
    for row, scores in zip(rows, expected, strict=True):
        for metric, score in scores.items():
            assert abs(row["scores"][metric] - score) <= TOLERANCE, (row["key"], metric, score)


if __name__ == "__main__":
    main()
