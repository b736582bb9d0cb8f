"""What the journeys of labeling label, brought in over REST: two runs of a few examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.factories import jsonl

EXAMPLES = 5


def some_runs(api, dataset: str, more: str) -> list[str]:
    keys = [f"bird-{at}" for at in range(1, EXAMPLES + 1)]
    said = {system: [f"{system} {key}{more}" for key in keys] for system in ("heron", "stork")}
    return runs_that_say(api, dataset, said)


def runs_that_say(api, dataset: str, said: Mapping[str, Sequence[str]]) -> list[str]:
    """Return finished runs of systems with these outputs, an example each."""
    done(api.post("/api/v1/projects/meadow/datasets", json={"name": dataset}))
    n = len(next(iter(said.values())))
    examples = [
        {"key": f"bird-{at}", "input": f"What sings at {at} in the morning?", "context": "Robins."}
        for at in range(1, n + 1)
    ]
    lines(api, f"projects/meadow/datasets/{dataset}/versions", examples)
    ids = []
    for system, texts in said.items():
        body = {"dataset": dataset, "system": system, "metrics": ["token_f1"]}
        run = done(api.post("/api/v1/projects/meadow/runs", json=body))["id"]
        keyed = zip(examples, texts, strict=True)
        outputs = [{"key": row["key"], "output": text} for row, text in keyed]
        lines(api, f"runs/{run}/outputs", outputs)
        done(api.post(f"/api/v1/runs/{run}/finish"))
        ids.append(run)
    return ids


def done(response):
    assert response.status_code < 300, response.text
    return response.json()


def lines(api, path, rows):
    done(
        api.post(
            f"/api/v1/{path}",
            content=jsonl(*rows).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
    )
