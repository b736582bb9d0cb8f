"""The units that wait for a decision: where people differ, and where somebody raised a flag."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

from django.core.cache import cache
from django.db.models import Count, TextField
from django.db.models.functions import Cast

from evalhub.accounts.models import User
from labeling.counting import Comparable, comparable_sets
from labeling.models import Annotation, Annotator, Campaign, Decision, Flag, Purpose, Slot, Unit
from labeling.ordering import shuffled
from labeling.questions import Answer, Differing, DifferRule

_Given: TypeAlias = tuple[int, str]  # under which questions, and the answers as JSON
COUNT_SECONDS: Final = 20
_LABELS: Final = Annotator.State.ACTIVE, Annotator.State.QUALIFYING


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A unit of the queue. `distance` is that of the question on which people are furthest."""

    unit: int
    differing: Sequence[str] = ()
    distance: float = 0.0
    n_answers: int = 0
    places: int = 0
    n_flags: int = 0
    is_decided: bool = False
    purpose: str = Purpose.LABEL

    @property
    def is_complete(self) -> bool:
        return self.n_answers >= self.places

    @property
    def waits(self) -> bool:
        """Say whether somebody has to look at it."""
        return self.n_flags > 0 or (bool(self.differing) and not self.is_decided)


@dataclass(frozen=True)
class Queue:
    """All units of a campaign that people differ on, that are flagged, or that are decided.

    Complete ones come first, and those with most disagreement. Equal ones stand in an order
    that says nothing of their systems.
    """

    rows: Sequence[Waiting]
    n_left_out: int = 0  # the person may still be asked about them

    @cached_property
    def waiting(self) -> list[Waiting]:
        return [row for row in self.rows if row.waits]

    @property
    def n_decided(self) -> int:
        return sum(row.is_decided for row in self.rows)

    @property
    def n_flagged(self) -> int:
        return sum(row.n_flags > 0 for row in self.rows)

    def n_by_question(self) -> Counter[str]:
        return Counter(name for row in self.waiting for name in row.differing)


@dataclass(frozen=True)
class Place:
    """Where a unit stands among those that are wanted: from 1 of all, or 0 beside them."""

    at: int
    n: int
    previous: int | None
    next: int | None


def place_of(queue: Queue, wanted: Sequence[Waiting], unit: int) -> Place:
    """Return the units before and after one; it may have left those that are wanted itself.

    Going back one comes by what is decided too, to look at it again.
    """
    wanted_units = [row.unit for row in wanted]
    order = [row.unit for row in queue.rows]
    if unit not in order:
        return Place(0, len(wanted_units), None, wanted_units[0] if wanted_units else None)
    here = order.index(unit)
    is_wanted = set(wanted_units)
    decided = {row.unit for row in queue.rows if row.is_decided}
    back = (each for each in reversed(order[:here]) if each in is_wanted or each in decided)
    before = next(back, None)
    after = next((each for each in order[here + 1 :] if each in is_wanted), None)
    at = wanted_units.index(unit) + 1 if unit in is_wanted else 0
    return Place(at, len(wanted_units), before, after)


@dataclass
class _Heard:
    """What was said of one unit."""

    bundle: int
    given: list[_Given] = field(default_factory=list)
    n_at_desk: int = 0


def queue_of(
    campaign: Campaign, viewer: User | None = None, *, with_controls: bool = True
) -> Queue:
    """Return the queue of a campaign.

    Left out is what the viewer may still be asked about as an annotator. Controls stand in it
    where they are flagged, for those who may know that they are controls.
    """
    heard, places = _heard(campaign), _places(campaign)
    apart = _apart(campaign, heard)
    flags = _flags(campaign, with_controls=with_controls)
    decided = _decided(campaign, with_controls=with_controls)
    unanswered = {unit for unit in (*flags, *decided) if unit not in heard}
    others = _units(unanswered)
    theirs = _still_theirs(campaign, viewer)
    rows, n_left_out = [], 0
    for unit in {*apart, *flags, *decided}:
        said = heard.get(unit)
        bundle, purpose = (said.bundle, Purpose.LABEL) if said is not None else others[unit]
        n_at_desk = said.n_at_desk if said is not None else 0
        if theirs is not None and unit not in theirs and n_at_desk < places[bundle]:
            n_left_out += 1
            continue
        differing, distance = apart.get(unit, ((), 0.0))
        rows.append(
            Waiting(
                unit=unit,
                differing=differing,
                distance=distance,
                n_answers=len(said.given) if said is not None else 0,
                places=places[bundle] if purpose == Purpose.LABEL else 0,
                n_flags=flags.get(unit, 0),
                is_decided=unit in decided,
                purpose=purpose,
            )
        )
    rows.sort(
        key=lambda row: (not row.is_complete, -row.distance, shuffled(campaign.seed, row.unit))
    )
    return Queue(rows, n_left_out)


def _heard(campaign: Campaign) -> dict[int, _Heard]:
    """Return the answers that count as labels, by unit, unread: most are the same texts."""
    rows = (
        Annotation.objects.given()
        .filter(unit__campaign=campaign, unit__purpose=Purpose.LABEL)
        .annotate(said=Cast("answers", TextField()))
        .values_list("unit_id", "bundle", "question_set_id", "said", "slot_id")
    )
    heard: dict[int, _Heard] = {}
    for unit, bundle, asked, said, slot in rows.iterator(chunk_size=10_000):
        found = heard.get(unit)
        if found is None:
            found = heard[unit] = _Heard(bundle)
        found.given.append((asked, said))
        found.n_at_desk += slot is not None
    return heard


