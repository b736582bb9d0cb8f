"""The forms that ask for a metric: its parameters as fields, and what becomes of them."""

import re

import pytest

from evalhub.runs.forms import MeasureForm, initial_of, metric_choices
from metrics.catalog import CATALOG, build, read_spec
from metrics.fields import sample_params
from tests.evalhub.runs.building import a_run, right, scored
from tests.evalhub.runs.test_pages import text_of
from tests.evalhub.scorers.building import a_scorer
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client):
    project = a_project("town")
    client.force_login(a_member(project, "lead"))
    return project


@pytest.fixture
def address(project):
    return f"/runs/{scored(a_run(project=project), *right(1, 2)).public_id}/measure/"


def spec_of(project, metric, **typed):
    """Return the spec that somebody asks for who types this into the form."""
    params = {f"param-{name}": text for name, text in typed.items()}
    form = MeasureForm({"metric": metric, "shown": metric, **params}, project=project)
    assert form.is_valid(), form.errors
    return form.spec()


def test_what_is_left_empty_is_left_out(project):
    for metric in CATALOG:
        needed = sample_params(metric)
        assert spec_of(project, metric.name, **needed) == {"name": metric.name, "params": needed}


def test_what_must_be_given_is_asked_for_at_its_field(client, address):
    answer = client.post(address, {"metric": "class_f1", "shown": "class_f1", "param-label": ""})
    assert answer.status_code == 422
    assert answer.context["form"].errors["param-label"] == ["This field is required."]


@pytest.mark.parametrize(
    ("metric", "typed", "params"),
    [
        (
            "numeric_match",
            {"relative_tolerance": "0.01", "number": "first"},
            {"relative_tolerance": 0.01, "number": "first"},
        ),
        ("pass_rate", {"of": "rouge_l", "threshold": "0.5"}, {"of": "rouge_l", "threshold": 0.5}),
        (
            "pass_rate",
            {"of": '{"name": "rouge_l", "params": {"stemmer": true}}', "threshold": "1"},
            {"of": {"name": "rouge_l", "params": {"stemmer": True}}, "threshold": 1},
        ),
        ("pass_at_k", {"k": "2"}, {"k": 2}),
        ("rouge_l", {"stemmer": "true"}, {"stemmer": True}),
        (
            "exact_match",
            {"normalize": " strip,lowercase ", "path": " a "},
            {"normalize": ["strip", "lowercase"], "path": " a "},
        ),
        ("exact_match", {"normalize": "none"}, {"normalize": []}),
        ("f1_macro", {"labels": '["spam", "ham"]'}, {"labels": ["spam", "ham"]}),
        (
            "composite",
            {"parts": '[{"metric": "chrf", "weight": 2}]'},
            {"parts": [{"metric": "chrf", "weight": 2}]},
        ),
    ],
)
def test_what_is_typed_becomes_the_spec_and_is_shown_again(project, metric, typed, params):
    spec = spec_of(project, metric, **typed)

    assert spec == {"name": metric, "params": params}
    again = initial_of(metric, metric, params)
    shown = {name.removeprefix("param-"): text for name, text in again.items() if "-" in name}
    assert spec_of(project, metric, **shown) == spec
    if metric != "f1_macro":
        build(read_spec(spec))


def test_metrics_are_offered_by_group_with_the_projects_scorers_and_judges(project):
    a_scorer(project)
    groups = dict(metric_choices(project))

    assert list(groups)[:2] == ["Match", "Text overlap"]
    assert list(groups)[-2:] == ["Scorers of this project", "Language models as judges"]
    assert ("rouge_l", "rouge_l: ROUGE-L") in groups["Text overlap"]
    assert groups["Language models as judges"][0][0] == "judge_faithfulness"


def test_choosing_a_metric_brings_its_parameters_alone(client, address):
    part = {"HX-Request": "true", "HX-Target": "parameters"}
    answer = client.get(f"{address}?metric=pass_rate", headers=part)
    body = answer.content.decode()

    assert "<form" not in body
    assert 'name="shown" value="pass_rate"' in body
    assert re.search(r'<input[^>]*name="param-of"[^>]*list="inner-metrics"', body)
    assert '<option value="rouge_l">' in body
    assert '<option value="bleu">' not in body
    assert 'id="about_metric"' in body
    assert "HX-Target" in answer["Vary"]


def test_without_script_a_button_brings_them_and_nothing_is_scored(client, address):
    given = {"metric": "numeric_match", "shown": "exact_match", "name": "near"}
    answer = client.post(address, {**given, "choose": "yes"})

    assert answer.status_code == 200
    body = answer.content.decode()
    assert re.search(
        r'type="number" name="param-relative_tolerance"[^>]*min="0.0" max="1.0"', body
    )
    assert 'value="near"' in body
    refused = client.post(address, given)
    assert refused.status_code == 422
    assert "Nothing is scored yet" in text_of(refused)


def test_a_scorer_and_a_judge_have_no_parameters_and_say_what_they_are(client, project, address):
    scorer = a_scorer(project)
    for name in (f"remote_{scorer.slug}", "judge_faithfulness"):
        words = text_of(client.get(f"{address}?metric={name}"))
        assert f"{name} has no parameters." in words
    assert "Is everything the answer claims supported by the source?" in words


def test_a_metrics_own_parameters_come_before_those_it_shares(client, address):
    form = client.get(f"{address}?metric=numeric_match").context["form"]
    names = [field.label for field in form.parameters()]

    assert names[:3] == ["number", "absolute_tolerance", "relative_tolerance"]
    assert names[-4:] == ["extract", "normalize", "against", "path"]
