"""How far a campaign is, for its leads: places, people, what was skipped, flagged, alarming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Count, Sum

from labeling.known import Score, control_answers, qualification_of
from labeling.models import Alert, Annotation, Annotator, Campaign, Flag, Purpose, SkipReason, Slot
from labeling.sight import Seer, seers_of
from metrics.statistics.controls import ControlAccuracy, control_accuracy


@dataclass(frozen=True, kw_only=True)
class Person:
    """An annotator of the campaign, with what a lead looks at first."""

    annotator: Annotator
    controls: ControlAccuracy | None
    qualification: Score | None
    n_held: int  # units in hand, not answered yet
    seer: Seer | None  # where their role opens the runs

    @property
    def is_imported(self) -> bool:
        return self.annotator.user_id is None

    @property
    def quota(self) -> int | None:
        own = self.annotator.quota
        return self.annotator.campaign.quota if own is None else own


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Places filled, of all there are; answers that came by file stand beside them."""

    filled: int
    places: int
    extra: int  # places beyond the overlap, where the first answers differed
    imported: int
    people: Sequence[Person]
    skips: Sequence[tuple[str, int]] = ()
    n_flags: int = 0
    alerts: Sequence[Alert] = field(default_factory=list)

    @cached_property
    def has_controls(self) -> bool:
        return any(person.controls is not None for person in self.people)

    @property
    def n_at_work(self) -> int:
        return sum(
            not person.is_imported and person.annotator.state != Annotator.State.STOPPED
            for person in self.people
        )


def progress_of(campaign: Campaign) -> Progress:
    """Return how far a campaign is."""
    slots = Slot.objects.filter(campaign=campaign, purpose=Purpose.LABEL)
    beyond = slots.filter(number__gt=campaign.overlap).aggregate(n=Sum("n_units"))["n"] or 0
    people = _people(campaign)
    at_desk = [one.annotator for one in people if not one.is_imported]
    return Progress(
        filled=sum(one.n_answered - one.n_controls for one in at_desk),
        places=campaign.n_places + beyond,
        extra=beyond,
        imported=sum(one.annotator.n_answered for one in people if one.is_imported),
        people=people,
        skips=_skips(campaign),
        n_flags=Flag.objects.filter(unit__campaign=campaign, resolved_at=None).count(),
        alerts=open_alerts(campaign),
    )


def open_alerts(campaign: Campaign) -> list[Alert]:
    return list(campaign.alerts.filter(cleared_at=None).order_by("raised_at"))


def _people(campaign: Campaign) -> list[Person]:
    accuracy, held, seers = _accuracies(campaign), _held(campaign), seers_of(campaign)
    rows = list(campaign.annotators.select_related("user").order_by("name"))
    for annotator in rows:
        annotator.campaign = campaign
    return [
        Person(
            annotator=annotator,
            controls=accuracy.get(annotator.pk),
            qualification=_qualification(annotator),
            n_held=held.get(annotator.pk, 0),
            seer=seers.get(annotator.pk),
        )
        for annotator in rows
    ]


def _qualification(annotator: Annotator) -> Score | None:
    is_open = annotator.state in (Annotator.State.QUALIFYING, Annotator.State.UNQUALIFIED)
    return qualification_of(annotator) if is_open else None


def _accuracies(campaign: Campaign) -> Mapping[int, ControlAccuracy]:
    answers = list(control_answers(campaign))
    if not answers:
        return {}
    found = control_accuracy(
        annotators=[answer.annotator for answer in answers],
        are_right=[
            float("nan") if answer.is_right is None else float(answer.is_right)
            for answer in answers
        ],
    )
    return {one.annotator: one for one in found}


def _held(campaign: Campaign) -> Mapping[int, int]:
    leased = Slot.objects.filter(campaign=campaign, state=Slot.State.LEASED)
    rows = leased.values_list("annotator_id").annotate(
        units=Sum("n_units"), answered=Sum("n_answered")
    )
    return {person: units - answered for person, units, answered in rows if person is not None}


def _skips(campaign: Campaign) -> list[tuple[str, int]]:
    """Return why units were skipped, the commonest reason first."""
    skipped = Annotation.objects.filter(
        unit__campaign=campaign, state=Annotation.State.SKIPPED
    ).order_by()
    counts = skipped.values_list("skip_reason").annotate(n=Count("pk"))
    words = dict(SkipReason.choices)
    found = [(str(words.get(reason, "no reason given")), n) for reason, n in counts]
    return sorted(found, key=lambda row: (-row[1], row[0]))
