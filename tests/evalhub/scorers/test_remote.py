"""Runs scored by somebody's service: what it is sent, what is believed, and how it may fail."""

import json
import time

import numpy as np
import pytest
from django.test import Client

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import ContentError
from evalhub.outbound.patience import LONGEST_PAUSE_SECONDS
from evalhub.runs import queue, remote, services, workers
from evalhub.runs.models import Chunk, Job, Measurement, Run, ScoreColumn, ScoreNote
from evalhub.runs.pages import progress_context
from evalhub.scorers.asking import ask
from evalhub.scorers.services import retire_scorer, withdraw_host
from metrics.reasons import Reason
from tests.evalhub.judging.endpoint import (
    closes,
    dribbles,
    hangs,
    one_after_another,
    sends,
)
from tests.evalhub.runs.building import a_run, claimed, drain, finished, measurement, right, scores
from tests.evalhub.scorers.building import a_scorer, answers, approve, by_length, each
from tests.factories import a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db
SPEC = "remote_polite"
LINES = [
    {"key": "q1", "output": "aaaaa"},
    {"key": "q2", "output": "bbb"},
    {"key": "q3", "output": "c"},
]


def drain_all(run):
    """Work until nothing is left, whatever has to wait for its next try."""
    until = time.monotonic() + 20
    while Job.objects.filter(state=Job.State.WORKING).exists():
        assert time.monotonic() < until
        drain()
        time.sleep(0.01)
    run.refresh_from_db()
    return run


def asked_run(endpoint, *lines, metrics=(SPEC,), version=None, attempts=1, **fields):
    """Return a finished run that names a scorer at the endpoint; nothing is scored yet."""
    version = version or a_version(a_project(), n=3)
    a_scorer(version.dataset.project, url=f"{endpoint.url}/score", **fields)
    run = a_run(version, metrics=list(metrics), attempts=attempts)
    return finished(run, *(lines or LINES))


def remotely_scored(endpoint, *lines, **fields):
    return drain_all(asked_run(endpoint, *lines, **fields))


def values(run, name=SPEC):
    return scores(run, name).values.ravel().tolist()


def reasons(run, name=SPEC):
    return [Reason(code) for code in scores(run, name).reasons.ravel().tolist()]


# The whole way.


def test_each_scorer_of_several_counts_each_output(endpoint):
    version = a_version(a_project(), n=30)
    a_scorer(version.dataset.project, url=endpoint.url)
    a_scorer(version.dataset.project, url=endpoint.url, slug="brief")
    run = finished(a_run(version, metrics=["remote_polite", "remote_brief"]), *right(1))

    (shown,) = progress_context(run)["works"]

    assert (shown.work.total, shown.times) == (60, " (2 scorers × 30)")


def test_a_scorer_gives_scores_a_value_and_an_interval(endpoint):
    run = remotely_scored(endpoint)

    found = measurement(run, SPEC)
    assert (run.state, found.state, found.kind) == (Run.State.SCORED, "scored", "remote")
    assert values(run) == [0.5, 0.3, 0.1]
    assert found.value == pytest.approx(0.3)
    assert found.low < 0.3 < found.high
    assert (found.n_scored, found.unscored, found.problem) == (3, {}, "")


def test_what_is_sent_is_protocol_1(endpoint):
    rows = [
        example_row(
            "q1",
            expected_output={"city": "Paris"},
            references=["Paris"],
            context=["Paris is old."],
            metadata={"topic": "capitals"},
        ),
        example_row("q2"),
    ]
    lines = [
        {"key": "q1", "output": {"a": 1}, "retrieved": [{"id": "d", "score": 0.5, "text": "t"}]},
        {"key": "q2", "output": ""},
    ]
    endpoint.script = each(lambda item: {"value": 1})

    remotely_scored(endpoint, *lines, version=a_version(a_project(), rows))

    [asked] = endpoint.asked
    assert asked.path == "/v1/score"
    assert asked.body == {
        "protocol": 1,
        "scorer": "polite",
        "version": "1",
        "items": [
            {
                "id": "0:1",
                "input": "What is q1?",
                "output": {"a": 1},
                "expected_output": {"city": "Paris"},
                "references": ["Paris"],
                "context": ["Paris is old."],
                "retrieved": [{"id": "d", "score": 0.5, "text": "t"}],
                "metadata": {"topic": "capitals"},
            },
            {
                "id": "1:1",
                "input": "What is q2?",
                "output": "",
                "expected_output": None,
                "references": [],
                "context": [],
                "retrieved": [],
                "metadata": {},
            },
        ],
    }


