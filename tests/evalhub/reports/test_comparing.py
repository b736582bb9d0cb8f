"""A comparison pairs the same questions and keeps its answer."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from evalhub.accounts.services import COMMAND_LINE, Actor
from evalhub.errors import Conflict, ContentError
from evalhub.reports import aligning, comparing, remarks, selectors
from evalhub.reports.models import Comparison
from evalhub.reports.rendering import as_markdown
from evalhub.reports.services import compare_runs
from evalhub.runs import services as runs
from evalhub.runs.models import Measurement
from evalhub.runs.ratings import RatingRow
from tests.evalhub.runs.building import a_run, drain, scored
from tests.factories import a_project, a_version, example_row

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def version_with_slices(project, n=60, **how):
    rows = [
        example_row(
            f"q{i}", expected_output=f"a{i}", metadata={"half": "ab"[i % 2], "doc": i // 3}
        )
        for i in range(1, n + 1)
    ]
    return a_version(project, rows, **how)


def answers(n, wrong):
    return [{"key": f"q{i}", "output": "?" if i in wrong else f"a{i}"} for i in range(1, n + 1)]


def runs_of(version, *wrongs, **fields):
    return [
        scored(
            a_run(version, system=f"system-{number}", **fields),
            *answers(version.n_examples, wrong),
        )
        for number, wrong in enumerate(wrongs)
    ]


def compared(baseline, candidate):
    comparison = compare_runs(baseline=baseline, candidate=candidate, actor=COMMAND_LINE)
    return comparison, selectors.findings_of(comparison)


def test_mcnemar_on_one_attempt():
    # 4 lost and 16 won of 60: scipy.stats.binomtest(4, 20).pvalue is 0.0118179.
    version = version_with_slices(a_project())
    old, new = runs_of(version, set(range(1, 17)), set(range(17, 21)))
    comparison, findings = compared(old, new)
    first = findings[0]
    assert (first.n, first.n_lost, first.n_won) == (60, 4, 16)
    assert first.gain == pytest.approx(12 / 60)
    assert first.p_exact == pytest.approx(0.0118179, abs=1e-7)
    assert (first.is_primary, first.outcome, comparison.outcome) == (True, "improved", "improved")


def test_identical_systems_are_never_told_apart():
    version = version_with_slices(a_project())
    comparison, findings = compared(*runs_of(version, {1, 2}, {1, 2}))
    assert findings[0].p_value == 1.0
    assert comparison.outcome == "insufficient_evidence"


def test_the_same_question_finds_the_same_answer():
    old, new = runs_of(version_with_slices(a_project()), {1}, {2})
    first, _ = compared(old, new)
    again, _ = compared(old, new)
    other_way, _ = compared(new, old)
    assert first == again
    assert other_way != first
    assert Comparison.objects.count() == 2


def test_scoring_again_makes_a_new_comparison_and_keeps_the_old():
    old, new = runs_of(version_with_slices(a_project()), {1}, {2})
    first, _ = compared(old, new)
    runs.measure_run(run=new, metrics=["exact_match"], actor=COMMAND_LINE)
    drain()
    new.refresh_from_db()
    second, _ = compared(old, new)
    assert second != first
    assert Comparison.objects.count() == 2


def test_other_metrics_and_slices_are_adjusted_together_and_the_primary_is_not():
    version = version_with_slices(a_project())
    old, new = runs_of(
        version, set(range(1, 17)), set(range(17, 21)), metrics=["exact_match", "token_f1"]
    )
    _, findings = compared(old, new)
    assert findings[0].p_adjusted is None
    tested = [finding for finding in findings[1:] if finding.p_value is not None]
    assert {finding.slice_level for finding in tested} == {"", "a", "b"}
    assert all(finding.p_adjusted >= finding.p_value for finding in tested)


def test_a_slice_under_twenty_is_listed_and_not_tested():
    rows = [
        example_row(
            f"q{i}", expected_output=f"a{i}", metadata={"size": "few" if i < 11 else "many"}
        )
        for i in range(1, 61)
    ]
    version = a_version(a_project(), rows)
    _, findings = compared(*runs_of(version, set(range(1, 11)), set()))
    few = next(finding for finding in findings if finding.slice_level == "few")
    assert (few.n, few.gain, few.p_value, few.low) == (10, 1.0, None, None)
    assert few.outcome == "insufficient_evidence"


def test_clusters_widen_the_interval():
    project = a_project()
    plain, clustered = (
        version_with_slices(project),
        version_with_slices(project, cluster_field="doc"),
    )
    wrong = set(range(1, 19))
    _, alone = compared(*runs_of(plain, wrong, set()))
    _, together = compared(*runs_of(clustered, wrong, set()))
    assert together[0].gain == alone[0].gain
    assert together[0].high - together[0].low > alone[0].high - alone[0].low


@pytest.mark.parametrize(
    ("fields", "used"), [(("doc", ""), "doc"), (("", "doc"), "doc"), (("half", "doc"), "doc")]
)
def test_clusters_of_either_version_count_on_both_sides(fields, used):
    project = a_project()
    wrong = set(range(1, 19))
    clustered = version_with_slices(project, cluster_field=used)
    _, alike = compared(*runs_of(clustered, wrong, set()))
    first = version_with_slices(project, cluster_field=fields[0])
    second = version_with_slices(project, dataset=first.dataset, cluster_field=fields[1])
    old = scored(a_run(first, system="old"), *answers(60, wrong))
    new = scored(a_run(second, system="new"), *answers(60, set()))
    comparison, findings = compared(old, new)
    assert findings[0].method == alike[0].method
    # Under other digests the random flips of signs are others.
    assert [findings[0].low, findings[0].high] == pytest.approx(
        [alike[0].low, alike[0].high], abs=0.01
    )
    assert comparison.coverage["clusters"]["used"] == used
    assert f"grouped by {used} on both sides." in remarks.cluster_fields(comparison)


def test_clusters_that_both_versions_name_go_without_saying():
    comparison, _ = compared(*runs_of(version_with_slices(a_project()), {1}, {2}))
    assert comparison.coverage["clusters"] == {"baseline": None, "candidate": None, "used": None}
    assert remarks.cluster_fields(comparison) == ""


def test_the_cluster_field_is_no_slice():
    version = version_with_slices(a_project(), cluster_field="half")
    _, findings = compared(*runs_of(version, {1, 2}, {3}))
    assert {finding.slice_field for finding in findings} == {"", "doc"}


def test_versions_are_paired_by_key():
    project = a_project()
    first = version_with_slices(project, n=40)
    rows = [
        example_row(
            f"q{i}", expected_output=f"a{i}", metadata={"half": "ab"[i % 2], "doc": i // 3}
        )
        for i in range(60, 10, -1)
    ]
    second = a_version(project, rows, dataset=first.dataset)
    old = scored(a_run(first, system="old"), *answers(40, {11, 12}))
    new = scored(
        a_run(second, system="new"),
        *[row for row in answers(60, set()) if int(row["key"][1:]) > 10],
    )
    comparison, findings = compared(old, new)
    assert (findings[0].n, findings[0].n_won, findings[0].n_lost) == (30, 2, 0)
    assert comparison.coverage["shared"] == 30
    assert comparison.coverage["changed"] == 0
    assert comparison.coverage["baseline_only"] == 10
    assert comparison.coverage["candidate_only"] == 20
    moved = selectors.cases(findings[0])
    assert [case.key for case in moved.better] == ["q12", "q11"]
    assert moved.better[0].baseline_output == "?"


def test_errors_and_missing_outputs_count_as_wrong():
    version = version_with_slices(a_project())
    whole = scored(a_run(version, system="a"), *answers(60, set()))
    broken = [{"key": "q1", "error": "out of memory"}, *answers(60, set())[1:50]]
    part = scored(a_run(version, system="b"), *broken)
    _, findings = compared(whole, part)
    assert findings[0].n_lost == 11


def test_different_datasets_are_refused():
    project = a_project()
    old = scored(a_run(a_version(project), system="a"))
    new = scored(a_run(a_version(project), system="b"))
    with pytest.raises(ContentError, match="different datasets"):
        compared(old, new)


def test_a_run_is_not_compared_with_itself():
    (run,) = runs_of(version_with_slices(a_project()), {1})
    with pytest.raises(ContentError, match="the same run") as refused:
        compared(run, run)
    assert refused.value.code == "same_run"


def test_an_unfinished_run_is_refused():
    version = version_with_slices(a_project())
    old = scored(a_run(version, system="a"), *answers(60, set()))
    with pytest.raises(Conflict, match="is open"):
        compared(old, a_run(version, system="b"))


def test_who_asked_is_recorded():
    project = a_project()
    old, new = runs_of(version_with_slices(project), {1}, {2})
    compare_runs(baseline=old, candidate=new, actor=Actor())
    assert project.audit_events.filter(verb="compare").count() == 1


def rated(run, values):
    """Publish people's answers of 1 to 5 about the first outputs of a run."""
    runs.publish_ratings(
        run=run,
        name="helpfulness",
        kind="human",
        metric="human",
        params={"resolution": "mean"},
        signature="human|v1|campaign:one|rule:mean",
        family="mean",
        higher_is_better=True,
        low_bound=1.0,
        high_bound=5.0,
        resolution="mean",
        ratings=[
            RatingRow(
                position=at, attempt=1, rater="ada", value=value, reason=0, at=NOW, revision=1
            )
            for at, value in enumerate(values)
        ],
        actor=COMMAND_LINE,
    )


