"""What stands beside the numbers of a run, and what a run cannot be asked for."""

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import ContentError
from evalhub.runs import rescoring, services
from evalhub.runs.models import Measurement, RescoredRun
from evalhub.runs.traits import traits_of
from tests.evalhub.runs.building import a_run, drain, right, scored
from tests.evalhub.runs.test_pages import page_of, text_of
from tests.factories import a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db

PAIR = {"name": "pass_at_k", "params": {"k": 2}}


def traits(metric, name="", **params):
    one = Measurement(name=name or metric, metric=metric, params=params, higher_is_better=True)
    return traits_of(one)


def test_a_name_says_all_unless_it_is_another_or_the_number_is_a_special_one():
    assert traits("bleu").words == ""
    assert traits("bleu").url == "/metrics/#bleu"
    assert traits("bleu", "overlap").words == "bleu"
    assert traits("latency", statistic="p95").words == "95 % quantile, in ms"
    assert traits("latency", statistic="mean").words == "in ms"
    assert traits("median", of="latency").words == ""  # it cannot be made: that is a quantile
    slow = {"name": "latency", "params": {"statistic": "mean"}}
    assert traits("median", "typical", of=slow).words == "median of latency, in ms"
    assert traits("latency", "slow", statistic="p95").words == "95 % quantile of latency, in ms"
    assert traits("pass_rate", "enough", of="rouge_l").words == "pass_rate of rouge_l"
    assert traits("pass_rate", of="rouge_l").words == "of rouge_l"
    aside = Measurement(name="output_length", metric="output_length", higher_is_better=None)
    assert traits_of(aside).words == "in words, no better side"


def test_what_is_no_metric_of_the_catalog_leads_nowhere():
    judge = Measurement(name="f", metric="judge_faithfulness", kind="judge", higher_is_better=True)

    assert (traits_of(judge).url, traits_of(judge).words) == ("", "judge_faithfulness")
    assert traits("gone").url == ""


def test_more_attempts_than_a_run_has_are_refused_as_it_is_made_and_as_it_is_measured():
    with pytest.raises(ContentError) as refused:
        a_run(metrics=[PAIR])
    assert refused.value.errors[0].field == "metrics[0].params.k"
    assert "pass_at_k asks for 2 attempts" in str(refused.value.detail)
    assert "the run has 1 attempt: ask for at most 1" in str(refused.value.detail)

    twice = a_run(attempts=2, metrics=[PAIR, "flakiness"])
    assert [one.metric for one in twice.measurements.all()] == ["pass_at_k", "flakiness"]
    once = scored(a_run(metrics=["flakiness"]), *right(1, 2))
    nested = {"name": "median", "params": {"of": PAIR}}
    with pytest.raises(ContentError) as refused:
        services.measure_run(run=once, metrics=[nested], actor=COMMAND_LINE)
    assert refused.value.errors[0].field == "metrics[0].params.of"
    assert once.measurements.get().n_scored == 0


def test_a_rescoring_says_of_each_run_that_it_has_too_few_attempts():
    run = scored(a_run(), *right(1, 2))
    begun = rescoring.begin(dataset=run.version.dataset, metrics=[PAIR])
    drain()

    part = RescoredRun.objects.get(rescoring=begun)
    assert part.state == "failed"
    assert "the run has 1 attempt" in part.why


def test_a_run_that_never_sent_what_it_retrieved_is_told_so(client):
    project = a_project("town")
    client.force_login(a_member(project, "lead"))
    version = a_version(project, [example_row("q1", relevant={"d1": 1})])
    bare = scored(a_run(version, metrics=["mrr"]), {"key": "q1", "output": "a"})
    found = scored(
        a_run(version, metrics=["mrr"]),
        {"key": "q1", "output": "a", "retrieved": [{"id": "d2"}]},
    )

    said = "No output came with retrieved documents, so nothing was found by mrr"
    assert said in text_of(page_of(client, bare))
    assert said not in text_of(page_of(client, found))
