"""What a campaign will cost and tell, before it is opened: from its sizes and what is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evalhub.accounts.models import Project
from evalhub.web import formatting
from labeling.counting import comparable_sets
from labeling.measures import Measure, measures_of
from labeling.models import Annotation, Campaign, Purpose, Question
from labeling.plans import Plan
from metrics.statistics.components import Components, median_seconds, variance_components
from metrics.statistics.planning import (
    Assumptions,
    Effort,
    effort,
    examples_for_gain,
    examples_for_mean,
    gain_half_width,
    mean_half_width,
)

HOURS_EACH: Final = 4.0  # of one person, to say how many people it takes
PAST_CAMPAIGNS: Final = 10  # newest ones that are asked for numbers
MOST_ANSWERS: Final = 20_000  # of a past campaign that are read
FEWEST_ANSWERS: Final = 50  # on fewer, nothing is called measured
# Where nothing was measured: seconds of an answer, and how far people agree. The spread is a
# quarter of a scale, as of answers that fill it evenly (0.29) with a little more in the middle.
SECONDS: Final = {Campaign.Kind.OUTPUTS: 40.0, Campaign.Kind.PAIRS: 60.0}
AGREEMENT: Final = 0.5
SPREAD_SHARE: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much there is to judge.

    `outputs` or pairs; `units` that are shown, after equal ones are counted once; `examples`;
    `identical` pairs, whose two outputs nothing tells apart, are left out.
    """

    outputs: int
    units: int
    examples: int
    identical: int = 0


