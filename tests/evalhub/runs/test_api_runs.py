"""The REST interface of runs: made, listed, finished, waited for, measured again."""

import threading
import time

import pytest
from django.db import connection, connections

from evalhub.runs import draining, waiting
from evalhub.runs.models import Measurement, Run
from tests.evalhub.runs.building import a_run, drain, right, scored, submit
from tests.factories import a_dataset, a_key, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def headers(project):
    return a_key(project)


def post(client, headers, address, body=None, **more):
    return client.post(
        f"/api/v1/{address}",
        {} if body is None else body,
        content_type="application/json",
        headers={**headers, **more},
    )


def get(client, headers, address):
    return client.get(f"/api/v1/{address}", headers=headers)


def test_a_run_answers_with_what_the_contract_names(client, headers, project):
    version = a_version(project, n=2)
    wished = {
        "dataset": version.dataset.slug,
        "version": 1,
        "system": "gpt",
        "system_version": "v2",
        "metrics": ["exact_match", {"name": "bleu", "params": {}, "as": "overlap"}],
        "attempts": 3,
        "git_commit": "9f3c1ae",
        "params": {"temperature": 0.5},
        "tags": ["nightly"],
        "external_id": "ci-7",
    }
    answer = post(client, headers, "projects/town/runs", wished)
    assert answer.status_code == 201
    body = answer.json()
    assert body["id"].startswith("run_")
    assert body["state"] == "open"
    assert body["progress"] == {"done": 0, "total": 6}
    assert body["coverage"] == {"expected": 6, "received": 0, "errors": 0, "missing": 6}
    assert list(body["metrics"]) == ["exact_match", "overlap"]
    metric = body["metrics"]["overlap"]
    assert [metric[name] for name in ("value", "low", "high", "n", "unscored")] == [
        *(None, None, None, 0, 0)
    ]
    assert metric["signature"].startswith("bleu|v1|")
    assert metric["reason"] == "The run is not finished."
    for name in ("dataset", "version", "system", "system_version", "attempts", "tags"):
        assert body[name] == wished[name]
    assert get(client, headers, f"runs/{body['id']}").json() == body


def test_a_tag_or_nothing_names_a_version_too(client, headers, project):
    version = a_version(project)
    newer = a_version(project, [example_row("z")], dataset=version.dataset)
    slug = version.dataset.slug
    version.dataset.tags.create(name="golden", version=version, moved_at=newer.created_at)
    numbers = [
        post(
            client, headers, "projects/town/runs", {"dataset": slug, "system": "a", **more}
        ).json()["version"]
        for more in ({}, {"version": "golden"}, {"version": "1"}, {"version": None})
    ]
    assert numbers == [2, 1, 1, 2]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "dataset"),
        ({"dataset": "d", "system": 3}, 422, "system"),
        ({"dataset": "d", "system": "a b"}, 422, "system"),
        ({"dataset": "d", "system": "a", "attempts": True}, 422, "attempts"),
        ({"dataset": "d", "system": "a", "attempts": 0}, 422, "attempts"),
        ({"dataset": "d", "system": "a", "tags": [1]}, 422, "tags"),
        ({"dataset": "d", "system": "a", "metrics": "bleu"}, 422, "metrics"),
        ({"dataset": "d", "system": "a", "metrics": ["blue"]}, 422, "metrics[0].name"),
        (
            {"dataset": "d", "system": "a", "metrics": ["bleu", "bleu"]},
            *(422, "metrics[1].as"),
        ),
        (
            {
                "dataset": "d",
                "system": "a",
                "metrics": [{"name": "exact_match", "params": {"extract": "("}}],
            },
            *(422, "metrics[0].params.extract"),
        ),
        ({"dataset": "d", "system": "a", "metrcs": []}, 400, "metrcs"),
    ],
)
def test_a_wrong_member_is_named_and_nothing_is_made(
    client, headers, project, body, status, field
):
    a_version(project, dataset=None)
    known = project.datasets.get()
    given = {**body, "dataset": known.slug} if "dataset" in body else body
    answer = post(client, headers, "projects/town/runs", given)
    assert answer.status_code == status, answer.json()
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not Run.objects.exists()


def test_the_name_of_a_dataset_in_place_of_its_slug_is_answered_with_the_slugs(
    client, headers, project
):
    ask = {"dataset": "Handbook questions", "system": "s"}
    answer = post(client, headers, "projects/town/runs", ask)
    assert answer.json()["detail"].endswith("in this project. It has none yet.")
    for number in range(12):
        a_dataset(project, f"set-{number:02}")
    a_dataset(a_project(), "another")
    answer = post(client, headers, "projects/town/runs", ask)
    assert answer.status_code == 404
    listed = ", ".join(f"set-{number:02}" for number in range(10))
    assert answer.json()["detail"].endswith(f"Its datasets are {listed}, ….")


def test_an_unknown_dataset_or_version_is_404(client, headers, project):
    slug = a_version(project).dataset.slug
    for wished in ({"dataset": "none"}, {"dataset": slug, "version": 9}):
        answer = post(client, headers, "projects/town/runs", {"system": "a", **wished})
        assert answer.status_code == 404


