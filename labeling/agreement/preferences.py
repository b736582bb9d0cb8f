"""What people preferred in a campaign of pairs: systems ranked, and sides in balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.agreement.table import Table
from labeling.measures import share_won
from labeling.models import Campaign, Question, Unit
from metrics.statistics.ranking import rank_systems
from metrics.statistics.sides import SideBalance, side_balance
from metrics.statistics.standings import Ranking


@dataclass(frozen=True, eq=False)
class _Preferences:
    """The preferences of a question as columns: who met, and what was said of the first."""

    first: list[str]
    second: list[str]
    outcomes: NDArray[np.float64]
    both_bad: NDArray[np.bool_]


def ranking_of(campaign: Campaign, table: Table, question: Question) -> Ranking | None:
    """Rank the systems of a campaign by one preference; None where that is not asked."""
    if question.kind != Question.Kind.PREFERENCE or not len(table.units):
        return None
    given = _preferences(campaign, table, question)
    if any(one == other for one, other in zip(given.first, given.second, strict=True)):
        return None
    return rank_systems(
        first=given.first,
        second=given.second,
        outcomes=given.outcomes,
        groups=table.groups,
        are_clusters=bool(table.group_field),
        both_bad=given.both_bad,
    )


def sides_of(campaign: Campaign, table: Table, question: Question) -> list[SideBalance]:
    """Return how often each annotator saw and preferred the left side; nothing without pairs.

    Answers that came by a file have no sides.
    """
    if question.kind != Question.Kind.PREFERENCE:
        return []
    here = table.are_at_desk
    return side_balance(
        annotators=table.annotators[here],
        outcomes=_outcomes(table, question)[here],
        is_first_left=~table.are_swapped[here],
    )


def _preferences(campaign: Campaign, table: Table, question: Question) -> _Preferences:
    systems = _systems(campaign)
    units = Unit.objects.filter(campaign=campaign)
    pairs = {
        pk: (systems[run], systems[second or run])
        for pk, run, second in units.values_list("pk", "run_id", "second_run_id")
    }
    met = [pairs[unit] for unit in table.units.tolist()]
    return _Preferences(
        first=[first for first, _ in met],
        second=[second for _, second in met],
        outcomes=_outcomes(table, question),
        both_bad=np.array([answer == "both_bad" for answer in table.said(question)], dtype=bool),
    )


def _systems(campaign: Campaign) -> Mapping[int, str]:
    """Name each run by its system; several runs of one system by their ids too."""
    runs = list(campaign.runs.select_related("system_version__system").order_by("pk"))
    names = [str(run.system_version) for run in runs]
    return {
        run.pk: name if names.count(name) == 1 else f"{name} ({run.public_id})"
        for run, name in zip(runs, names, strict=True)
    }


def _outcomes(table: Table, question: Question) -> NDArray[np.float64]:
    shares = [share_won(answer) for answer in table.said(question)]
    return np.array([np.nan if share is None else share for share in shares], dtype=np.float64)
