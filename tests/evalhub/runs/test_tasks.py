"""Wake-ups carry nothing, may be lost, doubled or late, and never hurt whoever sends them."""

import socket
import subprocess
import sys
import time

import pytest
from django.db import transaction

from evalhub.celery import app
from evalhub.runs import services, tasks, workers
from evalhub.runs.models import Chunk, Run
from tests.evalhub.runs.building import a_run, finished, measurement, right, submit

pytestmark = pytest.mark.django_db


def wakes():
    """Take the wake-ups off the broker of the tests, and return how many there were."""
    with app.connection_for_write() as connection:
        return connection.default_channel.queue_purge(app.conf.task_default_queue) or 0


@pytest.fixture(autouse=True)
def rested_broker(monkeypatch):
    monkeypatch.setattr(tasks._Process, "broker_rests_until", 0.0)
    tasks.send_wakes(1)
    wakes()


@pytest.fixture
def deaf_broker(monkeypatch):
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        monkeypatch.setitem(app.conf, "broker_write_url", address)
        yield


@pytest.fixture
def no_broker(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setitem(app.conf, "broker_write_url", f"redis://127.0.0.1:{port}/0")


def test_finishing_wakes_workers_once_it_is_committed(django_capture_on_commit_callbacks):
    for pid in (1, 2):
        workers.beat(f"there:{pid}:1")
    run = a_run(n=30)
    with django_capture_on_commit_callbacks(execute=True):
        finished(run, *right(1))
        assert wakes() == 0

    assert wakes() == 2


@pytest.mark.django_db(transaction=True)
def test_a_finish_that_is_rolled_back_wakes_nobody():
    run = a_run()
    with transaction.atomic():
        finished(run, *right(1))
        transaction.set_rollback(True)

    assert wakes() == 0
    run.refresh_from_db()
    assert run.state == Run.State.OPEN


@pytest.mark.parametrize("broker", ["no_broker", "deaf_broker"])
@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_neither_fails_nor_delays_a_request(broker, request):
    run = a_run()
    submit(run, *right(1, 2, 3))
    request.getfixturevalue(broker)

    started = time.monotonic()
    services.finish_run(run=run)
    first = time.monotonic() - started
    services.finish_run(run=a_run(), allow_missing=True)
    second = time.monotonic() - started - first

    assert run.state == Run.State.SCORING
    assert first < 2.0
    assert second < 0.5


def test_a_drain_that_leaves_work_wakes_a_worker_again(settings):
    settings.DRAIN_SECONDS = 0
    finished(a_run(n=30))

    tasks.drain()

    assert wakes() == 1
    assert Chunk.objects.filter(state="waiting").count() == 3


def test_a_drain_that_leaves_nothing_wakes_nobody():
    run = finished(a_run(n=30), *right(1))

    tasks.drain()
    tasks.drain()

    run.refresh_from_db()
    assert (wakes(), run.state) == (0, Run.State.SCORED)
    assert measurement(run).value == pytest.approx(1 / 30)


def test_a_sweep_wakes_workers_for_chunks_that_wait():
    tasks.sweep()
    assert wakes() == 0
    finished(a_run(n=30))

    tasks.sweep()

    assert wakes() == 1


def test_no_task_takes_an_argument():
    ours = [task for name, task in app.tasks.items() if name.startswith("runs.")]

    assert sorted(task.name for task in ours) == ["runs.drain", "runs.sweep"]
    for task in ours:
        with pytest.raises(TypeError):
            task(1)


def test_the_children_of_a_worker_hear_that_it_stops():
    script = """
import os, time, django
django.setup()
from evalhub.runs import workers
child = os.fork()
if not child:
    deadline = time.monotonic() + 10
    while not workers.is_stopping() and time.monotonic() < deadline:
        time.sleep(0.01)
    os._exit(7 if workers.is_stopping() else 1)
workers.ask_to_stop()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "7\n"
