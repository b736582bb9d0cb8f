"""Alpha of each question with its interval, and what it allows in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evalhub.web import formatting
from labeling.agreement.table import Table, counted
from labeling.models import Campaign, Question
from labeling.questions import is_counted, scale_of, values_of
from metrics.statistics.agreement import Agreement, alpha_of

CAUTIOUS: Final = 0.667  # Krippendorff (2004): the lowest alpha for tentative conclusions
RELIABLE: Final = 0.8


@dataclass(frozen=True, eq=False)
class QuestionAgreement:
    """One question's agreement, and what it means."""

    question: Question
    agreement: Agreement
    reading: str
    bounds = (CAUTIOUS, RELIABLE)

    @property
    def has_order(self) -> bool:
        """Say whether one answer can lie above another."""
        return is_counted(self.question) and self.question.scale != Question.Scale.NOMINAL

    @property
    def span(self) -> float:
        """How far apart two answers can be, for the decimals of their differences."""
        values = values_of(self.question)
        return max(values) - min(values) if len(values) > 1 else 1.0

    @property
    def drawn(self) -> str:
        """The picture of the interval, in words."""
        found = self.agreement
        value = formatting.number(found.alpha, 3)
        ends = formatting.interval(found.low, found.high, 3)
        return f"{self.question.name}: alpha {value}, interval {ends}"


def agreement_by_question(campaign: Campaign, table: Table) -> list[QuestionAgreement]:
    """Return alpha of every question on which people can agree, in order."""
    results = []
    for question in counted(campaign):
        result = alpha_of(table.columns(question), scale_of(question))
        results.append(QuestionAgreement(question, result, reading(result)))
    return results


def reading(result: Agreement) -> str:
    """Say in words what an alpha allows."""
    if result.undefined is not None:
        return result.undefined.sentence
    if result.low is None or result.high is None:
        return f"No conclusion yet. {result.no_interval}"
    if result.low >= RELIABLE:
        return "Good enough to rely on: the whole interval lies above 0.800."
    if result.low >= CAUTIOUS:
        return "Enough for cautious conclusions: the whole interval lies above 0.667."
    if result.high < CAUTIOUS:
        return "Do not decide on this yet: the whole interval lies below 0.667."
    return "Not settled: the interval reaches below 0.667. Do not decide on it."


def axis_start(results: Sequence[QuestionAgreement]) -> float:
    """Return where the axis of alphas begins: at 0, or lower where an interval reaches lower."""
    found = [result.agreement for result in results]
    ends = [end for each in found for end in (each.alpha, each.low) if end is not None]
    return min(0.0, math.floor(2 * min(ends, default=0.0)) / 2)


def title_of(results: Sequence[QuestionAgreement]) -> str:
    """Say the finding in one line."""
    agreed = [result for result in results if _is_at_least(result, CAUTIOUS)]
    apart = [result for result in results if _is_below(result, CAUTIOUS)]
    if agreed and apart:
        return f"People agree on {_names(agreed)}, not on {_names(apart)}"
    if agreed:
        return f"People agree on {_names(agreed)}"
    if apart:
        return f"People do not agree enough on {_names(apart)}"
    if any(result.agreement.alpha is not None for result in results):
        return "Whether people agree is not settled"
    return "There is no agreement to speak of yet"


def _is_at_least(result: QuestionAgreement, bound: float) -> bool:
    return result.agreement.low is not None and result.agreement.low >= bound


def _is_below(result: QuestionAgreement, bound: float) -> bool:
    return result.agreement.high is not None and result.agreement.high < bound


def _names(results: Sequence[QuestionAgreement]) -> str:
    names = [result.question.name for result in results]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
