"""Send outputs to a running service, let it score them, and print the rates.

Texts are made from a fixed vocabulary and seed: references of about 60 words, outputs that keep
most of their words, so that every metric has work to do.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

METRICS = ["exact_match", "token_f1", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SYLLABLES = [
    *"aeiou",
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "wi",
]
GIVE_UP_SECONDS = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument("--outputs", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    if urlsplit(given.address).hostname not in LOOPBACK:
        parser.error("the address must be on this machine")
    service = Service(given.address, given.key)
    examples, outputs = texts(given.outputs)
    for number in range(given.runs):
        print(json.dumps(measure(service, given.project, examples, outputs, number)))


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


def measure(
    service: Service, project: str, examples: bytes, outputs: bytes, number: int
) -> dict[str, Any]:
    n = outputs.count(b"\n")
    name = f"bench-{time.time_ns():x}-{number}"
    service.call("POST", f"projects/{project}/datasets", json.dumps({"name": name}).encode())
    started = time.perf_counter()
    service.call("POST", f"projects/{project}/datasets/{name}/versions", examples, kind="x-ndjson")
    dataset = time.perf_counter() - started
    body = json.dumps({"dataset": name, "system": "bench", "metrics": METRICS}).encode()
    run = service.call("POST", f"projects/{project}/runs", body)["id"]

    started = time.perf_counter()
    service.call("POST", f"runs/{run}/outputs", outputs, kind="x-ndjson")
    ingest = time.perf_counter() - started

    started = time.perf_counter()
    service.call("POST", f"runs/{run}/finish", b"{}")
    steps = list(progress(service, run))
    scoring = time.perf_counter() - started
    final = service.call("GET", f"runs/{run}")
    return {
        "outputs": n,
        "bytes": len(outputs),
        "examples_per_second": round(n / dataset),
        "submitted_per_second": round(n / ingest),
        "scored_per_second": round(n / scoring),
        "progress_steps": len(set(steps)),
        "state": final["state"],
        "values": {metric: final["metrics"][metric]["value"] for metric in METRICS},
    }


def progress(service: Service, run: str) -> Iterator[int]:
    """Yield how many outputs are scored, until the run is."""
    until = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < until:
        state = service.call("GET", f"runs/{run}")
        yield state["progress"]["done"]
        if state["state"] != "scoring":
            return
        time.sleep(0.1)
    raise TimeoutError("The run was not scored in ten minutes.")


def texts(n: int) -> tuple[bytes, bytes]:
    """Return the lines of n examples and of n outputs."""
    words = random.Random(7)
    vocabulary = ["".join(words.choices(SYLLABLES, k=words.randint(1, 4))) for _ in range(4_000)]
    examples, outputs = [], []
    for number in range(n):
        reference = words.choices(vocabulary, k=words.randint(45, 75))
        output = [word if words.random() < 0.8 else words.choice(vocabulary) for word in reference]
        key = f"k{number:06}"
        examples.append({"key": key, "input": key, "expected_output": " ".join(reference)})
        outputs.append({"key": key, "output": " ".join(output), "latency_ms": number % 900})
    return _lines(examples), _lines(outputs)


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


if __name__ == "__main__":
    main()
