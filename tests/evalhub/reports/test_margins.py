"""The gate's margins in a stored comparison: outcomes, words, and that they stay as they were."""

from html import unescape

import jsonschema_rs
import pytest
from django.core.management import call_command
from django.test import Client

from evalhub.accounts.services import COMMAND_LINE
from evalhub.gates import services
from evalhub.reports import evidence, margins, selectors
from evalhub.reports.models import Comparison
from evalhub.reports.services import compare_runs
from evalhub.reports.terms import LEAST_MARGIN, MOST_MARGIN
from tests.evalhub.gates.test_gates import a_gate, a_scored_run, a_version_with_slices, asked
from tests.evalhub.reports.test_formats import junit_suite
from tests.evalhub.reports.test_recomputing import recomputed
from tests.factories import a_key, a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    return a_version_with_slices(a_project())


@pytest.fixture
def report(version, client):
    client.force_login(a_member(version.dataset.project, "viewer"))

    def got(comparison, form=""):
        tail = f"report/{form}" if form else ""
        answer = client.get(f"/comparisons/{comparison.public_id}/{tail}")
        return answer.json() if form == "json" else answer.content.decode()

    return got


def compared(old, new):
    return compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)


def of(margin, metric="exact_match", **more):
    return {"margins": [{"metric": metric, "margin": margin}], **more}


@pytest.mark.parametrize(
    ("margin", "wrong", "outcome", "within", "title", "says"),
    [
        (
            *(0.05, {6, 7}, "equivalent", "difference"),
            "new is as good as old on exact_match, within the margin of 0.05.",
            "Any difference on exact_match is smaller than the margin of 0.05 set by the gate of "
            "{dataset}: the true change is likely between 0.020 worse and 0.020 better (90 % "
            "interval).",
        ),
        (
            *(0.2, set(range(6, 22)), "regressed", "difference"),
            "new is worse than old on exact_match, by less than the margin of 0.2.",
            "The loss on exact_match is smaller than the margin of 0.2 set by the gate of "
            "{dataset}.",
        ),
        (
            *(0.05, set(range(6, 32)), "regressed", ""),
            "new is worse than old on exact_match.",
            "The loss on exact_match is larger than the margin of 0.05 set by the gate of "
            "{dataset}.",
        ),
        (
            *(0.015, {6, 7}, "insufficient_evidence", ""),
            "Not enough evidence to tell new from old on exact_match.",
            "A loss on exact_match as large as the margin of 0.015 set by the gate of {dataset} "
            "is not ruled out.",
        ),
    ],
)
def test_every_outcome_by_the_gate_s_margin(
    version, report, margin, wrong, outcome, within, title, says
):
    a_gate(version, **of(margin))
    old = a_scored_run(version, {8, 9} if len(wrong) == 2 else (), system="old")
    comparison = compared(old, a_scored_run(version, wrong))
    says = says.format(dataset=version.dataset.name)
    assert (comparison.outcome, comparison.within, comparison.margin) == (outcome, within, margin)
    primary = selectors.findings_of(comparison)[0]
    assert (primary.outcome, primary.within, primary.margin) == (outcome, within, margin)
    document = report(comparison, "json")
    assert (document["summary"], document["notes"][0]) == (title, says)
    for form in ("", "html", "markdown", "junit"):
        text = " ".join(unescape(report(comparison, form)).split())
        assert (title in text, says in text) == (True, True), form
    (case,) = (
        one
        for one in junit_suite(report(comparison, "junit").encode()).findall("testcase")
        if one.get("name") == "exact_match"
    )
    assert [one.tag for one in case] == {
        "equivalent": [],
        "insufficient_evidence": ["skipped"],
        "regressed": ["skipped" if within else "failure"],
    }[outcome]
    schema = Client().get("/schemas/comparison.json").json()
    assert jsonschema_rs.is_valid(schema, document)
    assert recomputed(comparison)[0] == 0
    # The gate says the same of its one margin.
    answer = asked(old, comparison.candidate)
    assert (answer.comparison, answer.answer == "pass") == (comparison, bool(within))


