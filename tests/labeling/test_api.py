"""The REST interface of campaigns, to the letter of the contract."""

import json

import pytest

from evalhub.accounts.services import issue_api_key
from evalhub.runs.models import Measurement, Rating, Run
from labeling.exports import annotations as exported
from labeling.models import Annotation, AnnotationRevision, Annotator, Campaign
from tests.factories import a_key, a_project, a_version, jsonl
from tests.labeling.building import a_campaign, a_run, an_annotator, two_runs

pytestmark = pytest.mark.django_db

MQM = {"name": "mqm", "kind": "number", "scale": "interval"}
HOSTILE = {
    "NUL": b'{"name": "a\\u0000b"}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "NaN": b'{"overlap": NaN}',
    "1e999": b'{"overlap": 1e999}',
    "nesting": b"[" * 100_000,
    "a wrong encoding": b'{"name": "\xff"}',
    "a repeated member": b'{"name": "a", "name": "b"}',
    "nothing": b"",
    "a list": b"[]",
}


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def headers(project):
    return a_key(project, "owner")


@pytest.fixture
def call(client, headers):
    """Return a function that sends a request with a key of all scopes."""

    def send(method, path, body=None, *, lines=None, raw=None, **more):
        data = raw if raw is not None else jsonl(*lines) if lines is not None else ""
        if body is not None:
            data = json.dumps(body)
        kind = "application/json" if lines is None else "application/x-ndjson"
        return client.generic(
            method, f"/api/v1/{path}", data, content_type=kind, headers={**headers, **more}
        )

    return send


def body_of(response):
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


def row(run, key="q1", annotator="rater1", answers=None, **more):
    return {
        "run": run.public_id,
        "key": key,
        "annotator": annotator,
        "answers": answers or {"mqm": 1.5},
        **more,
    }


@pytest.fixture
def campaign(project):
    return a_campaign(project, n=3, overlap=1, questions=[MQM])


# Campaigns


def test_a_campaign_is_made_from_runs(call, project):
    runs = two_runs(project)
    made = call(
        "POST",
        "projects/town/campaigns",
        {
            "name": "Faithful",
            "runs": [run.public_id for run in runs],
            "questions": [MQM, {"name": "kind", "kind": "choice", "options": ["a", "b"]}],
            "overlap": 3,
            "guidelines": "Read twice.",
        },
    )
    assert made.status_code == 201, made.json()
    body = made.json()
    assert body["id"].startswith("cam_")
    assert (body["state"], body["overlap"], body["units"]) == ("open", 3, 8)
    assert body["runs"] == [run.public_id for run in runs]
    assert [question["scale"] for question in body["questions"]] == ["interval", "nominal"]
    assert call("GET", f"campaigns/{body['id']}").json() == body
    assert call("GET", "projects/town/campaigns").json() == {"data": [body], "next_cursor": None}


def test_the_list_of_campaigns_has_pages(call, project):
    runs = two_runs(project)
    made = [a_campaign(project, runs=runs).public_id for _ in range(3)]
    first = call("GET", "projects/town/campaigns?limit=2").json()
    rest = call("GET", f"projects/town/campaigns?limit=2&cursor={first['next_cursor']}").json()
    assert [row["id"] for row in [*first["data"], *rest["data"]]] == made[::-1]
    assert rest["next_cursor"] is None


def test_a_list_of_campaigns_asks_the_database_as_often_as_a_short_one(
    call, project, django_assert_max_num_queries
):
    runs = two_runs(project)
    for _ in range(6):
        a_campaign(project, runs=runs)
    with django_assert_max_num_queries(5):
        assert len(call("GET", "projects/town/campaigns?limit=5").json()["data"]) == 5


