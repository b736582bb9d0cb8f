"""The heartbeat of a worker process: it lives, and so does its claim on the chunk in hand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from evalhub.runs import queue, workers
from evalhub.runs.queue import Claim

log = logging.getLogger("evalhub.runs.heart")

# Readiness counts workers seen within 45 seconds (selectors.ALIVE).
MOST_SECONDS = 15.0
# Work that takes longer than this hangs: let the lease run out and another worker find out.
LONGEST_HOLD_SECONDS = 3_600.0


class Heart:
    """A thread beside the work. Its connection is its own and closed after every beat."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: tuple[Claim, float] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and strike the process off the list of workers."""
        self._stop.set()
        self._thread.join(timeout=MOST_SECONDS)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Keep the lease of a chunk while it is worked on."""
        self._held = claim, time.monotonic()
        try:
            yield
        finally:
            self._held = None

    def _beat_on(self) -> None:
        pause = min(MOST_SECONDS, settings.LEASE_SECONDS / 3)
        while not self._stop.is_set():
            self._try(self._beat)
            self._stop.wait(pause)
        self._try(lambda: workers.forget(self._name))

    def _beat(self) -> None:
        workers.beat(self._name)
        held = self._held  # the other thread may let go meanwhile
        if held and time.monotonic() - held[1] < LONGEST_HOLD_SECONDS:
            queue.extend(held[0])

    def _try(self, act: Callable[[], None]) -> None:
        """A beat that fails is one beat; the lease outlives several."""
        try:
            act()
        except (DatabaseError, InterfaceError) as exc:
            log.warning("heartbeat failed", extra={"fields": {"error": type(exc).__name__}})
        finally:
            connections.close_all()
