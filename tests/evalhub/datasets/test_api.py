"""The REST interface of datasets."""

import gzip

import pytest

from evalhub.datasets.models import Dataset, Example
from tests.factories import a_key, a_project, a_version, example_row, jsonl

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


def post_version(client, headers, body, query="", kind="application/x-ndjson", **more):
    return client.post(
        f"/api/v1/projects/town/datasets/tides/versions{query}",
        body,
        content_type=kind,
        headers={**headers, **more},
    )


@pytest.fixture
def headers(client, project):
    headers = a_key(project)
    made = client.post(
        "/api/v1/projects/town/datasets",
        {"name": "tides"},
        content_type="application/json",
        headers=headers,
    )
    assert made.status_code == 201
    return headers


def test_a_file_becomes_a_version_once(client, headers):
    body = jsonl({"id": 1, "q": "?"}, {"id": "b", "q": "?"}).replace('"id": 1', '"id": "a"')
    first = post_version(client, headers, body, "?key=id&input=q")
    assert first.status_code == 201, first.json()
    assert first.json() | {"created_at": 0, "digest": ""} == {
        "version": 1,
        "digest": "",
        "examples": 2,
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "cluster": None,
        "notes": "",
        "tags": [],
        "created_at": 0,
    }
    assert post_version(client, headers, body, "?key=id&input=q").status_code == 200


def test_csv_and_gzip_say_the_same_as_jsonl(client, headers):
    plain = post_version(
        client, headers, jsonl({"key": "a", "input": "?", "metadata": {"t": "x"}})
    )
    table = post_version(client, headers, "key,input,t\na,?,x\n", kind="text/csv")
    packed = post_version(
        client,
        headers,
        gzip.compress(b"key,input,t\na,?,x\n"),
        kind="text/csv",
        **{"Content-Encoding": "gzip"},
    )
    assert [plain.status_code, table.status_code, packed.status_code] == [201, 200, 200]


def test_a_file_with_errors_names_each_line_and_changes_nothing(client, headers):
    body = jsonl({"key": "a", "input": "?"}, {"key": "a", "input": "?"}, {"input": "?"})
    answer = post_version(client, headers, body)
    assert answer.status_code == 422
    assert [(error["line"], error["code"]) for error in answer.json()["errors"]] == [
        (2, "repeated"),
        (3, "missing"),
    ]
    assert not Example.objects.exists()


def test_examples_come_in_order_by_slice_and_search(client, headers, project):
    rows = [example_row(f"k{i}", metadata={"half": "ab"[i % 2]}) for i in range(6)]
    dataset = Dataset.objects.get(slug="tides")
    a_version(project, rows, dataset=dataset)
    address = "/api/v1/projects/town/datasets/tides/versions/1/examples"
    page = client.get(f"{address}?limit=2&slice=half:b", headers=headers).json()
    assert [row["key"] for row in page["data"]] == ["k1", "k3"]
    rest = client.get(
        f"{address}?limit=2&slice=half:b&cursor={page['next_cursor']}", headers=headers
    ).json()
    assert [row["key"] for row in rest["data"]] == ["k5"]
    assert rest["next_cursor"] is None
    found = client.get(f"{address}?q=K4", headers=headers).json()
    assert [row["position"] for row in found["data"]] == [4]


@pytest.mark.parametrize(
    ("query", "status"),
    [("?slice=nope:1", 422), ("?slice=half:1", 422)],
)
def test_a_slice_that_is_not_there_is_no_empty_answer(client, headers, project, query, status):
    rows = [example_row(f"k{i}", metadata={"half": "ab"[i % 2]}) for i in range(4)]
    a_version(project, rows, dataset=Dataset.objects.get(slug="tides"))
    address = "/api/v1/projects/town/datasets/tides/versions/1/examples"
    answer = client.get(address + query, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, "no_slice")


@pytest.mark.parametrize("body", [{"name": "x", "description": None}, {"name": "x"}])
def test_an_optional_member_that_is_null_is_as_good_as_left_out(client, headers, body):
    answer = client.post(
        "/api/v1/projects/town/datasets", body, content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json()["description"]) == (201, "")


def test_a_merge_keeps_the_cluster_field_and_a_replacement_names_its_own(client, headers):
    def added(key, query):
        body = jsonl({"key": key, "input": "?", "metadata": {"doc": "x"}})
        return post_version(client, headers, body, query).json()["cluster"]

    assert added("a", "?cluster=doc") == "doc"
    assert added("b", "?mode=merge") == "doc"
    assert added("c", "?mode=merge&cluster=") is None
    assert added("d", "?mode=merge") is None
    assert added("e", "?cluster=doc") == "doc"
    assert added("f", "") is None
    bare = jsonl({"key": "g", "input": "?"})
    post_version(client, headers, jsonl({"key": "a", "input": "?", "doc": 1}), "?cluster=doc")
    refused = post_version(client, headers, bare, "?mode=merge")
    assert refused.status_code == 422
    assert refused.json()["detail"].endswith("another field or none (over REST, ?cluster=).")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("?mode=append", 422, "mode must be one of replace, merge."),
        ("?kluster=doc", 400, "There is no option ?kluster="),
        ("?cluster=doc", 422, "has no value in 1 of 1"),
        (f"?cluster={'f' * 201}", 422, "at most 200 characters"),
        ("?input=question", 422, 'Line 1: input (column "question") is missing.'),
    ],
)
def test_an_option_that_cannot_be_is_refused(client, headers, query, status, said):
    answer = post_version(client, headers, jsonl({"key": "a", "input": "?"}), query)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=x", "?cursor=!!", "?slice=half", "?limit=%00"]
)
def test_a_query_that_cannot_be_read_is_refused(client, headers, project, query):
    a_version(project, dataset=Dataset.objects.get(slug="tides"))
    address = "/api/v1/projects/town/datasets/tides/versions/1/examples"
    answer = client.get(address + query, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_an_idempotency_key_makes_one_dataset(client, headers):
    def post(name):
        return client.post(
            "/api/v1/projects/town/datasets",
            {"name": name},
            content_type="application/json",
            headers={**headers, "Idempotency-Key": "once"},
        )

    first, again, other = post("bees"), post("bees"), post("bridges")
    assert [first.status_code, again.status_code, other.status_code] == [201, 201, 409]
    assert first.json() == again.json()
    assert Dataset.objects.filter(slug="bees").count() == 1


def test_an_idempotency_key_makes_one_version(client, headers):
    first = post_version(
        client, headers, jsonl({"key": "a", "input": "?"}), **{"Idempotency-Key": "v"}
    )
    again = post_version(
        client, headers, jsonl({"key": "a", "input": "?"}), **{"Idempotency-Key": "v"}
    )
    assert [first.status_code, again.status_code] == [201, 201]
    assert first.json() == again.json()


def test_a_reader_cannot_write_and_a_stranger_sees_nothing(client, headers, project):
    reader, stranger = a_key(project, "viewer"), a_key(a_project())
    assert post_version(client, reader, "{}").status_code == 403
    assert post_version(client, stranger, "{}").status_code == 404
    assert post_version(client, {}, "{}").status_code == 401