@dataclass(frozen=True, kw_only=True)
class Width:
    """What one measurement of a question will tell; widths are half of a 95 % interval."""

    name: str
    mean: float | None = None
    gain: float | None = None
    span: float = 1.0
    examples_for_half: int | None = None  # examples that would halve the widest of them
    assumed: str = ""
    unknown: str = ""  # why there is no width


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The plan of a campaign in numbers."""

    sizes: Sizes
    effort: Effort
    seconds: float
    seconds_from: str  # where the time of an answer comes from
    widths: Sequence[Width]
    is_of_pairs: bool
    n_runs: int
    most_answers: int  # where people differ everywhere; as many as `effort` without extra people
    hours_each: float = HOURS_EACH

    @property
    def hours(self) -> str:
        return _in_hours(self.effort.hours)

    @property
    def hours_a_person(self) -> str:
        return _in_hours(self.effort.hours / self.effort.people)


def _in_hours(hours: float) -> str:
    """Write an amount of work with as many digits as an estimate earns."""
    if hours < 2:
        return formatting.duration(max(1, round(hours * 60)) * 60)
    rounded = round(hours * 2) / 2 if hours < 10 else round(hours)
    return f"{rounded:g} hours"


def planned(plan: Plan, sizes: Sizes) -> Planned:
    """Return hours, people and widths to expect, measured ones where the project has some."""
    kind = Campaign.Kind(plan.kind)
    past = _past(plan.project, kind)
    measured = _past_seconds(past)
    seconds = SECONDS[kind] if measured is None else measured
    return Planned(
        sizes=sizes,
        effort=effort(
            units=sizes.units, overlap=plan.overlap, seconds=seconds, hours_each=HOURS_EACH
        ),
        seconds=seconds,
        seconds_from="assumed: nothing is measured in this project yet"
        if measured is None
        else "the median of past campaigns of this project",
        widths=[
            width
            for question in plan.questions
            for width in _widths(plan, question, past, sizes, is_of_pairs=kind == "pairs")
        ],
        is_of_pairs=kind == Campaign.Kind.PAIRS,
        n_runs=len(plan.runs),
        most_answers=sizes.units * (plan.overlap + plan.extra_overlap),
    )


def _past(project: Project, kind: Campaign.Kind) -> list[Campaign]:
    campaigns = Campaign.objects.ready().filter(project=project, kind=kind)
    return list(campaigns.select_related("question_set").order_by("-pk")[:PAST_CAMPAIGNS])


def _past_seconds(past: Sequence[Campaign]) -> float | None:
    given = Annotation.objects.given().filter(unit__campaign__in=past, seconds__isnull=False)
    rows = given.order_by("-pk").values_list("seconds", flat=True)[:MOST_ANSWERS]
    seconds = [each for each in rows if each is not None]
    return median_seconds(seconds) if len(seconds) >= FEWEST_ANSWERS else None


def _widths(
    plan: Plan, question: Question, past: Sequence[Campaign], sizes: Sizes, *, is_of_pairs: bool
) -> list[Width]:
    """Return the widths of a question; of a choice those of its widest option alone."""
    measures = measures_of(question)
    if not measures:
        return [Width(name=question.name, unknown="Words have no scores.")]
    measure = measures[0]
    if measure.low is None or measure.high is None:
        unknown = "Without a lowest and a highest number nothing tells how far answers spread."
        return [Width(name=question.name, unknown=unknown)]
    name = question.name if measure.option is None else f"{question.name}, each option"
    found = None if measure.option is not None else _measured(question, measure, past)
    assumed = _assumed(measure, found)
    n_examples = sizes.examples
    has_gain = len(plan.runs) > 1 and not is_of_pairs
    mean = mean_half_width(assumed, examples=n_examples, overlap=plan.overlap)
    gain = None
    if has_gain:
        gain = gain_half_width(assumed, examples=n_examples, overlap=plan.overlap)
    return [
        Width(
            name=name,
            mean=mean,
            gain=gain,
            span=assumed.high - assumed.low,
            examples_for_half=_for_half(assumed, mean, gain, plan.overlap),
            assumed=_in_words(assumed, measure, found) + _fewer(question),
            unknown="" if mean is not None else "One example tells nothing of others.",
        )
    ]


def _fewer(question: Question) -> str:
    if question.condition is None:
        return ""
    return " It is asked in some cases only, so on fewer answers: the true width is larger."


def _for_half(
    assumed: Assumptions, mean: float | None, gain: float | None, overlap: int
) -> int | None:
    if gain is not None:
        return examples_for_gain(assumed, half_width=gain / 2, overlap=overlap)
    if mean is not None:
        return examples_for_mean(assumed, half_width=mean / 2, overlap=overlap)
    return None


@dataclass(frozen=True)
class _Found:
    """What a past campaign says of a question, and which one it is."""

    components: Components
    campaign: Campaign
    n_answers: int


def _measured(question: Question, measure: Measure, past: Sequence[Campaign]) -> _Found | None:
    """Return what the newest campaign says that asked the same and had enough answers."""
    for campaign in past:
        same = [each for each in campaign.asked if each.meaning == question.meaning]
        if not same:
            continue
        values, units, examples = [], [], []
        given = Annotation.objects.given().filter(
            unit__campaign=campaign,
            unit__purpose=Purpose.LABEL,
            question_set__in=comparable_sets(campaign)[question.name],
        )
        rows = given.order_by("pk").values_list("unit_id", "unit__twin_id", "bundle", "answers")
        for unit, twin, bundle, answers in rows[:MOST_ANSWERS]:
            value = measure.value_of(answers.get(question.name))
            if value is not None:
                values.append(value)
                units.append(twin or unit)
                examples.append(bundle)
        if len(values) < FEWEST_ANSWERS:
            continue
        components = variance_components(values=values, units=units, examples=examples)
        if isinstance(components, Components):
            return _Found(components, campaign, len(values))
    return None


def _assumed(measure: Measure, found: _Found | None) -> Assumptions:
    low, high = measure.low, measure.high
    assert low is not None and high is not None  # noqa: S101, PT018 - asked before
    if found is not None:
        return Assumptions.measured(found.components, low=low, high=high)
    if measure.scale == "preference":
        return Assumptions.of_preferences(agreement=AGREEMENT)
    if measure.option is not None or measure.question.kind == Question.Kind.YES_NO:
        return Assumptions.of_yes_no(share=0.5, agreement=AGREEMENT)
    spread = SPREAD_SHARE * (high - low)
    return Assumptions(low=low, high=high, spread=spread, agreement=AGREEMENT)


def _in_words(assumed: Assumptions, measure: Measure, found: _Found | None) -> str:
    numbers = (
        f"answers spread by {assumed.spread:.2g} on the scale from {assumed.low:g} to "
        f"{assumed.high:g}, {assumed.agreement:.0%} of their variance is between outputs"
    )
    if found is not None:
        return (
            f"Measured on {found.n_answers:,} answers of \u201c{found.campaign.name}\u201d: "
            f"{numbers}."
        )
    is_share = measure.option is not None or (assumed.low, assumed.high) == (0.0, 1.0)
    why = ", the widest a share can be" if is_share else ""
    return f"Assumed{why}: {numbers}."
