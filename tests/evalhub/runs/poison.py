"""A runner that dies of one output, as a worker does that runs out of memory."""

from __future__ import annotations

import os
import signal
import sys

from django.conf import settings

from evalhub.runs import draining, scoring, workers
from evalhub.runs.queue import Claim
from tests.forking import ended, forked

POISON = 13


def run_chunk(claim: Claim) -> None:
    if claim.start <= POISON < claim.stop:
        os.kill(os.getpid(), signal.SIGKILL)
    scoring.run_chunk(claim)


def drain() -> None:
    draining.drain(workers.process_name(), seconds=60)


def main(processes: int) -> None:
    """Drain in one process after the other, and print how each ended."""
    settings.CHUNK_RUNNERS = {"score": "tests.evalhub.runs.poison.run_chunk"}
    sys.stdout.write(" ".join(str(ended(forked(drain))) for _ in range(processes)))
