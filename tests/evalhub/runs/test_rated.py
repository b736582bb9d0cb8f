"""Ratings of people and judges become score columns by the rule of their question."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict
from evalhub.runs import services, waiting
from evalhub.runs.models import Job, Measurement, Rating, Run
from evalhub.runs.ratings import RatingRow, save_ratings
from metrics.reasons import Reason
from tests.evalhub.runs.building import a_run, drain, measurement, right, scored, scores

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def rating(position, rater, value, *, attempt=1, reason=Reason.CANNOT_JUDGE):
    return RatingRow(
        position=position,
        attempt=attempt,
        rater=rater,
        value=value,
        reason=Reason.SCORED if value is not None else reason,
        at=AT,
    )


def publish(run, ratings, resolution="mean", **fields):
    wished = {
        **{
            "name": "fluency",
            "kind": "human",
            "metric": "rating",
            "params": {"scale": "interval"},
        },
        **{"signature": "human|v1", "family": "mean", "higher_is_better": True},
        **{"low_bound": 1.0, "high_bound": 5.0},
        **fields,
    }
    return services.publish_ratings(
        run=run, resolution=resolution, ratings=ratings, actor=COMMAND_LINE, **wished
    )


@pytest.fixture
def run():
    return scored(a_run(n=4), *right(1, 2, 3, 4))


def test_published_ratings_are_resolved_by_a_chunk_of_work(run):
    found = publish(
        run,
        [rating(0, "ann", 2), rating(0, "bea", 5), rating(1, "ann", 4), rating(2, "bea", None)],
    )
    assert (found.state, found.value) == (Measurement.State.SCORING, None)
    assert Job.objects.get(kind="ratings").state == "working"

    drain()

    found.refresh_from_db()
    columns = scores(run, "fluency")
    np.testing.assert_array_equal(columns.values.ravel(), [3.5, 4.0, np.nan, np.nan])
    reasons = columns.reasons.ravel().tolist()
    assert reasons == [0, 0, Reason.CANNOT_JUDGE, Reason.NOT_RATED]
    assert (found.value, found.n_scored) == (3.75, 2)
    assert found.unscored == {"cannot_judge": 1, "not_rated": 1}
    assert found.params == {"scale": "interval", "resolution": "mean"}
    run.refresh_from_db()
    assert run.state == Run.State.SCORED
    assert AuditEvent.objects.get(verb="publish ratings").subject == found.public_id


@pytest.mark.parametrize(("rule", "value"), [("mean", 3.0), ("median", 4.0), ("majority", 4.0)])
def test_the_rule_is_the_questions(run, rule, value):
    publish(run, [rating(0, "a", 1), rating(0, "b", 4), rating(0, "c", 4)], rule)
    drain()

    assert scores(run, "fluency").values[0, 0] == value


def test_ratings_of_attempts_stand_where_the_attempts_do():
    run = scored(a_run(n=2, attempts=2), *right(1, 2))
    publish(run, [rating(0, "a", 1, attempt=2), rating(1, "a", 5, attempt=1)])
    drain()

    values = scores(run, "fluency").values
    np.testing.assert_array_equal(values, [[np.nan, 1.0], [5.0, np.nan]])
    assert measurement(run, "fluency").value == 3.0


def test_publishing_again_is_a_new_measurement_and_the_old_one_stays(run):
    publish(run, [rating(0, "a", 1)])
    publish(run, [rating(0, "a", 3)])
    drain()

    generations = run.measurements.filter(name="fluency").order_by("generation")
    assert list(generations.values_list("generation", "value")) == [(1, 1.0), (2, 3.0)]


def test_only_a_finished_run_takes_ratings(run):
    services.reopen_run(run=run, actor=COMMAND_LINE)
    with pytest.raises(Conflict, match="run is open: it takes ratings once it is finished"):
        publish(run, [rating(0, "a", 1)])
    assert not Rating.objects.exists()


def test_labels_of_a_reopened_run_count_no_more_until_new_ones_are_published(run):
    publish(run, [rating(0, "a", 1)])
    drain()

    services.reopen_run(run=run, actor=COMMAND_LINE)
    scored(run, {"key": "q1", "output": "another"})

    found = measurement(run, "fluency")
    assert (found.state, found.value) == (Measurement.State.CANCELLED, None)
    assert (
        found.problem == "The run was reopened since; these labels are about its outputs before."
    )
    assert run.measurements.get(name="fluency", generation=1).value == 1.0

    publish(run, [rating(0, "a", 3)])
    drain()
    assert measurement(run, "fluency").value == 3.0


def test_a_run_has_not_ended_while_published_labels_are_worked_on(run):
    assert waiting.has_ended(run.pk)
    publish(run, [rating(0, "a", 1)])
    assert not waiting.has_ended(run.pk)
    drain()
    assert waiting.has_ended(run.pk)


def test_a_judged_run_scores_the_worst_where_the_system_gave_nothing(run):
    run = scored(a_run(n=4), *right(1, 2), {"key": "q3", "error": "timeout"})
    publish(run, [rating(0, "tiny", 5), rating(1, "tiny", 3)], kind="judge")
    drain()

    found = measurement(run, "fluency")
    assert scores(run, "fluency").values.ravel().tolist() == [5.0, 3.0, 1.0, 1.0]
    assert (found.value, found.answered_only, found.unscored) == (2.5, 4.0, {})


def test_a_raters_later_word_replaces_the_earlier_one(run):
    found = publish(run, [rating(0, "tiny", 5), rating(1, "tiny", 3)])

    save_ratings(found.pk, [rating(0, "tiny", 2), rating(2, "tiny", None)])
    save_ratings(found.pk, [rating(0, "tiny", 2), rating(2, "tiny", None)])

    kept = found.ratings.order_by("position").values_list("position", "value")
    assert list(kept) == [(0, 2.0), (1, 3.0), (2, None)]


def test_where_a_judge_gave_no_verdict_the_column_says_why(run):
    publish(run, [rating(0, "tiny", None, reason=Reason.NO_VERDICT), rating(1, "tiny", 4)])
    drain()

    assert scores(run, "fluency").reasons[0, 0] == Reason.NO_VERDICT


def test_ratings_are_kept_as_they_were_given(run):
    publish(run, [rating(3, "ann", 2.5), rating(2, "ann", None)])

    kept = Rating.objects.order_by("position").values_list(
        "position", "attempt", "rater", "value", "reason", "at", "revision"
    )
    assert list(kept) == [
        (2, 1, "ann", None, Reason.CANNOT_JUDGE, AT, 1),
        (3, 1, "ann", 2.5, Reason.SCORED, AT, 1),
    ]


def test_a_run_of_many_positions_is_resolved_chunk_by_chunk(settings):
    settings.CHUNK_POSITIONS = 10
    run = scored(a_run(n=95))
    ratings = [
        rating(position, rater, (position * 7 + len(rater)) % 5 + 1)
        for position in range(0, 95, 2)
        for rater in ("a", "bb", "ccc")
    ]

    publish(run, ratings)
    drain()

    expected = [
        sum((position * 7 + k) % 5 + 1 for k in (1, 2, 3)) / 3 for position in range(0, 95, 2)
    ]
    values = scores(run, "fluency").values.ravel()
    assert values[::2].tolist() == expected
    assert np.isnan(values[1::2]).all()
