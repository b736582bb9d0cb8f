"""Before anything trusts SQLite: many processes claim and finish, and nothing is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

SECONDS = float(os.environ.get("EVALHUB_SOAK_SECONDS", "15"))
PROCESSES, KILLS, POSITIONS = 4, 4, 40_000
BASE_DIR = Path(__file__).resolve().parents[3]
FILL = f"""
from django.utils import timezone
from evalhub.accounts.models import Project
from evalhub.runs import queue
from evalhub.runs.models import Chunk, Job, Measurement
from tests.evalhub.runs.building import a_run
run = a_run(n=4)
measurement = run.measurements.get()
Measurement.objects.update(state="scoring")
job = Job.objects.create(run=run, kind="score", created_at=timezone.now())
job.measurements.add(measurement)
Chunk.objects.bulk_create(
    Chunk(job=job, start=start, stop=start + 1, turn=start) for start in range({POSITIONS})
)
"""
SHELL = ("manage.py", "shell", "--verbosity", "0", "--command")
WORK = "from tests.evalhub.runs.soaking import main; main({})"

pytestmark = pytest.mark.sqlite


@pytest.fixture
def environment(tmp_path):
    """The product's own settings, with every commit on the disk; not those of the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EVALHUB_", "DJANGO_", "DATABASE_"))
    }
    own = {
        "EVALHUB_DATA_DIR": str(tmp_path),
        "EVALHUB_ROLE": "worker",
        "DJANGO_SETTINGS_MODULE": "evalhub.settings",
    }
    return {**kept, **own}


def run(environment, *arguments):
    subprocess.run([sys.executable, *arguments], cwd=BASE_DIR, env=environment, check=True)


def start(environment, output, seconds):
    with output.open("wb") as file:
        return subprocess.Popen(
            [
                sys.executable,
                "manage.py",
                "shell",
                "--verbosity",
                "0",
                "--command",
                WORK.format(seconds),
            ],
            cwd=BASE_DIR,
            env=environment,
            stdout=file,
        )


def test_nothing_is_lost_or_done_twice_while_workers_are_killed(environment, tmp_path):
    run(environment, "manage.py", "migrate", "--verbosity", "0")
    run(environment, *SHELL, FILL)
    outputs = [tmp_path / f"worker-{number}" for number in range(PROCESSES + KILLS)]
    processes = [start(environment, output, SECONDS) for output in outputs[:PROCESSES]]

    pause = SECONDS / (KILLS + 1)
    for kills, (victim, output) in enumerate(
        zip(list(processes), outputs[PROCESSES:], strict=True)
    ):
        time.sleep(pause)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        processes.append(start(environment, output, pause * (KILLS - kills)))
    ends = [process.wait() for process in processes[KILLS:]]

    said = [line for output in outputs for line in output.read_text().splitlines()]
    with sqlite3.connect(tmp_path / "evalhub.sqlite3") as database:
        [(integrity,)] = database.execute("PRAGMA integrity_check")
        states = Counter(row[0] for row in database.execute("SELECT state FROM runs_chunk"))
        done = {
            str(pk): start
            for pk, start in database.execute(
                "SELECT id, start FROM runs_chunk WHERE state = 'done'"
            )
        }
        columns = [row[0] for row in database.execute("SELECT start FROM runs_scorecolumn")]
    assert ends == [0] * len(ends)
    assert integrity == "ok"
    assert set(Counter(said).values()) == {1}, "a chunk was ended twice"
    assert set(said) <= done.keys(), "a commit was lost"
    assert sorted(columns) == sorted(done.values()), "columns and chunks differ"
    # A killed worker may have committed and not said so; its open claim is at most one.
    assert len(done) - len(said) <= KILLS
    assert states["claimed"] <= PROCESSES
    assert len(said) > 100
