"""An operator's metric may raise, hang, die or answer nonsense: it harms only its own numbers."""

import time

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from evalhub.runs import apart, scoring
from evalhub.runs.apart import FailedApartError, Host, scores_apart
from evalhub.runs.management.commands import check_metric
from evalhub.runs.models import Chunk, Measurement, Run
from evalhub.runs.pages import told
from evalhub.runs.sealing import yardstick_of
from metrics import catalog, custom
from metrics.batch import Batch
from metrics.catalog import MetricSpec, build
from metrics.contract import CHECKS, tried
from metrics.match.exact_match import ExactMatch
from metrics.reasons import Reason
from metrics.soundness import UnsoundError
from tests.evalhub.runs.building import a_run, claimed, finished, measurement, right, scored
from tests.metrics.custom_examples import Obeys
from tests.metrics.texts import expecting

MODULE = "tests.metrics.custom_examples"


@pytest.fixture(autouse=True)
def operators_metrics(monkeypatch, settings):
    monkeypatch.setattr(catalog, "_BY_NAME", dict(catalog._BY_NAME))
    settings.METRIC_SOURCES = [MODULE]
    settings.METRIC_TIMEOUT_SECONDS = 20.0
    monkeypatch.setattr(apart, "SHARE_OF_ONE", 0.05)
    custom.load_all([MODULE])


@pytest.fixture(scope="module")
def host():
    host = Host()
    yield host
    host.stop()


@pytest.fixture(autouse=True)
def one_host(monkeypatch, host):
    monkeypatch.setattr(apart, "_host", host)


def obeying(*outputs, attempts=1):
    batch = expecting(list(outputs), ["a"] * len(outputs))
    return scores_apart(
        build(MetricSpec(name="obeys")),
        Batch(
            outputs=batch.outputs,
            expected_outputs=batch.expected_outputs,
            references=batch.references,
            attempts=attempts,
        ),
    )


def test_scores_apart_are_those_of_the_same_code_here():
    metric = build(MetricSpec(name="same_length", params={"normalize": ["strip"]}))
    batch = expecting(["abc", " ab ", None, "x"], ["xyz", "cd", "a", None])

    scores, here = scores_apart(metric, batch), metric.score(batch)

    assert scores.values.tobytes() == here.values.tobytes()
    assert scores.reasons.tolist() == here.reasons.tolist()


def test_nested_metrics_are_scored_apart_too():
    metric = build(MetricSpec(name="pass_rate", params={"of": "same_length"}))

    assert scores_apart(metric, expecting(["ab", "abc"], ["xy", "xy"])).values.tolist() == [1, 0]


@pytest.mark.parametrize("order", ["raise", "hang", "die", "nan"])
def test_one_bad_output_harms_itself_alone(order, settings):
    settings.METRIC_TIMEOUT_SECONDS = 2.0 if order == "hang" else 20.0

    scores = obeying("a", order, "print")

    assert scores.reasons.tolist() == [0, Reason.METRIC_FAILED, 0]
    assert np.array_equal(scores.values, [1.0, np.nan, 1.0], equal_nan=True)


def test_attempts_of_a_bad_example_go_together():
    scores = obeying("a", "b", "raise", "a", attempts=2)

    assert scores.reasons.tolist() == [0, 0, Reason.METRIC_FAILED, Reason.METRIC_FAILED]


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        (
            ["raise"] * 6,
            "On more than 5 examples it stopped with RuntimeError at custom_examples.py, line",
        ),
        (["a", "shape"], "of the shapes [(1,), (1,), (1, 0)] for 2 rows"),
    ],
)
def test_a_metric_that_is_wrong_everywhere_fails_with_a_sentence(outputs, sentence):
    with pytest.raises(UnsoundError) as failed:
        obeying(*outputs)

    assert sentence in str(failed.value)


def test_a_large_request_and_a_hang_end_in_time():
    metric, host = build(MetricSpec(name="obeys")), Host()
    batch = expecting(["x" * 3_000_000, "hang"], ["a", "a"])
    host.score(metric, expecting(["a"], ["a"]), 20.0)
    started = time.monotonic()

    with pytest.raises(FailedApartError, match=r"took longer than 0\.5 seconds"):
        host.score(metric, batch, 0.5)

    assert time.monotonic() - started < 5
    host.stop()


