"""What programs and people read of a comparison."""

import re
from xml.etree import ElementTree as ET

import pytest

from evalhub.reports import views
from tests.evalhub.reports.test_comparing import answers, runs_of, version_with_slices
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_key, a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def pair(project):
    return runs_of(
        version_with_slices(project),
        set(range(1, 17)),
        set(range(17, 21)),
        metrics=["exact_match", "chrf"],
    )


def get(client, project, pair, form=""):
    return client.get(
        "/api/v1/comparisons",
        {"baseline": pair[0].public_id, "candidate": pair[1].public_id, **form_of(form)},
        headers=a_key(project, "viewer"),
    )


def form_of(form):
    return {"format": form} if form else {}


def test_json_has_the_members_of_the_contract(client, project, pair):
    answer = get(client, project, pair).json()
    assert answer["baseline"] == pair[0].public_id
    assert answer["outcome"] == "improved"
    assert answer["coverage"]["shared"] == 60
    first = answer["findings"][0]
    names = (
        "metric slice n baseline candidate gain low high p_value p_adjusted detectable "
        "outcome method"
    )
    assert set(names.split()) <= set(first)
    assert first["metric"] == "exact_match"
    assert first["p_adjusted"] == first["p_value"]
    assert first["slice"] is None
    assert {None, "half:a", "half:b"} < {finding["slice"] for finding in answer["findings"]}


HOSTILE = "x|y\n# `*_[a](http://evil.test)<b> @everyone #1 www.evil.test \u202e\x07"


def hostile_pair(project, wrong):
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"what": HOSTILE if i % 2 else "b"})
        for i in range(1, 61)
    ]
    version = a_version(project, rows)
    spec = [{"name": "exact_match", "as": "em_x@y"}]
    old = scored(a_run(version, system="old", metrics=spec), *answers(60, set()))
    new = scored(
        a_run(version, system="new", system_version=HOSTILE, metrics=spec), *answers(60, wrong)
    )
    return old, new


def test_markdown_neutralizes_names(client, project):
    text = get(client, project, hostile_pair(project, set(range(1, 41))), "markdown").content
    lines = text.decode().splitlines()
    assert lines[0].startswith(
        "**Regressed: new x\\|y \\# \\`\\*\\_\\[a\\](http:\u200b//evil.test)"
    )
    assert "is worse than old on em_x\\@\u200by.**" in lines[0]
    cells = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("|")]
    assert {len(row) for row in cells} == {9}
    assert "- Regressed in what:x\\|y" in text.decode()
    body = text.decode().rsplit("[The whole report]", 1)[0]
    for live in ("<b>", "\u202e", "\x07"):
        assert live not in body
    # A forge looks for these in what is rendered, where the backslashes are gone.
    for catching in ("@everyone", "#1", "www.evil", "http://evil"):
        assert catching not in body.replace("\\", "")


def test_junit_fails_on_a_regression_and_skips_what_is_not_known(client, project):
    answer = get(client, project, hostile_pair(project, set(range(1, 41))), "junit")
    suite = ET.fromstring(answer.content)  # noqa: S314
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == 3
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == 3
    assert "fell from 1.000 to 0.333" in suite.find("testcase/failure").get("message")
    assert cases[-1].get("name").startswith("em_x@y what:")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("json", "application/json"),
        ("markdown", "text/markdown"),
        ("junit", "application/xml"),
        ("csv", "text/csv"),
        ("html", "text/html"),
    ],
)
def test_a_form_is_given_to_whoever_accepts_it(client, project, form, kind):
    old, new = hostile_pair(project, {1})
    for accepted in (kind, "*/*", ""):
        answer = client.get(
            "/api/v1/comparisons",
            {"baseline": old.public_id, "candidate": new.public_id, "format": form},
            headers={**a_key(project), "Accept": accepted},
        )
        assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, kind)


