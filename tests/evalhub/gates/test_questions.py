"""What a gate is asked: against whom, about which numbers, and when it is the same question."""

import pytest
from django.db.models import QuerySet

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict
from evalhub.gates import rendering, services
from evalhub.reports.models import Finding
from evalhub.runs import rescoring
from tests.evalhub.gates.test_gates import a_gate, a_scored_run, a_version_with_slices, answers
from tests.evalhub.runs.building import a_run, drain, scored
from tests.factories import a_project

pytestmark = pytest.mark.django_db
WORSE = set(range(6, 80))


@pytest.fixture
def version():
    return a_version_with_slices(a_project())


def asked(run, tag="main"):
    return services.ask(run=run, tag=tag, actor=COMMAND_LINE)


def waived(answer):
    services.waive(answer=answer, reason="A flake.", actor=COMMAND_LINE)
    return answer


def exit_code(answer):
    return rendering.answer(answer)["exit_code"]


def test_a_waiver_for_one_branch_is_none_for_another(version):
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main", "release"])
    new = a_scored_run(version, WORSE)
    named = services.ask(run=new, baseline=old.public_id, actor=COMMAND_LINE)
    on_main = waived(asked(new))
    on_release = asked(new, "release")
    tags = [one.tag for one in (named, on_main, on_release)]
    codes = [exit_code(one) for one in (named, on_main, on_release)]
    assert (tags, codes) == (["", "main", "release"], [1, 0, 1])
    assert on_release.chosen.startswith("No run is blessed for release")
    # It is one comparison, which is said by each answer alike.
    assert len({one.comparison for one in (named, on_main, on_release)}) == 1
    assert asked(new, "release") == on_release


def test_a_question_keeps_its_baseline_and_so_its_answer(version):
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main"])
    late = a_run(version, system="late", tags=["main"])
    new = a_scored_run(version, WORSE)
    newer = a_scored_run(version, system="newer", tags=["main"])
    first = waived(asked(new))
    assert first.comparison.baseline == old  # not the newer one
    scored(late, *answers())
    assert asked(new) == first
    assert exit_code(asked(new)) == 0
    assert asked(newer).comparison.baseline == late
    # Under other rules it is held against the same run.
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.9}])
    assert asked(new).comparison == first.comparison
    services.bless(
        dataset=version.dataset, run=old.public_id, tag="main", reason="!", actor=COMMAND_LINE
    )
    assert asked(new).comparison.baseline == old


def test_an_answer_is_about_the_measurements_of_its_comparison(version, monkeypatch):
    a_gate(
        version,
        margins=[{"metric": "exact_match", "margin": 0.05}],
        ceilings=[{"metric": "cost", "ceiling": 1}],
    )
    a_scored_run(version, system="old", tags=["main"])
    new, compare = a_scored_run(version), services.compare_runs

    def compared_and_then_scored_again(**runs):
        comparison = compare(**runs)
        rescoring.begin(
            dataset=version.dataset,
            metrics=[{"name": "exact_match", "params": {"normalize": ["lowercase"]}}, "cost"],
            runs=[new.public_id],
            again=True,
            actor=COMMAND_LINE,
        )
        drain()
        return comparison

    monkeypatch.setattr(services, "compare_runs", compared_and_then_scored_again)
    answer = asked(new)
    found = Finding.objects.filter(comparison=answer.comparison, slice_field="")
    measured = {one.metric: one.candidate_measurement.public_id for one in found}
    assert new.measurements.filter(name="cost").count() == 2
    assert {one["metric"]: one["measurement"] for one in answer.parts} == measured


def test_two_leads_who_waive_at_once_are_told(version, monkeypatch):
    a_gate(version)
    a_scored_run(version, system="old", tags=["main"])
    answer = waived(asked(a_scored_run(version, WORSE)))
    monkeypatch.setattr(QuerySet, "exists", lambda _: False)  # as the other one saw it
    with pytest.raises(Conflict, match="waived already") as refused:
        waived(answer)
    assert refused.value.code == "waived"
