"""The queue of record: turns, leases, fences, crashes, and what a sweep sets right."""

import subprocess
import sys
import threading
import time
from datetime import timedelta
from itertools import chain

import numpy as np
import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs import draining, queue, scoring, sealing, services, sweeping, workers
from evalhub.runs.heart import Heart
from evalhub.runs.models import Chunk, Job, Measurement, Run, ScoreColumn, Worker
from evalhub.runs.queue import LostClaimError
from evalhub.runs.selectors import Progress, living_workers, progress
from metrics.reasons import Reason
from tests.evalhub.runs.building import (
    a_run,
    claimed,
    drain,
    finished,
    measurement,
    right,
    scored,
    scores,
    spans,
)
from tests.factories import a_project, a_version

pytestmark = pytest.mark.django_db


def run_out():
    """Let every lease be over."""
    past = timezone.now() - timedelta(seconds=1)
    Chunk.objects.filter(state="claimed").update(lease_until=past)


@pytest.fixture
def dead_owner():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = workers.process_name(process.pid)
    assert not workers.is_known_dead(name)
    process.kill()
    process.communicate()
    return name


# --- planning and turns


@pytest.mark.parametrize(
    ("n", "attempts", "sizes"),
    [
        (1, 1, [1]),
        (10, 1, [10]),
        (25, 1, [10, 10, 5]),
        (400, 1, [50] * 8),
        (2_500, 1, [313] * 7 + [309]),
    ],
)
def test_small_runs_have_several_chunks_so_that_progress_moves(n, attempts, sizes):
    finished(a_run(n=n, attempts=attempts))

    assert [chunk.stop - chunk.start for chunk in Chunk.objects.order_by("start")] == sizes


def test_chunks_have_a_limit_that_counts_every_attempt(settings):
    settings.CHUNK_POSITIONS = 100
    finished(a_run(n=1_000))
    assert Chunk.objects.count() == 10
    Chunk.objects.all().delete()

    finished(a_run(n=1_000, attempts=5))
    assert Chunk.objects.count() == 50


def test_runs_take_turns_and_a_later_run_does_not_wait_for_all_of_an_earlier_one():
    early = finished(a_run(n=40))
    first = [claimed().run_id for _ in range(2)]
    late = finished(a_run(n=40))

    order = [claimed().run_id for _ in range(6)]

    assert first == [early.pk, early.pk]
    assert order == [late.pk, late.pk, early.pk, late.pk, early.pk, late.pk]


def test_nothing_waiting_is_nothing_claimed():
    assert queue.claim("this:1:1") is None


# --- claims, leases, fences


def test_a_claim_is_a_lease_on_the_databases_clock(settings):
    settings.LEASE_SECONDS = 30
    finished(a_run())

    claim = claimed("here:7:1")

    chunk = Chunk.objects.get(pk=claim.chunk_id)
    assert (chunk.state, chunk.owner, chunk.fence, claim.kind) == (
        "claimed",
        "here:7:1",
        1,
        "score",
    )
    left = (chunk.lease_until - timezone.now()).total_seconds()
    assert 25 < left <= 31


def test_a_held_lease_is_extended_and_a_lost_one_is_not(settings):
    finished(a_run())
    claim = claimed()
    run_out()

    settings.LEASE_SECONDS = 600
    assert queue.extend(claim)
    assert Chunk.objects.get().lease_until > timezone.now() + timedelta(seconds=500)
    assert queue.expired_claims() == []

    queue.note_crash(claim, error="test")
    assert not queue.extend(claim)


def test_a_late_worker_writes_nothing():
    finished(a_run(), *right(1, 2, 3))
    late = claimed("slow:1:1")
    run_out()
    sweeping.sweep()
    quick = claimed("quick:1:1")

    with pytest.raises(LostClaimError):
        scoring.run_chunk(late)
    assert not ScoreColumn.objects.exists()

    scoring.run_chunk(quick)
    with pytest.raises(LostClaimError):
        scoring.run_chunk(late)
    assert Chunk.objects.get().state == "done"


def test_the_same_worker_with_an_old_fence_writes_nothing():
    finished(a_run(), *right(1, 2, 3))
    before = claimed()
    run_out()
    sweeping.sweep()
    claimed()

    with pytest.raises(LostClaimError):
        queue.finish(before)


