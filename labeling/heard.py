"""What was said of the outputs of a run: by people, and by who decided, as ratings.

Controls and qualifications are no labels: their known answers stand as decisions, and what
people answered to them is care, not a score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final, TypeAlias

from django.db.models import Q

from evalhub.runs.models import Run
from evalhub.runs.ratings import RatingRow
from labeling.counting import Comparable, comparable_sets
from labeling.measures import PREFERENCE, Measure
from labeling.models import Annotation, Campaign, Control, Decision, Purpose, Unit
from labeling.questions import Answer
from metrics.reasons import Reason

DECIDED: Final = ""  # the rater of a decision; people have names
_Place: TypeAlias = tuple[int, int]  # position and attempt


@dataclass(frozen=True, slots=True)
class Said:
    """One person's answers to one unit, and whether they were given at the desk."""

    rater: str
    answers: Mapping[str, Answer]
    question_set: int | None  # None for the right answers of a control
    at: datetime
    revision: int
    at_desk: bool

    def has(self, measure: Measure, comparable: Comparable) -> bool:
        """Say whether this answers a question as it is asked now."""
        name = measure.question.name
        return name in self.answers and (
            self.question_set is None or self.question_set in comparable[name]
        )


@dataclass(frozen=True)
class Heard:
    """All that counts in a campaign: answers and decisions, by unit."""

    campaign: Campaign
    said: Mapping[int, Sequence[Said]]
    decided: Mapping[int, Said]
    comparable: Comparable

    def __bool__(self) -> bool:
        return bool(self.said or self.decided)

    @classmethod
    def of(cls, campaign: Campaign) -> Heard:
        return cls(campaign, _said(campaign), _decided(campaign), comparable_sets(campaign))

    def ratings(self, run: Run, measure: Measure) -> list[RatingRow]:
        """Return the ratings of one run; equal outputs share what was said of one at the desk."""
        if measure.scale == PREFERENCE:
            return self._shares(run, measure)
        units = Unit.objects.filter(campaign=self.campaign, run=run, second_run__isnull=True)
        rows: list[RatingRow] = []
        for pk, position, attempt, twin in units.order_by("position", "attempt").values_list(
            "pk", "position", "attempt", "twin_id"
        ):
            place = (position, attempt)
            rows += [
                _row(place, each, measure.value_of(each.answers[measure.question.name]))
                for each, _ in self._of_unit(pk, twin)
                if each.has(measure, self.comparable)
            ]
            decided = self.decided.get(pk) or self.decided.get(twin or pk)
            if decided is not None and decided.has(measure, self.comparable):
                value = measure.value_of(decided.answers[measure.question.name])
                rows.append(_row(place, decided, value, is_decision=True))
        return rows

    def _of_unit(self, pk: int, twin: int | None) -> list[tuple[Said, bool]]:
        """Return what was said of a unit, and whether it was said of its equal."""
        own = [(each, False) for each in self.said.get(pk, ())]
        raters = {each.rater for each, _ in own}
        shared = self.said.get(twin, ()) if twin is not None else ()
        return own + [(each, True) for each in shared if each.at_desk and each.rater not in raters]

    def _shares(self, run: Run, measure: Measure) -> list[RatingRow]:
        """Return, for each output and rater, the share of its comparisons that it won."""
        units = Unit.objects.filter(
            Q(run=run) | Q(second_run=run), campaign=self.campaign, second_run__isnull=False
        ).order_by("pk")
        won: defaultdict[tuple[_Place, str], list[tuple[Said, float | None]]] = defaultdict(list)
        for unit in units:
            for said, share in self._outcomes(unit, measure):
                for place, value in _sides(unit, run, share):
                    won[place, said.rater].append((said, value))
        return [_mean_row(place, won[place, rater]) for place, rater in sorted(won)]

    def _outcomes(self, unit: Unit, measure: Measure) -> Iterator[tuple[Said, float | None]]:
        """Yield who judged a pair, and what its first output won.

        A decision stands for what each of them said, or for itself where nobody did.
        """
        said = [
            (each, each, is_shared)
            for each, is_shared in self._of_unit(unit.pk, unit.twin_id)
            if each.has(measure, self.comparable)
        ]
        own, of_twin = self.decided.get(unit.pk), self.decided.get(unit.twin_id or unit.pk)
        decided = own or of_twin
        if decided is not None and decided.has(measure, self.comparable):
            heard = [each for each, _, _ in said] or [decided]
            said = [(each, decided, own is None) for each in heard]
        for each, source, is_of_twin in said:
            share = measure.value_of(source.answers[measure.question.name])
            is_turned = is_of_twin and unit.is_reversed
            yield each, 1.0 - share if is_turned and share is not None else share


def _sides(unit: Unit, run: Run, first: float | None) -> Iterator[tuple[_Place, float | None]]:
    """Yield what the outcome of a pair gives to each of its outputs that is the run's."""
    second = None if first is None else 1.0 - first
    if unit.run_id == run.pk:
        yield (unit.position, unit.attempt), first
    if unit.second_run_id == run.pk:
        assert unit.second_position is not None  # noqa: S101 - a pair is whole
        assert unit.second_attempt is not None  # noqa: S101
        yield (unit.second_position, unit.second_attempt), second


def _row(
    place: _Place, said: Said, value: float | None, *, is_decision: bool = False
) -> RatingRow:
    return RatingRow(
        position=place[0],
        attempt=place[1],
        rater=said.rater,
        value=value,
        reason=Reason.SCORED if value is not None else Reason.CANNOT_JUDGE,
        at=said.at,
        revision=said.revision,
        is_decision=is_decision,
    )


def _mean_row(place: _Place, outcomes: Sequence[tuple[Said, float | None]]) -> RatingRow:
    values = [value for _, value in outcomes if value is not None]
    newest = max((said for said, _ in outcomes), key=lambda said: said.at)
    return _row(place, newest, fmean(values) if values else None)


def _said(campaign: Campaign) -> dict[int, list[Said]]:
    """Return the answers that count as labels, by unit."""
    rows = (
        Annotation.objects.given()
        .filter(unit__campaign=campaign, unit__purpose=Purpose.LABEL)
        .order_by("pk")
        .values_list(
            *("unit_id", "annotator__name", "answers", "question_set_id"),
            *("at", "revision", "slot_id"),
        )
    )
    said: dict[int, list[Said]] = {}
    for unit, rater, answers, asked, at, revision, slot in rows:
        said.setdefault(unit, []).append(
            Said(rater, answers, asked, at, revision, at_desk=slot is not None)
        )
    return said


def _decided(campaign: Campaign) -> dict[int, Said]:
    """Return what experts decided, by unit: a decision, or else the right answers of a control."""
    known = Control.objects.filter(unit__campaign=campaign).order_by("pk")
    decisions = Decision.objects.filter(unit__campaign=campaign).order_by("pk")
    decided = {
        unit: Said(DECIDED, answers, None, at, 1, at_desk=True)
        for unit, answers, at in known.values_list("unit_id", "answers", "created_at")
    }
    for unit, answers, asked, at, revision in decisions.values_list(
        "unit_id", "answers", "question_set_id", "at", "revision"
    ):
        decided[unit] = Said(DECIDED, answers, asked, at, revision, at_desk=True)
    return decided
