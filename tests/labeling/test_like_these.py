"""A published score says what it is for annotators like these, where that can be said."""

import numpy as np
import pytest
from django.urls import reverse

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Measurement
from labeling.models import Decision, Unit
from labeling.services.publication import publish
from metrics.statistics.two_way import two_way_mean
from tests.evalhub.runs.building import drain
from tests.factories import a_member, a_project, a_version, example_row
from tests.labeling.building import AT, a_campaign, a_run, said

pytestmark = pytest.mark.django_db

RIGHT = {"name": "right", "kind": "yes_no"}
GRADE = {"name": "grade", "kind": "number", "low": 0, "high": 10}
FAITHFUL = {"name": "faithful", "kind": "rating"}
N = 12


def published(*, people=5, version=None, decide=False):
    """Publish what people said whose severity differs; person p says what chance says, less p."""
    version = version or a_version(a_project(), n=N)
    run = a_run(version, [f"text {at}" for at in range(N)])
    campaign = a_campaign(runs=[run], questions=[RIGHT, GRADE, FAITHFUL], overlap=people)
    luck = np.random.default_rng(3)
    grades = np.clip(luck.integers(4, 10, size=(N, people)) - np.arange(people), 0, 10)
    for unit in Unit.objects.filter(run=run).order_by("position"):
        for person in range(people):
            grade = int(grades[unit.position, person])
            answers = {"right": grade > 4, "grade": grade, "faithful": 1 + grade // 3}
            said(campaign, unit, f"rater-{person}", **answers)
    if decide:
        Decision.objects.create(
            unit=Unit.objects.filter(run=run).first(), question_set=campaign.question_set,
            answers={"grade": 4}, reason="slip", at=AT,
        )  # fmt: skip
    publish(campaign=campaign, actor=COMMAND_LINE)
    drain()
    kept = {one.name: one.like_these for one in Measurement.objects.filter(run=run)}
    return run, grades, kept


def test_the_interval_is_that_over_examples_and_people(client):
    run, grades, kept = published()
    examples, people = np.divmod(np.arange(grades.size), grades.shape[1])
    expected = two_way_mean(
        values=grades.ravel(), units=examples, examples=examples, annotators=people, low=0, high=10
    )
    found = kept["grade"]
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found["annotators"] == 5
    measurement = Measurement.objects.get(run=run, name="grade")
    assert measurement.value == pytest.approx(expected.value)
    assert found["high"] - found["low"] > measurement.high - measurement.low
    assert kept["faithful"] == {}  # a median has no such variance
    client.force_login(a_member(run.project, "viewer"))
    page = client.get(reverse("runs:detail", args=[run.public_id])).content.decode()
    assert f"grade for annotators like these 5: {found['low']:.2f}–{found['high']:.2f}." in page
    assert "faithful for" not in page


def test_clusters_vary_together():
    rows = [example_row(f"q{at}", metadata={"source": f"s{at % 10}"}) for at in range(N)]
    version = a_version(a_project(), rows=rows, cluster_field="source")
    _, grades, kept = published(version=version)
    examples, people = np.divmod(np.arange(grades.size), grades.shape[1])
    expected = two_way_mean(
        values=grades.ravel(), units=examples, examples=examples, annotators=people,
        clusters=examples % 10, low=0, high=10,
    )  # fmt: skip
    found = kept["grade"]
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"people": 4}, "needs 5 of them, and there are 4."),
        ({"decide": True}, "Experts decided outputs of it"),
    ],
)
def test_where_there_is_none_the_reason_is_said(client, how, why):
    run, _, kept = published(**how)
    assert why in kept["grade"]["reason"]
    client.force_login(a_member(run.project, "viewer"))
    page = client.get(reverse("runs:detail", args=[run.public_id])).content.decode()
    assert "grade for other annotators like these: no interval. " in page
