"""Runs change state by the contract: made, filled, finished, cancelled, reopened, measured."""

import pytest

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict, ContentError, NotFound
from evalhub.runs import services
from evalhub.runs.models import Chunk, Job, Measurement, Output, Run
from tests.evalhub.runs.building import (
    a_run,
    drain,
    finished,
    measurement,
    right,
    scored,
    submit,
)
from tests.factories import a_dataset, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


def fields_of(refused):
    return [error.field for error in refused.value.errors]


def test_a_run_is_opened_on_the_newest_version_with_its_metrics_in_order():
    version = a_version(a_project())

    run = services.create_run(
        project=version.dataset.project,
        dataset=version.dataset.slug,
        system="gpt",
        system_version="2",
        metrics=["exact_match", {"name": "exact_match", "as": "loose"}],
    )

    assert (run.state, run.version, str(run.system_version)) == (Run.State.OPEN, version, "gpt 2")
    names = [(one.name, one.order, one.state) for one in run.measurements.order_by("order")]
    assert names == [("exact_match", 0, "waiting"), ("loose", 1, "waiting")]
    assert measurement(run).signature.startswith("exact_match|v")
    assert (measurement(run).low_bound, measurement(run).high_bound) == (0.0, 1.0)


def test_a_version_is_named_by_number_or_by_tag():
    project = a_project()
    dataset = a_dataset(project)
    first = a_version(project, n=2, dataset=dataset)
    a_version(project, n=3, dataset=dataset)
    first.tags.create(dataset=dataset, name="golden", moved_at=first.created_at)

    assert a_run(first).version == first
    golden = services.create_run(
        project=project, dataset=dataset.slug, version="golden", system="gpt"
    )
    assert golden.version == first
    with pytest.raises(NotFound, match="'silver'"):
        services.create_run(project=project, dataset=dataset.slug, version="silver", system="gpt")


def test_the_same_system_version_is_one_row_for_many_runs():
    version = a_version(a_project())

    first, second = a_run(version, system_version="1"), a_run(version, system_version="1")

    assert first.system_version == second.system_version


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("no_such_metric", "metrics[1].name"),
        ({"name": "exact_match", "params": {"extract": "("}}, "metrics[1].params.extract"),
        ({"name": "exact_match", "params": {"tolerance": 1}}, "metrics[1].params.tolerance"),
        ({"name": "exact_match", "params": []}, "metrics[1].params"),
        ({"name": "exact_match", "as": ""}, "metrics[1].as"),
        ({"name": "exact_match", "weight": 2}, "metrics[1].weight"),
        ({"params": {}}, "metrics[1].name"),
        (7, "metrics[1]"),
        ("exact_match", "metrics[1].as"),
        ("judge_faithfulness", "metrics[1].name"),
        ("judge_beauty", "metrics[1].name"),
    ],
)
def test_a_wrong_spec_is_named_by_its_field(spec, field):
    with pytest.raises(ContentError) as refused:
        a_run(metrics=["exact_match", spec])

    assert fields_of(refused) == [field]
    assert not Run.objects.exists()


def test_a_run_takes_fifty_metrics_at_most():
    with pytest.raises(ContentError, match="at most 50 metrics; these are 51"):
        a_run(metrics=[{"name": "exact_match", "as": f"m{number}"} for number in range(51)])


def test_a_judge_without_an_endpoint_says_how_to_set_one():
    with pytest.raises(ContentError, match="EVALHUB_JUDGE_URL"):
        a_run(metrics=["judge_faithfulness"])


