"""Many old runs are scored with the same metrics: beside the old numbers, whatever happens."""

import pytest

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict, ContentError, NotFound
from evalhub.runs import planning, queue, rescoring, scoring, services, sweeping
from evalhub.runs.models import Chunk, Measurement, Rescoring, Run, ScoreColumn
from evalhub.runs.queue import LostClaimError
from evalhub.runs.selectors import current_measurements
from tests.evalhub.runs.building import a_run, claimed, drain, finished, right, scored
from tests.factories import a_dataset, a_project, a_version

pytestmark = pytest.mark.django_db

LOOSE = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}


@pytest.fixture
def version():
    return a_version(a_project(), n=3)


@pytest.fixture
def runs(version):
    """Three scored runs of `exact_match`, better from one to the next."""
    return [
        scored(a_run(version, system=f"s{number}"), *right(*range(1, number + 1)))
        for number in (1, 2, 3)
    ]


def begun(version, /, *metrics, **more):
    return rescoring.begin(dataset=version.dataset, metrics=metrics or [LOOSE], **more)


def how(asked):
    """Return how each run of a re-scoring stands."""
    return list(asked.parts.order_by("pk").values_list("state", flat=True))


def generations(run, name="exact_match"):
    rows = run.measurements.filter(name=name).order_by("generation")
    return [(one.generation, one.state, one.value) for one in rows]


def current(run, name="exact_match"):
    return next(one for one in current_measurements(run) if one.name == name)


def test_every_finished_run_gets_new_numbers_beside_the_old(version, runs):
    a_run(version, system="open")

    asked = begun(version, LOOSE, "token_f1")
    drain()

    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["scored"] * 3)
    assert asked.ended_at >= asked.created_at
    for number, run in enumerate(runs, start=1):
        run.refresh_from_db()
        assert run.state == Run.State.SCORED
        value = pytest.approx(number / 3)
        assert generations(run) == [(1, "scored", value), (2, "scored", value)]
        assert current(run).generation == 2
        assert "lowercase" in current(run).signature
        assert current(run, "token_f1").value == value
    event = AuditEvent.objects.get(verb="rescore dataset")
    assert (event.subject, event.detail["runs"]) == (asked.public_id, 3)


def test_a_run_that_has_the_number_by_this_signature_is_passed_over(version, runs):
    services.measure_run(run=runs[1], metrics=[LOOSE], actor=COMMAND_LINE)
    drain()

    asked = begun(version, LOOSE)
    drain()

    assert how(asked) == ["scored", "skipped", "scored"]
    assert len(generations(runs[1])) == 2
    assert "already" in asked.parts.get(run=runs[1]).why
    again = begun(version, LOOSE, again=True)
    drain()
    assert how(again) == ["scored"] * 3
    assert len(generations(runs[1])) == 3


def test_one_of_several_metrics_may_be_all_that_a_run_lacks(version, runs):
    begun(version, "exact_match", "chrf")
    drain()

    assert len(generations(runs[0])) == 1
    assert [state for _, state, _ in generations(runs[0], "chrf")] == ["scored"]


def test_where_every_run_has_it_nothing_is_to_be_done(version, runs):
    asked = begun(version, "exact_match")

    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["skipped"] * 3)


def test_the_runs_of_one_version_or_some_runs_alone(version, runs):
    newer = a_version(None, n=4, dataset=version.dataset)
    other = scored(a_run(newer), *right(1, 2, 3, 4))

    by_version = begun(version, LOOSE, version=2)
    by_name = begun(version, LOOSE, runs=[runs[2].public_id, other.public_id])
    drain()

    assert [part.run for part in by_version.parts.all()] == [other]
    assert [part.run for part in by_name.parts.order_by("pk")] == [runs[2], other]
    assert how(by_name) == ["scored", "skipped"]
    assert len(generations(runs[0])) == 1


def test_what_cannot_be_done_is_refused_by_field_and_stores_nothing(version, runs):
    stranger = scored(a_run(), *right(1, 2, 3))
    with pytest.raises(ContentError) as refused:
        begun(version, LOOSE, runs=[runs[0].public_id, stranger.public_id])
    assert [error.field for error in refused.value.errors] == ["runs[1]"]
    with pytest.raises(ContentError, match="no_such_metric"):
        begun(version, "no_such_metric")
    with pytest.raises(ContentError, match="at least one"):
        rescoring.begin(dataset=version.dataset, metrics=[])
    with pytest.raises(NotFound, match="'silver'"):
        begun(version, LOOSE, version="silver")
    with pytest.raises(Conflict, match="no finished run"):
        rescoring.begin(dataset=a_dataset(version.dataset.project), metrics=["chrf"])
    assert not Rescoring.objects.exists()


def test_a_run_that_fails_fails_alone_and_its_old_number_stands(version, runs):
    asked = begun(version)
    runs[1].measurements.filter(generation=2).update(metric="gone")  # as by a downgrade
    drain()

    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["scored", "failed", "scored"])
    assert "exact_match: There is no metric" in asked.parts.get(run=runs[1]).why
    runs[1].refresh_from_db()
    assert (runs[1].state, current(runs[1]).generation) == (Run.State.SCORED, 1)