def test_the_same_idempotency_key_makes_one_campaign(call, project):
    body = {"name": "c", "runs": [two_runs(project)[0].public_id], "questions": [MQM]}
    answers = [
        call("POST", "projects/town/campaigns", body, **{"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_makes_no_campaign(call, project, what):
    refused = call("POST", "projects/town/campaigns", raw=HOSTILE[what])
    assert 400 <= refused.status_code < 500
    assert refused.json()["detail"]
    assert not Campaign.objects.exists()


def test_faults_of_a_question_are_named(call, project):
    run = two_runs(project)[0]
    refused = call(
        "POST",
        "projects/town/campaigns",
        {
            "name": "c",
            "runs": [run.public_id],
            "questions": [MQM, {"name": "x", "kind": "vote"}],
        },
    )
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["errors"]] == ["questions[1].kind"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "projects/town/campaigns", "read"),
        ("POST", "projects/town/campaigns", "admin"),
        ("GET", "campaigns/{id}", "read"),
        ("GET", "campaigns/{id}/annotations", "read"),
        ("POST", "campaigns/{id}/annotations", "label"),
        ("GET", "campaigns/{id}/agreement", "read"),
        ("GET", "campaigns/{id}/decisions", "read"),
        ("POST", "campaigns/{id}/decisions", "admin"),
        ("GET", "campaigns/{id}/controls", "admin"),
        ("POST", "campaigns/{id}/controls", "admin"),
        ("POST", "campaigns/{id}/publish", "admin"),
    ],
)
def test_each_address_asks_for_one_scope(client, project, campaign, method, path, scope):
    others = [each for each in ("read", "submit", "label", "admin") if each != scope]
    _, secret = issue_api_key(project=project, name="others", scopes=others)
    address = "/api/v1/" + path.format(id=campaign.public_id)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.generic(method, address, "", headers=bearer).status_code == 403
    stranger = a_key(a_project(), "owner")
    assert client.generic(method, address, "", headers=stranger).status_code == 404
    assert client.generic(method, address, "").status_code == 401


# Annotations


def test_annotations_come_in_and_go_out_the_same(call, campaign):
    runs = list(campaign.runs.order_by("pk"))
    path = f"campaigns/{campaign.public_id}/annotations"
    lines = [
        row(run, key, rater, {"mqm": value}, at="2026-03-01T09:30:00Z", seconds=12.5)
        for run in runs
        for key in ("q1", "q2")
        for rater, value in (("rater1", 8.1), ("rater2", None))
    ]
    assert call("POST", path, lines=lines).json() == {
        "accepted": 8,
        "replaced": 0,
        "unchanged": 0,
    }
    out = body_of(call("GET", path))
    assert out == [{**line, "attempt": 1} for line in lines]
    assert call("POST", path, lines=out).json() == {"accepted": 0, "replaced": 0, "unchanged": 8}
    assert Annotator.objects.filter(user__isnull=True).count() == 2


def test_an_imported_answer_keeps_its_text_to_the_letter(call, project):
    said = ['say "no"', "\\N", "a\\tb", "schön 値"]
    tone = {"name": "tone", "kind": "choice", "scale": "nominal", "options": said}
    run = a_run(a_version(project, n=4), ["a", "b", "c", "d"])
    campaign = a_campaign(project, runs=[run], questions=[tone])
    path = f"campaigns/{campaign.public_id}/annotations"
    lines = [row(run, f"q{at}", answers={"tone": text}) for at, text in enumerate(said, start=1)]
    assert call("POST", path, lines=lines).json()["accepted"] == len(said)
    assert [line["answers"]["tone"] for line in body_of(call("GET", path))] == said


def test_a_system_names_its_run(call, campaign):
    run = campaign.runs.first()
    line = row(run)
    del line["run"]
    line["system"] = run.system_version.system.slug
    done = call("POST", f"campaigns/{campaign.public_id}/annotations", lines=[line])
    assert done.status_code == 200, done.json()
    assert Annotation.objects.get().unit.run == run


def test_a_system_with_two_runs_in_the_campaign_is_ambiguous(call, project):
    version = a_version(project)
    runs = [a_run(version, ["a", "b", "c"], system="heron") for _ in range(2)]
    campaign = a_campaign(project, runs=runs, questions=[MQM])
    line = {"system": "heron", "key": "q1", "annotator": "r", "answers": {"mqm": 1}}
    refused = call("POST", f"campaigns/{campaign.public_id}/annotations", lines=[line])
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "ambiguous"


def test_an_answer_sent_again_differently_replaces_and_is_kept(call, campaign):
    run = campaign.runs.first()
    path = f"campaigns/{campaign.public_id}/annotations"
    call("POST", path, lines=[row(run), row(run, "q2")])
    again = call("POST", path, lines=[row(run, answers={"mqm": 3}), row(run, "q2")])
    assert again.json() == {"accepted": 0, "replaced": 1, "unchanged": 1}
    assert Annotation.objects.get(unit__position=0).answers == {"mqm": 3}
    assert AnnotationRevision.objects.get().answers == {"mqm": 1.5}