def test_a_judge_with_an_endpoint_becomes_a_measurement_that_names_its_model(settings):
    settings.JUDGE_URL, settings.JUDGE_MODEL = "http://judge.invalid/v1", "tiny|1"

    run = a_run(metrics=["judge_faithfulness"])

    judged = measurement(run, "judge_faithfulness")
    assert (judged.kind, judged.family) == (Measurement.Kind.JUDGE, "mean")
    assert (judged.low_bound, judged.high_bound) == (1.0, 5.0)
    assert judged.params["model"] == "tiny|1"
    assert "model:tiny%7C1" in judged.signature
    with pytest.raises(ContentError) as refused:
        a_run(metrics=[{"name": "judge_faithfulness", "params": {"scale": 3}}])
    assert fields_of(refused) == ["metrics[0].params.scale"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "label"),
        ({"normalize": ["strip"]}, "label"),
        ({"normalize": ["strip"], "label": 3}, "label"),
        ({"normalize": 3, "label": "spam"}, "normalize"),
    ],
)
def test_a_parameter_that_must_be_given_is_named(params, field):
    with pytest.raises(ContentError) as refused:
        a_run(metrics=[{"name": "class_f1", "params": params}])
    assert fields_of(refused) == [f"metrics[0].params.{field}"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"attempts": 0}, "attempts"),
        ({"attempts": 101}, "attempts"),
        ({"system": "no/slug"}, "system"),
        ({"system_version": "v" * 101}, "system_version"),
        ({"git_commit": "a" * 101}, "git_commit"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"tags": ["t"] * 51}, "tags"),
        ({"tags": ["t" * 101]}, "tags"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_field(fields, field):
    with pytest.raises(ContentError) as refused:
        a_run(**fields)

    assert fields_of(refused) == [field]


def test_an_external_id_is_one_run_of_a_project_and_the_refusal_names_it():
    project = a_project()
    first = a_run(project=project, external_id="ci-7")

    with pytest.raises(Conflict, match=first.public_id):
        a_run(project=project, external_id="ci-7")
    assert a_run(external_id="ci-7").pk != first.pk
    assert a_run(project=project).external_id == a_run(project=project).external_id == ""


def test_outputs_are_counted_as_accepted_replaced_and_unchanged():
    run = a_run(n=4)

    first = submit(run, *right(1, 2), {"key": "q3", "error": "timeout"})
    again = submit(run, *right(1), {"key": "q2", "output": "b"}, {"key": "q3", "output": "a3"})

    assert (first.accepted, first.replaced, first.unchanged) == (3, 0, 0)
    assert (again.accepted, again.replaced, again.unchanged) == (0, 2, 1)
    run.refresh_from_db()
    assert (run.n_outputs, run.n_errors) == (3, 0)
    assert list(run.outputs.order_by("position").values_list("text", flat=True)) == [
        "a1",
        "b",
        "a3",
    ]


def test_outputs_may_come_in_any_order_and_again_among_new_ones():
    run = a_run(n=6, attempts=2)
    twice = [{**line, "attempt": 2} for line in right(6)]
    submit(run, *right(6, 2), *twice)
    run.refresh_from_db()
    done = submit(run, *right(5, 2, 1), {"key": "q6", "output": "other", "attempt": 2})
    assert (done.accepted, done.replaced, done.unchanged) == (2, 1, 1)
    run.refresh_from_db()
    assert submit(run, *right(3, 4)).accepted == 2
    stored = Output.objects.filter(run=run).order_by("position", "attempt")
    assert list(stored.values_list("position", "attempt", "text")) == [
        *((at, 1, f"a{at + 1}") for at in range(6)),
        (5, 2, "other"),
    ]


def test_everything_a_line_says_is_kept():
    run = a_run(attempts=2)

    submit(
        run,
        {
            **{"key": "q2", "output": {"b": 1, "a": [True, None]}, "attempt": 2},
            **{"latency_ms": 12.5, "ttft_ms": 3, "input_tokens": 7, "output_tokens": 8},
            **{"cached_tokens": 0, "cost": 0.25, "confidence": 0.5, "trace_id": "t-1"},
            **{"retrieved": [{"id": "d1", "score": 0.5}], "metadata": {"z": 1, "a": "ü"}},
        },
        {"key": "q1", "output": ""},
        {"key": "q1", "attempt": 2, "error": "boom"},
    )

    kept = Output.objects.get(run=run, position=1)
    assert (kept.attempt, kept.text, kept.data) == (2, None, '{"a":[true,null],"b":1}')
    assert (kept.latency_ms, kept.ttft_ms, kept.cost, kept.confidence) == (12.5, 3.0, 0.25, 0.5)
    assert (kept.input_tokens, kept.output_tokens, kept.cached_tokens) == (7, 8, 0)
    assert (kept.retrieved, kept.trace_id) == ('[{"id":"d1","score":0.5}]', "t-1")
    assert kept.metadata == '{"a":"ü","z":1}'
    empty, error = Output.objects.filter(run=run, position=0).order_by("attempt")
    assert (empty.text, empty.cost, error.text, error.error) == ("", None, None, "boom")
    run.refresh_from_db()
    assert (run.n_outputs, run.n_errors) == (3, 1)


def test_unknown_keys_and_attempts_are_named_by_line_and_nothing_is_kept():
    run = a_run()

    with pytest.raises(ContentError) as refused:
        submit(run, *right(1), {"key": "q9", "output": "x"}, {**right(2)[0], "attempt": 2})

    lines = [(error.line, error.code, error.field) for error in refused.value.errors]
    assert lines == [(2, "unknown_key", "key"), (3, "attempt", "attempt")]
    assert not Output.objects.exists()


def test_a_finished_run_takes_no_outputs_and_is_finished_once():
    run = finished(a_run(), *right(1, 2, 3))

    with pytest.raises(Conflict, match="only while it is open"):
        submit(run, *right(1))
    with pytest.raises(Conflict, match="finished before"):
        services.finish_run(run=run)


def test_missing_outputs_are_counted_and_named_unless_they_are_allowed():
    run = a_run(n=4, attempts=2)
    submit(run, *right(1, 2), {**right(1)[0], "attempt": 2})

    with pytest.raises(Conflict, match="5 of 8 outputs are missing") as refused:
        services.finish_run(run=run)

    assert "q2 (attempt 2), q3 (attempt 1)" in refused.value.detail
    assert refused.value.total == 5
    assert services.finish_run(run=run, allow_missing=True).state == Run.State.SCORING


def test_finishing_plans_the_work_in_the_same_transaction(settings):
    settings.CHUNK_POSITIONS = 20
    run = finished(a_run(n=50))

    job = Job.objects.get(run=run)
    chunks = job.chunks.order_by("start").values_list("start", "stop", "turn", "state")
    assert list(chunks) == [
        (0, 10, 0, "waiting"),
        (10, 20, 1, "waiting"),
        (20, 30, 2, "waiting"),
        (30, 40, 3, "waiting"),
        (40, 50, 4, "waiting"),
    ]
    assert measurement(run).state == Measurement.State.SCORING


def test_a_run_without_metrics_is_scored_once_it_is_finished():
    run = finished(a_run(metrics=[]), *right(1, 2, 3))

    assert run.state == Run.State.SCORED
    assert run.scored_at is not None
    assert not Chunk.objects.exists()


def test_a_cancelled_run_has_no_work_left_and_its_worker_writes_nothing():
    run = finished(a_run(n=30))

    services.cancel_run(run=run, actor=COMMAND_LINE)

    assert run.state == Run.State.CANCELLED
    assert drain() == 0
    assert measurement(run).state == Measurement.State.CANCELLED
    assert set(Chunk.objects.values_list("state", flat=True)) == {"cancelled"}
    with pytest.raises(Conflict, match="nothing left to cancel"):
        services.cancel_run(run=run, actor=COMMAND_LINE)


def test_a_scored_run_cannot_be_cancelled():
    run = scored(a_run(), *right(1, 2, 3))

    with pytest.raises(Conflict, match="run is scored"):
        services.cancel_run(run=run, actor=COMMAND_LINE)


def test_a_reopened_run_keeps_its_old_numbers_and_gets_new_ones():
    run = scored(a_run(), *right(1, 2), {"key": "q3", "output": "wrong"})

    services.reopen_run(run=run, actor=COMMAND_LINE)

    assert (run.state, run.finished_at, run.scored_at) == (Run.State.OPEN, None, None)
    assert measurement(run).state == Measurement.State.WAITING
    scored(run, *right(3))
    values = run.measurements.order_by("generation").values_list("generation", "value")
    assert list(values) == [(1, pytest.approx(2 / 3)), (2, 1.0)]
    assert AuditEvent.objects.get(verb="reopen run").subject == run.public_id
    services.reopen_run(run=run, actor=COMMAND_LINE)
    with pytest.raises(Conflict, match="run is open already"):
        services.reopen_run(
            run=services.reopen_run(run=run, actor=COMMAND_LINE), actor=COMMAND_LINE
        )


def test_a_finished_run_is_measured_again_and_with_more():
    run = scored(a_run(), *right(1, 2), {"key": "q3", "output": "A3"})

    added = services.measure_run(
        run=run,
        metrics=[
            {"name": "exact_match", "params": {"normalize": ["lowercase"]}, "as": "folded"},
            "exact_match",
        ],
        actor=COMMAND_LINE,
    )

    run.refresh_from_db()
    assert run.state == Run.State.SCORING
    assert [(one.name, one.generation, one.order) for one in added] == [
        ("folded", 1, 1),
        ("exact_match", 2, 0),
    ]
    drain()
    run.refresh_from_db()
    assert run.state == Run.State.SCORED
    values = run.measurements.order_by("pk").values_list("name", "generation", "value")
    assert list(values) == [
        ("exact_match", 1, pytest.approx(2 / 3)),
        ("folded", 1, 1.0),
        ("exact_match", 2, pytest.approx(2 / 3)),
    ]


@pytest.mark.parametrize("metrics", [[], ["no_such_metric"]])
def test_measuring_needs_metrics_that_exist(metrics):
    run = scored(a_run(), *right(1, 2, 3))

    with pytest.raises(ContentError):
        services.measure_run(run=run, metrics=metrics, actor=COMMAND_LINE)


def test_an_open_run_is_not_measured():
    with pytest.raises(Conflict, match="once it is finished"):
        services.measure_run(run=a_run(), metrics=["exact_match"], actor=COMMAND_LINE)


def test_equal_datasets_give_runs_equal_seeds():
    rows = [example_row("one", expected_output="1")]

    first, second = a_run(a_version(a_project(), rows)), a_run(a_version(a_project(), rows))

    assert first.seed == second.seed
