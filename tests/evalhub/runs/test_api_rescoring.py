"""The REST interface of re-scorings: begun, watched, cancelled and resumed by programs."""

import pytest

from evalhub.runs.models import Rescoring
from tests.evalhub.runs.building import a_run, drain, right, scored
from tests.factories import a_key, a_project, a_version

pytestmark = pytest.mark.django_db

LOOSE = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def headers(project):
    return a_key(project)


@pytest.fixture
def runs(project):
    version = a_version(project, n=4)
    return [
        scored(a_run(version, system=f"s{number}"), *right(*range(1, number + 1)))
        for number in (1, 2)
    ]


@pytest.fixture
def address(runs):
    return f"projects/town/datasets/{runs[0].version.dataset.slug}/rescorings"


@pytest.fixture
def ask(client, headers):
    """Return a function that asks for an address, with a body where one is given."""

    def ask(address, body=None, **more):
        if body is None:
            return client.get(f"/api/v1/{address}", headers=headers)
        kind = "application/json"
        return client.post(
            f"/api/v1/{address}", body, content_type=kind, headers={**headers, **more}
        )

    return ask


def test_a_rescoring_is_begun_and_watched_until_it_is_done(ask, address, runs):
    begun = ask(address, {"metrics": [LOOSE, "chrf"]})

    assert begun.status_code == 202
    body = begun.json()
    assert body["id"].startswith("res_")
    assert (body["state"], body["version"], body["again"]) == ("working", None, False)
    assert body["progress"] == {"done": 0, "total": 8}
    none = {"waiting": 0, "scored": 0, "skipped": 0, "failed": 0, "cancelled": 0}
    assert body["runs"] == {**none, "total": 2, "working": 2}
    assert body["metrics"] == [LOOSE, "chrf"]

    drain()

    found = ask(f"rescorings/{body['id']}?wait=1").json()
    assert (found["state"], found["progress"]) == ("done", {"done": 8, "total": 8})
    assert found["runs"] == {**none, "total": 2, "working": 0, "scored": 2}
    assert [one["id"] for one in ask(address).json()["data"]] == [body["id"]]
    measurements = ask(f"runs/{runs[0].public_id}/measurements").json()["data"]
    assert [(one["as"], one["generation"], one["is_current"]) for one in measurements] == [
        ("exact_match", 1, False),
        ("exact_match", 2, True),
        ("chrf", 1, True),
    ]


def test_each_run_is_listed_with_its_numbers_before_and_since(ask, address, runs):
    begun = ask(address, {"metrics": [LOOSE]}).json()
    drain()

    first = ask(f"rescorings/{begun['id']}/runs?limit=1").json()
    second = ask(f"rescorings/{begun['id']}/runs?cursor={first['next_cursor']}").json()

    (row,) = first["data"]
    assert (row["run"], row["state"], row["reason"]) == (runs[0].public_id, "scored", None)
    numbers = row["metrics"]["exact_match"]
    assert (numbers["before"]["value"], numbers["after"]["value"]) == (0.25, 0.25)
    assert numbers["before"]["signature"] != numbers["after"]["signature"]
    assert ([one["run"] for one in second["data"]], second["next_cursor"]) == (
        [runs[1].public_id],
        None,
    )


def test_it_is_cancelled_and_resumed(ask, address, runs):
    begun = ask(address, {"metrics": [LOOSE]}).json()
    answer = ask(f"rescorings/{begun['id']}/cancel", {})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    counts = answer.json()["runs"]
    assert (counts["waiting"], counts["cancelled"]) == (0, 2)
    assert sum(counts.values()) == 2 * counts["total"]
    rows = ask(f"rescorings/{begun['id']}/runs").json()["data"]
    assert [row["state"] for row in rows] == ["cancelled", "cancelled"]
    metrics = ask(f"runs/{runs[0].public_id}").json()["metrics"]
    assert metrics["exact_match"]["value"] == 0.25
    assert ask(f"rescorings/{begun['id']}/cancel", {}).status_code == 409

    answer = ask(f"rescorings/{begun['id']}/resume", {})
    assert (answer.status_code, answer.json()["state"]) == (202, "working")
    drain()

    assert ask(f"rescorings/{begun['id']}").json()["runs"]["scored"] == 2
    refused = ask(f"rescorings/{begun['id']}/resume", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["detail"] == (
        "The re-scoring is done: only what was cancelled is resumed."
    )


def test_the_same_request_sent_again_is_answered_as_the_first(ask, address):
    key = {"Idempotency-Key": "nightly-1"}
    first = ask(address, {"metrics": [LOOSE]}, **key)
    drain()

    again = ask(address, {"metrics": [LOOSE]}, **key)

    assert again.json() == first.json()
    assert Rescoring.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "metrics"),
        ({"metrics": []}, 422, "metrics"),
        ({"metrics": ["no_such"]}, 422, "metrics[0].name"),
        ({"metrics": ["chrf"], "runs": []}, 422, "runs"),
        ({"metrics": ["chrf"], "runs": ["run_none"]}, 422, "runs[0]"),
        ({"metrics": ["chrf"], "again": 1}, 422, "again"),
        ({"metrics": ["chrf"], "force": True}, 400, "force"),
    ],
)
def test_a_wrong_member_is_named(ask, address, body, status, field):
    refused = ask(address, body)

    assert (refused.status_code, [one["field"] for one in refused.json()["errors"]]) == (
        status,
        [field],
    )


def test_another_version_or_dataset_is_not_found(ask, address, client, runs):
    assert ask(address, {"metrics": ["chrf"], "version": 9}).status_code == 404
    assert ask("projects/town/datasets/none/rescorings").status_code == 404
    begun = ask(address, {"metrics": ["chrf"]}).json()
    stranger = a_key(a_project())
    found = client.get(f"/api/v1/rescorings/{begun['id']}", headers=stranger)
    assert found.status_code == 404


def test_watching_costs_few_queries(ask, address, django_assert_max_num_queries):
    begun = ask(address, {"metrics": [LOOSE]}).json()

    with django_assert_max_num_queries(7):
        assert ask(f"rescorings/{begun['id']}").status_code == 200
    with django_assert_max_num_queries(12):
        assert ask(f"rescorings/{begun['id']}/runs").status_code == 200
