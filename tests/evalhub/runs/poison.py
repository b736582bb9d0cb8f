"""A runner that dies of one output, as a worker does that runs out of memory."""

from __future__ import annotations

import os
import signal

from django.conf import settings

from evalhub.runs import draining, scoring, workers
from evalhub.runs.queue import Claim

POISON = 13


def run_chunk(claim: Claim) -> None:
    if claim.start <= POISON < claim.stop:
        os.kill(os.getpid(), signal.SIGKILL)
    scoring.run_chunk(claim)


def main() -> None:
    """Drain once, in a process of its own."""
    settings.CHUNK_RUNNERS = {"score": "tests.evalhub.runs.poison.run_chunk"}
    draining.drain(workers.process_name(), seconds=60)
