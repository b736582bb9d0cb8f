"""What stands out in a comparison: slices, critical examples, words of failing inputs."""

import random

import numpy as np
import pytest
from scipy import stats

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports import falling_behind, nested, remarks, wording
from evalhub.reports.models import Comparison
from evalhub.reports.services import compare_runs
from evalhub.reports.words import shared_words, words_of
from evalhub.runs.models import Run, System, SystemVersion
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_member, a_project, a_version, example_row

TOPICS = ["law", "tax", "art", "war"]


def a_version_of(project, n=160, critical=(), dataset=None, changed=()):
    """Return a version whose questions have a topic and a length; some are critical."""
    rows = [
        example_row(
            f"q{i}",
            input=f"{TOPICS[i % 4]} question {'changed' if i in changed else ''}",
            expected_output=f"a{i}",
            metadata={"topic": TOPICS[i % 4], "long": i % 3 == 0, "critical": True}
            if i in critical
            else {"topic": TOPICS[i % 4], "long": i % 3 == 0},
        )
        for i in range(1, n + 1)
    ]
    return a_version(project, rows, dataset=dataset)


def answers(n, wrong=(), broken=(), missing=()):
    return [
        {"key": f"q{i}", "error": "too slow"}
        if i in broken
        else {"key": f"q{i}", "output": "?" if i in wrong else f"a{i}"}
        for i in range(1, n + 1)
        if i not in missing
    ]


def compared(old, new):
    return compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)


@pytest.mark.django_db
def test_where_it_got_worse_is_searched_in_fields_and_pairs_of_them():
    version = a_version_of(a_project())
    wrong = {i for i in range(1, 161) if i % 8 == 1} | {2, 3, 8}
    old = scored(a_run(version, system="old"), *answers(160))
    new = scored(a_run(version, system="new"), *answers(160, wrong))
    found = compared(old, new).searched
    # Four topics, long or not, and four of the eight crossings have twenty examples.
    assert (found["metric"], found["n_searched"], found["reason"]) == ("exact_match", 10, "")
    first = found["slices"][0]
    assert (first["fields"], first["levels"], first["n"]) == (["topic"], ["tax"], 40)
    gains = -np.array([float(i in wrong) for i in range(1, 161)])
    tax = np.arange(1, 161) % 4 == 1
    assert first["inside"] == gains[tax].mean() == -0.5
    assert first["rest"] == pytest.approx(gains[~tax].mean())
    assert first["low"] < first["difference"] < first["high"] < 0
    assert first["p_adjusted"] <= 0.05
    failing = compared(old, new).failing
    assert (failing["n"], failing["is_pass_fail"]) == (len(wrong), True)
    [group] = failing["groups"]
    assert (group["words"], group["n_others"]) == (["tax"], 20)
    assert group["positions"] == [i - 1 for i in sorted(wrong) if i % 4 == 1]


@pytest.mark.django_db
def test_the_page_leads_from_what_stands_out_to_its_examples(client):
    project = a_project()
    version = a_version_of(project, critical={1, 2})
    metrics = {"metrics": ["exact_match", "chrf"]}
    wrong = {i for i in range(1, 161) if i % 8 == 1} | {2, 3, 8}
    old = scored(a_run(version, system="old", **metrics), *answers(160, {160}))
    new = scored(a_run(version, system="new", **metrics), *answers(160, wrong, broken={12}))
    comparison = compared(old, new)
    client.force_login(a_member(project, "viewer"))
    address = f"/comparisons/{comparison.public_id}/"

    def page(query=""):
        answer = client.get(address + query)
        return answer.content.decode(), answer.context

    text, context = page()
    assert "2 of 2 critical examples newly fail." in text
    assert [one.key for one in context["critical"]] == ["q1", "q2"]
    assert "Worse than elsewhere on exact_match: topic = tax (40 examples: 0.500 worse" in text
    # Said above the verdict, and not again among what helps to judge it.
    assert text.count("2 of 2 critical examples newly fail.") == 1
    assert "old on exact_match, and 2 critical examples newly fail." in context["title"]
    cases = context["cases"]
    assert (cases.n_worse, cases.n_flipped, cases.n_better) == (24, 24, 1)
    scores = [(one.measurement.name, one.baseline, one.candidate) for one in cases.worse[0].scores]
    assert scores == [("exact_match", 1.0, 0.0), ("chrf", 100.0, 0.0)]
    assert {"topic = tax"} <= {row.name for row in context["worse"]}
    row = next(row for row in context["worse"] if row.name == "topic = tax")
    assert f'href="{address}?{row.query}#examples"' in text
    _, inside = page(f"?{row.query}&metric=chrf")
    assert (inside["n_within"], inside["cases"].n_worse) == (40, 20)
    assert {one.key for one in inside["cases"].worse} <= {f"q{i}" for i in range(1, 161, 8)}
    assert f'href="{address}?group=1#examples"' in text
    _, grouped = page("?group=1")
    assert grouped["cases"].n_worse == grouped["n_within"] == 20
    assert client.get(f"{address}?group=9").status_code == 404
    both, _ = page("?slice=topic:tax&slice=long:true")
    assert "examples in" in both


