"""What labels become: ratings of runs, with decisions first and pairs as shares won."""

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Measurement, Rating
from labeling.models import (
    Annotation,
    Campaign,
    Decision,
    Question,
    QuestionSet,
    Unit,
)
from labeling.questions import read_questions
from labeling.services.controls import set_control
from labeling.services.publication import publish
from tests.factories import a_project, a_version
from tests.labeling.building import AT, FAITHFUL, a_campaign, a_run, said

pytestmark = pytest.mark.django_db


def ratings(run, name):
    measurement = Measurement.objects.filter(run=run, name=name).latest("pk")
    rows = Rating.objects.filter(measurement=measurement).order_by("position", "rater")
    return list(rows.values_list("position", "rater", "value", "is_decision"))


def test_a_decision_stands_beside_what_people_said_and_a_known_answer_alone():
    campaign = a_campaign(n=3, overlap=2)
    run = campaign.runs.first()
    first, second, third = Unit.objects.filter(run=run).order_by("position")
    for unit, value in ((first, 2), (second, 3), (third, 5)):
        said(campaign, unit, "ann", faithful=value)
    Decision.objects.create(
        unit=first,
        question_set=campaign.question_set,
        answers={"faithful": 4},
        reason="slip",
        at=AT,
    )
    set_control(unit=third, answers={"faithful": 1}, actor=COMMAND_LINE)

    publish(campaign=campaign, actor=COMMAND_LINE)

    assert ratings(run, "faithful") == [
        (0, "", 4.0, True),
        (0, "ann", 2.0, False),
        (1, "ann", 3.0, False),
        (2, "", 1.0, True),
    ]
    params = Measurement.objects.get(run=run, name="faithful").params
    assert (params["annotators"], params["decided"]) == (1, 2)
    assert not publish(campaign=campaign, actor=COMMAND_LINE).is_new


def test_answers_under_an_older_version_count_while_the_question_means_the_same():
    campaign = a_campaign(n=2, questions=[FAITHFUL, {"name": "kind", "kind": "yes_no"}])
    run = campaign.runs.first()
    unit = Unit.objects.filter(run=run).earliest("position")
    said(campaign, unit, "ann", faithful=2, kind=True)
    changed = QuestionSet.objects.create(campaign=campaign, number=2, created_at=AT)
    reworded = {**FAITHFUL, "text": "Is every claim borne out?"}
    rescaled = {"name": "kind", "kind": "rating"}
    for question in read_questions([reworded, rescaled], []):
        question.question_set = changed
        question.save()
    campaign = Campaign.objects.get(pk=campaign.pk)
    campaign.question_set = changed
    campaign.save()
    said(campaign, unit, "bea", faithful=4, kind=5)

    publish(campaign=campaign, actor=COMMAND_LINE)

    assert ratings(run, "faithful") == [(0, "ann", 2.0, False), (0, "bea", 4.0, False)]
    assert ratings(run, "kind") == [(0, "bea", 5.0, False)]


def test_several_of_several_are_published_option_by_option():
    faults = {"name": "faults", "kind": "choices", "options": ["facts", "style", "length"]}
    campaign = a_campaign(n=2, questions=[faults, {"name": "why", "kind": "text"}])
    run = campaign.runs.first()
    unit = Unit.objects.filter(run=run).earliest("position")
    said(campaign, unit, "ann", faults=["facts", "length"], why="It is long.")
    said(campaign, unit, "bea", faults=["facts"], why=None)
    said(campaign, unit, "cyd", faults=None)

    publish(campaign=campaign, actor=COMMAND_LINE)

    assert ratings(run, "faults:facts")[:2] == [(0, "ann", 1.0, False), (0, "bea", 1.0, False)]
    assert [value for *_, value, _ in ratings(run, "faults:length")] == [1.0, 0.0, None]
    assert not Measurement.objects.filter(run=run, name__startswith="why").exists()


@pytest.fixture
def pairs():
    """Return a campaign over one example, its three runs, and a unit for each pair of them."""
    version = a_version(a_project(), n=1)
    runs = [a_run(version, [text]) for text in ("red", "blue", "red")]
    campaign = a_campaign(runs=runs, n=1)
    Unit.objects.all().delete()
    Question.objects.all().delete()
    Campaign.objects.update(kind=Campaign.Kind.PAIRS)
    asked = [{"name": "better", "kind": "preference"}]
    for question in read_questions(asked, [], is_of_pairs=True):
        question.question_set = campaign.question_set
        question.save()
    return Campaign.objects.get(), runs


def a_pair(campaign, first, second, **more):
    return Unit.objects.create(
        campaign=campaign,
        run=first,
        second_run=second,
        bundle=0,
        **dict.fromkeys(("position", "second_position"), 0),
        **dict.fromkeys(("attempt", "second_attempt"), 1),
        **more,
    )


def test_pairs_are_published_as_the_share_that_each_output_won(pairs):
    campaign, (red, blue, red_too) = pairs
    shown = a_pair(campaign, red, blue)
    a_pair(campaign, blue, red_too, twin=shown, is_reversed=True)
    said(campaign, shown, "ann", better="first")
    said(campaign, shown, "bea", better="both_bad")
    # At the desk: what comes in by a file is said of the very pair that it names.
    for annotation, slot in zip(Annotation.objects.all(), campaign.slots.all(), strict=True):
        Annotation.objects.filter(pk=annotation.pk).update(slot=slot)

    publish(campaign=campaign, actor=COMMAND_LINE)

    assert ratings(red, "better") == [(0, "ann", 1.0, False), (0, "bea", 0.5, False)]
    assert ratings(red_too, "better") == [(0, "ann", 1.0, False), (0, "bea", 0.5, False)]
    # Blue met both, and lost to both with ann.
    assert ratings(blue, "better") == [(0, "ann", 0.0, False), (0, "bea", 0.5, False)]
    signature = Measurement.objects.get(run=red).signature
    assert "|scale:preference|rule:mean|" in signature


def test_a_decision_on_a_pair_stands_for_what_people_said_of_it(pairs):
    campaign, (red, blue, red_too) = pairs
    shown, imported = a_pair(campaign, red, blue), a_pair(campaign, red, red_too)
    said(campaign, shown, "ann", better="first")
    said(campaign, imported, "ann", better="tie")
    Decision.objects.create(
        unit=shown,
        question_set=campaign.question_set,
        answers={"better": "second"},
        reason="slip",
        at=AT,
    )

    publish(campaign=campaign, actor=COMMAND_LINE)

    assert ratings(red, "better") == [(0, "ann", 0.25, False)]
    assert ratings(blue, "better") == [(0, "ann", 1.0, False)]