def test_junit_lists_metrics_that_were_not_compared(client, project):
    version = version_with_slices(project)
    old = scored(a_run(version, system="old", metrics=["exact_match"]), *answers(60, {1}))
    new = scored(
        a_run(version, system="new", metrics=["token_f1", "exact_match"]), *answers(60, {2})
    )
    suite = ET.fromstring(get(client, project, (old, new), "junit").content)  # noqa: S314
    skipped = suite.find("testcase[@name='token_f1']/skipped")
    assert skipped.get("message") == "Not compared. The baseline was not measured with it."
    text = get(client, project, (old, new), "markdown").content.decode()
    assert "token_f1, the candidate's first metric, is not compared" in text
    answer = get(client, project, (old, new)).json()
    assert answer["skipped"] == [
        {
            "metric": "token_f1",
            "reason": "The baseline was not measured with it.",
            "is_first": True,
        }
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"baseline": "run_x", "candidate": "run_y"}, 404),
        ({"baseline": "a", "candidate": "b", "format": "pdf"}, 400),
    ],
)
def test_a_bad_question_is_refused_with_a_sentence(client, project, query, status):
    answer = client.get("/api/v1/comparisons", query, headers=a_key(project))
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")


def test_a_stranger_finds_no_runs(client, project, pair):
    other = a_project()
    assert get(client, other, pair).status_code == 404


def test_the_pages_show_the_verdict_and_what_moved(client, project, pair):
    client.force_login(a_member(project, "viewer"))
    query = {"baseline": pair[0].public_id, "candidate": pair[1].public_id}
    page = client.get("/p/town/comparisons/new/", query, follow=True)
    assert page.status_code == 200
    text = page.content.decode()
    assert "system-1 is better than system-0 on exact_match." in text
    assert "4 examples got worse on exact_match" in text
    assert "16 examples got better on exact_match" in text
    assert "NaN" not in text
    listed = client.get("/p/town/comparisons/").content.decode()
    assert "system-1 is better than system-0 on exact_match." in listed
    assert "1–10 of 16" in text
    turned = client.get(page.request["PATH_INFO"], {"better": "10"}).content.decode()
    assert "11–16 of 16" in turned
    assert turned.count('class="case"') == 4 + 6
    assert "1–10 of 16" in client.get(page.request["PATH_INFO"], {"better": "-9"}).content.decode()
    other = client.get(page.request["PATH_INFO"], {"metric": "chrf"})
    assert "got better on chrf" in other.content.decode()
    assert client.get(page.request["PATH_INFO"], {"metric": "no"}).status_code == 404


def test_a_refusal_is_said_beside_the_form(client, project, pair):
    client.force_login(a_member(project, "viewer"))
    query = {"baseline": pair[0].public_id, "candidate": "run_none"}
    page = client.get("/p/town/comparisons/new/", query)
    assert page.status_code == 404
    assert "cannot be compared" in page.content.decode()


def test_a_run_against_itself_is_refused_in_json_and_on_the_page(client, project, pair):
    answer = get(client, project, (pair[0], pair[0]))
    assert (answer.status_code, answer.json()["code"]) == (422, "same_run")
    client.force_login(a_member(project, "viewer"))
    query = {"baseline": pair[0].public_id, "candidate": pair[0].public_id}
    page = client.get("/p/town/comparisons/new/", query)
    assert page.status_code == 422
    assert "Baseline and candidate are the same run" in page.content.decode()


def test_a_slice_too_small_to_test_shows_its_gain(client, project):
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"size": "few" if i < 11 else "b"})
        for i in range(1, 61)
    ]
    old, new = runs_of(a_version(project, rows), {1, 2, 3}, set())
    client.force_login(a_member(project, "viewer"))
    query = {"baseline": old.public_id, "candidate": new.public_id}
    page = client.get("/p/town/comparisons/new/", query, follow=True).content.decode()
    (cell,) = re.findall(r'<td class="few".*?</td>', page, re.DOTALL)
    assert "+0.300" in cell
    assert "n = 10, not tested" in cell


def test_the_reason_for_no_interval_stands_below_the_table(client, project):
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"doc": i % 9})
        for i in range(1, 61)
    ]
    old, new = runs_of(a_version(project, rows, cluster_field="doc"), {1, 2, 3}, set())
    client.force_login(a_member(project, "viewer"))
    query = {"baseline": old.public_id, "candidate": new.public_id}
    page = client.get("/p/town/comparisons/new/", query, follow=True).content.decode()
    table, rest = page.split('id="findings"')[1].split("</table>", 1)
    assert "no interval" in table
    assert "clusters" not in table
    assert rest.count("No interval for exact_match:") == 1
    assert "doc is the cluster field and no slice" in rest