def test_a_failed_run_is_scored_with_what_works(version, runs):
    Run.objects.filter(pk=runs[0].pk).update(state=Run.State.FAILED)
    runs[0].measurements.update(state=Measurement.State.FAILED, value=None, problem="No.")

    begun(version)
    drain()

    runs[0].refresh_from_db()
    assert (runs[0].state, current(runs[0]).value) == (Run.State.SCORED, pytest.approx(1 / 3))


# --- with others at work ----------------------------------------------------------------------


def test_runs_are_planned_only_so_far_ahead_and_the_others_stay_as_they_were(
    version, runs, monkeypatch
):
    monkeypatch.setattr(planning, "CHUNKS_AHEAD", 2)

    begun(version)

    states = [Run.objects.get(pk=run.pk).state for run in runs]
    assert states == [Run.State.SCORING, Run.State.SCORING, Run.State.SCORED]
    assert current(runs[2]).value == 1.0
    drain()
    assert [current(run).generation for run in runs] == [2, 2, 2]


def test_a_hundred_old_runs_hold_up_no_new_one(settings, monkeypatch):
    settings.CHUNK_POSITIONS = 10
    monkeypatch.setattr(planning, "CHUNKS_AHEAD", 100)
    version = a_version(a_project(), n=80)
    old = [scored(a_run(version, system=f"s{number}", metrics=[]), *right(1)) for number in "abc"]
    begun(version, "exact_match")
    assert Chunk.objects.filter(state=Chunk.State.WAITING).count() == 3 * 8

    new = finished(a_run(version, system="new"), *right(1))

    order = []
    while (claim := queue.claim("this:1:1")) is not None:
        order.append(claim.run_id)
    # Eight chunks of the new run among the first sixteen or so, though it came last.
    assert order.index(new.pk) <= 1
    assert max(at for at, run_id in enumerate(order) if run_id == new.pk) <= 16
    assert {*order} == {new.pk, *(run.pk for run in old)}


def test_the_same_asked_twice_is_one(version, runs):
    first, second = begun(version), begun(version)

    assert first == second
    drain()
    assert [len(generations(run)) for run in runs] == [2, 2, 2]


def test_two_at_once_are_two_generations(version, runs):
    strict = {"name": "exact_match", "params": {"normalize": []}}

    first, second = begun(version, LOOSE), begun(version, strict)
    drain()

    assert how(first) == how(second) == ["scored"] * 3
    for run in runs:
        signatures = run.measurements.order_by("generation").values_list("signature", flat=True)
        assert len({*signatures}) == 3
        assert current(run).generation == 3


def test_another_that_is_at_the_same_number_is_not_done_twice(version, runs):
    begun(version, LOOSE)

    other = begun(version, LOOSE, "token_f1")
    drain()

    assert how(other) == ["scored"] * 3
    assert [len(generations(run)) for run in runs] == [2, 2, 2]


def test_a_process_killed_while_it_plans_leaves_a_list_that_the_sweep_works_off(
    version, runs, monkeypatch
):
    plan_part, planned = planning._plan_part, []

    def killed(part):
        if len(planned) == 1:
            raise KeyboardInterrupt
        planned.append(part)
        plan_part(part)

    with monkeypatch.context() as patched:
        patched.setattr(planning, "_plan_part", killed)
        with pytest.raises(KeyboardInterrupt):
            begun(version)
    asked = Rescoring.objects.get()
    assert (asked.state, how(asked)) == ("working", ["working", "waiting", "waiting"])

    sweeping.sweep()
    drain()

    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["scored"] * 3)
    assert [len(generations(run)) for run in runs] == [2, 2, 2]


def test_a_worker_killed_before_it_noted_the_end_is_no_matter(version, runs, monkeypatch):
    asked = begun(version)
    with monkeypatch.context() as patched:
        patched.setattr(planning, "job_ended", lambda job_id: None)
        drain()
    assert how(asked) == ["working"] * 3

    sweeping.sweep()

    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["scored"] * 3)


def test_a_run_that_was_reopened_before_its_turn_is_passed_over(version, runs, monkeypatch):
    monkeypatch.setattr(planning, "CHUNKS_AHEAD", 1)
    asked = begun(version)
    services.reopen_run(run=runs[2], actor=COMMAND_LINE)
    services.cancel_run(run=Run.objects.get(pk=runs[0].pk), actor=COMMAND_LINE)

    sweeping.sweep()
    drain()

    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["skipped", "scored", "skipped"])
    whys = list(asked.parts.order_by("pk").values_list("why", flat=True))
    assert whys[0] == "The run was cancelled, or reopened, meanwhile."
    assert whys[2] == "The run is open; only finished runs are scored."


