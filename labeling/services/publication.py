"""Labels reach the runs when a lead says so: as ratings, and as measurements of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict
from evalhub.runs.models import Measurement, Run
from evalhub.runs.ratings import RatingRow
from evalhub.runs.selectors import current_measurements
from evalhub.runs.services import publish_ratings
from labeling.models import Annotation, Campaign, Question, Unit
from labeling.plans import FINISHED
from labeling.questions import Answer, Value, as_number, measured_name, numbers_of, values_of
from metrics.base import Family
from metrics.reasons import Reason
from metrics.statistics.agreement import Level
from metrics.statistics.resolution import Rule, rule_for, signature

PUBLISHED: Final = (
    *(Question.Kind.RATING, Question.Kind.CHOICE, Question.Kind.NUMBER, Question.Kind.YES_NO),
)
ALIVE: Final = (Measurement.State.SCORING, Measurement.State.SCORED)


@dataclass(frozen=True, slots=True)
class _Said:
    """One person's answers, and whether they were given at the desk."""

    rater: str
    answers: dict[str, Answer]
    at: datetime
    revision: int
    at_desk: bool


@dataclass(frozen=True)
class _Measure:
    """One measurement of a question: all of it, or one option of a nominal choice."""

    question: Question
    name: str
    option: Value | None
    rule: Rule
    family: Family
    low: float | None
    high: float | None


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
    said = _said(campaign)
    if not said:
        raise Conflict("There is nothing to publish: no output has been labeled yet.")
    asked = [question for question in campaign.asked if question.kind in PUBLISHED]
    measures = [measure for question in asked for measure in _measures(question)]
    if unchanged := _published_before(campaign, runs, measures, said):
        return Published(unchanged, is_new=False)
    published = [
        _publish(campaign, run, measure, ratings, actor)
        for run in runs
        for measure, ratings in _ratings(run, campaign, measures, said)
    ]
    with transaction.atomic():
        campaign.published_at = timezone.now()
        campaign.save(update_fields=["published_at"])
        record(project=campaign.project, actor=actor, verb="publish labels", subject=str(campaign))
    return Published(published, is_new=True)


def _published_before(
    campaign: Campaign,
    runs: Sequence[Run],
    measures: Sequence[_Measure],
    said: dict[int, list[_Said]],
) -> list[Measurement]:
    """Return the newest publication if it says what the labels say now, or nothing."""
    before: list[Measurement] = []
    for run in runs:
        newest = {measurement.name: measurement for measurement in current_measurements(run)}
        for measure, ratings in _ratings(run, campaign, measures, said):
            measurement = newest.get(measure.name)
            if measurement is None or not _says(measurement, campaign, ratings):
                return []
            before.append(measurement)
    return before


def _says(measurement: Measurement, campaign: Campaign, ratings: Sequence[RatingRow]) -> bool:
    if measurement.params.get("campaign") != campaign.public_id or measurement.state not in ALIVE:
        return False
    rows = measurement.ratings.values_list("position", "attempt", "rater", "value", "reason")
    return set(rows) == {
        (row.position, row.attempt, row.rater, row.value, row.reason) for row in ratings
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
        closed = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.OPEN).update(
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


def _said(campaign: Campaign) -> dict[int, list[_Said]]:
    """Return what counts, by unit."""
    rows = (
        Annotation.objects.given()
        .filter(unit__campaign=campaign)
        .order_by("pk")
        .values_list("unit_id", "annotator__name", "answers", "at", "revision", "slot_id")
    )
    said: dict[int, list[_Said]] = {}
    for unit, rater, answers, at, revision, slot in rows:
        said.setdefault(unit, []).append(_Said(rater, answers, at, revision, slot is not None))
    return said


def _measures(question: Question) -> list[_Measure]:
    level = Level(question.scale)
    rule = rule_for(level, is_yes_no=question.kind == Question.Kind.YES_NO)
    if question.kind == Question.Kind.CHOICE and level is Level.NOMINAL:
        return [
            _Measure(
                question=question,
                name=measured_name(question, option),
                option=option["value"],
                rule=rule,
                family=Family.BINARY,
                low=0.0,
                high=1.0,
            )
            for option in question.options
        ]
    values = values_of(question)
    return [
        _Measure(
            question=question,
            name=question.name,
            option=None,
            rule=rule,
            family=Family.MEAN,
            low=min(values, default=question.low),
            high=max(values, default=question.high),
        )
    ]


def _ratings(
    run: Run,
    campaign: Campaign,
    measures: Sequence[_Measure],
    said: dict[int, list[_Said]],
) -> Iterator[tuple[_Measure, list[RatingRow]]]:
    """Yield the ratings of one run; a twin shares what was said of its equal at the desk."""
    units = Unit.objects.filter(campaign=campaign, run=run).order_by("position", "attempt")
    heard: list[tuple[int, int, _Said]] = []
    for pk, position, attempt, twin in units.values_list("pk", "position", "attempt", "twin_id"):
        own = said.get(pk, [])
        raters = {each.rater for each in own}
        shared = [each for each in said.get(twin, []) if each.at_desk and each.rater not in raters]
        heard.extend((position, attempt, each) for each in [*own, *shared])
    for measure in measures:
        numbers = numbers_of(measure.question)
        yield (
            measure,
            [
                _rating(measure, numbers, position, attempt, each)
                for position, attempt, each in heard
                if measure.question.name in each.answers
            ],
        )


def _rating(
    measure: _Measure,
    numbers: dict[tuple[bool, object], float],
    position: int,
    attempt: int,
    said: _Said,
) -> RatingRow:
    answer = said.answers[measure.question.name]
    if answer is None:
        value = None
    elif measure.option is not None:
        value = float(answer == measure.option)
    else:
        value = as_number(measure.question, answer, numbers)
    return RatingRow(
        position=position,
        attempt=attempt,
        rater=said.rater,
        value=value,
        reason=Reason.SCORED if value is not None else Reason.CANNOT_JUDGE,
        at=said.at,
        revision=said.revision,
    )


def _publish(
    campaign: Campaign, run: Run, measure: _Measure, ratings: list[RatingRow], actor: Actor
) -> Measurement:
    question, level = measure.question, Level(measure.question.scale)
    return publish_ratings(
        run=run,
        name=measure.name,
        kind=Measurement.Kind.HUMAN,
        metric="human",
        params={
            "campaign": campaign.public_id,
            "question": question.name,
            "scale": level.value,
            **({} if measure.option is None else {"option": measure.option}),
        },
        signature=signature(
            campaign=campaign.public_id, question=measure.name, level=level, rule=measure.rule
        ),
        family=measure.family,
        higher_is_better=question.higher_is_better,
        low_bound=measure.low,
        high_bound=measure.high,
        resolution=measure.rule,
        ratings=ratings,
        actor=actor,
    )
