"""Workers are killed, the broker forgets, wake-ups come twice: the numbers are the same."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import redis

from evalhub.runs import workers
from tests.running import Service, wait_until

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

POSITIONS, SECONDS = 6_000, 180.0
METRICS = ["exact_match", "token_f1", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"]
# Two runs with the same outputs; the first is scored in peace.
FILL = f"""
import random
from evalhub.runs import services
from tests.evalhub.runs.building import submit
from tests.factories import a_project, a_version, example_row
dice = random.Random(4)
words = ["".join(dice.choices("abcdefghij", k=dice.randint(2, 8))) for _ in range(900)]
rows, lines = [], []
for number in range({POSITIONS}):
    text = dice.choices(words, k=60)
    rows.append(example_row(f"k{{number}}", expected_output=" ".join(text)))
    changed = [dice.choice(words) if dice.random() < 0.2 else word for word in text]
    lines.append({{"key": f"k{{number}}", "output": " ".join(changed)}})
version = a_version(a_project("queue"), rows)
for name in ("peace", "trouble"):
    run = services.create_run(
        project=version.dataset.project,
        dataset=version.dataset.slug,
        system="twin",
        external_id=name,
        metrics={METRICS},
    )
    submit(run, *lines[:-7])
"""
FINISH = """
from evalhub.celery import app
from evalhub.runs import services
from evalhub.runs.models import Run
run = Run.objects.get(external_id="{name}")
services.finish_run(run=run, allow_missing=True)
for _ in range(2):
    app.send_task("runs.drain", task_id="the same message, delivered twice")
"""
BITS = """
import hashlib, json
import numpy as np
from evalhub.runs.columns import read_scores
from evalhub.runs.models import Run
def bits(run):
    found = {}
    for measurement in run.measurements.all():
        scores = read_scores(measurement)
        digest = hashlib.sha256(scores.values.tobytes() + scores.reasons.tobytes())
        digest.update(np.ascontiguousarray(scores.statistics).tobytes())
        numbers = [measurement.value, measurement.low, measurement.high, measurement.answered_only]
        counts = [measurement.n_scored, measurement.unscored, measurement.n_failed]
        found[measurement.name] = [digest.hexdigest(), *map(repr, numbers), *counts]
    return found
print(json.dumps({run.external_id: bits(run) for run in Run.objects.all()}))
"""
DONE = """
SELECT COALESCE(SUM(stop - start), 0) FROM runs_chunk WHERE state = 'done' AND job_id IN (
  SELECT id FROM runs_job WHERE run_id = (SELECT id FROM runs_run WHERE external_id = 'trouble')
)
"""


def shell(service: Service, script: str) -> str:
    return service.manage("shell", "--verbosity", "0", "--command", script)


def done(service: Service) -> int:
    """Return how many positions of the troubled run have been scored."""
    [(positions,)] = service.query(DONE)
    return int(positions)


def is_scored(service: Service, run: str) -> bool:
    return (run, "scored") in service.query("SELECT external_id, state FROM runs_run")


def owners(service: Service) -> list[int]:
    """Return the living processes that have a chunk in hand."""
    rows = service.query("SELECT owner FROM runs_chunk WHERE state = 'claimed'")
    return [int(owner.split(":")[1]) for (owner,) in rows if not workers.is_known_dead(owner)]


def kill_one_at_work(service: Service) -> None:
    deadline = time.monotonic() + 30
    while not (pids := owners(service)):
        assert time.monotonic() < deadline
    os.kill(pids[0], signal.SIGKILL)


def worker_parent(service: Service) -> int:
    pids = service.pids(" worker ")
    stats = {pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in pids}
    return next(pid for pid, stat in stats.items() if int(stat.split()[1]) not in pids)


def open_files(pid: int) -> list[str]:
    return [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]  # noqa: PTH115


def broker_of(service: Service) -> redis.Redis:
    (pid,) = service.pids("valkey-server")
    words = Path(f"/proc/{pid}/cmdline").read_text()
    return redis.Redis(unix_socket_path=words.split("unixsocket:")[1].strip("\0 "))


def test_killed_workers_and_a_forgetful_broker_change_no_bit(start_service):
    service = start_service(EVALHUB_WORKERS="2", EVALHUB_CHUNK_POSITIONS="100")
    shell(service, FILL + FINISH.format(name="peace"))
    wait_until(lambda: is_scored(service, "peace"), seconds=SECONDS)

    shell(service, FINISH.format(name="trouble"))
    wait_until(lambda: done(service) > POSITIONS * 0.1, seconds=SECONDS)
    kill_one_at_work(service)
    wait_until(lambda: done(service) > POSITIONS * 0.25, seconds=SECONDS)
    kill_one_at_work(service)
    with broker_of(service) as broker:
        broker.flushall()
    wait_until(lambda: done(service) > POSITIONS * 0.4, seconds=SECONDS)
    os.kill(worker_parent(service), signal.SIGKILL)
    at_the_third_kill = done(service)
    wait_until(lambda: is_scored(service, "trouble"), seconds=SECONDS)

    found = json.loads(shell(service, BITS))
    peace, trouble = found["peace"], found["trouble"]
    assert at_the_third_kill < POSITIONS
    assert list(peace) == METRICS
    assert trouble == peace
    assert all(numbers[5] == POSITIONS for numbers in peace.values())
    crashes = service.query("SELECT SUM(crashes) FROM runs_chunk")
    # A kill may fall between two chunks; not all of them do.
    assert int(crashes[0][0]) >= 1
    parent = worker_parent(service)
    assert [name for name in open_files(parent) if "sqlite" in name] == [], "the parent forks"