def helpfulness(old, new):
    drain()
    return next(one for one in compared(old, new)[1] if one.metric == "helpfulness")


def test_examples_that_nobody_was_asked_about_are_no_gaps():
    old, new = runs_of(version_with_slices(a_project()), {1}, {2})
    rated(old, [2.0, 3.0] * 15)
    rated(new, [4.0, 4.0] * 15)
    finding = helpfulness(old, new)
    assert (finding.n, finding.n_unscored_baseline, finding.n_unscored_candidate) == (30, 0, 0)
    assert finding.outcome == "improved"


def test_examples_rated_on_one_side_only_are_gaps():
    old, new = runs_of(version_with_slices(a_project()), {1}, {2})
    rated(old, [2.0, 3.0] * 25)
    rated(new, [3.0, 3.0] * 15)
    finding = helpfulness(old, new)
    assert (finding.n, finding.n_unscored_baseline, finding.n_unscored_candidate) == (30, 0, 20)
    assert finding.outcome == "insufficient_evidence"
    assert "unscored" in finding.reason


def test_gaps_that_turn_the_outcome_among_all_findings_leave_it_open():
    """Filled with the worst, p is 0.03 alone; adjusted with the other four it is above 0.05."""
    old, new = runs_of(version_with_slices(a_project()), {1}, {2})
    rated(old, [2.5] * 60)
    rated(new, [3.7, 3.7, 2.1, 2.1] * 14)
    finding = helpfulness(old, new)
    assert (finding.n_unscored_baseline, finding.n_unscored_candidate) == (0, 4)
    filled = np.array([1.2, 1.2, -0.4, -0.4] * 14 + [-1.5] * 4)
    assert 0.01 < stats.ttest_1samp(filled, 0).pvalue < 0.05
    assert finding.p_adjusted < 0.01
    assert finding.outcome == "insufficient_evidence"
    assert finding.reason.endswith("enough to turn the outcome.")


