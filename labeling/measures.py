"""What the labels of a question become: measurements of runs, and the values in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from labeling.models import Question
from labeling.questions import (
    Answer,
    Value,
    as_number,
    is_number,
    measured_name,
    numbers_of,
    values_of,
)
from metrics.base import Family
from metrics.statistics.agreement import Level
from metrics.statistics.resolution import Rule, rule_for

PREFERENCE: Final = "preference"  # the scale in a signature: a share of comparisons won
_OUTCOMES: Final = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


@dataclass(frozen=True)
class Measure:
    """One measurement of a question: all of it, or one option of several."""

    question: Question
    name: str
    scale: str
    rule: Rule
    family: Family
    low: float | None
    high: float | None
    option: Value | None = None
    numbers: Mapping[Any, float] = field(default_factory=dict)

    def value_of(self, answer: Answer) -> float | None:
        """Return the number of an answer; None is "cannot judge".

        Of a preference it is the share that the first output won; of an option whether it was
        chosen.
        """
        if answer is None:
            return None
        if self.scale == PREFERENCE:
            return share_won(answer)
        if self.option is not None:
            chosen = answer if isinstance(answer, list) else [answer]
            return float(self.option in chosen)
        return as_number(self.question, answer, self.numbers)


def share_won(answer: Answer) -> float | None:
    """Return what a preference gives to the first output: 1 won, 0 lost, half for a tie."""
    if isinstance(answer, str):
        return _OUTCOMES[answer]
    if is_number(answer):
        return 1.0 if answer > 0 else 0.0 if answer < 0 else 0.5
    return None


def measures_of(question: Question) -> list[Measure]:
    """Return the measurements that a question's labels become; none for words."""
    if question.is_words:
        return []
    if question.kind == Question.Kind.PREFERENCE:
        return [_share(question)]
    is_split = question.kind == Question.Kind.CHOICES or (
        question.kind == Question.Kind.CHOICE and question.scale == Question.Scale.NOMINAL
    )
    return (
        [_of_option(question, option) for option in question.options]
        if is_split
        else [_whole(question)]
    )


def measurement_names(question: Question) -> list[str]:
    """Return the names under which a question's labels are published."""
    return [measure.name for measure in measures_of(question)]


def _share(question: Question) -> Measure:
    return Measure(
        question=question,
        name=question.name,
        scale=PREFERENCE,
        rule=Rule.MEAN,
        family=Family.MEAN,
        low=0.0,
        high=1.0,
    )


def _of_option(question: Question, option: Mapping[str, Any]) -> Measure:
    return Measure(
        question=question,
        name=measured_name(question, option),
        scale=question.scale,
        # Each of several options is a yes or no of its own, so ties count as the share they are.
        rule=rule_for(Level.NOMINAL, is_yes_no=question.kind == Question.Kind.CHOICES),
        family=Family.BINARY if question.kind == Question.Kind.CHOICE else Family.MEAN,
        low=0.0,
        high=1.0,
        option=option["value"],
    )


def _whole(question: Question) -> Measure:
    values = values_of(question)
    return Measure(
        question=question,
        name=question.name,
        scale=question.scale,
        rule=rule_for(Level(question.scale), is_yes_no=question.kind == Question.Kind.YES_NO),
        family=Family.MEAN,
        low=min(values, default=question.low),
        high=max(values, default=question.high),
        numbers=numbers_of(question),
    )