@pytest.mark.django_db
def test_a_quantile_has_no_slice_against_the_rest():
    version = a_version_of(a_project())
    timed = [row | {"latency_ms": 10.0 + n} for n, row in enumerate(answers(160))]
    old, new = (
        scored(a_run(version, system=name, metrics=["latency"]), *timed) for name in ("a", "b")
    )
    found = compared(old, new).searched
    assert (found["slices"], found["n_searched"]) == ([], 0)
    assert "no mean over examples" in found["reason"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("metric", "failing"),
    [
        # passed before and fails now: wrong, an error or missing; q5 failed before as well
        ("exact_match", [1, 2, 3]),
        # no metric of right and wrong: an error or a missing output, where there was one
        ("chrf", [2, 3]),
    ],
)
def test_critical_examples_that_newly_fail_are_counted(metric, failing):
    project = a_project()
    first = a_version_of(project, 30, critical={1, 2, 3, 4, 5, 6, 7})
    second = a_version_of(
        project, 30, critical={1, 2, 3, 4, 5, 6, 7}, changed={6}, dataset=first.dataset
    )
    old = scored(a_run(first, system="old", metrics=[metric]), *answers(30, wrong={5}))
    worse = answers(30, wrong={1, 5, 20}, broken={2}, missing={3, 7})
    new = scored(
        a_run(second, system="new", metrics=[metric]), *worse, {"key": "q7", "output": "a7"}
    )
    comparison = compared(old, new)
    unanswered = "Both" if len(failing) == 2 else "2 of them"  # q2 and q3
    said = remarks.critical(comparison)
    assert said.endswith(f" {unanswered} are errors or missing answers.")
    assert comparison.critical == {
        "n": 7,
        "n_unpaired": 1,
        "n_unscored": 0,
        "n_failing": len(failing),
        "failing": [i - 1 for i in failing],
    }


def test_words_that_stand_out_group_the_failing_inputs():
    rng = random.Random(1)
    common = ["how", "many", "apples", "are", "left", "after", "lunch", "for", "Tom", "today"]

    def text(*more):
        return " ".join([*rng.sample(common, 6), *more, str(rng.random())])

    failing = [
        *(text("square", "meters") for _ in range(6)),
        *(text("Discount,") for _ in range(5)),
        *(text() for _ in range(9)),
    ]
    others = [*(text("square") for _ in range(3)), *(text() for _ in range(197))]
    groups = shared_words(failing, others)
    assert [(one.words, one.members, one.n_others) for one in groups] == [
        (("meters", "square"), tuple(range(6)), 0),
        (("discount",), tuple(range(6, 11)), 0),
    ]
    assert shared_words(failing[11:], others) == []
    assert shared_words([], others) == shared_words(["a", "b"], []) == []


def test_a_word_is_tested_by_fishers_exact_test():
    # scipy.stats.fisher_exact, one-sided, at the border of 5 %: one word, so nothing is adjusted.
    for inside in range(3, 9):
        failing = ["word"] * inside + [""] * (8 - inside)
        others = ["word"] * 10 + [""] * 10
        p_value = stats.fisher_exact([[inside, 8 - inside], [10, 10]], "greater").pvalue
        assert bool(shared_words(failing, others)) == (p_value <= 0.05)


def test_numbers_and_single_letters_are_no_words():
    assert words_of("A 12th X-ray of ÄPFEL, don't 3 b") == {"x-ray", "of", "äpfel", "don't"}


@pytest.mark.django_db
def test_all_critical_examples_that_newly_fail_can_be_reached(client):
    project = a_project()
    version = a_version_of(project, 40, critical=set(range(1, 41)))
    old = scored(a_run(version, system="old"), *answers(40))
    comparison = compared(old, scored(a_run(version, system="new"), *answers(40, set(range(23)))))
    client.force_login(a_member(project, "viewer"))
    address = f"/comparisons/{comparison.public_id}/"
    seen, query = [], "?critical=0"
    while query:
        context = client.get(address + query.partition("#")[0]).context
        seen += [one.key for one in context["critical"]]
        query = context["turns"]["critical"].next
    assert seen == [f"q{i}" for i in range(1, 23)]
    found = client.get(f"{address}report/json").json()["critical"]
    assert (found["failing_keys"], found["n_failing"]) == (seen, 22)