def test_annotators_and_strangers_are_kept_out(client, project, pair):
    query = {"baseline": pair[0].public_id, "candidate": pair[1].public_id}
    client.force_login(a_member(project, "viewer"))
    address = client.get("/p/town/comparisons/new/", query).headers["Location"]
    client.force_login(a_member(project, "annotator"))
    assert client.get(address).status_code == 403
    client.force_login(a_member(a_project(), "owner"))
    assert client.get(address).status_code == 404


def test_a_stored_comparison_is_had_by_its_id_in_every_format(client, project, pair):
    found = get(client, project, pair).json()
    for form, kind in (("json", "application/json"), ("markdown", "text/markdown")):
        answer = by_id(client, project, found["id"], format=form)
        assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, kind)
    assert by_id(client, project, found["id"]).json() == found
    assert by_id(client, project, found["id"], format="pdf").status_code == 400
    assert by_id(client, a_project(), found["id"]).status_code == 404
    assert by_id(client, project, "cmp_none").status_code == 404


def by_id(client, project, comparison, **query):
    address = f"/api/v1/comparisons/{comparison}"
    return client.get(address, query, headers=a_key(project, "viewer"))


def test_the_gain_of_answered_only_stands_beside_errors_as_worst_values(client, project):
    # The candidate breaks on q1 to q4 (two it had right before), lacks q5, and gains q6 to q8.
    version = version_with_slices(project)
    metrics = ["exact_match", "bleu", "latency"]
    old = scored(
        a_run(version, system="old", metrics=metrics),
        *({**one, "latency_ms": 5.0} for one in answers(60, {1, 2, 6, 7, 8})),
    )
    lines = [
        {"key": one["key"], "error": "slow"} if at < 4 else {**one, "latency_ms": 6.0}
        for at, one in enumerate(answers(60, set()))
        if at != 4
    ]
    new = scored(a_run(version, system="new", metrics=metrics), *lines)
    found = get(client, project, (old, new)).json()
    overall = {one["metric"]: one for one in found["findings"] if one["slice"] is None}
    # 52 + 3 of 55 right against 52 of 55, by hand; as worst values 55 of 60 against 55 of 60.
    assert overall["exact_match"]["gain"] == 0.0
    assert overall["exact_match"]["answered_only"] == {"gain": pytest.approx(3 / 55), "n": 55}
    assert overall["bleu"]["answered_only"]["n"] == 55
    # An error has no latency, neither the worst nor any other.
    assert overall["latency"]["answered_only"] is None
    in_half = next(one for one in found["findings"] if one["slice"] == "half:a")
    assert in_half["answered_only"] == {"gain": pytest.approx(2 / 28), "n": 28}
    said = "Where both answered (55 examples), exact_match looks 0.05"
    assert said in get(client, project, (old, new), "markdown").content.decode().replace("\\", "")
    client.force_login(a_member(project, "viewer"))
    page = client.get(f"/comparisons/{found['id']}/").content.decode()
    assert "of answered only +0.05" in page
    assert said in page
    # Nothing is said where all is answered.
    same = get(client, project, runs_of(version, {1}, {2})).json()["findings"]
    assert {one["answered_only"] for one in same} == {None}


def test_comparisons_are_listed_by_pages(client, project, pair, monkeypatch):
    monkeypatch.setattr(views, "PAGE", 1)
    first = get(client, project, pair).json()["id"]
    second = get(client, project, pair[::-1]).json()["id"]
    client.force_login(a_member(project, "viewer"))
    newest, older = (
        client.get(f"/p/town/comparisons/{query}").content.decode() for query in ("", "?from=1")
    )
    assert (second in newest, first in newest, "?from=1" in newest) == (True, False, True)
    assert (second in older, first in older, "2–2 of 2" in older) == (False, True, True)
    assert second in client.get("/p/town/comparisons/?from=9").content.decode()
