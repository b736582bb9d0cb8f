"""When people differ on a question, and by how much."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from labeling.models import Question
from labeling.questions.answers import Answer
from labeling.questions.distances import number_of, scale_of, width_of
from labeling.questions.kinds import LARGEST
from labeling.questions.numbers import as_written, exact, is_counted, is_number
from metrics.statistics.agreement import Answers
from metrics.statistics.agreement.distances import disagreements
from metrics.statistics.resolution import is_majority

_WINNERS: Final = {"first": 1, "second": -1}
_NOMINAL: Final = Question.Scale.NOMINAL
_ORDERED: Final = (Question.Scale.ORDINAL, Question.Scale.INTERVAL, Question.Scale.RATIO)


class Rule(StrEnum):
    """What counts as a difference."""

    ANY = "any"  # two answers that are not the same
    SPREAD = "spread"  # the highest and the lowest are so far apart, or further
    NO_MAJORITY = "no_majority"  # no answer is that of more than half of the people


@dataclass(frozen=True)
class DifferRule:
    """The rule of a campaign. `spread` counts in the numbers of the question, or in points."""

    rule: Rule = Rule.ANY
    spread: float = 1.0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> DifferRule:
        """Return the rule as a campaign keeps it; an empty one is any difference."""
        return cls(Rule(stored.get("rule", Rule.ANY)), float(stored.get("spread", 1.0)))

    def stored(self) -> dict[str, object]:
        if self.rule is Rule.SPREAD:
            return {"rule": self.rule.value, "spread": self.spread}
        return {"rule": self.rule.value}


def read_differ_rule(given: object) -> DifferRule:
    """Return a rule that somebody asks for, or raise ValueError with the sentence for them."""
    if not isinstance(given, Mapping) or set(given) - {"rule", "spread"}:
        raise ValueError("The rule is an object: rule, and with the rule spread its spread.")
    if given.get("rule") not in list(Rule):
        raise ValueError(f"The rule is one of {', '.join(Rule)}.")
    rule, spread = Rule(given["rule"]), given.get("spread")
    if rule is not Rule.SPREAD:
        return DifferRule(rule)
    if not is_number(spread) or not 0 < spread <= LARGEST:
        raise ValueError("The spread is a number above 0, as in 2: answers 2 apart differ.")
    return DifferRule(rule, float(spread))


@dataclass(frozen=True)
class Differing:
    """How the answers to one question are told apart. "Cannot judge" differs from nothing.

    Several of several differ as sets; preferences by who wins; words never do.
    """

    question: Question
    rule: DifferRule
    number: Callable[[Answer], float]

    @classmethod
    def of(cls, question: Question, rule: DifferRule) -> Differing:
        return cls(question, rule, number_of(question))

    def differ(self, answers: Sequence[Answer]) -> bool:
        """Say whether people differ under the rule."""
        given = [answer for answer in answers if answer is not None]
        if self.question.is_words or len(given) < 2:
            return False
        if self.rule.rule is Rule.SPREAD and self._is_measured:
            values = [as_written(self.number(answer)) for answer in given]
            return max(values) - min(values) >= as_written(self.rule.spread)
        counts = Counter(map(self._told_by, given))
        if self.rule.rule is Rule.NO_MAJORITY:
            return not is_majority(max(counts.values()), of=len(given))
        return len(counts) > 1

    def distances(self, said: Sequence[Sequence[Answer]]) -> list[float]:
        """Return the mean distance of each unit's answers, as a share of the largest there is."""
        if self.question.is_words:
            return [0.0] * len(said)
        answers = Answers.of(
            units=np.repeat(np.arange(len(said)), [len(given) for given in said]),
            annotators=[at for given in said for at in range(len(given))],
            values=[self._value(answer) for given in said for answer in given],
        )
        found = np.zeros(len(said))
        width = width_of(self.question) or None
        found[answers.unit_ids] = disagreements(answers, scale_of(self.question), width=width)
        return [0.0 if np.isnan(each) else each for each in found.tolist()]

    @property
    def _is_measured(self) -> bool:
        question = self.question
        is_preference = question.kind == Question.Kind.PREFERENCE
        return is_counted(question) and question.scale in _ORDERED and not is_preference

    def _told_by(self, answer: Answer) -> Hashable:
        if self.question.kind == Question.Kind.PREFERENCE:
            return _winner(answer)
        if isinstance(answer, list):
            return frozenset(map(exact, answer))
        return exact(answer)

    def _value(self, answer: Answer) -> float:
        if answer is None:
            return math.nan
        is_won = self.question.kind == Question.Kind.PREFERENCE and self.question.scale == _NOMINAL
        return float(_winner(answer)) if is_won else self.number(answer)


def _winner(answer: Answer) -> int:
    """Return 1 where the first output wins, -1 where the second does, else 0."""
    if isinstance(answer, str):
        return _WINNERS.get(answer, 0)
    return (answer > 0) - (answer < 0) if is_number(answer) else 0