def test_the_secret_header_goes_to_the_scorer_and_is_kept_out_of_everything_else(endpoint):
    run = remotely_scored(endpoint, header="X-Api-Key", secret="swordfish-77")

    assert endpoint.asked[0].headers["x-api-key"] == "swordfish-77"
    assert "swordfish" not in json.dumps(endpoint.asked[0].body)
    assert "swordfish" not in measurement(run, SPEC).signature


def test_attempts_and_batches_reach_every_output_once(endpoint):
    lines = [
        {"key": f"q{n}", "attempt": attempt, "output": "x" * n}
        for n in range(1, 8)
        for attempt in (1, 2)
    ]

    run = remotely_scored(
        endpoint, *lines, version=a_version(a_project(), n=7), attempts=2, batch_size=3
    )

    asked = [item["id"] for one in endpoint.asked for item in one.body["items"]]
    assert sorted(asked) == sorted(f"{n}:{attempt}" for n in range(7) for attempt in (1, 2))
    assert max(len(one.body["items"]) for one in endpoint.asked) <= 3
    assert values(run) == pytest.approx([n / 10 for n in range(1, 8) for _ in (1, 2)])


def test_a_signature_says_who_was_asked_and_changes_with_the_address(endpoint):
    run = remotely_scored(endpoint)
    first = measurement(run, SPEC)
    origin = endpoint.url.removesuffix("/v1")
    assert first.signature == f"remote|polite|r1|version:1|{origin}|range:0.0..1.0|protocol:1"

    a_scorer(run.project, url=f"{endpoint.url}/other")
    services.measure_run(run=run, metrics=[SPEC], actor=COMMAND_LINE)
    drain_all(run)

    assert endpoint.asked[-1].path == "/v1/other"
    assert measurement(run, SPEC).signature == first.signature.replace("|r1|", "|r2|")
    assert measurement(run, SPEC).generation == 2


def test_a_run_is_scored_with_the_revision_that_it_was_planned_with(endpoint):
    run = asked_run(endpoint)
    a_scorer(run.project, url=f"{endpoint.url}/later")

    drain_all(run)

    assert [one.path for one in endpoint.asked] == ["/v1/score"]


def test_a_scorer_that_says_yes_or_no_is_binary(endpoint):
    endpoint.script = each(lambda item: {"value": int(len(item["output"]) > 2)})

    run = remotely_scored(endpoint, is_binary=True)

    found = measurement(run, SPEC)
    assert (found.family, found.low_bound, found.high_bound) == ("binary", 0.0, 1.0)
    assert found.interval_method == "Wilson" or "Wilson" in found.interval_method
    assert values(run) == [1.0, 1.0, 0.0]


# Errors are not gaps.


def test_errors_and_missing_outputs_are_not_sent_and_score_the_worst(endpoint):
    run = remotely_scored(
        endpoint,
        {"key": "q1", "output": "aaaaa"},
        {"key": "q2", "error": "time-out"},
        higher_is_better=False,
    )

    assert [item["id"] for item in endpoint.asked[0].body["items"]] == ["0:1"]
    assert values(run) == [0.5, 1.0, 1.0]


def test_without_a_bound_there_is_no_worst_and_the_reason_says_so(endpoint):
    run = remotely_scored(endpoint, {"key": "q1", "output": "aaaaa"}, low=None, high=None)

    assert reasons(run) == [Reason.SCORED, Reason.NO_OUTPUT, Reason.NO_OUTPUT]
    assert measurement(run, SPEC).unscored == {"no_output": 2}


def test_a_run_without_any_output_asks_nothing(endpoint):
    run = remotely_scored(endpoint, {"key": "q1", "error": "down"})

    assert endpoint.asked == []
    assert values(run) == [0.0, 0.0, 0.0]


# One output's trouble is its own.

