"""The OpenAPI document and its page say what the interface does."""

import json
import re

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from evalhub.accounts.capabilities import SCOPES
from evalhub.web import reference
from labeling.models import Campaign
from tests.evalhub.runs.building import a_run, drain, right, scored
from tests.evalhub.runs.test_pages import sliced_version
from tests.evalhub.scorers.building import a_scorer
from tests.factories import a_key, a_project

REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')


def operations():
    for path, methods in reference.document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_view_says_what_it_takes_and_answers(capsys):
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(public=True)
    assert not GENERATOR_STATS, capsys.readouterr().err


def test_the_document_is_valid_and_names_nothing_that_is_not_there():
    document = reference.document()
    validate_schema(document)
    named = set(REFERENCE.findall(json.dumps(document)))
    assert named <= document["components"]["schemas"].keys()


def test_the_contract_is_all_there():
    paths = reference.document()["paths"]
    for address, methods in {
        "projects/{project}/datasets": "get post",
        "projects/{project}/datasets/{dataset}/versions": "get post",
        "projects/{project}/datasets/{dataset}/versions/{version}/examples": "get",
        "projects/{project}/runs": "get post",
        "runs/{run_id}": "get",
        "runs/{run_id}/outputs": "get post",
        "runs/{run_id}/slices": "get",
        "runs/{run_id}/finish": "post",
        "runs/{run_id}/measurements": "get post",
        "runs/{run_id}/cancel": "post",
        "runs/{run_id}/reopen": "post",
        "projects/{project}/datasets/{dataset}/rescorings": "get post",
        "rescorings/{rescoring_id}": "get",
        "rescorings/{rescoring_id}/runs": "get",
        "rescorings/{rescoring_id}/cancel": "post",
        "rescorings/{rescoring_id}/resume": "post",
        "comparisons": "get",
        "projects/{project}/campaigns": "get post",
        "campaigns/{campaign_id}/annotations": "get post",
        "campaigns/{campaign_id}/agreement": "get",
        "campaigns/{campaign_id}/decisions": "get post",
        "campaigns/{campaign_id}/controls": "get post",
        "campaigns/{campaign_id}/publish": "post",
        "metrics": "get",
    }.items():
        assert sorted(paths[f"/api/v1/{address}"]) == sorted(methods.split())


def test_every_operation_names_its_scope_its_answers_and_its_errors():
    for path, method, operation in operations():
        assert operation["x-scope"] in (*SCOPES, "any"), path
        assert {"401", "403", "503"} <= operation["responses"].keys(), (path, method)
        if method == "post":
            names = [one["name"] for one in operation["parameters"]]
            assert "Idempotency-Key" in names, path
            assert "413" in operation["responses"], path


def test_names_of_operations_are_unique():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_a_shape_of_several_forms_shows_the_members_of_its_objects():
    (spec,) = [one for one in reference.components() if one.name == "MetricSpec"]
    assert [(one.name, one.is_required) for one in spec.lines] == [
        ("name", True),
        ("params", False),
        ("as", False),
    ]
    assert all(one.meaning for one in spec.lines)


@pytest.mark.django_db
def test_answers_have_the_members_that_the_document_names(client):
    project = a_project("town")
    headers = a_key(project)
    a_scorer(project)
    run = scored(a_run(project=project), *right(1, 2, 3))
    sliced = scored(a_run(sliced_version(project)))
    other = scored(a_run(run.version, system="other"), *right(1))
    client.post(
        "/api/v1/projects/town/campaigns",
        {"name": "c", "runs": [run.public_id], "questions": [{"name": "ok", "kind": "yes_no"}]},
        content_type="application/json",
        headers=headers,
    )
    rescorings = f"projects/town/datasets/{run.version.dataset.slug}/rescorings"
    body, kind = {"metrics": ["chrf"]}, "application/json"
    rescoring = client.post(f"/api/v1/{rescorings}", body, content_type=kind, headers=headers)
    drain()
    campaign = Campaign.objects.get().public_id
    comparison = f"comparisons?baseline={run.public_id}&candidate={other.public_id}"
    shapes = reference.document()["components"]["schemas"]
    for address, shape, part in (
        (f"runs/{run.public_id}", "Run", lambda body: body),
        (f"runs/{run.public_id}", "Metric", lambda body: body["metrics"]["exact_match"]),
        (f"runs/{run.public_id}/outputs", "Output", lambda body: body["data"][0]),
        (f"runs/{run.public_id}/measurements", "Measurement", lambda body: body["data"][0]),
        (f"runs/{sliced.public_id}/slices", "Slice", lambda body: body["data"][0]),
        ("projects/town/datasets", "Dataset", lambda body: body["data"][0]),
        (
            f"projects/town/datasets/{run.version.dataset.slug}/versions",
            "DatasetVersion",
            lambda body: body["data"][0],
        ),
        (rescorings, "Rescoring", lambda body: body["data"][0]),
        (
            f"rescorings/{rescoring.json()['id']}/runs",
            "RescoredRun",
            lambda body: body["data"][0],
        ),
        ("projects/town/scorers", "Scorer", lambda body: body["data"][0]),
        ("metrics", "MetricDescription", lambda body: body["data"][0]),
        (comparison, "Comparison", lambda body: body),
        (comparison, "Finding", lambda body: body["findings"][0]),
        ("projects/town/campaigns", "Campaign", lambda body: body["data"][0]),
        (f"campaigns/{campaign}", "Question", lambda body: body["questions"][0]),
        (
            f"campaigns/{campaign}/agreement",
            "Agreement",
            lambda body: body["questions"]["ok"],
        ),
        ("runs/none", "Error", lambda body: body),
    ):
        body = client.get(f"/api/v1/{address}", headers=headers).json()
        assert part(body).keys() == shapes[shape]["properties"].keys(), shape


@pytest.mark.django_db
def test_document_and_page_are_open_to_everybody(client):
    assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    body = page.content.decode()
    for said in ("/api/v1/runs/{run_id}/finish", "application/x-ndjson", "allow_missing", "409"):
        assert said in body
    assert "https://" not in body