def test_a_metric_that_is_gone_by_the_time_of_a_run_fails_there(version, runs, monkeypatch):
    monkeypatch.setattr(planning, "CHUNKS_AHEAD", 1)
    asked = begun(version)
    Rescoring.objects.update(specs=["no_such_metric"])

    drain()

    assert how(asked) == ["scored", "failed", "failed"]
    assert "no_such_metric" in asked.parts.order_by("pk").last().why


# --- called off, and taken up again -----------------------------------------------------------


@pytest.fixture
def half_done(settings):
    """One of two runs scored again, of the other one chunk of two: the worker holds the second."""
    settings.CHUNK_POSITIONS = 10
    version = a_version(a_project(), n=20)
    runs = [scored(a_run(version, system=name), *right(1, 2)) for name in ("old", "new")]
    asked = begun(version)
    for _ in range(2):
        scoring.run_chunk(claimed())
    sweeping.sweep()
    scoring.run_chunk(claimed())
    return asked, runs, claimed()


def test_what_is_called_off_leaves_the_numbers_as_they_were(half_done):
    asked, (done, stopped), held = half_done
    assert how(asked) == ["scored", "working"]

    rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)

    assert (asked.state, how(asked)) == (Rescoring.State.CANCELLED, ["scored", "waiting"])
    with pytest.raises(LostClaimError):
        scoring.run_chunk(held)
    drain()
    sweeping.sweep()
    assert current(done).generation == 2
    assert generations(stopped) == [(1, "scored", 0.1), (2, "cancelled", None)]
    assert (current(stopped).generation, current(stopped).value) == (1, 0.1)
    stopped.refresh_from_db()
    assert stopped.state == Run.State.SCORED
    partial = ScoreColumn.objects.filter(measurement__run=stopped, measurement__generation=2)
    assert [column.start for column in partial] == [0]
    with pytest.raises(Conflict, match="cancelled: there is nothing left to cancel"):
        rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)


def test_what_is_resumed_goes_on_where_it_was(half_done):
    asked, (_, stopped), _ = half_done
    rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)
    kept = ScoreColumn.objects.get(measurement__run=stopped, measurement__generation=2)

    rescoring.resume(rescoring=asked, actor=COMMAND_LINE)

    assert (asked.state, asked.ended_at, how(asked)) == ("working", None, ["scored", "working"])
    assert Chunk.objects.filter(state=Chunk.State.WAITING).count() == 1
    with pytest.raises(Conflict, match="working: only what was cancelled is resumed"):
        rescoring.resume(rescoring=asked, actor=COMMAND_LINE)
    drain()
    asked.refresh_from_db()
    assert (asked.state, how(asked)) == (Rescoring.State.DONE, ["scored", "scored"])
    assert generations(stopped) == [(1, "scored", 0.1), (2, "scored", 0.1)]
    columns = ScoreColumn.objects.filter(measurement=kept.measurement).order_by("start")
    assert columns[0].pk == kept.pk
    with pytest.raises(Conflict, match="done: there is nothing left to cancel"):
        rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)
    verbs = {"rescore dataset", "cancel rescoring", "resume rescoring"}
    assert verbs <= {*AuditEvent.objects.values_list("verb", flat=True)}


def test_a_run_whose_chunks_were_done_but_not_sealed_is_sealed_when_resumed(half_done):
    asked, (_, stopped), held = half_done
    scoring.run_chunk(held)
    rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)
    rescoring.resume(rescoring=asked, actor=COMMAND_LINE)

    sweeping.sweep()

    assert generations(stopped)[1] == (2, "scored", 0.1)
    asked.refresh_from_db()
    assert asked.state == Rescoring.State.DONE


def test_what_was_overtaken_meanwhile_is_not_taken_up_again(half_done):
    asked, (_, stopped), _ = half_done
    rescoring.cancel(rescoring=asked, actor=COMMAND_LINE)
    stopped.refresh_from_db()
    services.reopen_run(run=stopped, actor=COMMAND_LINE)
    services.finish_run(run=stopped, allow_missing=True)
    drain()

    rescoring.resume(rescoring=asked, actor=COMMAND_LINE)
    drain()

    assert how(asked) == ["scored", "scored"]
    states = [(number, state) for number, state, _ in generations(stopped)]
    assert states == [(1, "scored"), (2, "cancelled"), (3, "scored"), (4, "scored")]


def test_what_is_done_by_another_meanwhile_is_not_resumed(version, runs):
    first = begun(version)
    rescoring.cancel(rescoring=first, actor=COMMAND_LINE)
    second = begun(version)

    with pytest.raises(Conflict, match=second.public_id):
        rescoring.resume(rescoring=first, actor=COMMAND_LINE)

    first.refresh_from_db()
    assert first.state == Rescoring.State.CANCELLED


# --- which number a run answers with ----------------------------------------------------------


def test_numbers_of_outputs_as_they_were_before_a_reopening_do_not_come_back(version, runs):
    run = services.reopen_run(run=runs[2], actor=COMMAND_LINE)

    services.cancel_run(run=run, actor=COMMAND_LINE)

    assert (current(run).generation, current(run).state) == (2, "cancelled")
