"""A judge asked by real workers over REST: one of them is killed, and next to nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import pytest

from evalhub.runs import workers
from tests.evalhub.judging.endpoint import after, judges, serving
from tests.factories import jsonl
from tests.running import wait_until

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

KEY = "sk-a-key-of-the-journeys-alone"
EXAMPLES, CONCURRENCY = 60, 3
BEGIN = """
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import issue_api_key
from tests.factories import a_project
print(issue_api_key(project=a_project("judged"), name="journey", scopes=list(SCOPES))[1])
"""
ASKERS = "SELECT DISTINCT asked_by FROM judging_judgecall WHERE state = 'asking'"
LEDGER = """
from collections import Counter
from evalhub.judging.models import JudgeCall
from evalhub.runs.models import Rating
print(Counter(JudgeCall.objects.values_list("state", flat=True)), Rating.objects.count())
"""


def shell(service, script):
    return service.manage("shell", "--verbosity", "0", "--command", script)


def filled_run(client):
    """Open a run over REST with all its outputs."""
    at = "projects/judged/datasets"
    rows = [{"key": f"q{i}", "input": f"When was bridge {i} built?"} for i in range(EXAMPLES)]
    client.post(at, json={"name": "bridges"}).raise_for_status()
    body = {"content": jsonl(*rows), "headers": {"Content-Type": "application/x-ndjson"}}
    client.post(f"{at}/bridges/versions", **body).raise_for_status()
    asked = {"dataset": "bridges", "system": "s", "metrics": ["judge_answer_relevance"]}
    run = client.post("projects/judged/runs", json=asked).raise_for_status().json()["id"]
    lines = [{"key": f"q{i}", "output": f"In {1800 + i}."} for i in range(EXAMPLES)]
    client.post(
        f"runs/{run}/outputs",
        content=jsonl(*lines),
        headers={"Content-Type": "application/x-ndjson"},
    ).raise_for_status()
    return run


def test_a_killed_worker_loses_no_more_than_what_was_on_its_way(start_service):
    with serving(lambda asked: after(0.3, judges(4))) as endpoint:
        service = start_service(
            EVALHUB_JUDGE_URL=endpoint.url,
            EVALHUB_JUDGE_MODEL="tiny-judge",
            EVALHUB_JUDGE_KEY=KEY,
            EVALHUB_JUDGE_CONCURRENCY=str(CONCURRENCY),
            NO_PROXY="127.0.0.1",
        )
        key = shell(service, BEGIN)
        with service.client(key=key) as client:
            client.base_url = f"{service.url}/api/v1/"
            run = filled_run(client)
            client.post(f"runs/{run}/finish", json={}).raise_for_status()
            wait_until(lambda: len(endpoint.asked) > EXAMPLES / 4, seconds=60)
            victim = next(name for (name,) in service.query(ASKERS) if name)
            assert not workers.is_known_dead(victim)
            os.kill(int(victim.split(":")[1]), signal.SIGKILL)
            wait_until(lambda: client.get(f"runs/{run}").json()["state"] == "scored", seconds=120)
            found = client.get(f"runs/{run}").json()["metrics"]["judge_answer_relevance"]

        assert (found["value"], found["n"], found["unscored"]) == (4.0, EXAMPLES, 0)
        asked = Counter(one.material for one in endpoint.asked)
        assert len(asked) == EXAMPLES
        assert sum(asked.values()) - EXAMPLES <= CONCURRENCY
        assert shell(service, LEDGER) == f"Counter({{'answered': {EXAMPLES}}}) {EXAMPLES}"
        written = [path.read_bytes() for path in service.data_dir.rglob("*") if path.is_file()]
        assert not any(KEY.encode() in content for content in written)
        assert KEY not in service.output
