"""What a gate said and a lead decided is seen on the report, in its formats, and in the next."""

import re

import jsonschema_rs
import pytest
from django.test import Client

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE, Actor
from evalhub.gates import services, wording
from evalhub.gates.models import GateAnswer
from evalhub.reports.gated import in_short
from evalhub.reports.services import compare_runs
from tests.evalhub.gates.test_gates import a_gate, a_scored_run, a_version_with_slices, answers
from tests.evalhub.reports.test_formats import junit_suite
from tests.evalhub.runs.building import a_run, drain, scored
from tests.factories import a_key, a_member, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    return a_version_with_slices(a_project())


@pytest.fixture
def report(version):
    """Return how a viewer gets a comparison: its page, or a format."""
    client = Client()
    client.force_login(a_member(version.dataset.project, "viewer"))

    def got(comparison, form=""):
        tail = f"report/{form}" if form else ""
        answer = client.get(f"/comparisons/{comparison.public_id}/{tail}")
        return answer.json() if form == "json" else answer.content.decode()

    got.client = client
    return got


def asked(run, tag="main"):
    return services.ask(run=run, tag=tag, actor=COMMAND_LINE)


def cases(text):
    """Return of each case of a JUnit file its kind and name, and how it ended with what words."""
    return {
        (one.get("classname"), one.get("name")): (one[0].tag, one[0].get("message"))
        if len(one)
        else ("passed", "")
        for one in junit_suite(text.encode()).findall("testcase")
    }


def test_an_answer_and_its_waiver_are_seen_wherever_the_comparison_is(version, report):
    a_gate(
        version,
        margins=[{"metric": "exact_match", "margin": 0.05}, {"metric": "bleu", "margin": 1}],
        critical={"metric": "exact_match"},
    )
    a_scored_run(version, system="old", tags=["main"])
    answer = asked(a_scored_run(version, {2, *range(6, 80)}))
    comparison, ada = answer.comparison, a_member(version.dataset.project, "lead")

    said = cases(report(comparison, "junit"))
    assert said["gate", "exact_match"][0] == "failure"
    assert said["gate", "bleu"][0] == "skipped"
    assert "Neither run was measured" in said["gate", "bleu"][1]
    assert said["gate", "critical examples by exact_match"][0] == "failure"
    assert said["critical", "q2"][0] == "failure"
    assert said["comparison", "exact_match"][0] == "failure"
    (gate,) = report(comparison, "json")["gates"]
    assert (gate["answer"], gate["branch"], gate["waiver"]) == ("fail", "main", None)
    page = report(comparison)
    assert f"new fails the gate of {version.dataset.name}." in page
    assert "(95 %); a loss of 0.05 or more is not allowed." in page
    assert "critical examples newly fail" in page

    services.waive(answer=answer, reason="A <known> flake.", actor=Actor(ada))
    by = f"et through by a waiver of {ada} on "
    said = cases(report(comparison, "junit"))
    assert "failure" not in {how for how, _ in said.values()}
    assert said["critical", "q2"][1].startswith(f"L{by}")
    document = report(comparison, "json")
    assert jsonschema_rs.is_valid(report.client.get("/schemas/comparison.json").json(), document)
    waiver = document["gates"][0]["waiver"]
    assert (waiver["reason"], waiver["created_by"]) == ("A <known> flake.", ada.username)
    assert f"**L{by}" in report(comparison, "markdown")
    assert "A \\<known\\> flake." in report(comparison, "markdown")
    for text in (report(comparison), report(comparison, "html")):
        assert f"L{by}" in text
        assert "A &lt;known&gt; flake." in text
    event = AuditEvent.objects.get(verb="waive gate")
    assert (event.subject, event.detail["reason"]) == (answer.public_id, "A <known> flake.")


def test_the_next_comparison_says_what_was_waived_before(version, report):
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main", "release"])
    elsewhere = asked(a_scored_run(version, set(range(6, 80)), system="elsewhere"), "release")
    first = asked(a_scored_run(version, set(range(6, 80)), system="first"))
    for answer in (elsewhere, first):
        services.waive(answer=answer, reason=f"Reason {answer.tag}.", actor=COMMAND_LINE)
    second = asked(a_scored_run(version, system="second"))
    (before,) = report(second.comparison, "json")["waived_before"]
    assert before["summary"].startswith("The run before on main, first, failed the gate and was")
    assert (before["reason"], before["is_baseline"]) == ("Reason main.", False)
    for form in ("", "markdown", "html", "junit"):
        text = report(second.comparison, form)
        assert "The run before on main, first, failed the gate" in text
        assert "Reason main." in text
    shown = report.client.get(f"/gates/{second.public_id}/").content.decode()
    assert "The run before on main, first, failed the gate" in shown
    # The one after it follows a run that passed: there is nothing to say any more.
    third = asked(a_scored_run(version, system="third"))
    assert report(third.comparison, "json")["waived_before"] == []
    assert report(elsewhere.comparison, "json")["waived_before"] == []
    # Against the run that went through by a waiver, without any gate.
    last = a_scored_run(version, system="last")
    against = compare_runs(baseline=first.comparison.candidate, candidate=last, actor=COMMAND_LINE)
    (behind,) = report(against, "json")["waived_before"]
    assert behind["is_baseline"]
    assert "The baseline, first, failed the gate and was let through" in report(against)
    assert report(against, "json")["gates"] == []
    assert old.tags == ["main", "release"]


