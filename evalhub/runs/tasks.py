"""The tasks of the queue. They carry nothing: they wake, and the database says what to do."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from django.conf import settings
from django.db import connections, transaction
from kombu.exceptions import OperationalError as BrokerError

from evalhub.celery import app
from evalhub.runs import draining, queue, sweeping, workers
from evalhub.runs.heart import Heart

log = logging.getLogger("evalhub.runs.tasks")

# A broker that does not answer is left alone for a while: the sweep wakes the workers anyway.
BROKER_PAUSE_SECONDS = 10.0
BROKER_TIMEOUT_SECONDS = 0.5


class _Process:
    """What this process keeps between tasks."""

    heart: Heart | None = None
    broker_rests_until = 0.0


@app.task(name="runs.drain")
def drain() -> None:
    """Work on waiting chunks for a while, and wake a worker again if some are left."""
    heart = _Process.heart
    holding = {"holding": heart.holding} if heart else {}
    try:
        draining.drain(workers.process_name(), seconds=settings.DRAIN_SECONDS, **holding)
    finally:
        if queue.has_waiting() and not workers.is_stopping():
            send_wakes(1)


@app.task(name="runs.sweep")
def sweep() -> None:
    """Set right what was lost, and wake idle workers while chunks wait."""
    sweeping.sweep()
    send_wakes(sweeping.idle_workers())


def wake() -> None:
    """Wake idle workers once the transaction is committed. Never fails, and never waits long."""
    transaction.on_commit(lambda: send_wakes(sweeping.idle_workers()), robust=True)


def send_wakes(count: int) -> None:
    """Send wake-ups that carry nothing. A broker that is away is no error: the sweep comes."""
    if not count or time.monotonic() < _Process.broker_rests_until:
        return
    connection = app.connection_for_write()
    connection.transport_options = {
        **app.conf.broker_transport_options,
        "socket_timeout": BROKER_TIMEOUT_SECONDS,
        "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        "max_retries": 0,
    }
    try:
        with connection:
            for _ in range(count):
                app.send_task(drain.name, connection=connection, retry=False)
    except (BrokerError, OSError) as exc:
        _Process.broker_rests_until = time.monotonic() + BROKER_PAUSE_SECONDS
        log.warning("no wake-up sent", extra={"fields": {"error": type(exc).__name__}})


@worker_process_init.connect
def begin(**_signal: Any) -> None:
    """Start the heart of a worker's child, and let one child look around.

    Work may wait since before, or since the child died whose place this one takes. The parent
    never gets here: it opens no database.
    """
    _Process.heart = Heart(workers.process_name())
    _Process.heart.start()
    send_wakes(1)


@worker_process_shutdown.connect
def end(**_signal: Any) -> None:
    if _Process.heart:
        _Process.heart.stop()
    connections.close_all()


@worker_shutting_down.connect
def wind_up(**_signal: Any) -> None:
    workers.ask_to_stop()