def test_an_external_id_names_one_run(client, headers, project):
    wished = {
        "dataset": a_version(project).dataset.slug,
        "system": "a",
        "external_id": "ci-7",
    }
    first = post(client, headers, "projects/town/runs", wished)
    again = post(client, headers, "projects/town/runs", wished)
    assert again.status_code == 409
    assert first.json()["id"] in again.json()["detail"]


def test_an_idempotency_key_makes_one_run(client, headers, project):
    wished = {"dataset": a_version(project).dataset.slug, "system": "a"}
    first, again = (
        post(client, headers, "projects/town/runs", wished, **{"Idempotency-Key": "once"})
        for _ in range(2)
    )
    other = post(
        client,
        headers,
        "projects/town/runs",
        {**wished, "system": "b"},
        **{"Idempotency-Key": "once"},
    )
    assert [first.status_code, again.status_code, other.status_code] == [201, 201, 409]
    assert first.json() == again.json()
    assert Run.objects.count() == 1


def test_finishing_names_what_is_missing_and_may_allow_it(client, headers, project):
    run = a_run(project=project, n=3)
    submit(run, *right(2))
    refused = post(client, headers, f"runs/{run.public_id}/finish")
    assert refused.status_code == 409
    assert refused.json()["code"] == "missing_outputs"
    assert refused.json()["total"] == 2
    assert [error["detail"] for error in refused.json()["errors"]] == ["q1", "q3"]
    taken = post(client, headers, f"runs/{run.public_id}/finish", {"allow_missing": True})
    assert taken.status_code == 202
    assert taken.json()["state"] == "scoring"
    assert post(client, headers, f"runs/{run.public_id}/finish").status_code == 409


def test_a_finish_without_a_body_is_one_too(client, headers, project):
    run = a_run(project=project)
    submit(run, *right(1, 2, 3))
    answer = client.post(
        f"/api/v1/runs/{run.public_id}/finish", b"", content_type="", headers=headers
    )
    assert answer.status_code == 202


def test_a_scored_run_has_values_with_intervals(client, headers, project):
    run = scored(a_run(project=project, n=4), *right(1, 2, 3), {"key": "q4", "error": "timeout"})
    body = get(client, headers, f"runs/{run.public_id}").json()
    assert body["state"] == "scored"
    assert body["progress"] == {"done": 4, "total": 4}
    assert body["coverage"] == {"expected": 4, "received": 4, "errors": 1, "missing": 0}
    metric = body["metrics"]["exact_match"]
    assert metric["value"] == 0.75
    assert metric["answered_only"] == 1.0
    assert metric["low"] < 0.75 < metric["high"]
    assert (metric["n"], metric["unscored"], metric["state"]) == (4, 0, "scored")


def test_a_value_that_is_undefined_is_null_with_a_reason(client, headers, project):
    version = a_version(project, [example_row("q1"), example_row("q2")])
    run = scored(a_run(version), *right(1, 2))
    metric = get(client, headers, f"runs/{run.public_id}").json()["metrics"]["exact_match"]
    assert (metric["value"], metric["low"], metric["high"]) == (None, None, None)
    assert (metric["n"], metric["unscored"]) == (0, 2)
    assert metric["unscored_reasons"] == {"no_reference": 2}
    assert metric["reason"] == "No example is scored."


@pytest.mark.parametrize("wait", ["x", "-1", "1.5", "٣"])
def test_a_wait_that_is_no_number_is_refused(client, headers, project, wait):
    run = a_run(project=project)
    assert get(client, headers, f"runs/{run.public_id}?wait={wait}").status_code == 400


def test_a_wait_ends_at_once_when_the_run_has_ended(client, headers, project):
    run = scored(a_run(project=project), *right(1, 2, 3))
    begun = time.monotonic()
    assert get(client, headers, f"runs/{run.public_id}?wait=30").json()["state"] == "scored"
    assert time.monotonic() - begun < 5


def test_a_wait_is_over_when_its_time_is(client, headers, project):
    run = a_run(project=project)
    begun = time.monotonic()
    assert get(client, headers, f"runs/{run.public_id}?wait=1").json()["state"] == "open"
    assert 1 <= time.monotonic() - begun < 5


@pytest.mark.django_db(transaction=True)
def test_a_wait_sees_the_run_end_and_holds_no_transaction(client, headers, project):
    run = a_run(project=project)
    submit(run, *right(1, 2, 3))
    post(client, headers, f"runs/{run.public_id}/finish")

    def work():
        try:
            time.sleep(0.5)
            draining.drain("other:1:1", seconds=30)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    body = get(client, headers, f"runs/{run.public_id}?wait=30").json()
    worker.join()
    assert body["state"] == "scored"
    assert not connection.in_atomic_block


def test_of_many_that_wait_some_are_answered_at_once(client, headers, project, monkeypatch):
    run = a_run(project=project)
    monkeypatch.setattr(waiting, "_places", threading.BoundedSemaphore(1))
    with waiting._places:
        answer = get(client, headers, f"runs/{run.public_id}?wait=30")
    assert answer.status_code == 200
    assert answer["Retry-After"] == "1"