def test_a_gate_that_changes_alters_no_comparison_and_has_its_own(version, report):
    old, new = a_scored_run(version, system="old"), a_scored_run(version, set(range(6, 22)))
    before = compared(old, new)
    assert (before.terms["margins"], before.margin) == ([], None)
    a_gate(version, **of(0.2))
    first = compared(old, new)
    kept = report(first, "json")
    assert first != before
    # Other rules with the same margins ask the same question.
    a_gate(version, **of(0.2, ceilings=[{"metric": "cost", "ceiling": 1}]))
    assert (compared(old, new), report(first, "json")) == (first, kept)
    a_gate(version, **of(0.02))
    second = compared(old, new)
    assert (first.within, second.within, second != first) == ("difference", "", True)
    first.refresh_from_db()
    assert report(first, "json") == {**kept, "gate_changed": report(first, "json")["gate_changed"]}
    assert recomputed(first)[0] == recomputed(second)[0] == recomputed(before)[0] == 0
    for form in ("", "markdown", "junit"):
        assert "version 3 counts now, and this comparison has the margins of version 1" in report(
            first, form
        )
        assert "is newer than this comparison, which has no margins" in report(before, form)
        assert "Compare again" not in report(second, form)
    # One by a method before margins keeps none, and reads as it did.
    Comparison.objects.filter(pk=before.pk).update(method=6, terms={})
    before.refresh_from_db()
    schema = Client().get("/schemas/comparison.json").json()
    assert jsonschema_rs.is_valid(schema, report(before, "json"))
    for form in ("", "html", "markdown", "junit", "csv"):
        assert "than this comparison" not in report(before, form)


def test_a_waiver_is_seen_also_where_new_margins_make_another_comparison(version, report):
    a_gate(version, **of(0.05))
    old, new = a_scored_run(version, system="old"), a_scored_run(version, set(range(6, 32)))
    first = asked(old, new)
    services.waive(answer=first, reason="A deadline.", actor=COMMAND_LINE)
    assert report(first.comparison, "json")["waived_before"] == []
    a_gate(version, **of(0.06))
    second = asked(old, new).comparison
    (said,) = report(second, "json")["waived_before"]
    assert said["summary"].startswith(
        "This run, held against version 1 of the gate before, failed the gate and was let through"
    )
    assert (said["comparison"], said["is_baseline"]) == (first.comparison.public_id, False)
    assert "A deadline." in report(second)


def test_the_gate_s_first_metric_that_is_compared_decides(version, report):
    old, new = a_scored_run(version, system="old"), a_scored_run(version, {6, 7})
    slices = [{"field": "half", "level": "a", "metric": "cost", "margin": 0.01}]
    for rules, primary, says in (
        (
            {"slices": slices},
            "cost",
            "cost decides, because it is the first metric of the gate of",
        ),
        ({"critical": {"metric": "exact_match"}}, "exact_match", ""),
        (of(0.1, "bleu", slices=slices), "cost", "bleu, the first metric of the gate of"),
        (of(0.1, "bleu"), "exact_match", "No metric of the gate of"),
    ):
        a_gate(version, **rules)
        comparison = compared(old, new)
        findings = selectors.findings_of(comparison)
        assert (comparison.primary_metric, findings[0].metric) == (primary, primary)
        assert [one.metric for one in findings if one.is_primary] == [primary]
        assert says in report(comparison)
        assert (" decides" in report(comparison, "markdown")) == bool(says)
        costs = [one for one in findings if one.metric == "cost"]
        margins = {one.slice_level: one.margin for one in costs if one.margin is not None}
        assert margins == ({"a": 0.01} if "slices" in rules else {})