def test_equal_inputs_give_equal_numbers_in_any_project():
    """The numbers of a randomization come from the content, not from names drawn at random."""

    def numbers():
        old, new = runs_of(
            version_with_slices(a_project()), {1, 2, 3}, set(range(4, 12)), metrics=["chrf"]
        )
        comparison, findings = compared(old, new)
        return comparison.seed, [(one.low, one.high, one.p_value) for one in findings]

    assert numbers() == numbers()


def test_a_changed_example_is_named_and_not_paired(monkeypatch):
    monkeypatch.setattr(aligning, "MAX_CHANGED_KEYS", 2)
    project = a_project()
    first = version_with_slices(project, n=40)
    rows = [
        example_row(
            f"q{i}",
            expected_output=f"a{i}" if i > 3 else "b",
            metadata={"half": "ab"[i % 2], "doc": i // 3},
        )
        for i in range(50, 0, -1)
    ]
    second = a_version(project, rows, dataset=first.dataset)
    old = scored(a_run(first, system="old"), *answers(40, {7}))
    new = scored(a_run(second, system="new"), *answers(50, set()))
    comparison, findings = compared(old, new)
    coverage = comparison.coverage
    assert (coverage["shared"], coverage["changed"]) == (37, 3)
    assert (coverage["baseline_only"], coverage["candidate_only"]) == (0, 10)
    assert coverage["changed_keys"] == ["q3", "q2"]  # in the candidate's order, as many as fit
    assert (findings[0].n, findings[0].n_lost, findings[0].n_won) == (37, 0, 1)
    assert "3 examples with the same key have another content" in remarks.changed(comparison)
    assert "rest on the 37 unchanged" in as_markdown(comparison, findings, url="/")


def test_versions_without_an_unchanged_example_are_refused():
    project = a_project()
    first = version_with_slices(project, n=3)
    second = a_version(project, dataset=first.dataset)  # equal keys, no metadata
    old, new = scored(a_run(first, system="old")), scored(a_run(second, system="new"))
    with pytest.raises(ContentError, match="another content") as refused:
        compared(old, new)
    assert refused.value.code == "no_unchanged_examples"


def test_attempts_are_averaged_within_examples_first():
    version = version_with_slices(a_project())
    once = scored(a_run(version, system="once"), *answers(60, set(range(1, 31))))
    twice = a_run(version, system="twice", attempts=2)
    lines = [
        {"key": f"q{i}", "attempt": attempt, "output": f"a{i}" if attempt == 1 else "?"}
        for i in range(1, 61)
        for attempt in (1, 2)
    ]
    scored(twice, *lines)
    _, findings = compared(once, twice)
    first = findings[0]
    assert (first.n, first.baseline, first.candidate, first.gain) == (60, 0.5, 0.5, 0.0)
    assert (first.n_lost, first.n_won) == (30, 30)
    assert first.method == "paired t"
    moved = selectors.cases(first)
    assert {case.difference for case in moved.worse} == {-0.5}


def test_a_metric_that_failed_is_left_out_with_its_side():
    version = version_with_slices(a_project())
    old, new = runs_of(version, {1}, {2}, metrics=["exact_match", "chrf"])
    new.measurements.filter(name="chrf").update(
        state=Measurement.State.FAILED, problem="The pattern broke."
    )
    comparison, findings = compared(old, new)
    assert {finding.metric for finding in findings} == {"exact_match"}
    assert comparison.skipped == [
        {
            "metric": "chrf",
            "reason": "On the candidate it failed. The pattern broke.",
            "is_first": False,
        }
    ]


def test_the_next_metric_decides_where_the_first_cannot_be_compared():
    version = version_with_slices(a_project())
    (old,) = runs_of(version, {1}, metrics=["exact_match"])
    new = scored(a_run(version, system="new", metrics=["chrf", "exact_match"]), *answers(60, {2}))
    comparison, findings = compared(old, new)
    assert (comparison.primary_metric, findings[0].is_primary) == ("exact_match", True)
    assert comparison.skipped[0]["is_first"] is True


def test_slices_beyond_the_room_of_a_comparison_are_named(monkeypatch):
    monkeypatch.setattr(comparing, "MAX_CELLS", 3)
    rows = [
        example_row(
            f"q{i}", expected_output=f"a{i}", metadata={"a": i % 2, "b": i % 2, "c": i % 2}
        )
        for i in range(1, 61)
    ]
    comparison, findings = compared(*runs_of(a_version(a_project(), rows), {1}, {2}))
    assert {finding.slice_field for finding in findings} == {"", "a"}
    assert comparison.coverage["fields_left_out"] == ["b", "c"]


def test_inputs_and_references_of_any_shape_are_shown_as_text():
    rows = [
        example_row(
            f"q{i}",
            input=[{"role": "user", "content": "Why?"}],
            references=["because", "so that"],
        )
        for i in range(1, 31)
    ]
    version = a_version(a_project(), rows)
    good = [{"key": f"q{i}", "output": "because"} for i in range(1, 31)]
    old = scored(a_run(version, system="old"), *good)
    new = scored(a_run(version, system="new"), {"key": "q2", "output": {"a": 1}}, *good[2:])
    _, findings = compared(old, new)
    case = selectors.cases(findings[0]).worse[0]
    assert case.input == '[{"content": "Why?", "role": "user"}]'
    assert case.expected == "because, or so that"
    assert case.candidate_output is None
