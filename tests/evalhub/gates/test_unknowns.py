"""What a gate does not know, it does not pass; it says of how many, and what to do."""

import pytest

from evalhub.gates import wording
from tests.evalhub.gates.test_gates import a_gate, asked
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_project, a_version, example_row

pytestmark = pytest.mark.django_db
CRITICAL = {"critical": {"metric": "exact_match"}}


def rows(n=40, *, changed=()):
    """Return n rows, the first five critical."""
    return [
        example_row(
            f"q{i}",
            input=f"Question {i}, {'changed' if i in changed else 'as it was'}",
            expected_output=f"a{i}",
            metadata={"critical": i <= 5},
        )
        for i in range(1, n + 1)
    ]


def a_scored_run(version, wrong=(), *, as_json=(), metrics=("exact_match",), paid=(), **fields):
    """Return a run; of the outputs `as_json` no text is there to be matched."""
    lines = [
        {
            "key": f"q{i}",
            "output": {"not": "text"} if i in as_json else "?" if i in wrong else f"a{i}",
            **({"cost": 0.25} if i in paid else {}),
        }
        for i in range(1, version.n_examples + 1)
    ]
    return scored(a_run(version, metrics=list(metrics), **fields), *lines)


def critical_part(first, second, wrong):
    project = a_project()
    old = a_version(project, first)
    new = a_version(project, second, dataset=old.dataset) if second else old
    a_gate(old, **CRITICAL)
    (part,) = asked(a_scored_run(old), a_scored_run(new, wrong)).parts
    return part


def test_critical_examples_of_which_nothing_is_known_leave_a_gate_open():
    every = range(1, 6)
    part = critical_part(rows(), rows(changed=every), wrong={1, 2, 3, 5})
    assert part["answer"] == "inconclusive"
    # The fourth passes: it cannot have begun to fail.
    assert part["reason"] == (
        "Whether 4 of 5 critical examples newly fail is not known: 4 changed or new since the "
        "baseline."
    )
    assert part["advice"] == [
        "Run the baseline's system on version 2 as well, and hold this run against that one."
    ]
    passes = critical_part(rows(), rows(changed=every), wrong={9})
    assert passes["reason"] == "None of 5 critical examples newly fails."
    assert passes["answer"] == "pass"
    fails = critical_part(rows(), rows(changed={1}), wrong={1, 2})
    assert (fails["answer"], fails["examples"]) == ("fail", ["q2"])


def test_critical_examples_without_a_score_leave_a_gate_open():
    version = a_version(a_project(), rows())
    a_gate(version, **CRITICAL)
    # The first fails and the third passes where nothing is known of before; the second passed.
    (part,) = asked(
        a_scored_run(version, as_json={1, 3}), a_scored_run(version, {1}, as_json={2})
    ).parts
    assert (part["answer"], part["unknown"]) == ("inconclusive", 2)
    assert part["reason"] == (
        "Whether 2 of 5 critical examples newly fail is not known: 1 without a score on the "
        "baseline, 1 that passed, without a score now."
    )
    assert part["advice"] == ["Score the critical examples that lack a score, and ask again."]


def test_critical_needs_a_metric_of_right_or_wrong():
    version = a_version(a_project(), rows())
    a_gate(version, critical={"metric": "cost"})
    old, new = (a_scored_run(version, metrics=["cost"], paid=range(41)) for _ in "ab")
    (part,) = asked(old, new).parts
    assert part["answer"] == "inconclusive"
    assert part["reason"] == "cost does not say of an output whether it is right or wrong."
    assert part["advice"][0].startswith("Name a metric by which an output passes or fails")


@pytest.mark.parametrize(
    ("paid", "ceiling", "answer", "reason"),
    [
        (1, 0.3, "inconclusive", "0.25 is within 0.3, over 1 of 40 outputs; the 39 without a"),
        (37, 0.3, "inconclusive", "0.25 is within 0.3, over 37 of 40 outputs; the 3 without a"),
        (38, 0.3, "pass", "0.25 is within 0.3, over 38 of 40 outputs."),
        # At no cost of the other ten it were .1875.
        (30, 0.1, "fail", "0.25 is above 0.1, over 30 of 40 outputs."),
        (30, 0.2, "inconclusive", "0.25 is above 0.2, over 30 of 40 outputs; the 10 without a"),
    ],
)
def test_a_ceiling_speaks_where_the_unscored_cannot_turn_it(paid, ceiling, answer, reason):
    version = a_version(a_project(), rows())
    a_gate(version, ceilings=[{"metric": "cost", "ceiling": ceiling}])
    old, new = (
        a_scored_run(version, metrics=["exact_match", "cost"], paid=range(1, paid + 1))
        for _ in "ab"
    )
    (part,) = asked(old, new).parts
    assert (part["answer"], part["n_scored"]) == (answer, paid)
    assert part["reason"].startswith(reason)
    assert bool(part["advice"]) == (answer != "pass")
    assert f"over the {paid} of 40" in wording.reason(part) or answer == "inconclusive"


def test_whatever_is_left_open_says_what_to_do():
    given = [
        example_row(
            f"q{i}",
            expected_output=f"a{i}",
            metadata={"group": f"g{i % 6}", "half": "ab"[i % 2]},
        )
        for i in range(1, 26)
    ]
    project = a_project()
    alike = a_version(project, given)
    slices = {"field": "half", "metric": "token_f1", "margin": 0.05}
    a_gate(
        alike,
        margins=[{"metric": "token_f1", "margin": 0.05}, {"metric": "bleu", "margin": 1}],
        slices=[{**slices, "level": "a"}, {**slices, "level": "z"}],
        critical={"metric": "token_f1"},
        ceilings=[{"metric": "cost", "ceiling": 1}, {"metric": "token_f1", "ceiling": 1}],
    )
    old, new = (a_scored_run(alike, metrics=["token_f1"]) for _ in "ab")
    parts = asked(old, new).parts
    assert {one["answer"] for one in parts} == {"inconclusive"}
    assert all(one["advice"] for one in parts)
    # (1 - .05)^59 is just below 5 %: the rule of three turned round.
    assert parts[0]["advice"] == [
        "Add 34 examples: token_f1 moved alike in every pair, and passes with so many more if "
        "they do as well.",
        wording.ADD_EXAMPLES,
    ]
    clustered = a_version(project, given, cluster_field="group")
    a_gate(clustered, margins=[{"metric": "token_f1", "margin": 0.05}])
    few = asked(*(a_scored_run(clustered, {i}, metrics=["token_f1"]) for i in (1, 2))).parts[0]
    assert "only 6 clusters" in few["reason"]
    assert few["advice"][0].startswith("Add examples of 14 more clusters")
