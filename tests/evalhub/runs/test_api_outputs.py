"""The REST interface of outputs: sent all or nothing, read in any order."""

import gzip
import random

import numpy as np
import pytest

from evalhub.runs.models import Output
from tests.evalhub.runs.building import a_run, finished, measurement, right, scored, submit
from tests.factories import a_key, a_project, a_version, example_row, jsonl

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def headers(project):
    return a_key(project)


def send(client, headers, run, body, query="", kind="application/x-ndjson", **more):
    return client.post(
        f"/api/v1/runs/{run.public_id}/outputs{query}",
        body,
        content_type=kind,
        headers={**headers, **more},
    )


def page_of(client, headers, run, query=""):
    answer = client.get(f"/api/v1/runs/{run.public_id}/outputs{query}", headers=headers)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def every_page(client, headers, run, query, limit):
    """Return the rows of all pages, and how many pages there were."""
    rows, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        more = f"&cursor={cursor}" if cursor else ""
        page = page_of(client, headers, run, f"?limit={limit}{query}{more}")
        rows, cursor, pages = rows + page["data"], page["next_cursor"], pages + 1
    return rows, pages


def test_outputs_are_counted_as_new_replaced_and_unchanged(client, headers, project):
    run = a_run(project=project, n=3)
    first = send(client, headers, run, jsonl(*right(1, 2)))
    assert first.status_code == 200
    assert first.json() == {"accepted": 2, "replaced": 0, "unchanged": 0}
    again = send(client, headers, run, jsonl(*right(1), {"key": "q2", "output": "x"}, *right(3)))
    assert again.json() == {"accepted": 1, "replaced": 1, "unchanged": 1}


def test_columns_are_named_and_the_others_become_metadata(client, headers, project):
    run = a_run(project=project, n=1)
    body = jsonl({"id": "q1", "answer": "a1", "was_right": True})
    assert send(client, headers, run, body, "?key=id&output=answer").status_code == 200
    (row,) = page_of(client, headers, run)["data"]
    assert (row["key"], row["output"], row["metadata"]) == ("q1", "a1", {"was_right": True})
    assert send(client, headers, run, body).status_code == 422


def test_one_bad_line_refuses_all_and_is_named(client, headers, project):
    run = a_run(project=project, n=3)
    body = jsonl(*right(1), {"key": "q9", "output": "?"}, {"key": "q2"}, *right(1))
    answer = send(client, headers, run, body)
    assert answer.status_code == 422
    assert [(error["line"], error["code"]) for error in answer.json()["errors"]] == [
        (3, "one_of"),
        (4, "repeated"),
    ]
    unknown = send(client, headers, run, jsonl(*right(1), {"key": "q9", "output": "?"}))
    assert [(error["line"], error["code"]) for error in unknown.json()["errors"]] == [
        (2, "unknown_key")
    ]
    attempt = send(client, headers, run, jsonl({"key": "q1", "attempt": 2, "output": "?"}))
    assert attempt.json()["errors"][0]["field"] == "attempt"
    assert not Output.objects.exists()


@pytest.mark.parametrize(
    ("body", "query", "kind", "status"),
    [
        ("", "", "application/x-ndjson", 400),
        ("key,output\nq1,x\n", "", "text/csv", 400),
        ('{"key": "q1", "output": "x"}', "", "application/json", 400),
        ('{"key": "q1", "output": "x"}', "?kay=id", "application/x-ndjson", 400),
        ('{"key": "q1", "output": NaN}', "", "application/x-ndjson", 422),
        ('{"key": "q1", "output": "x"}\n' * 50_001, "", "application/x-ndjson", 413),
    ],
)
def test_a_body_that_is_none_is_refused(client, headers, project, body, query, kind, status):
    run = a_run(project=project)
    answer = send(client, headers, run, body, query, kind)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert not Output.objects.exists()


def test_a_gzip_body_says_the_same(client, headers, project):
    run = a_run(project=project)
    body = gzip.compress(jsonl(*right(1, 2, 3)).encode())
    answer = send(client, headers, run, body, **{"Content-Encoding": "gzip"})
    assert answer.json() == {"accepted": 3, "replaced": 0, "unchanged": 0}


def test_a_finished_run_takes_no_outputs_but_repeats_its_answer(client, headers, project):
    run = a_run(project=project)
    body, once = jsonl(*right(1, 2, 3)), {"Idempotency-Key": "batch-1"}
    first = send(client, headers, run, body, **once)
    finished(run)
    assert send(client, headers, run, body).status_code == 409
    again = send(client, headers, run, body, **once)
    assert (again.status_code, again.json()) == (200, first.json())


def test_everything_a_line_says_is_given_back(client, headers, project):
    run = a_run(project=project, n=1, attempts=2)
    line = {
        "key": "q1",
        "attempt": 2,
        "output": {"text": "a1", "parts": [1, 2.5, None]},
        "latency_ms": 12.5,
        "ttft_ms": 3.0,
        "input_tokens": 7,
        "output_tokens": 9,
        "cached_tokens": 0,
        "cost": 0.0001,
        "confidence": 0.75,
        "retrieved": [{"id": "d1", "score": 0.5, "text": "passage"}, {"id": "d2"}],
        "trace_id": "trace",
        "metadata": {"node": "a"},
    }
    send(client, headers, run, jsonl(line, {"key": "q1", "error": "timeout"}))
    failed, given = page_of(client, headers, run)["data"]
    assert {name: given[name] for name in line} == line
    assert given["error"] is None
    assert (failed["attempt"], failed["output"], failed["error"]) == (1, None, "timeout")
    assert failed["cost"] is None
    assert failed["scores"] == {"exact_match": None}
    assert failed["unscored"] == {"exact_match": "waiting"}


