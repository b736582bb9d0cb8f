"""What the journeys of labeling label, brought in over REST: two runs of a few examples."""

from __future__ import annotations

from tests.factories import jsonl

EXAMPLES = 5


def some_runs(api, dataset: str, more: str) -> list[str]:
    done(api.post("/api/v1/projects/meadow/datasets", json={"name": dataset}))
    examples = [
        {"key": f"bird-{at}", "input": f"What sings at {at} in the morning?", "context": "Robins."}
        for at in range(1, EXAMPLES + 1)
    ]
    lines(api, f"projects/meadow/datasets/{dataset}/versions", examples)
    ids = []
    for system in ("heron", "stork"):
        body = {"dataset": dataset, "system": system, "metrics": ["token_f1"]}
        run = done(api.post("/api/v1/projects/meadow/runs", json=body))["id"]
        outputs = [
            {"key": row["key"], "output": f"{system} {row['key']}{more}"} for row in examples
        ]
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