def test_a_chunk_done_twice_changes_nothing():
    run = scored(a_run(n=20), *right(*range(1, 12)))
    before = [bytes(row.values) for row in ScoreColumn.objects.order_by("start")]
    value = measurement(run).value

    Chunk.objects.filter(start=0).update(state="waiting")
    Job.objects.update(state="working")
    Measurement.objects.update(state="scoring")
    ScoreColumn.objects.filter(start=0).delete()
    drain()

    assert [bytes(row.values) for row in ScoreColumn.objects.order_by("start")] == before
    assert measurement(run).value == value


def test_a_postponed_chunk_waits_and_has_not_crashed():
    finished(a_run())
    queue.postpone(claimed(), seconds=60)

    assert queue.claim("this:1:1") is None
    assert not queue.has_waiting()
    assert Chunk.objects.get().crashes == 0

    Chunk.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert queue.claim("this:1:1") is not None


def test_a_chunk_given_back_for_now_is_due_in_the_same_millisecond():
    finished(a_run())
    for _ in range(20):
        queue.postpone(claimed(), seconds=0)
        assert queue.has_waiting()


# --- crashes


def test_a_chunk_whose_lease_ran_out_is_tried_again():
    finished(a_run())
    claimed()
    sweeping.sweep()
    assert Chunk.objects.get().state == "claimed"

    run_out()
    sweeping.sweep()

    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.crashes, chunk.owner) == ("waiting", 1, "")


def test_a_dead_owner_is_noticed_at_once(dead_owner):
    finished(a_run())
    claimed(dead_owner)

    sweeping.sweep()

    assert (Chunk.objects.get().state, Chunk.objects.get().crashes) == ("waiting", 1)


def test_a_worker_that_finds_nothing_takes_over_from_the_dead(dead_owner):
    run = finished(a_run(), *right(1, 2, 3))
    claimed(dead_owner)

    assert drain() == 1

    run.refresh_from_db()
    assert run.state == Run.State.SCORED


def test_an_owner_of_another_machine_is_never_taken_for_dead():
    assert not workers.is_known_dead("elsewhere-0123456789ab:1:1")
    assert not workers.is_known_dead("nonsense")
    assert not workers.is_known_dead(workers.process_name())


def test_a_process_id_that_was_given_away_again_is_another_process():
    host, pid, started = workers.process_name().split(":")

    assert workers.is_known_dead(f"{host}:{pid}:{int(started) + 1}")


def test_two_crashes_split_a_chunk_into_small_ones():
    finished(a_run(n=320, metrics=["exact_match"]))
    Chunk.objects.exclude(start=0).delete()
    Chunk.objects.update(stop=320)
    for _ in range(2):
        queue.note_crash(claimed(), error="test")

    assert [(start, stop) for start, stop, _ in spans()] == [
        (start, start + 10) for start in range(0, 320, 10)
    ]
    assert set(Chunk.objects.values_list("crashes", "turn", "state")) == {(0, 0, "waiting")}


def test_an_output_that_kills_twice_alone_is_given_up_and_the_run_finishes():
    run = finished(a_run(n=10, attempts=2), *right(*range(1, 11)))
    for _ in range(2):
        queue.note_crash(claimed(), error="test")
    poison = next(chunk for chunk in Chunk.objects.all() if chunk.start == 4)
    Chunk.objects.exclude(pk=poison.pk).update(turn=1)
    for _ in range(2):
        assert queue.note_crash(claimed(), error="killed")

    drain()

    run.refresh_from_db()
    found, columns = measurement(run), scores(run)
    assert run.state == Run.State.SCORED
    assert columns.reasons[4].tolist() == [Reason.FAILED, Reason.FAILED]
    assert np.isnan(columns.values[4]).all()
    assert (found.n_failed, found.n_scored, found.unscored) == (2, 18, {})
    assert found.value == 0.5  # the second attempts are missing
    poison.refresh_from_db()
    assert (poison.state, poison.error) == ("failed", "killed")


def test_a_crash_is_counted_once_however_many_notice_it():
    finished(a_run())
    claim = claimed()

    assert queue.note_crash(claim, error="first")
    assert not queue.note_crash(claim, error="second")
    assert Chunk.objects.get().crashes == 1


# --- progress and sweeping


def test_progress_counts_outputs_and_moves_with_every_chunk():
    run = a_run(n=30, attempts=2)
    assert progress(run) == Progress(done=0, total=60)
    finished(run, *right(1))
    assert progress(run) == Progress(done=0, total=60)
    scoring.run_chunk(claimed())
    assert progress(run) == Progress(done=20, total=60)
    drain()
    run.refresh_from_db()
    assert progress(run) == Progress(done=60, total=60)