def test_scores_stand_beside_the_reasons_for_none(client, headers, project):
    rows = [example_row("q1", expected_output="a1"), example_row("q2")]
    run = scored(a_run(a_version(project, rows), metrics=["exact_match", "chrf"]), *right(1, 2))
    first, second = page_of(client, headers, run)["data"]
    assert (first["scores"], first["unscored"]) == ({"exact_match": 1.0, "chrf": 100.0}, {})
    assert second["scores"] == {"exact_match": None, "chrf": None}
    assert second["unscored"] == {"exact_match": "no_reference", "chrf": "no_reference"}


def many_scored(project, n=60, attempts=1):
    """Return a run whose scores tie often, some without a value."""
    generator = random.Random(7)
    rows = [
        example_row(
            f"q{i}",
            metadata={"half": "ab"[i % 2]},
            **({"expected_output": "one two three four"} if i % 5 else {}),
        )
        for i in range(n)
    ]
    said = ["one", "one two", "one two three four", "nothing"]
    lines = [
        {"key": f"q{i}", "attempt": attempt, "output": generator.choice(said)}
        for i in range(n)
        for attempt in range(1, attempts + 1)
    ]
    run = a_run(a_version(project, rows), metrics=["token_f1", "exact_match"], attempts=attempts)
    return scored(run, *lines)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_in_order_of_a_score_name_every_output_once(
    client, headers, project, direction, attempts
):
    run = many_scored(project, n=40, attempts=attempts)
    rows, pages = every_page(
        client, headers, run, f"&order=token_f1&direction={direction}", limit=7
    )
    assert pages == -(-40 * attempts // 7)

    def rank(row):
        value = row["scores"]["token_f1"]
        if value is None:
            return (1, 0, row["position"], row["attempt"])
        return (0, value if direction == "asc" else -value, row["position"], row["attempt"])

    assert rows == sorted(rows, key=rank)
    assert len({(row["key"], row["attempt"]) for row in rows}) == 40 * attempts


def test_pages_go_on_in_their_order_when_the_run_is_measured_again(client, headers, project):
    run = many_scored(project)
    first = page_of(client, headers, run, "?limit=30&order=token_f1")
    measurement(run, "token_f1")
    run.measurements.create(
        name="token_f1",
        generation=2,
        metric="token_f1",
        signature="s",
        family="mean",
        state="scoring",
        created_at=run.created_at,
    )
    rest = page_of(client, headers, run, f"?limit=30&order=token_f1&cursor={first['next_cursor']}")
    positions = [row["position"] for row in first["data"] + rest["data"]]
    assert sorted(positions) == list(range(60))


def test_a_slice_and_an_order_go_together(client, headers, project):
    run = many_scored(project)
    rows, _ = every_page(
        client, headers, run, "&slice=half:b&order=token_f1&direction=desc", limit=9
    )
    assert len(rows) == 30
    assert {row["position"] % 2 for row in rows} == {1}


def test_a_run_with_gaps_lists_what_it_received(client, headers, project):
    run = a_run(project=project, n=9)
    submit(run, *right(2, 5, 9))
    rows, pages = every_page(client, headers, run, "", limit=2)
    assert ([row["key"] for row in rows], pages) == (["q2", "q5", "q9"], 2)
    scored(run)
    rows, _ = every_page(client, headers, run, "&order=exact_match", limit=2)
    assert [row["key"] for row in rows] == ["q2", "q5", "q9"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?order=blue", 422),
        ("?direction=up", 400),
        ("?slice=half", 400),
        ("?slice=half:c", 422),
        ("?cursor=x", 400),
        ("?cursor=WzEsMiwzXQ", 400),  # [1,2,3]
        ("?cursor=WyJ4IiwgMS4wLCAxXQ", 400),  # ["x", 1.0, 1]
        ("?order=exact_match&cursor=WyJ4IiwgMS4wLCAxXQ", 422),
        ("?order=exact_match", 409),
        ("?limit=1001", 400),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(client, headers, project, query, status):
    run = a_run(project=project)
    answer = client.get(f"/api/v1/runs/{run.public_id}/outputs{query}", headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_page_of_outputs_takes_few_queries(
    client, headers, project, django_assert_max_num_queries
):
    run = many_scored(project, n=200)
    with django_assert_max_num_queries(12):
        assert len(page_of(client, headers, run, "?limit=150&order=token_f1")["data"]) == 150


def test_values_in_the_answers_are_the_stored_ones_to_the_bit(client, headers, project):
    run = many_scored(project)
    rows = page_of(client, headers, run, "?limit=100")["data"]
    given = [row["scores"]["token_f1"] for row in rows]
    there = [value for value in given if value is not None]
    said = client.get(f"/api/v1/runs/{run.public_id}", headers=headers).json()
    assert said["metrics"]["token_f1"]["value"] == pytest.approx(np.mean(there), abs=1e-15)
    assert said["metrics"]["token_f1"]["n"] == len(there)
