"""Agreement as leads see it: who stands apart, what is folded away, and alerts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.urls import reverse

from labeling.agreement import agreement_by_question, answers_of
from labeling.agreement.outlook import outlook_of
from labeling.agreement.people import Person, people_of
from labeling.agreement.preferences import sides_of
from labeling.agreement.splits import shown_splits, widest_splits
from labeling.alerts import look_around
from labeling.models import Alert, Annotation, Annotator, Campaign, Purpose, Unit
from metrics.statistics.controls import control_accuracy
from tests.factories import a_member, a_project, a_version, example_row
from tests.labeling.building import a_campaign, a_pairs_campaign, a_run, said

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
QUESTIONS = [
    {"name": "faithful", "kind": "rating", "target_alpha": 0.8},
    {"name": "faults", "kind": "choices", "options": ["facts", "style"]},
    {"name": "why", "kind": "text", "required": False},
]
N = 60


@pytest.fixture
def campaign():
    """Return a campaign on whose outputs three agree, and one rates higher and in no time."""
    rows = [example_row(f"q{at}", metadata={"topic": "ab"[at % 2]}) for at in range(N)]
    version = a_version(a_project(), rows)
    campaign = a_campaign(
        runs=[a_run(version, [f"answer {at}" for at in range(N)])], questions=QUESTIONS, overlap=4
    )
    units = list(Unit.objects.order_by("position"))
    rng = np.random.default_rng(7)
    truth = rng.integers(1, 5, N)
    for name in ("ann", "bea", "cyd", "hasty"):
        person = Annotator.objects.create(campaign=campaign, name=name, seed=1, n_answered=N)
        noise = rng.integers(-1, 2, N) * (rng.random(N) < 0.2)
        told = np.clip(truth + (1 if name == "hasty" else noise), 1, 5)
        Annotation.objects.bulk_create(
            Annotation(
                unit=unit,
                annotator=person,
                bundle=unit.bundle,
                question_set=campaign.question_set,
                answers={
                    "faithful": int(value),
                    "faults": ["facts"] if value < 3 else ["facts", "style"],
                },
                seconds=3 if name == "hasty" else 30,
                at=AT + timedelta(minutes=unit.position),
            )
            for unit, value in zip(units, told.tolist(), strict=True)
        )
    return campaign


def test_who_stands_apart_is_remarked_and_nobody_else(campaign):
    people = people_of(campaign, answers_of(campaign), campaign.asked[0])
    remarks = {person.name: person.remarks for person in people}
    assert remarks["hasty"] == ["fast", "higher than others", "apart from the others"]
    assert [remarks[name] for name in ("ann", "bea", "cyd")] == [[], [], []]
    # Everybody rates against the others on the same units, so the severities add up to nothing.
    assert sum(person.severity.value for person in people) == pytest.approx(0, abs=1e-12)


def test_few_controls_are_too_few_to_remark_on():
    def remarks(*are_right: int) -> list[str]:
        (found,) = control_accuracy(annotators=[1] * len(are_right), are_right=are_right)
        return Person(
            name="ann", answers=30, seconds=None, others_seconds=None, controls=found
        ).remarks

    assert remarks(1, 0, 0) == []  # the interval, 0.06 to 0.79, is low, and says little
    assert remarks(*[1, 0, 0] * 4) == ["careless on controls"]


def test_where_people_differ_on_pairs_both_systems_are_named_as_the_answers_name_them():
    campaign = a_pairs_campaign(n=2)
    unit = Unit.objects.order_by("pk")[0]
    said(campaign, unit, "ann", better="first")
    said(campaign, unit, "bea", better="tie")
    (row,) = shown_splits(widest_splits(campaign, answers_of(campaign)))
    assert row.systems == f"A {unit.run.system_version}, B {unit.second_run.system_version}"
    assert row.split.written == "A, tie"


def test_controls_and_other_meanings_are_left_out_of_agreement(campaign):
    table = answers_of(campaign)
    assert len(table.units) == 4 * N
    first = Unit.objects.earliest("position")
    Unit.objects.filter(pk=first.pk).update(purpose=Purpose.CONTROL)
    assert len(answers_of(campaign).units) == 4 * (N - 1)


def test_the_page_and_what_it_folds_away(client, campaign):
    client.force_login(a_member(campaign.project, "lead"))
    page = client.get(reverse("labeling:agreement", args=[campaign.public_id]))
    body = page.content.decode()
    assert page.status_code == 200
    assert "higher than others" in body
    assert "more examples the interval would be about" in body

    more = reverse("labeling:agreement_more", args=[campaign.public_id])
    rating = client.get(more, {"question": "faithful"}, headers={"HX-Request": "true"})
    assert b"<html" not in rating.content
    rating = client.get(more, {"question": "faithful"}).content.decode()
    assert "<html" in rating  # without scripts it is a page of its own
    for words in ("AC1", "AC2", "Fleiss", "Cohen", "By topic", "Consensus", "majority"):
        assert words in rating
    several = client.get(more, {"question": "faults"}).content.decode()
    assert "Each as a yes or no of its own" in several
    assert client.get(more, {"question": "why"}).status_code == 404


def test_a_lead_reads_what_more_labels_would_buy(campaign):
    results = agreement_by_question(campaign, answers_of(campaign))
    assert [result.question.name for result in results] == ["faithful", "faults"]
    sentence = outlook_of(results[0], are_clusters=False)
    assert "With 100 more examples the interval would be about ±0." in sentence
    assert "lies below 0.800" in sentence


def test_alpha_under_the_target_raises_one_alert_until_it_is_above(client, campaign):
    assert look_around() == 1
    assert look_around() == 0  # nothing new was said
    alert = Alert.objects.get()
    assert (alert.question, alert.target, alert.cleared_at) == ("faithful", 0.8, None)
    assert alert.alpha < 0.8
    client.force_login(a_member(campaign.project, "lead"))
    page = client.get(reverse("labeling:agreement", args=[campaign.public_id]))
    assert "under the target of 0.800" in page.content.decode()

    hasty = Annotator.objects.get(name="hasty")
    Annotation.objects.filter(annotator=hasty).update(state=Annotation.State.WITHDRAWN)
    Annotator.objects.filter(pk=hasty.pk).update(n_answered=0)
    Campaign.objects.get().question_set.questions.filter(name="faithful").update(target_alpha=0.5)
    assert look_around() == 1
    assert Alert.objects.get().cleared_at is not None


def test_answers_that_came_by_a_file_have_no_sides(client):
    campaign = a_pairs_campaign(n=6)
    for unit in campaign.units.filter(twin__isnull=True):
        said(campaign, unit, "ann", better="first")
    [better] = campaign.asked
    assert sides_of(campaign, answers_of(campaign), better) == []
    client.force_login(a_member(campaign.project, "lead"))
    page = client.get(reverse("labeling:agreement", args=[campaign.public_id])).content.decode()
    assert "prefers one side" not in page
