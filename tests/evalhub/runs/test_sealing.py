"""Closing a job: values, gaps in the columns, and what a sweep sets right."""

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs import draining, scoring, sealing, services, sweeping
from evalhub.runs.models import Chunk, Run, ScoreColumn
from tests.evalhub.runs.building import (
    a_run,
    claimed,
    drain,
    finished,
    measurement,
    right,
    scored,
    spans,
)

pytestmark = pytest.mark.django_db


def test_a_job_that_nobody_sealed_is_sealed_by_the_sweep():
    run = finished(a_run(), *right(1, 2, 3))
    scoring.run_chunk(claimed())
    run.refresh_from_db()
    assert run.state == Run.State.SCORING

    sweeping.sweep()
    sweeping.sweep()

    run.refresh_from_db()
    assert (run.state, measurement(run).value) == (Run.State.SCORED, 1.0)
    assert run.environment["sacrebleu"]
    assert measurement(run).environment == run.environment


def test_a_run_whose_last_step_was_lost_is_moved_on_by_the_sweep():
    run = scored(a_run(), *right(1, 2, 3))
    Run.objects.update(state="scoring")

    sweeping.sweep()

    run.refresh_from_db()
    assert run.state == Run.State.SCORED


def test_a_finished_chunk_is_recognized_by_its_columns():
    finished(a_run(), *right(1, 2, 3))
    scoring.run_chunk(claimed())
    kept = ScoreColumn.objects.get()
    Chunk.objects.update(state="waiting")  # as if the note of it had been lost

    drain()

    assert ScoreColumn.objects.get().pk == kept.pk
    assert Chunk.objects.get().state == "done"


def test_a_value_that_cannot_be_computed_fails_alone_and_the_run_goes_on(monkeypatch):
    run = finished(a_run(metrics=["exact_match", "chrf"]), *right(1, 2, 3))
    estimate = sealing.estimate

    def breaks(column, yardstick, **more):
        if yardstick.high == 100:
            raise ZeroDivisionError
        return estimate(column, yardstick, **more)

    monkeypatch.setattr(sealing, "estimate", breaks)
    drain()

    run.refresh_from_db()
    assert (run.state, measurement(run).value) == (Run.State.SCORED, 1.0)
    failed = measurement(run, "chrf")
    assert failed.state == "failed"
    assert failed.problem == "Its value could not be computed: ZeroDivisionError."


def test_a_job_that_cannot_be_sealed_holds_up_no_other(monkeypatch):
    runs = [finished(a_run(), *right(1, 2, 3)) for _ in range(2)]
    for _ in runs:
        scoring.run_chunk(claimed())
    answered = sealing.is_answered

    def breaks(run):
        if run == runs[0]:
            raise MemoryError
        return answered(run)

    monkeypatch.setattr(sealing, "is_answered", breaks)
    sweeping.sweep()

    assert [Run.objects.get(pk=run.pk).state for run in runs] == ["scoring", "scored"]
    monkeypatch.undo()
    sweeping.sweep()
    assert Run.objects.get(pk=runs[0].pk).state == "scored"


def test_a_gap_that_another_call_has_filled_is_no_failure(monkeypatch):
    run = finished(a_run(), *right(1, 2, 3))
    scoring.run_chunk(claimed())
    ScoreColumn.objects.all().delete()

    def too_late(job, _gaps):
        job.chunks.update(state="waiting")
        return False

    monkeypatch.setattr(sealing, "_do_again", too_late)
    sweeping.sweep()

    assert measurement(run).state == "scoring"
    monkeypatch.undo()
    drain()
    assert measurement(run).value == 1.0


def test_a_chunk_that_lost_its_columns_is_done_again():
    run = finished(a_run(n=30), *right(*range(1, 31)))
    for _ in range(3):
        scoring.run_chunk(claimed())
    ScoreColumn.objects.filter(start=10).delete()

    sweeping.sweep()
    assert [state for _, _, state in spans()] == ["done", "waiting", "done"]
    drain()

    run.refresh_from_db()
    assert (run.state, measurement(run).value) == (Run.State.SCORED, 1.0)


def test_a_measurement_whose_columns_never_come_fails_with_a_sentence(settings):
    settings.CHUNK_RUNNERS = {"score": "evalhub.runs.queue.finish"}  # writes no column
    run = finished(a_run(), *right(1, 2, 3))
    for _ in range(sealing.MOST_CRASHES + 1):
        drain()

    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert measurement(run).problem == "The scores from example 1 on were never written."


def test_a_run_waits_for_all_of_its_jobs():
    run = scored(a_run(n=20), *right(*range(1, 21)))
    services.measure_run(run=run, metrics=["token_f1"], actor=COMMAND_LINE)
    services.measure_run(run=run, metrics=["exact_match"], actor=COMMAND_LINE)
    for _ in range(2):
        draining.work(claimed())
    run.refresh_from_db()
    assert run.state == Run.State.SCORING

    drain()

    run.refresh_from_db()
    assert run.state == Run.State.SCORED
