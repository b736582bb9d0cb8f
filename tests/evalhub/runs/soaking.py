"""One worker of the soak, run in a process of its own.

It claims and finishes chunks as fast as it can, with a column for each, and prints the id of
every chunk whose end was committed.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from django.db import connections

from evalhub.runs import queue, sweeping, workers
from evalhub.runs.columns import NewColumn
from evalhub.runs.scoring import measurements_at_work
from metrics.batch import Scores


def main(seconds: float) -> None:
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
        sys.stdout.write(f"{claim.chunk_id}\n")
        sys.stdout.flush()
    connections.close_all()
