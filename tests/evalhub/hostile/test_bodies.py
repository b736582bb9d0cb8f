"""Hostile bodies at every door of the REST interface: refused by line or field, nothing stored."""

from __future__ import annotations

import json
from functools import cache

import pytest
from django.test import Client

from evalhub.runs.draining import drain
from tests import hostile
from tests.evalhub.hostile.doors import (
    DOORS,
    EXAMPLE,
    JSON,
    LINES,
    MOST_CPU_SECONDS,
    NDJSON,
    REST,
    TAKES_ANY_MEMBER,
    broken_tables,
    stored,
)
from tests.evalhub.intake.bounds import bounded
from tests.evalhub.runs.building import right
from tests.factories import jsonl
from tests.world import addresses, undone


def test_every_address_that_changes_something_is_knocked_at(world, headers):
    client, found = Client(raise_request_exception=False), set()
    for name, pattern in addresses().items():
        is_rest = str(pattern.pattern).startswith("api/")
        for method in ("post", "put", "patch", "delete"):
            with undone():
                client.force_login(world.people["owner"])
                ask = getattr(client, method)
                answer = ask(world.address(name), headers=headers if is_rest else {})
            if answer.status_code != 405:
                found.add(name)
    assert found == DOORS.keys()


@pytest.mark.parametrize("name", DOORS)
def test_each_door_opens_for_what_is_good(world, headers, name):
    client, door = Client(), DOORS[name]
    if not door.is_public:
        client.force_login(world.people["owner"])
    address, before = world.address(name, **door.instead(world)), stored()
    if door.kind == "form":
        answer = client.post(address, door.good(world))
    else:
        kind = NDJSON if door.kind == "lines" else "application/json"
        body = json.dumps(door.good(world))
        answer = client.generic(door.method, address, body, kind, headers=headers)
    assert answer.status_code in {200, 201, 202, 302}, answer.content
    if name not in {"accounts:login", "accounts:logout", "datasets:upload"}:
        assert stored() != before


# --- JSON and lines ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", REST)
def test_what_is_no_json_is_refused_wherever_it_stands(knock_at, name):
    knock = knock_at(name)
    good = knock.good or {"a": 1}
    places = hostile.places(good)
    for number, (what, token) in enumerate(hostile.TOKENS.items()):
        is_for_all = what in hostile.FEW_TOKENS
        for place in places if is_for_all else [places[number % len(places)]]:
            refused_where_it_stands(
                knock, f"{what} in {place}", hostile.spliced(good, place, token)
            )
    assert knock.faults() == []


def refused_where_it_stands(knock, what: str, body: bytes) -> None:
    """Send a body; of lines it is the second, and the answer must say so."""
    if knock.door.kind == "json":
        knock.rest(what, body, placed=True)
        return
    first = json.dumps({**knock.good, "key": "q1"}).encode()
    answer = knock.rest(what, first + b"\n" + body + b"\n", placed=True)
    if [error.get("line") for error in answer.json()["errors"]] != [2]:
        knock.blame(f"{what}: told of {answer.json()}")


@pytest.mark.parametrize("name", JSON)
def test_the_field_of_a_value_that_cannot_be_stored_is_named(knock_at, name):
    knock = knock_at(name)
    for token in (rb'"\u0000"', rb'"\ud800"', b"NaN", b"1e999", b'{"b": 1, "b": 1}', b"[" * 65):
        body = b'{"x": [0, {"a": %s}]}' % (token + b"]" * token.count(b"["))
        (error,) = knock.rest(f"{token!r}", body, placed=True).json()["errors"]
        assert error["field"].startswith("x[1].a")
    assert knock.faults() == []


@pytest.mark.parametrize("name", REST)
def test_a_body_that_is_not_what_it_should_be_is_refused(knock_at, name):
    knock = knock_at(name)
    texts = hostile.broken_texts(knock.good_body)
    if name == TAKES_ANY_MEMBER:
        del texts["an unknown member"]
    for what, body in texts.items():
        if not (knock.door.is_optional and not body.strip()):
            knock.rest(what, body)
    assert knock.faults() == []


@cache
def broken_gzips() -> dict[str, bytes]:
    return hostile.broken_gzips(jsonl(EXAMPLE).encode())


@pytest.mark.parametrize("name", REST)
def test_a_packed_body_that_unpacks_to_no_good_is_refused(knock_at, name):
    knock = knock_at(name)
    for what, body in broken_gzips().items():
        knock.rest(what, body, headers={"Content-Encoding": "gzip"})
    for encoding in ("br", "deflate", "gzip, gzip", "x" * 1_000, "é"):
        knock.rest(encoding[:10], knock.good_body, headers={"Content-Encoding": encoding})
    assert knock.faults() == []