def test_a_loss_that_the_gate_allows_is_not_red(version, report):
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.2}])
    a_scored_run(version, system="old", tags=["main"])
    answer = asked(a_scored_run(version, set(range(6, 22))))
    assert (answer.answer, answer.comparison.outcome) == ("pass", "regressed")
    said = cases(report(answer.comparison, "junit"))
    assert said["gate", "exact_match"][0] == "passed"
    how, words = said["comparison", "exact_match"]
    assert (how, words.startswith("Within the margin set by the gate of ")) == ("skipped", True)
    assert said["critical", "critical examples"][0] == "passed"
    # A slice has no margin of its own, but the gate that passes the run names none.
    for half in "ab":
        how, words = said["comparison", f"exact_match half:{half}"]
        assert how == "skipped"
        assert words.startswith("The gate passes: no rule of it names this.")


def test_a_gate_waits_for_its_baseline_and_then_answers_the_same_request(version):
    project, client = version.dataset.project, Client()
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main"])
    spec = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}
    new = scored(a_run(version, metrics=[spec]), *answers())
    headers = {**a_key(project, "lead"), "Idempotency-Key": "once"}

    def post():
        address = f"/api/v1/runs/{new.public_id}/gate"
        return client.post(address, {}, content_type="application/json", headers=headers)

    waits = post()
    assert (waits.status_code, waits["Retry-After"]) == (202, "2")
    assert client.get(waits["Location"], headers=a_key(project, "viewer")).status_code == 200
    client.force_login(a_member(project, "lead"))
    page = f"/p/{project.slug}/datasets/{version.dataset.slug}/gate/"
    sent = client.post(page, {"do": "ask", "run": new.public_id, "tag": "main"})
    assert sent["Location"] == f"/rescorings/{waits.json()['rescoring']}/"
    drain()
    # It was the newest run with the tag before, and is while it is scored again.
    assert (post().json()["answer"], post().json()["baseline"]) == ("pass", old.public_id)


def test_a_shared_link_says_nothing_of_gates_waivers_people_and_other_runs(version, report):
    a_gate(version)
    a_scored_run(version, system="old", tags=["main"])
    lead = a_member(version.dataset.project, "lead")
    first, second = (
        asked(a_scored_run(version, set(range(6, 80)), system=name)) for name in ("first", "next")
    )
    for answer in (first, second):
        services.waive(answer=answer, reason="A secret deadline.", actor=Actor(lead))
    comparison = asked(second.comparison.candidate).comparison
    inside = report(comparison)
    assert inside.count("A secret deadline.") == 2
    client = Client()
    client.force_login(lead)
    made = client.post(f"/comparisons/{comparison.public_id}/links/", {"days": "7"})
    address = re.search(r"/shared/[\w-]{43}/", made.content.decode())[0]
    page = re.sub(r"<style>.*?</style>", "", Client().get(address).content.decode(), flags=re.S)
    assert "next is worse than old on exact_match." in page
    hidden = ("secret", lead.username, "aived", "What to do", "fails the gate", "first,")
    assert [word for word in hidden if word in page] == []


def test_an_answer_of_an_old_version_is_told_as_what_it_was(version, report):
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.9}], min_coverage=0.5)
    a_scored_run(version, system="old", tags=["main"])
    first = asked(a_scored_run(version, set(range(6, 80))))
    name, run = version.dataset.name, first.comparison.candidate
    now = report(first.comparison)
    assert f"new passes the gate of {name}." in now
    assert "All 2 rules pass: exact_match, coverage." in now
    assert "version 2" not in now

    a_gate(version)
    then = f"new passed version 1 of the gate of {name}; version 2 has not been asked."
    assert report(first.comparison, "json")["gates"][0]["summary"] == then
    for form in ("", "markdown", "html"):
        text = report(first.comparison, form)
        assert then in text
        assert "passes the gate" not in text
    how, words = cases(report(first.comparison, "junit"))["comparison", "exact_match half:a"]
    assert (how, words.split(":")[0]) == ("skipped", "Version 1 of the gate passed")
    assert "Ask the gate" in report(first.comparison)
    assert "Ask the gate" not in report(first.comparison, "html")
    client = Client()
    client.force_login(a_member(version.dataset.project, "lead"))
    page = client.get(f"/gates/{first.public_id}/").content.decode()
    assert then in page
    gate = f"/p/{version.dataset.project.slug}/datasets/{version.dataset.slug}/gate/"
    assert f'action="{gate}"' in page
    assert "pass, by version 1" in client.get(gate).content.decode()

    # What the button sends, and the waiver of what it finds, which a third version undoes.
    assert client.post(gate, {"do": "ask", "run": run.public_id, "tag": "main"}).status_code == 302
    said = f"new passed version 1 of the gate of {name}; version 2 has answered since."
    assert report(first.comparison, "json")["gates"][-1]["summary"] == said
    second = GateAnswer.objects.get(gate__number=2)
    services.waive(answer=second, reason="A flake.", actor=COMMAND_LINE)
    assert "asks again for main passes." in report(second.comparison)
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.04}])
    text = report(second.comparison)
    assert "asks again for main is told by version 3, which this waiver" in text
    assert "version 2 of the gate of" in text
    assert "; its waiver was of that version, and version 3 has not been asked." in text