def test_slices_that_hold_nearly_what_another_does_are_one_finding():
    def a_slice(n, inside=-0.3, **levels):
        return {
            "fields": list(levels),
            "levels": list(levels.values()),
            "n": n,
            "inside": inside,
            "rest": 0.0,
            "p_adjusted": 0.01,
        }

    closer = a_slice(32, critical="false", topic="storms")
    storms, long = a_slice(40, topic="storms"), a_slice(90, long="true")
    other = a_slice(31, critical="false", topic="bees")  # whose topic alone is not found
    deeper = a_slice(39, inside=-0.4, topic="storms", long="true")
    much_less = a_slice(31, area="north", topic="storms")  # 31 of 40 are under four fifths
    found = [closer, storms, long, other, deeper, much_less]
    groups = nested.grouped(found)
    assert [(one.first, [*one.inside]) for one in groups] == [
        (storms, [closer, deeper]),
        (long, []),
        (other, []),
        (much_less, []),
    ]
    comparison = Comparison(coverage={}, searched={"metric": "em", "slices": found})
    assert falling_behind.where_worse(comparison) == (
        "Worse than elsewhere on em: critical = false, topic = bees (31 examples: 0.300 worse, "
        "against no change in the rest); topic = storms (40 examples: 0.300 worse, against no "
        "change in the rest; much the same with critical = false (32 of 40) and long = true (39 "
        "of 40)); "
        "long = true (90 examples: 0.300 worse, against no change in the rest)."
    )


def test_a_slice_is_named_for_its_own_loss_and_stands_in_the_title_where_the_whole_is_not_worse():
    """Of 300 examples 16 of 37 long ones on storms were lost; by hand what the others did."""

    def a_slice(n, inside, rest, **levels):
        names = {"fields": list(levels), "levels": list(levels.values())}
        return {**names, "n": n, "inside": inside, "rest": rest, "p_adjusted": 0.001}

    both = a_slice(37, -16 / 37, 14 / 263, length="long", topic="storms")
    long = a_slice(155, -12 / 155, 10 / 145, length="long")
    not_critical = a_slice(147, -12 / 147, 10 / 153, critical="false", length="long")
    storms = a_slice(67, -13 / 67, 11 / 233, topic="storms")
    all_but_few = a_slice(280, -0.02, 0.1, critical="false")
    found = [both, long, not_critical, storms, all_but_few]
    runs = {
        side: Run(system_version=SystemVersion(system=System(slug=side)))
        for side in ("old", "new")
    }
    comparison = Comparison(
        baseline=runs["old"],
        candidate=runs["new"],
        coverage={"shared": 300},
        searched={"metric": "em", "slices": found},
        primary_metric="em",
        outcome="insufficient_evidence",
    )
    # Long ones not on storms gained 4 of 118, storms not in long ones 3 of 30.
    said = (
        "Worse than elsewhere on em: length = long, topic = storms (37 examples: 0.432 worse, "
        "against 0.053 better in the rest)."
    )
    assert falling_behind.where_worse(comparison) == said
    assert falling_behind.rest_of(long, found).gain == pytest.approx(4 / 118)
    [alarm] = remarks.alarms(comparison)
    assert (alarm.sentence, alarm.place) == (said, "where-worse")
    title = wording.title(comparison)
    assert title.endswith("but new is worse in length = long and topic = storms than elsewhere.")
    # The rest of a wider slice lost as well: 10 of 118, far less of them.
    long["inside"] = -26 / 155
    assert "0.085 worse without length = long and topic = storms" in falling_behind.where_worse(
        comparison
    )
    comparison.outcome = "regressed"
    assert remarks.alarms(comparison) == []
    comparison.critical = {"n": 14, "n_unpaired": 0, "n_unscored": 0, "n_failing": 2}
    assert wording.title(comparison) == (
        "new is worse than old on em, and 2 critical examples newly fail."
    )
    [alarm] = remarks.alarms(comparison)
    assert (alarm.sentence, alarm.kind) == ("2 of 14 critical examples newly fail.", "down")
    comparison.outcome, comparison.searched = "improved", {}
    comparison.coverage = {"candidate": {"expected": 300, "errors": 30, "missing": 0}}
    assert wording.title(comparison) == (
        "new is better than old on em, but 2 critical examples newly fail."
    )
    comparison.outcome = "regressed"
    assert "on em, with 30 errors counted as wrong, and 2 critical" in wording.title(comparison)