def test_as_many_workers_are_woken_as_have_nothing_to_do():
    for pid in (1, 2, 3):
        workers.beat(f"there:{pid}:1")
    assert sweeping.idle_workers() == 0
    finished(a_run(n=30))
    assert sweeping.idle_workers() == 3
    claimed("there:1:1")
    assert sweeping.idle_workers() == 2
    Worker.objects.all().delete()
    assert sweeping.idle_workers() == 1


def test_workers_that_died_are_forgotten(dead_owner):
    workers.beat(dead_owner)
    workers.beat("there:1:1")
    workers.beat("long-gone:1:1")
    Worker.objects.filter(host="long-gone").update(seen_at=timezone.now() - timedelta(hours=2))

    sweeping.sweep()

    assert list(Worker.objects.values_list("name", flat=True)) == ["there:1:1"]


# --- several at once, each with a connection of its own


def at_once(n, act):
    """Run `act(i)` in n threads that start together, and return what they returned."""
    results, gate = [None] * n, threading.Barrier(n)

    def one(i):
        try:
            gate.wait()
            results[i] = act(i)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_no_chunk_is_claimed_twice():
    finished(a_run(n=400))
    Chunk.objects.all().delete()
    job = Job.objects.get()
    Chunk.objects.bulk_create(
        Chunk(job=job, start=start, stop=start + 1, turn=start) for start in range(60)
    )

    def take(i):
        taken = []
        while claim := queue.claim(f"there:{i}:1"):
            taken.append(claim.chunk_id)
        return taken

    taken = sorted(chain.from_iterable(at_once(4, take)))

    assert taken == sorted(Chunk.objects.values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_seal_once_and_count_a_crash_once():
    version = a_version(a_project(), n=30)
    done = finished(a_run(version), *right(*range(1, 31)))
    while claim := queue.claim("this:1:1"):
        scoring.run_chunk(claim)
    half = finished(a_run(version))
    claimed()
    run_out()

    at_once(4, lambda _i: sweeping.sweep())

    done.refresh_from_db()
    assert (done.state, measurement(done).value) == (Run.State.SCORED, 1.0)
    assert sorted(half.jobs.get().chunks.values_list("crashes", flat=True)) == [0, 0, 1]


@pytest.mark.django_db(transaction=True)
def test_of_two_jobs_closed_at_once_the_last_moves_the_run():
    run = scored(a_run(n=10), *right(*range(1, 11)))
    for _ in range(4):
        services.measure_run(run=run, metrics=["token_f1"], actor=COMMAND_LINE)
    while claim := queue.claim("this:1:1"):
        scoring.run_chunk(claim)
    jobs = list(Job.objects.filter(state="working").values_list("pk", flat=True))

    closed = at_once(4, lambda i: sealing.seal_if_done(jobs[i]))

    run.refresh_from_db()
    assert closed == [True] * 4
    assert run.state == Run.State.SCORED


@pytest.mark.django_db(transaction=True)
def test_a_heart_keeps_the_lease_and_says_that_the_worker_lives(settings):
    settings.LEASE_SECONDS = 2
    finished(a_run())
    heart = Heart(workers.process_name())
    claim = claimed(workers.process_name())
    with heart.holding(claim):
        heart.start()
        first = Chunk.objects.get().lease_until
        deadline = time.monotonic() + 10
        while Chunk.objects.get().lease_until < first + timedelta(seconds=1.5):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert living_workers() == 1
        assert queue.expired_claims() == []
    heart.stop()

    assert living_workers() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.sqlite
def test_work_already_done_waits_for_a_busy_database(settings):
    finished(a_run(), *right(1, 2, 3))
    claim = claimed()
    let_go = threading.Event()

    def hold():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            let_go.wait(10)
            cursor.execute("ROLLBACK")

    def write():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        scoring.run_chunk(claim)

    threading.Timer(1.0, let_go.set).start()
    at_once(2, lambda i: hold() if i else (time.sleep(0.2), write()))

    assert Chunk.objects.get().state == "done"


def database_away(claim):
    raise OperationalError("the server closed the connection unexpectedly")


def test_a_database_that_was_away_is_no_fault_of_the_chunk(settings):
    settings.CHUNK_RUNNERS = {"score": "tests.evalhub.runs.test_queue.database_away"}
    finished(a_run())

    draining.work(claimed())

    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.crashes) == ("waiting", 0)
    assert queue.claim("this:1:1") is None, "it waits a little"


def test_work_on_a_lost_claim_ends_quietly():
    finished(a_run())
    lost = claimed()
    queue.note_crash(lost, error="test")

    draining.work(lost)

    assert Chunk.objects.get().state == "waiting"
    assert not ScoreColumn.objects.exists()