def _places(campaign: Campaign) -> defaultdict[int, int]:
    """Return how many people each example is meant for."""
    beyond = (
        Slot.objects.filter(campaign=campaign, purpose=Purpose.LABEL)
        .exclude(number__lte=campaign.overlap)
        .values_list("bundle")
        .annotate(n=Count("pk"))
    )
    places: defaultdict[int, int] = defaultdict(lambda: campaign.overlap)
    places.update({bundle: campaign.overlap + n for bundle, n in beyond})
    return places


def _apart(
    campaign: Campaign, heard: Mapping[int, _Heard]
) -> dict[int, tuple[tuple[str, ...], float]]:
    """Return, for each unit on which people differ, the questions and the largest distance."""
    rule = DifferRule.of(campaign.differ_rule)
    told = [Differing.of(question, rule) for question in campaign.asked if not question.is_words]
    counting = comparable_sets(campaign)
    read: dict[_Given, dict[str, Answer]] = {}
    by_unit: dict[int, list[dict[str, Answer]]] = {}
    for unit, said in heard.items():
        if len(said.given) < 2 or len(set(said.given)) < 2:
            continue
        for given in said.given:
            if given not in read:
                read[given] = _read(given, counting)
        by_unit[unit] = [read[given] for given in said.given]
    names: defaultdict[int, list[str]] = defaultdict(list)
    furthest: defaultdict[int, float] = defaultdict(float)
    for each in told:
        for unit, distance in _distances(each, by_unit).items():
            names[unit].append(each.question.name)
            furthest[unit] = max(furthest[unit], distance)
    return {unit: (tuple(names[unit]), furthest[unit]) for unit in names}


def _read(given: _Given, counting: Comparable) -> dict[str, Answer]:
    """Return the answers to questions that mean the same as those that are asked now."""
    question_set, said = given
    answers: dict[str, Answer] = json.loads(said)
    return {
        name: answer for name, answer in answers.items() if question_set in counting.get(name, ())
    }


def _distances(
    told: Differing, by_unit: Mapping[int, Sequence[Mapping[str, Answer]]]
) -> dict[int, float]:
    """Return how far people are apart on one question, by unit on which they differ.

    Most units share their answers with others; the same answers are told apart once.
    """
    name = told.question.name
    kind_of_unit: dict[int, tuple[Hashable, ...]] = {}
    kinds: dict[tuple[Hashable, ...], list[Answer]] = {}
    for unit, said in by_unit.items():
        answers = [given.get(name) for given in said]
        kind = tuple(tuple(each) if isinstance(each, list) else each for each in answers)
        kind_of_unit[unit] = kind
        kinds.setdefault(kind, answers)
    distances = dict(zip(kinds, told.distances(list(kinds.values())), strict=True))
    apart = {kind for kind, answers in kinds.items() if told.differ(answers)}
    return {unit: distances[kind] for unit, kind in kind_of_unit.items() if kind in apart}


def _flags(campaign: Campaign, *, with_controls: bool) -> Mapping[int, int]:
    flags = Flag.objects.filter(unit__campaign=campaign, resolved_at__isnull=True)
    if not with_controls:
        flags = flags.filter(unit__purpose=Purpose.LABEL)
    return dict(flags.values_list("unit_id").annotate(n=Count("pk")))


def _decided(campaign: Campaign, *, with_controls: bool) -> set[int]:
    decided = Decision.objects.filter(unit__campaign=campaign)
    if not with_controls:
        decided = decided.filter(unit__purpose=Purpose.LABEL)
    return set(decided.values_list("unit_id", flat=True))


def _units(pks: Iterable[int]) -> dict[int, tuple[int, str]]:
    found = Unit.objects.filter(pk__in=pks).values_list("pk", "bundle", "purpose")
    return {pk: (bundle, purpose) for pk, bundle, purpose in found}


def _still_theirs(campaign: Campaign, viewer: User | None) -> set[int] | None:
    """Return what the viewer has answered or skipped; None where nothing more is asked of them."""
    annotator = Annotator.objects.filter(
        campaign=campaign, user=viewer, user__isnull=False, state__in=_LABELS
    ).first()
    if annotator is None or campaign.state == Campaign.State.CLOSED:
        return None
    done = Annotation.objects.filter(annotator=annotator).exclude(state=Annotation.State.WITHDRAWN)
    return set(done.values_list("unit_id", flat=True))


def may_be_asked(campaign: Campaign, viewer: User, unit: Unit) -> bool:
    """Say whether somebody may still have to answer a unit, so that they must not see answers."""
    theirs = _still_theirs(campaign, viewer)
    if theirs is None or unit.pk in theirs:
        return False
    if unit.purpose != Purpose.LABEL:
        return True
    here = Annotation.objects.given().filter(unit=unit, slot__isnull=False)
    return here.count() < _places(campaign)[unit.bundle]


def n_waiting(campaign: Campaign) -> int:
    """Return about how many units wait: as it was within the last seconds."""
    count: int | None = cache.get_or_set(
        f"waiting:{campaign.public_id}", lambda: len(queue_of(campaign).waiting), COUNT_SECONDS
    )
    return count or 0


def forget_count(campaign: Campaign) -> None:
    """Count anew with the next look."""
    cache.delete(f"waiting:{campaign.public_id}")