def test_a_source_that_cannot_be_loaded_is_a_failure_of_the_metric(settings):
    metric, host = build(MetricSpec(name="obeys")), Host()
    settings.METRIC_SOURCES = ["tests.metrics.nowhere"]

    with pytest.raises(FailedApartError, match="ended its process"):
        host.score(metric, expecting(["a"], ["a"]), 20.0)


@pytest.mark.django_db
def test_a_run_keeps_all_its_other_numbers():
    run = scored(
        a_run(n=3, metrics=["exact_match", "obeys", "same_length"]),
        *right(1, 2),
        {"key": "q3", "output": "raise"},
    )

    assert run.state == Run.State.SCORED
    found = {name: measurement(run, name) for name in ("exact_match", "obeys", "same_length")}
    assert {one.state for one in found.values()} == {Measurement.State.SCORED}
    assert found["obeys"].unscored == {"metric_failed": 1}
    assert (found["exact_match"].n_scored, found["same_length"].n_scored) == (3, 3)


@pytest.mark.django_db
def test_own_metrics_are_jobs_of_their_own_and_leave_workers_to_others(monkeypatch):
    run = finished(a_run(n=20, metrics=["exact_match", "obeys", "same_length"]), *right(1, 2))
    kinds = {
        job.kind: sorted(job.measurements.values_list("name", flat=True))
        for job in run.jobs.order_by("pk")
    }
    assert sorted(job.kind for job in run.jobs.all()) == ["own", "own", "score"]
    assert kinds["score"] == ["exact_match"]

    held = [claimed(f"worker:1:{n}") for n in range(6)]
    own = [claim for claim in held if claim.kind == "own"]
    scoring.run_own_chunk(own[0])  # others are in hand: it is given back, and its job rests
    waiting = Chunk.objects.get(pk=own[0].chunk_id)
    assert (waiting.state, waiting.owner) == (Chunk.State.WAITING, "")
    assert waiting.not_before is not None

    monkeypatch.setattr(scoring, "living_workers", lambda: 100)
    scoring.run_own_chunk(own[1])
    assert Chunk.objects.get(pk=own[1].chunk_id).state == Chunk.State.DONE


@pytest.mark.django_db
def test_a_metric_that_is_not_loaded_any_more_keeps_its_numbers(monkeypatch):
    run = scored(a_run(n=3, metrics=["same_length"]), *right(1, 2))
    before = yardstick_of(measurement(run, "same_length"))
    assert told(measurement(run, "same_length")).is_repeatable

    monkeypatch.setattr(catalog, "_BY_NAME", {"exact_match": ExactMatch})

    gone = measurement(run, "same_length")
    assert yardstick_of(gone) == before
    assert not told(gone).is_repeatable
    assert not scoring.is_own(gone)


def test_check_metric_stops_at_a_metric_that_does_not_end(monkeypatch, capsys):
    monkeypatch.setattr(check_metric, "LONGEST_SECONDS", 1e-6)

    with pytest.raises(CommandError, match="1 promise is broken"):
        call_command("check_metric", "same_length")

    assert check_metric.GIVEN_UP in capsys.readouterr().out


def test_check_metric_tries_every_promise(capsys):
    call_command("check_metric", "same_length")

    said = capsys.readouterr().out
    assert said.count("ok ") == len(CHECKS)
    assert "All promises are kept." in said


def test_check_metric_says_what_is_broken(capsys):
    with pytest.raises(CommandError, match="broken"):
        call_command("check_metric", "obeys")

    assert "BROKEN" in capsys.readouterr().out


def test_check_metric_waits_for_no_check_forever(monkeypatch):
    monkeypatch.setattr(check_metric, "LONGEST_SECONDS", 0.05)

    said = tried(check_metric._in_time(lambda metric: time.sleep(20)), Obeys())

    assert said.startswith("It raised TimeoutError at check_metric.py, line")
    assert said.endswith("it took longer than 0.05 seconds.")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["nowhere"], "nowhere cannot be loaded"),
        (["bleu", "--params", "["], "--params is no JSON"),
        (["bleu", "--params", "[]"], "--params is a JSON object"),
        (["bleu", "--params", '{"a": 1}'], "bleu has no parameter 'a'"),
    ],
)
def test_check_metric_refuses_with_a_sentence(given, sentence):
    with pytest.raises(CommandError) as refused:
        call_command("check_metric", *given)

    assert sentence in str(refused.value)