def test_a_slice_is_held_against_its_margin_by_its_own_clusters(report):
    docs = [f"d{i % 24}" if i % 2 else f"e{i % 40}" for i in range(1, 121)]  # 12 and 20
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"half": "ba"[i % 2], "doc": doc})
        for i, doc in enumerate(docs, start=1)
    ]
    version = a_version(a_project(), rows, cluster_field="doc")
    a_gate(version, **of(0.2, slices=[{"field": "half", "level": "a", **of(0.2)["margins"][0]}]))
    old, new = (
        a_scored_run(version, wrong, system=system, n=120)
        for system, wrong in (("old", {1, 3, 8, 10, 50}), ("new", {5, 7, 12, 14, 31, 60}))
    )
    answer = asked(old, new)
    assert [one["answer"] for one in answer.parts] == ["pass", "inconclusive"]
    found = selectors.findings_of(answer.comparison)
    (one,) = (one for one in found if one.slice_level == "a" and one.margin)
    assert (found[0].n_clusters, one.n_clusters, one.within) == (32, 12, "")
    said = margins.about(answer.comparison, one)
    assert (said[:50], said[-13:]) == (
        "Under 20 clusters nothing is held against the marg",
        "there are 12.",
    )
    assert not evidence.needed(answer.comparison, one).is_margin
    assert "Only 60 examples, 12 clusters" in evidence.few(answer.comparison, one)
    assert recomputed(answer.comparison)[0] == 0


def test_margins_that_a_question_names_stand_in_for_the_gate_s(version, report, client, capsys):
    a_gate(version, **of(0.015))
    old, new = a_scored_run(version, {8, 9}, system="old"), a_scored_run(version, {6, 7})
    project, sides = version.dataset.project, [old.public_id, new.public_id]

    def asked_for(*margins, role="lead"):
        query = {**dict(zip(("baseline", "candidate"), sides, strict=True)), "margin": margins}
        return client.get("/api/v1/comparisons", query, headers=a_key(project, role))

    by_gate = asked_for(role="viewer").json()
    named = asked_for("exact_match:0.05", "cost:0.1").json()
    turned = asked_for("cost:0.1", "exact_match:0.05").json()
    assert len({one["id"] for one in (by_gate, named, turned)}) == 3
    assert (by_gate["outcome"], by_gate["terms"]["gate_version"]) == ("insufficient_evidence", 1)
    assert (named["outcome"], named["terms"]["gate_version"]) == ("equivalent", None)
    assert "smaller than the margin of 0.05 that was asked for" in named["notes"][0]
    assert turned["findings"][0]["metric"] == "cost"
    assert "cost decides, because it is the first metric of those that were named" in "".join(
        turned["notes"]
    )
    assert recomputed(Comparison.objects.get(public_id=turned["id"]))[0] == 0
    call_command("compare", *sides, "--margin=exact_match:0.05", "--margin=cost:0.1")
    assert named["id"] in capsys.readouterr().out
    # The gate's own margins, named, are no question of the gate's: its report speaks of the gate.
    alike = asked_for("exact_match:0.015").json()
    assert "0.015 that was asked for" in alike["notes"][0]
    assert asked(old, new).comparison.public_id == by_gate["id"] != alike["id"]
    # Each is another comparison that is kept, so it is for those who may submit.
    assert asked_for("exact_match:0.05", role="viewer").status_code == 403
    for wrong in ([":1"], ["m:0"], ["m:inf"], ["m:nan"], ["m:x"], ["m:1", "m:2"], ["m"]):
        assert asked_for(*wrong).status_code == 400, wrong
    assert asked_for(*(f"m{i}:1" for i in range(51))).status_code == 400
    for margin in (LEAST_MARGIN, MOST_MARGIN):  # and what lies beyond would overflow
        found = Comparison.objects.get(public_id=asked_for(f"exact_match:{margin:g}").json()["id"])
        assert f"the margin of {margin:g}" in report(found)
        assert asked_for(f"exact_match:{margin * margin:g}").status_code == 400
    refused = asked_for("exact_match:0.05", "bleu:1")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_compared")