def test_equal_outputs_are_units_of_their_own_to_an_import(call, project):
    version = a_version(project, n=1)
    runs = [a_run(version, ["same"]), a_run(version, ["same"])]
    campaign = a_campaign(project, runs=runs, questions=[MQM])
    lines = [row(run, "q1", rater) for run in runs for rater in ("a", "b")]
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
    found = call("GET", f"campaigns/{campaign.public_id}/agreement").json()["questions"]["mqm"]
    assert (found["units"], found["pairable"], found["annotators"]) == (2, 4, 2)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"run": "run_nowhere"}, "run", "run"),
        ({"system": "heron"}, "run", "one_of"),
        ({"key": "q99"}, "key", "key"),
        ({"attempt": 2}, "key", "key"),
        ({"answers": {"mqm": "much"}}, "answers.mqm", "answer"),
        ({"answers": {"other": 1}}, "answers.other", "answer"),
        ({"answers": {}}, "answers", "missing"),
        ({"annotator": ""}, "annotator", "type"),
        ({"nonsense": 1}, "nonsense", "unknown_member"),
        ({"at": "yesterday"}, "at", "type"),
    ],
)
def test_one_bad_line_refuses_the_whole_body_and_is_named(call, campaign, change, field, code):
    run = campaign.runs.first()
    lines = [row(run, "q2"), {**row(run), **change}, row(run, "q3")]
    refused = call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
    assert refused.status_code == 422
    faults = refused.json()["errors"]
    assert faults[0] | {"detail": ""} == {"line": 2, "field": field, "code": code, "detail": ""}
    assert not Annotation.objects.exists()


def test_one_person_answers_an_output_once_in_a_body(call, campaign):
    run = campaign.runs.first()
    by_system = {**row(run), "system": run.system_version.system.slug}
    del by_system["run"]
    for lines in ([row(run), row(run)], [row(run), by_system]):
        refused = call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == "repeated"


def test_a_name_with_an_account_is_not_overwritten(call, campaign):
    annotator = an_annotator(campaign)
    line = row(campaign.runs.first(), annotator=annotator.name)
    refused = call("POST", f"campaigns/{campaign.public_id}/annotations", lines=[line])
    assert refused.json()["errors"][0]["field"] == "annotator"


def test_a_closed_campaign_takes_no_annotations(call, campaign):
    Campaign.objects.update(state="closed")
    path = f"campaigns/{campaign.public_id}/annotations"
    assert call("POST", path, lines=[row(campaign.runs.first())]).status_code == 409


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_lines_store_nothing(call, campaign, what):
    refused = call("POST", f"campaigns/{campaign.public_id}/annotations", raw=HOSTILE[what])
    assert 400 <= refused.status_code < 500
    assert not Annotation.objects.exists()


def test_lines_are_written_whatever_the_reader_accepts(call, campaign):
    path = f"campaigns/{campaign.public_id}/annotations"
    out = call("GET", path, Accept="application/x-ndjson")
    assert (out.status_code, out["Content-Type"]) == (200, "application/x-ndjson")
    assert body_of(out) == []


def test_an_export_of_several_pages_is_whole_and_in_order(call, campaign, monkeypatch):
    monkeypatch.setattr(exported, "AT_ONCE", 2)
    path = f"campaigns/{campaign.public_id}/annotations"
    run = campaign.runs.first()
    call("POST", path, lines=[row(run, f"q{i}", rater) for i in (1, 2, 3) for rater in "ab"])
    found = [(line["key"], line["annotator"]) for line in body_of(call("GET", path))]
    assert found == [("q1", "a"), ("q1", "b"), ("q2", "a"), ("q2", "b"), ("q3", "a"), ("q3", "b")]


def test_a_table_of_annotations_is_refused(call, campaign, client, headers):
    path = f"/api/v1/campaigns/{campaign.public_id}/annotations"
    refused = client.post(path, "key,annotator", content_type="text/csv", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "type")


# Agreement


def test_agreement_says_why_there_is_none(call, campaign):
    path = f"campaigns/{campaign.public_id}/agreement"
    assert call("GET", path).json()["questions"]["mqm"]["undefined"] == "no_answers"
    run = campaign.runs.first()
    lines = [row(run, key, rater) for key in ("q1", "q2") for rater in ("a", "b")]
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
    found = call("GET", path).json()["questions"]["mqm"]
    assert found["alpha"] is None
    assert found["undefined"] == "no_variation"


