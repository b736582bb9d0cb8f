"""What a campaign will tell and cost, before anybody has answered.

An answer is what its unit is worth plus what its annotator adds, and of the variance of single
answers the share that alpha names is between units. So n examples with k people each give a mean
whose variance is (between + within / k) / n; Miller (2024), arXiv 2411.00640, section 3. All of
it speaks for the panel that answers, with examples like these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from metrics.statistics.components import Components
from metrics.statistics.distributions import normal_quantile, t_quantile
from metrics.statistics.intervals import ALPHA

SHARED = 0.5
_SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a plan takes for granted, to be shown beside it.

    `low` and `high` are the ends of the scale, `spread` the standard deviation of single answers,
    `agreement` the share of their variance that is between units: alpha, or ICC(1). `shared` is
    how far two systems' outputs of one example go together: the correlation of what they are
    worth, which makes their difference surer.
    """

    low: float
    high: float
    spread: float
    agreement: float
    shared: float = SHARED

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"The scale from {self.low:g} to {self.high:g} is empty.")
        if not 0.0 < self.spread <= (self.high - self.low) / 2:
            raise ValueError("Answers spread by more than 0, and by half the scale at most.")
        if not (0.0 <= self.agreement <= 1.0 and 0.0 <= self.shared <= 1.0):
            raise ValueError("Agreement and what is shared lie from 0 to 1.")

    @property
    def spread_share(self) -> float:
        """The spread as a share of the scale."""
        return self.spread / (self.high - self.low)

    @property
    def between(self) -> float:
        """The variance between units."""
        return self.agreement * self.spread**2

    @property
    def within(self) -> float:
        """The variance between the answers to one unit."""
        return (1.0 - self.agreement) * self.spread**2

    @classmethod
    def of_yes_no(cls, *, share: float, agreement: float, shared: float = SHARED) -> Assumptions:
        """Assume a share of yes; of a yes or no the share says how far answers spread."""
        return cls(low=0.0, high=1.0, spread=_spread(share), agreement=agreement, shared=shared)

    @classmethod
    def of_preferences(
        cls, *, agreement: float, share: float = 0.5, ties: float = 0.0
    ) -> Assumptions:
        """Assume how often the first of two systems wins, ties half, and how often they tie."""
        return cls(low=0.0, high=1.0, spread=_spread(share, ties), agreement=agreement)

    @classmethod
    def measured(cls, components: Components, *, low: float, high: float) -> Assumptions:
        """Take what a past campaign showed on the same scale."""
        shared = components.shared
        return cls(
            low=low,
            high=high,
            spread=min(components.spread, (high - low) / 2),
            agreement=components.agreement,
            shared=SHARED if shared is None else shared,
        )


def _spread(share: float, ties: float = 0.0) -> float:
    """Return the standard deviation of answers of 1, 0 and, for ties, 0.5."""
    if not 0.0 < share < 1.0 or not 0.0 <= ties <= 2 * min(share, 1 - share):
        raise ValueError("The share lies between 0 and 1, and half the ties are part of it.")
    return math.sqrt(max(0.0, share * (1 - share) - ties / 4))


def mean_half_width(assumed: Assumptions, *, examples: int, overlap: int) -> float | None:
    """Return half the width of the 95 % interval of a run's mean, or None under 2 examples.

    One unit of each example, answered by `overlap` people. A share of yes is a mean, and so is a
    share of wins where `examples` are those in which two systems meet.
    """
    return _half_width(_variance_of_mean(assumed, overlap), examples, assumed)


def gain_half_width(assumed: Assumptions, *, examples: int, overlap: int) -> float | None:
    """Return half the width of the 95 % interval of the difference between two runs.

    Both runs answer the same examples and the same people judge both. A person's severity is in
    both and goes out, so that the true width is rather smaller.
    """
    return _half_width(_variance_of_gain(assumed, overlap), examples, assumed)


def examples_for_mean(assumed: Assumptions, *, half_width: float, overlap: int) -> int:
    """Return how many examples bring the interval of a run's mean down to a half-width."""
    return _examples_for(_variance_of_mean(assumed, overlap), half_width)


def examples_for_gain(assumed: Assumptions, *, half_width: float, overlap: int) -> int:
    """Return how many examples bring the interval of a difference down to a half-width."""
    return _examples_for(_variance_of_gain(assumed, overlap), half_width)


def _variance_of_mean(assumed: Assumptions, overlap: int) -> float:
    if overlap < 1:
        raise ValueError("Every unit is answered by one person at least.")
    return assumed.between + assumed.within / overlap


def _variance_of_gain(assumed: Assumptions, overlap: int) -> float:
    apart = _variance_of_mean(assumed, overlap) - assumed.shared * assumed.between
    return 2.0 * apart


def _half_width(variance: float, examples: int, assumed: Assumptions) -> float | None:
    if examples < 2:
        return None
    reach = t_quantile(1 - ALPHA / 2, examples - 1) * math.sqrt(variance / examples)
    return min(reach, assumed.high - assumed.low)


def _examples_for(variance: float, half_width: float) -> int:
    if not half_width > 0.0:
        raise ValueError("A half-width is above 0.")
    examples = max(2, math.ceil(variance * (normal_quantile(1 - ALPHA / 2) / half_width) ** 2))
    while t_quantile(1 - ALPHA / 2, examples - 1) * math.sqrt(variance / examples) > half_width:
        examples += 1
    return examples


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much work a campaign is: answers, hours in all, and people for so many hours each."""

    answers: int
    hours: float
    people: int


def effort(*, units: int, overlap: int, seconds: float, hours_each: float) -> Effort:
    """Return the work of `units` answered by `overlap` people each, `seconds` an answer.

    Nobody answers a unit twice, so there are at least as many people as the overlap.
    """
    if min(units, overlap) < 1 or not (seconds > 0.0 and hours_each > 0.0):
        raise ValueError("Units, overlap, seconds and hours are above 0.")
    answers = units * overlap
    hours = answers * seconds / _SECONDS_PER_HOUR
    # What is left of a person after rounding is no person.
    people = math.ceil(round(hours / hours_each, 9))
    return Effort(answers=answers, hours=hours, people=max(overlap, people))