BAD_SCORES = {
    "null with a reason": ({"value": None, "reason": "in French"}, Reason.SCORER_DECLINED),
    "null": ({"value": None}, Reason.SCORER_DECLINED),
    "NaN": ({"value": float("nan")}, Reason.SCORER_NO_NUMBER),
    "infinity": ({"value": float("inf")}, Reason.SCORER_NO_NUMBER),
    "text": ({"value": "0.5"}, Reason.SCORER_NO_NUMBER),
    "true": ({"value": True}, Reason.SCORER_NO_NUMBER),
    "a list": ({"value": [0.5]}, Reason.SCORER_NO_NUMBER),
    "no value": ({"score": 0.5}, Reason.SCORER_NO_NUMBER),
    "above": ({"value": 1.0000001}, Reason.SCORER_OFF_RANGE),
    "below": ({"value": -1}, Reason.SCORER_OFF_RANGE),
    "an integer of 400 digits": ({"value": 10**400}, Reason.SCORER_OFF_RANGE),
    "left out": (None, Reason.SCORER_LEFT_OUT),
    "another id": ({"id": "7:1", "value": 0.5}, Reason.SCORER_LEFT_OUT),
    "a neighbor's id": ({"id": "0:1", "value": 0.5}, Reason.SCORER_LEFT_OUT),
}


@pytest.mark.parametrize("what", BAD_SCORES)
def test_one_bad_score_leaves_the_others_as_they_are(endpoint, what):
    bad, reason = BAD_SCORES[what]
    endpoint.script = each(lambda item: bad if item["id"] == "1:1" else by_length(item))

    run = remotely_scored(endpoint)

    is_doubled = what == "a neighbor's id"
    first = Reason.SCORER_REPEATED if is_doubled else Reason.SCORED
    assert reasons(run) == [first, reason, Reason.SCORED]
    assert values(run)[2] == 0.1
    assert np.isnan(values(run)[1])
    assert run.state == Run.State.SCORED


def test_a_value_without_bounds_still_has_a_limit(endpoint):
    endpoint.script = each(lambda item: {"value": 1e300 if item["id"] == "0:1" else -1e12})

    run = remotely_scored(endpoint, low=None, high=None)

    assert reasons(run)[0] == Reason.SCORER_OFF_RANGE
    assert values(run)[1:] == [-1e12, -1e12]


def test_a_scorers_words_are_kept_and_shown_beside_its_score(endpoint):
    words = "too curt\n<b>\0" + "x" * 400
    given = {"0:1": {"value": 0.5}, "1:1": {"value": None, "reason": words}}
    endpoint.script = each(lambda item: given.get(item["id"], {"value": 1, "reason": 7}))

    run = remotely_scored(endpoint)

    [note] = ScoreNote.objects.all()
    assert (note.position, note.attempt, len(note.words)) == (1, 1, 300)
    assert note.words.startswith("too curt <b> xxx")
    client = Client()
    client.force_login(a_member(run.project, "viewer"))
    page = client.get(f"/runs/{run.public_id}/outputs/1/1/").content.decode()
    assert "too curt &lt;b&gt; xxx" in page
    assert "The scorer gave no value for this output." in page


# The answer as a whole.

