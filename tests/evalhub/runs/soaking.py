"""The workers of the soak, and who kills them.

A worker claims and finishes chunks as fast as it can, with a column for each, and writes down the
id of every chunk whose end was committed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np
from django.utils import timezone

from evalhub.runs import queue, sweeping, workers
from evalhub.runs.columns import NewColumn
from evalhub.runs.models import Chunk, Job, Measurement
from evalhub.runs.scoring import measurements_at_work
from metrics.batch import Scores
from tests.evalhub.runs.building import a_run
from tests.forking import ended, forked


def main(folder: str, *, seconds: float, processes: int, kills: int, positions: int) -> None:
    """Let workers work, kill one after the other and put another in its place; print the ends."""
    fill(positions)
    outputs = [Path(folder, f"worker-{number}") for number in range(processes + kills)]
    pids = [forked(partial(work, output, seconds)) for output in outputs[:processes]]
    pause = seconds / (kills + 1)
    for killed, output in enumerate(outputs[processes:]):
        time.sleep(pause)
        victim = pids.pop(0)
        os.kill(victim, signal.SIGKILL)
        ended(victim)
        pids.append(forked(partial(work, output, pause * (kills - killed))))
    sys.stdout.write(" ".join(str(ended(pid)) for pid in pids))


def fill(positions: int) -> None:
    """Make a run with a chunk for every position, all of them waiting."""
    run = a_run(n=4)
    measurement = run.measurements.get()
    Measurement.objects.update(state="scoring")
    job = Job.objects.create(run=run, kind="score", created_at=timezone.now())
    job.measurements.add(measurement)
    Chunk.objects.bulk_create(
        Chunk(job=job, start=start, stop=start + 1, turn=start) for start in range(positions)
    )


def work(output: Path, seconds: float) -> None:
    with output.open("w", encoding="utf-8") as file:
        _claim_and_finish(file, seconds)


def _claim_and_finish(file: TextIO, seconds: float) -> None:
    owner = workers.process_name()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        workers.beat(owner)
        claim = queue.claim(owner)
        if claim is None:
            sweeping.sweep()
            time.sleep(0.01)
            continue
        queue.extend(claim)
        n = claim.stop - claim.start
        columns = [
            NewColumn(
                measurement_id=measurement.pk,
                start=claim.start,
                n=n,
                scores=Scores(
                    values=np.arange(claim.start, claim.stop, dtype=np.float64),
                    reasons=np.zeros(n, dtype=np.uint8),
                    statistics=np.zeros((n, 0)),
                ),
                inputs_digest="",
            )
            for measurement in measurements_at_work(claim)
        ]
        queue.finish(claim, columns=columns)
        file.write(f"{claim.chunk_id}\n")
        file.flush()
