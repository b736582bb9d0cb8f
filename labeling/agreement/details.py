"""The folded part of agreement: other coefficients, pairs of people, options, slices, time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from evalhub.datasets.selectors import slicing, slicings
from labeling.agreement.table import Table
from labeling.models import Campaign, Question, Unit
from labeling.questions import is_counted, scale_of, values_of
from metrics.statistics.agreement import Agreement, Answers, Level
from metrics.statistics.agreement.coefficients import (
    Coefficient,
    fleiss_kappa,
    gwet,
    percent_agreement,
)
from metrics.statistics.agreement.cohen import PairKappa, cohens_kappas
from metrics.statistics.agreement.distances import Weighing
from metrics.statistics.agreement.options import confusion
from metrics.statistics.agreement.parts import Moment, by_option, by_slice, trend

FEWEST: Final = 20  # units of a slice that is computed
MOST_PEOPLE: Final = 20  # in the matrix of pairs


@dataclass(frozen=True)
class Named:
    """A coefficient under its name, with what it is in a sentence."""

    name: str
    says: str
    found: Coefficient


def coefficients(answers: Answers, question: Question) -> list[Named]:
    """Return the coefficients that go with a question's scale."""
    named = [
        Named(
            "Percent agreement",
            "How often two answers to one unit are the same; chance is in it.",
            percent_agreement(answers),
        )
    ]
    options = values_of(question)
    if not is_counted(question) or len(options) < 2:
        return named
    is_ordered = Level(question.scale) is not Level.NOMINAL
    if is_ordered:
        says = "Gwet’s AC1 with squared distances: steady where nearly all answers are alike."
        named.append(Named("AC2", says, gwet(answers, options, Weighing.QUADRATIC)))
    says = "Gwet’s, for equal or not: steady where nearly all answers are alike."
    named.append(Named("AC1", says, gwet(answers, options, Weighing.ALIKE)))
    says = "For equal or not; it falls where nearly all answers are alike."
    named.append(Named("Fleiss’ kappa", says, fleiss_kappa(answers)))
    return named


@dataclass(frozen=True)
class Matrix:
    """Cohen's kappa of every two people: a row for each, a cell for each other."""

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[PairKappa | None]]]
    weighing: Weighing
    left_out: int


def matrix_of(table: Table, answers: Answers, question: Question) -> Matrix:
    """Return the kappas between those who answered most."""
    is_ordered = is_counted(question) and Level(question.scale) is not Level.NOMINAL
    weighing = Weighing.QUADRATIC if is_ordered else Weighing.ALIKE
    counts = np.bincount(answers.annotators, minlength=len(answers.annotator_ids))
    most = np.sort(np.argsort(-counts, kind="stable")[:MOST_PEOPLE])
    shown = answers.where(np.isin(answers.annotators, most))
    found: dict[tuple[int, int], PairKappa] = {}
    for kappa in cohens_kappas(shown, weighing):
        found[kappa.first, kappa.second] = found[kappa.second, kappa.first] = kappa
    people = sorted(answers.annotator_ids[most].tolist(), key=lambda pk: table.names[pk])
    return Matrix(
        names=[table.names[pk] for pk in people],
        rows=[(table.names[one], [found.get((one, other)) for other in people]) for one in people],
        weighing=weighing,
        left_out=len(answers.annotator_ids) - len(people),
    )


@dataclass(frozen=True)
class OptionRow:
    """One option: what the others said of the units that somebody gave it, in counts of pairs."""

    label: str
    counts: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.counts)


def confusion_of(answers: Answers, question: Question) -> list[OptionRow]:
    """Return a row for each option, in the order of the question."""
    values = values_of(question)
    if not is_counted(question) or len(values) < 2 or answers.without_pairs:
        return []
    found = confusion(answers, values)
    place = {value: at for at, value in enumerate(found.options.tolist())}
    order = [place[value] for value in values]
    return [
        OptionRow(str(option["label"]), found.pairs[at, order].tolist())
        for option, at in zip(question.options, order, strict=True)
    ]


@dataclass(frozen=True)
class OptionAlpha:
    """How far people agree on choosing one of several options."""

    label: str
    found: Agreement


def options_of(answers: Answers, question: Question) -> list[OptionAlpha]:
    """Return alpha of each option where several may be chosen."""
    if question.kind != Question.Kind.CHOICES:
        return []
    return [
        OptionAlpha(str(option["label"]), found)
        for option, found in zip(
            question.options, by_option(answers, len(question.options)), strict=True
        )
    ]


def trend_of(answers: Answers, question: Question) -> list[Moment]:
    """Return alpha at about ten moments of the campaign, the last one now."""
    return trend(answers, scale_of(question)) if len(answers.values) else []


@dataclass(frozen=True)
class SliceAlpha:
    """Alpha among the units of one slice; None under too few units."""

    name: str
    units: int
    found: Agreement | None


def slices_of(
    campaign: Campaign, answers: Answers, question: Question, field: str
) -> list[SliceAlpha]:
    """Return alpha by the levels of a metadata field, where the runs are on one version."""
    versions = {run.version_id: run.version for run in campaign.runs.select_related("version")}
    if len(versions) != 1:
        return []
    found = slicing(next(iter(versions.values())), field)
    if found is None:
        return []
    positions = dict(Unit.objects.filter(campaign=campaign).values_list("pk", "position"))
    codes = np.array([found.codes[positions[pk]] for pk in answers.unit_ids.tolist()], dtype=int)
    alphas = by_slice(answers, scale_of(question), codes)
    slices = [
        SliceAlpha(level, int((codes == code).sum()), alphas.get(code))
        for code, level in enumerate(found.levels)
    ]
    return [
        each if each.units >= FEWEST else replace(each, found=None)
        for each in slices
        if each.units
    ]


def fields_of(campaign: Campaign) -> list[str]:
    """Return the metadata fields by which agreement can be cut."""
    versions = {run.version_id: run.version for run in campaign.runs.select_related("version")}
    if len(versions) != 1:
        return []
    return [each.field for each in slicings(next(iter(versions.values())))]