def test_agreement_has_the_counts_and_an_interval_over_examples(call, project):
    campaign = a_campaign(project, n=6, questions=[{"name": "q", "kind": "rating"}])
    runs = list(campaign.runs.order_by("pk"))
    lines = [
        row(run, f"q{at}", rater, {"q": 1 + (at + bias) % 5})
        for run in runs
        for at in range(1, 7)
        for rater, bias in (("a", 0), ("b", at == 2))
    ]
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
    found = call("GET", f"campaigns/{campaign.public_id}/agreement").json()["questions"]["q"]
    assert found["level"] == "ordinal"
    assert (found["units"], found["pairable"], found["annotators"]) == (12, 24, 2)
    assert found["low"] < found["alpha"] < found["high"] <= 1
    assert found["percent"] == pytest.approx(10 / 12)
    assert found["undefined"] is None


# Publication


def test_publishing_makes_a_measurement_of_each_question_and_run(call, project):
    questions = [
        MQM,
        {"name": "tone", "kind": "choice", "options": ["warm", "cold"]},
        {"name": "safe", "kind": "yes_no"},
    ]
    campaign = a_campaign(project, n=2, questions=questions)
    run = campaign.runs.order_by("pk").first()
    answers = {"mqm": 2, "tone": "warm", "safe": True}
    lines = [row(run, "q1", rater, answers) for rater in ("a", "b")]
    lines.append(row(run, "q1", "c", {"mqm": None, "tone": "cold", "safe": False}))
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=lines)
    published = call("POST", f"campaigns/{campaign.public_id}/publish")
    assert published.status_code == 202, published.json()
    names = {row["name"] for row in published.json()["measurements"]}
    assert names == {"mqm", "tone:warm", "tone:cold", "safe"}
    assert len(published.json()["measurements"]) == 8
    again = call("POST", f"campaigns/{campaign.public_id}/publish")
    assert again.status_code == 202
    made = [row["id"] for row in published.json()["measurements"]]
    assert [row["id"] for row in again.json()["measurements"]] == made
    assert again.json()["published_at"] == published.json()["published_at"]
    mqm = Measurement.objects.get(run=run, name="mqm")
    assert (mqm.kind, mqm.family, mqm.params["resolution"]) == ("human", "mean", "mean")
    assert sorted(mqm.ratings.values_list("rater", "value", "reason")) == [
        ("a", 2.0, 0),
        ("b", 2.0, 0),
        ("c", None, 8),
    ]
    warm = Measurement.objects.get(run=run, name="tone:warm")
    assert (warm.family, warm.params["resolution"]) == ("binary", "majority")
    assert sorted(warm.ratings.values_list("rater", "value")) == [("a", 1), ("b", 1), ("c", 0)]
    signatures = set(Measurement.objects.filter(name="mqm").values_list("signature", flat=True))
    assert len(signatures) == 1, "runs of one campaign can be compared"


def test_each_publication_is_a_generation(call, campaign):
    run = campaign.runs.first()
    path = f"campaigns/{campaign.public_id}"
    call("POST", f"{path}/annotations", lines=[row(run)])
    call("POST", f"{path}/publish")
    call("POST", f"{path}/annotations", lines=[row(run, answers={"mqm": 5}), row(run, "q2")])
    call("POST", f"{path}/publish")
    generations = Measurement.objects.filter(run=run, name="mqm").order_by("generation")
    assert [m.generation for m in generations] == [1, 2]
    assert [m.ratings.count() for m in generations] == [1, 2]
    assert Campaign.objects.get().published_at is not None


def test_nothing_to_publish_is_said(call, campaign):
    refused = call("POST", f"campaigns/{campaign.public_id}/publish")
    assert refused.status_code == 409
    assert not Measurement.objects.exists()


def test_a_reopened_run_is_not_published_to(call, campaign):
    run = campaign.runs.first()
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=[row(run)])
    Run.objects.filter(pk=run.pk).update(state="open")
    assert call("POST", f"campaigns/{campaign.public_id}/publish").status_code == 409
    assert not Rating.objects.exists()


def test_labels_given_before_a_run_was_reopened_are_not_published(call, campaign):
    run = campaign.runs.first()
    call("POST", f"campaigns/{campaign.public_id}/annotations", lines=[row(run)])
    call("POST", f"runs/{run.public_id}/reopen")
    call("POST", f"runs/{run.public_id}/outputs", lines=[{"key": "q1", "output": "Another."}])
    call("POST", f"runs/{run.public_id}/finish", {"allow_missing": True})

    refused = call("POST", f"campaigns/{campaign.public_id}/publish")

    assert refused.status_code == 409
    assert "reopened after this campaign began" in refused.json()["detail"]
    assert not Rating.objects.exists()
