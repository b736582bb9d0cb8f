"""Labels reach the runs when a lead says so: as ratings, and as measurements of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict
from evalhub.runs.models import Measurement, Run
from evalhub.runs.ratings import RatingRow
from evalhub.runs.selectors import current_measurements
from evalhub.runs.services import publish_ratings
from labeling.heard import Heard
from labeling.measures import Measure, measures_of
from labeling.models import Annotation, Campaign
from labeling.plans import FINISHED
from labeling.services.seats import hold_everybody
from metrics.statistics.resolution import signature

UNDER_WAY: Final = (Campaign.State.OPEN, Campaign.State.PAUSED)
ALIVE: Final = (Measurement.State.SCORING, Measurement.State.SCORED)


@dataclass(frozen=True)
class Published:
    """The measurements that hold a campaign's labels, and whether they were made just now."""

    measurements: list[Measurement]
    is_new: bool


def publish(*, campaign: Campaign, actor: Actor) -> Published:
    """Write the labels as they are now to their runs, as a new generation.

    Where they are what was published last, nothing is written.
    """
    runs = _runs_as_labeled(campaign)
    heard = Heard.of(campaign)
    if not heard:
        raise Conflict("There is nothing to publish: no output has been labeled yet.")
    labels = list(_labels(campaign, runs, heard))
    if unchanged := _published_before(campaign, labels):
        return Published(unchanged, is_new=False)
    published = [
        _publish(campaign, run, measure, ratings, actor) for run, measure, ratings in labels
    ]
    with transaction.atomic():
        campaign.published_at = timezone.now()
        campaign.save(update_fields=["published_at"])
        record(project=campaign.project, actor=actor, verb="publish labels", subject=str(campaign))
    return Published(published, is_new=True)


def _labels(
    campaign: Campaign, runs: Sequence[Run], heard: Heard
) -> Iterator[tuple[Run, Measure, list[RatingRow]]]:
    measures = [measure for question in campaign.asked for measure in measures_of(question)]
    for run in runs:
        for measure in measures:
            yield run, measure, heard.ratings(run, measure)


def _published_before(
    campaign: Campaign, labels: Sequence[tuple[Run, Measure, list[RatingRow]]]
) -> list[Measurement]:
    """Return the newest publication if it says what the labels say now, or nothing."""
    newest = {
        run.pk: {measurement.name: measurement for measurement in current_measurements(run)}
        for run in {run for run, _, _ in labels}
    }
    before: list[Measurement] = []
    for run, measure, ratings in labels:
        measurement = newest[run.pk].get(measure.name)
        if measurement is None or not _says(measurement, campaign, ratings):
            return []
        before.append(measurement)
    return before


def _says(measurement: Measurement, campaign: Campaign, ratings: Sequence[RatingRow]) -> bool:
    if measurement.params.get("campaign") != campaign.public_id or measurement.state not in ALIVE:
        return False
    rows = measurement.ratings.values_list(
        "position", "attempt", "rater", "value", "reason", "is_decision"
    )
    return set(rows) == {
        (row.position, row.attempt, row.rater, row.value, row.reason, row.is_decision)
        for row in ratings
    }


def _runs_as_labeled(campaign: Campaign) -> list[Run]:
    """Return the campaign's runs, or refuse where an output may be another than was labeled."""
    runs = list(campaign.runs.order_by("pk"))
    for run in runs:
        if run.state not in FINISHED:
            raise Conflict(f"{run} is {run.state}; labels are published to finished runs only.")
        if run.finished_at is not None and run.finished_at > campaign.created_at:
            raise Conflict(
                f"{run} was reopened after this campaign began, so its labels may be about other "
                "outputs. Export them, and import those that still hold into a new campaign."
            )
    return runs


def close(*, campaign: Campaign, actor: Actor) -> Published:
    """Take no more answers, and publish what there is."""
    with transaction.atomic():
        hold_everybody(campaign)  # what is just being answered is published too
        closed = Campaign.objects.filter(pk=campaign.pk, state__in=UNDER_WAY).update(
            state=Campaign.State.CLOSED, closed_at=timezone.now()
        )
        if not closed:
            raise Conflict("This campaign is closed already.")
        record(project=campaign.project, actor=actor, verb="close campaign", subject=str(campaign))
    campaign.refresh_from_db()
    if not Annotation.objects.given().filter(unit__campaign=campaign).exists():
        return Published([], is_new=False)
    try:
        return publish(campaign=campaign, actor=actor)
    except Conflict as exc:
        raise Conflict(f"Closed, and nothing was published. {exc.detail}") from exc


def _publish(
    campaign: Campaign, run: Run, measure: Measure, ratings: list[RatingRow], actor: Actor
) -> Measurement:
    return publish_ratings(
        run=run,
        name=measure.name,
        kind=Measurement.Kind.HUMAN,
        metric="human",
        params={
            "campaign": campaign.public_id,
            "question": measure.question.name,
            "scale": measure.scale,
            "annotators": len({rating.rater for rating in ratings if not rating.is_decision}),
            "decided": sum(rating.is_decision for rating in ratings),
            **({} if measure.option is None else {"option": measure.option}),
        },
        signature=signature(
            campaign=campaign.public_id,
            question=measure.name,
            scale=measure.scale,
            rule=measure.rule,
        ),
        family=measure.family,
        higher_is_better=measure.question.higher_is_better,
        low_bound=measure.low,
        high_bound=measure.high,
        resolution=measure.rule,
        ratings=ratings,
        actor=actor,
    )