NO_ANSWERS = {
    "no JSON": (sends(200, b"0.5"), "The answer is no object"),
    "HTML": (sends(200, b"<html>"), "The answer is not JSON."),
    "a list": (sends(200, b"[]"), "The answer is no object"),
    "another protocol": (answers([], protocol=2), 'The answer has no "protocol": 1.'),
    "protocol true": (answers([], protocol=True), 'The answer has no "protocol": 1.'),
    "no scores": (answers(None), 'The answer has no list "scores".'),
    "scores by id": (answers({"0:1": 1}), 'The answer has no list "scores".'),
    "numbers": (answers([1, 2, 3]), 'A score is no object with an "id" that is text.'),
    "ids as numbers": (answers([{"id": 1, "value": 1}]), 'A score is no object with an "id"'),
    "a member twice": (
        sends(200, b'{"protocol": 1, "scores": [{"id": "0:1", "value": 1, "value": 0}]}'),
        "The answer is not JSON.",
    ),
    "deep lists": (sends(200, b"[" * 20_000), "The answer is not JSON."),
    "404": (sends(404, b""), "The answer was 404 Not Found."),
    "422": (sends(422, b""), "The answer was 422"),
    "a redirect": (sends(307, b"", Location="http://127.0.0.1/"), "Redirects are not followed."),
    "500": (sends(500, b""), "The answer was 500 Internal Server Error."),
    "it closes": (closes, "The other side closed the connection"),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
def test_an_answer_that_is_none_fails_the_measurement_alone(endpoint, what):
    behavior, sentence = NO_ANSWERS[what]
    endpoint.script = lambda asked: behavior

    run = remotely_scored(endpoint, metrics=["exact_match", SPEC])

    found = measurement(run, SPEC)
    assert found.state == Measurement.State.FAILED
    assert sentence in found.problem
    assert found.problem.startswith("The scorer polite gave no scores for the examples 1 to 3")
    assert found.problem.endswith("Once it answers, score the run again.")
    assert measurement(run, "exact_match").state == Measurement.State.SCORED
    assert run.state == Run.State.SCORED


@pytest.mark.parametrize(
    ("behavior", "tries"), [(sends(404, b""), 1), (sends(200, b"{}"), 2), (sends(500, b""), 6)]
)
def test_it_is_asked_again_only_where_that_may_help(endpoint, behavior, tries):
    endpoint.script = lambda asked: behavior

    run = remotely_scored(endpoint)

    assert len(endpoint.asked) == tries
    assert (f"after {tries} tries" in measurement(run, SPEC).problem) == (tries > 1)


def test_a_scorer_that_recovers_is_asked_again_after_a_pause(endpoint):
    good = answers([{"id": f"{n}:1", "value": 1} for n in range(3)])
    endpoint.script = one_after_another(
        sends(503, b""), sends(429, b"", Retry_After="0"), closes, good
    )

    run = remotely_scored(endpoint)

    assert values(run) == [1.0, 1.0, 1.0]
    pauses = np.diff([one.at for one in endpoint.asked])
    assert len(pauses) == 3
    assert pauses[0] >= 0.0025


def test_no_scorer_can_make_us_wait_for_long(endpoint):
    endpoint.script = one_after_another(sends(429, b"", Retry_After="86400"), closes)
    run = asked_run(endpoint)
    drain()

    chunk = Chunk.objects.get(job__run=run)
    waits = chunk.not_before.timestamp() - time.time()
    assert (chunk.state, chunk.tries) == ("waiting", 1)
    assert waits <= LONGEST_PAUSE_SECONDS + 1


@pytest.mark.parametrize("behavior", ["hangs", "dribbles"])
def test_a_scorer_that_hangs_holds_a_worker_for_one_request_and_nothing_else(endpoint, behavior):
    behaviors = {"hangs": hangs(lambda: endpoint), "dribbles": dribbles}
    endpoint.script = lambda asked: behaviors[behavior]
    run = asked_run(endpoint, metrics=["exact_match", SPEC], timeout_seconds=0.2)

    started = time.monotonic()
    drain()
    assert time.monotonic() - started < 3
    assert measurement(run, "exact_match").state == Measurement.State.SCORED

    drain_all(run)
    assert "There was no whole answer within 0.2 seconds." in measurement(run, SPEC).problem
    assert len(endpoint.asked) == remote.MOST_TRIES["timed_out"]


def test_a_failed_measurement_scores_when_it_is_asked_for_again(endpoint):
    endpoint.script = one_after_another(sends(404, b""), sends(200, b"{}"))
    run = remotely_scored(endpoint)
    endpoint.script = each(by_length)

    services.measure_run(run=run, metrics=[SPEC], actor=COMMAND_LINE)
    drain_all(run)

    assert values(run) == [0.5, 0.3, 0.1]


# Work that is shared, given back, killed.


def many(endpoint, **fields):
    lines = [{"key": f"q{n}", "output": "x"} for n in range(1, 41)]
    version = a_version(a_project(), n=40)
    return asked_run(endpoint, *lines, version=version, batch_size=10, **fields)


def test_while_nothing_is_known_of_a_scorer_one_worker_asks_alone(endpoint):
    run = many(endpoint)
    first, second = claimed("this:1:1"), claimed("this:2:1")

    remote.run_chunk(second)
    assert endpoint.asked == []
    assert Chunk.objects.get(pk=second.chunk_id).state == "waiting"
    assert Chunk.objects.get(pk=second.chunk_id).tries == 0

    remote.run_chunk(first)
    assert not Chunk.objects.filter(not_before__isnull=False).exists()
    third, fourth = claimed("this:1:1"), claimed("this:2:1")
    remote.run_chunk(fourth)
    remote.run_chunk(third)
    assert [len(one.body["items"]) for one in endpoint.asked] == [10, 10, 10]
    drain_all(run)
    assert values(run) == [0.1] * 40


def test_a_try_in_vain_lets_the_whole_job_rest(endpoint, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_PAUSE_SECONDS", 30.0)
    endpoint.script = lambda asked: sends(503, b"")
    many(endpoint)

    assert drain() == 1
    assert len(endpoint.asked) == 1
    assert queue.claim("this:1:1") is None


def test_a_worker_that_stops_gives_the_chunk_back_unharmed(endpoint, monkeypatch):
    endpoint.script = lambda asked: hangs(lambda: endpoint)
    run = asked_run(endpoint)
    claim = claimed()
    monkeypatch.setattr(workers, "is_stopping", lambda: bool(endpoint.asked))

    started = time.monotonic()
    remote.run_chunk(claim)

    assert time.monotonic() - started < 3
    chunk = Chunk.objects.get(job__run=run)
    assert (chunk.state, chunk.crashes, chunk.tries) == ("waiting", 0, 0)


def test_a_worker_whose_run_is_cancelled_while_it_asks_writes_nothing(endpoint, monkeypatch):
    run = asked_run(endpoint)
    claim = claimed()

    def cancelled_meanwhile(*arguments, **more):
        services.cancel_run(run=run, actor=COMMAND_LINE)
        return ask(*arguments, **more)

    monkeypatch.setattr(remote, "ask", cancelled_meanwhile)
    with pytest.raises(queue.LostClaimError):
        remote.run_chunk(claim)
    assert len(endpoint.asked) == 1
    assert not ScoreColumn.objects.filter(measurement__run=run).exists()


def test_a_chunk_that_is_done_is_not_asked_about_again(endpoint):
    run = remotely_scored(endpoint)
    Chunk.objects.update(state="waiting")
    Measurement.objects.update(state="scoring")
    Job.objects.update(state="working")

    drain_all(run)

    assert len(endpoint.asked) == 1


# Who may be asked.


@pytest.mark.parametrize(
    "name", ["remote_unheard", "remote_", "remote_POLITE", "remote_" + "x" * 99]
)
def test_a_spec_that_names_no_scorer_is_refused_with_those_there_are(endpoint, name):
    version = a_version(a_project(), n=3)
    a_scorer(version.dataset.project)

    with pytest.raises(ContentError, match="There are: remote_polite") as refused:
        a_run(version, metrics=[name])
    assert refused.value.errors[0].field == "metrics[0].name"


def test_a_spec_takes_no_parameters():
    version = a_version(a_project(), n=3)
    a_scorer(version.dataset.project)

    with pytest.raises(ContentError, match="has no parameter 'k'"):
        a_run(version, metrics=[{"name": SPEC, "params": {"k": 1}}])


def test_another_projects_scorer_does_not_exist():
    a_scorer(a_project())

    with pytest.raises(ContentError, match="There are: none"):
        a_run(a_version(a_project(), n=3), metrics=[SPEC])


def test_a_scorer_whose_host_no_owner_approved_is_refused():
    version = a_version(a_project(), n=3)
    a_scorer(version.dataset.project, approved=False)

    with pytest.raises(ContentError, match="no owner of the project has approved") as refused:
        a_run(version, metrics=[SPEC])
    assert refused.value.errors[0].code == "not_approved"


def test_a_scorer_that_moves_to_another_host_needs_another_approval():
    version = a_version(a_project(), n=3)
    a_scorer(version.dataset.project)
    moved = a_scorer(
        version.dataset.project, url="https://scorer.example.org:8443/score", approved=False
    )

    with pytest.raises(ContentError, match="approved"):
        a_run(version, metrics=[SPEC])
    approve(moved)
    assert a_run(version, metrics=[SPEC]).measurements.get().params["revision"] == 2


def test_an_approval_that_is_withdrawn_stops_the_work_under_way(endpoint):
    run = asked_run(endpoint)
    origin = endpoint.url.removesuffix("/v1")
    withdraw_host(project=run.project, origin=origin, actor=COMMAND_LINE)

    drain_all(run)

    assert endpoint.asked == []
    assert "no owner of the project has approved" in measurement(run, SPEC).problem


def test_a_retired_scorer_is_asked_nothing(endpoint):
    run = asked_run(endpoint)
    retire_scorer(scorer=run.project.scorers.get(), actor=COMMAND_LINE)

    drain_all(run)

    assert endpoint.asked == []
    assert "is retired" in measurement(run, SPEC).problem


def test_a_host_inside_the_network_is_refused_when_it_is_asked(endpoint, settings):
    run = asked_run(endpoint)
    settings.OUTBOUND_ALLOW = []

    drain_all(run)

    assert endpoint.asked == []
    problem = measurement(run, SPEC).problem
    assert problem.endswith(
        "An operator can allow it with EVALHUB_OUTBOUND_ALLOW. "
        "Once it is allowed, or the scorer has another address, score the run again."
    )