def test_a_run_is_measured_again_and_keeps_what_was(client, headers, project):
    run = scored(a_run(project=project), *right(1, 2), {"key": "q3", "output": "A3"})
    spec = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}
    answer = post(client, headers, f"runs/{run.public_id}/measurements", {"metrics": [spec]})
    assert answer.status_code == 202
    assert [(one["as"], one["generation"], one["state"]) for one in answer.json()["data"]] == [
        ("exact_match", 2, "scoring")
    ]
    drain()
    body = get(client, headers, f"runs/{run.public_id}").json()
    assert body["metrics"]["exact_match"]["value"] == 1.0
    everything = get(client, headers, f"runs/{run.public_id}/measurements").json()["data"]
    assert [(one["generation"], one["is_current"]) for one in everything] == [
        (1, False),
        (2, True),
    ]
    assert everything[0]["value"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("body", [{}, {"metrics": []}, {"metrics": ["blue"]}, {"metric": []}])
def test_a_wrong_request_to_measure_changes_nothing(client, headers, project, body):
    run = scored(a_run(project=project), *right(1, 2, 3))
    answer = post(client, headers, f"runs/{run.public_id}/measurements", body)
    assert answer.status_code in (400, 422)
    assert Measurement.objects.count() == 1


def test_an_open_run_cannot_be_measured(client, headers, project):
    run = a_run(project=project)
    answer = post(client, headers, f"runs/{run.public_id}/measurements", {"metrics": ["bleu"]})
    assert answer.status_code == 409


def test_a_run_is_cancelled_once(client, headers, project):
    run = a_run(project=project)
    answer = post(client, headers, f"runs/{run.public_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.json()["metrics"]["exact_match"]["reason"] == "The measurement was cancelled."
    assert post(client, headers, f"runs/{run.public_id}/cancel").status_code == 409


def test_reopening_needs_an_admin_key(client, headers, project):
    run = scored(a_run(project=project), *right(1, 2, 3))
    refused = post(client, a_key(project, "expert"), f"runs/{run.public_id}/reopen")
    assert refused.status_code == 403
    answer = post(client, headers, f"runs/{run.public_id}/reopen")
    assert (answer.status_code, answer.json()["state"]) == (200, "open")
    assert answer.json()["metrics"]["exact_match"]["value"] is None


def test_runs_are_listed_newest_first_by_pages(client, headers, project):
    version = a_version(project)
    made = [a_run(version, system=name).public_id for name in ("a", "b", "c")]
    page = get(client, headers, "projects/town/runs?limit=2").json()
    rest = get(client, headers, f"projects/town/runs?limit=2&cursor={page['next_cursor']}").json()
    assert [run["id"] for run in page["data"] + rest["data"]] == made[::-1]
    assert rest["next_cursor"] is None
    only = get(client, headers, "projects/town/runs?system=b").json()["data"]
    assert [run["id"] for run in only] == [made[1]]
    assert get(client, headers, "projects/town/runs?dataset=other").json()["data"] == []


def test_a_list_of_runs_asks_the_database_as_often_as_a_short_one(
    client, headers, project, django_assert_max_num_queries
):
    version = a_version(project)
    for number in range(20):
        a_run(version, system=f"s{number}", metrics=["exact_match", "bleu"])
    with django_assert_max_num_queries(5):
        assert len(get(client, headers, "projects/town/runs").json()["data"]) == 20
    with django_assert_max_num_queries(5):
        get(client, headers, f"runs/{Run.objects.first().public_id}")


def test_runs_of_others_do_not_exist(client, headers, project):
    other = a_run(project=a_project())
    for address in ("", "/outputs", "/measurements"):
        answer = get(client, headers, f"runs/{other.public_id}{address}")
        assert answer.status_code == 404
    for address in ("finish", "cancel", "reopen", "measurements", "outputs"):
        answer = post(client, headers, f"runs/{other.public_id}/{address}")
        assert answer.status_code == 404
    assert get(client, headers, f"projects/{other.project.slug}/runs").status_code == 404


@pytest.mark.parametrize("step", ["finish", "cancel", "measurements", "outputs"])
def test_a_reading_key_changes_nothing(client, project, step):
    run = a_run(project=project)
    answer = post(client, a_key(project, "viewer"), f"runs/{run.public_id}/{step}")
    assert answer.status_code == 403
    run.refresh_from_db()
    assert run.state == "open"


def test_nobody_without_a_key_comes_in(client, project):
    run = a_run(project=project)
    for address in ("projects/town/runs", f"runs/{run.public_id}", "metrics"):
        assert get(client, {}, address).status_code == 401


def test_the_catalog_names_metrics_with_their_parameters(client, headers):
    catalog = get(client, headers, "metrics").json()["data"]
    assert [metric["name"] for metric in catalog][:3] == [
        "exact_match",
        "quasi_exact_match",
        "token_f1",
    ]
    names = {param["name"] for param in catalog[0]["params"]}
    assert {"extract", "normalize", "against"} <= names