@pytest.mark.parametrize("name", REST)
def test_odd_values_are_taken_or_refused_by_field_and_never_a_failure(knock_at, name):
    knock = knock_at(name)
    places = hostile.places(knock.good) or [("unheard_of",)]
    for number, odd in enumerate(hostile.ODD_VALUES):
        for place in hostile.sampled(places, number, every=4):
            body = hostile.replaced(knock.good, place, odd)
            knock.rest(f"{place} = {json.dumps(odd)[:40]}", json.dumps(body).encode(), must=False)
    assert knock.faults() == []


@pytest.mark.parametrize("name", REST)
def test_another_type_of_body_stores_nothing(knock_at, name):
    knock = knock_at(name)
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\ntides\r\n--x--\r\n'
    kinds = ("multipart/form-data; boundary=x", "multipart/form-data", "text/html", "é")
    for kind in (*kinds, "a/b; charset=utf-7"):
        knock.rest(kind, body, kind=kind)
    assert knock.faults() == []


@pytest.mark.parametrize("name", JSON)
def test_members_named_with_what_no_database_holds_are_refused(knock_at, name):
    knock = knock_at(name)
    for member in (rb'"\u0000"', rb'"\ud800"', b'"' + b"x" * 100_000 + b'"'):
        knock.rest(ascii(member[:10]), b"{" + member + b": 1}", placed=True)
    assert knock.faults() == []


@pytest.mark.parametrize("name", LINES)
def test_thousands_of_faulty_lines_are_refused_with_the_first_twenty(knock_at, name):
    knock = knock_at(name)
    answer = knock.rest("many", b'{"key": \n' * 30_000, placed=True)
    assert [error["line"] for error in answer.json()["errors"]] == [*range(1, 21)]
    assert knock.faults() == []


def test_a_table_that_is_none_is_refused(knock_at):
    knock = knock_at("datasets:api_versions")
    for what, body in broken_tables().items():
        knock.rest(what, body, kind="text/csv", placed=what not in {"nothing", "a head alone"})
    assert knock.faults() == []


@pytest.mark.parametrize("name", ["datasets:api_versions", "runs:api_outputs"])
def test_columns_that_are_none_are_refused(knock_at, name):
    knock = knock_at(name)
    for query in ("?key=%00", "?key=nowhere", "?unheard_of=1", f"?key={'x' * 5_000}", "?key=%FF"):
        knock.rest(query[:20], knock.good_body, query=query)
    assert knock.faults() == []


# --- patterns ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["runs:api_runs", "runs:api_measurements", "runs:api_rescorings"])
def test_a_pattern_that_no_linear_engine_takes_is_refused_by_field(knock_at, name):
    knock = knock_at(name)
    for pattern in hostile.WRONG_PATTERNS:
        spec = {"name": "exact_match", "params": {"extract": pattern}}
        body = {**knock.good, "metrics": ["bleu", spec]}
        errors = knock.rest(pattern[:20], json.dumps(body).encode()).json()["errors"]
        if not errors[0]["field"].startswith("metrics[1].params.extract"):
            knock.blame(f"{pattern[:20]}: {errors}")
    assert knock.faults() == []


def test_patterns_of_death_are_scored_in_a_moment(world, headers):
    client = Client()

    def post(path, body, kind="application/json"):
        answer = client.post(f"/api/v1/{path}", body, content_type=kind, headers=headers)
        assert answer.status_code < 300, answer.content
        return answer.json()

    specs = [
        {"name": "exact_match", "params": {"extract": pattern}, "as": f"m{number}"}
        for number, pattern in enumerate(hostile.SLOW_PATTERNS)
    ]
    body = {"dataset": world.parts["dataset"], "system": "slow", "metrics": specs}
    run = f"runs/{post(f'projects/{world.project.slug}/runs', json.dumps(body))['id']}"
    lines = [{**line, "output": "a" * 100_000 + "!"} for line in right(*range(1, 22))]
    post(f"{run}/outputs", jsonl(*lines), NDJSON)
    post(f"{run}/finish", "{}")
    with bounded(seconds=len(specs) * MOST_CPU_SECONDS):
        drain("this:1:1", seconds=60)
    found = client.get(f"/api/v1/{run}", headers=headers).json()
    assert found["state"] == "scored"
    assert found["metrics"].keys() == {spec["as"] for spec in specs}
    for one in found["metrics"].values():
        assert one["n"] + one["unscored"] == 21
        assert one["unscored_reasons"] in ({}, {"extraction_limit": 21})