@pytest.mark.parametrize(
    ("rest", "held"),
    [
        ([], ": a loss of 0.05 or more on m in a:b is not ruled out (0.025 worse measured)."),
        (
            [{"kind": "critical", "metric": "m", "answer": "inconclusive"}],
            ": a loss of 0.05 or more on m in a:b is not ruled out (0.025 worse measured); 1 more "
            "rule is open.",
        ),
    ],
)
def test_a_run_that_is_not_settled_is_held_and_by_what(rest, held):
    part = {"kind": "slice", "metric": "m", "slice": "a:b", "margin": 0.05, "gain": -0.025}
    part |= {"answer": "inconclusive", "low": -0.062, "high": 0.012}
    passed = {"kind": "coverage", "answer": "pass"}
    told = {"candidate": "new", "dataset": "tides"}
    said = wording.title("inconclusive", parts=[passed, part, *rest], **told)
    assert said == f"new is held by the gate of tides{held}"
    only = wording.title("inconclusive", parts=[passed, *rest], **told)
    open_rule = ": critical examples by m are not settled" if rest else ""
    assert only == f"new is held by the gate of tides{open_rule}."


def test_the_list_of_comparisons_says_what_the_gate_of_each_said(
    version, report, django_assert_num_queries
):
    old = a_scored_run(version, system="old", tags=["main"])
    a_gate(version)

    def said(wrong, *, system, asks=True):
        run = a_scored_run(version, wrong, system=system)
        return (
            asked(run) if asks else compare_runs(baseline=old, candidate=run, actor=COMMAND_LINE)
        )

    said(set(range(6, 80)), system="earlier")
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.04}])
    said(set(), system="passes")
    said(set(range(6, 80)), system="fails")
    said(set(range(6, 16)), system="open")
    waived = said(set(range(6, 80)), system="waived")
    services.waive(answer=waived, reason="A flake.", actor=COMMAND_LINE)
    said(set(), system="unasked", asks=False)
    elsewhere = a_version_with_slices(version.dataset.project)
    compare_runs(
        baseline=a_scored_run(elsewhere, system="one"),
        candidate=a_scored_run(elsewhere, system="two"),
        actor=COMMAND_LINE,
    )
    page = report.client.get(f"/p/{version.dataset.project.slug}/comparisons/")
    shown = {
        str(row["comparison"].candidate.system_version): row["gate"]
        for row in page.context["rows"]
    }
    assert {name: (one.said, one.old_version, one.has_gate) for name, one in shown.items()} == {
        "earlier": ("fail", 1, True),
        "passes": ("pass", None, True),
        "fails": ("fail", None, True),
        "open": ("inconclusive", None, True),
        "waived": ("waived", None, True),
        "unasked": ("", None, True),
        "two": ("", None, False),
    }
    text = re.sub(r"<[^>]+>", "", page.content.decode())
    for words in ("fail, by version 1", "not settled", "waived", "not asked", "no gate"):
        assert words in text
    with django_assert_num_queries(1):
        in_short([row["comparison"] for row in page.context["rows"]])


def test_an_answer_tells_of_critical_examples_that_no_rule_is_about(version, report):
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.2}])
    a_scored_run(version, system="old", tags=["main"])
    answer = asked(a_scored_run(version, {2}))
    page = report.client.get(f"/gates/{answer.public_id}/").content.decode()
    assert answer.answer == "pass"
    assert answer.comparison.critical["n_failing"] == 1
    assert "1 of 5 critical examples newly fails" in page
    assert "No rule of this gate is about them." in page


def test_a_report_leads_to_the_question_about_its_own_run(version, report):
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.2}])
    old = a_scored_run(version, system="old", tags=["main"])
    asked_about, newest = (a_scored_run(version, system=name) for name in ("new", "newest"))
    comparison = compare_runs(baseline=old, candidate=asked_about, actor=COMMAND_LINE)
    where = re.search(r'href="(/[^"#]+\?run=[^"#]+)#answers"', report(comparison))[1]
    report.client.force_login(a_member(version.dataset.project, "lead"))
    page = report.client.get(where).content.decode()
    chosen = re.search(r'id="ask_run".*?<option value="([^"]*)" selected', page, re.DOTALL)[1]
    assert chosen == asked_about.public_id != newest.public_id
