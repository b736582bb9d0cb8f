"""What the answers to a question add up to: Dawid and Skene's consensus beside the majority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.agreement.table import Table
from labeling.models import Question
from labeling.questions import is_counted, values_of
from metrics.statistics.agreement import Answers
from metrics.statistics.agreement.consensus import Consensus, NoConsensus, consensus


@dataclass(frozen=True)
class Reliability:
    """One annotator's table: how often each true option was called what, as shares."""

    name: str
    rows: Sequence[tuple[str, Sequence[float]]]


@dataclass(frozen=True)
class Shown:
    """The consensus on all units in figures, or the reason why there is none."""

    reason: str = ""
    labels: Sequence[str] = ()
    shares: Sequence[tuple[str, float, float]] = ()  # option, by consensus, by majority
    units: int = 0
    without_majority: int = 0  # no option has more than half of the answers
    apart: int = 0  # units whose consensus is another option than their majority
    people: Sequence[Reliability] = ()
    is_settled: bool = True


def consensus_of(table: Table, answers: Answers, question: Question) -> Shown | None:
    """Return the consensus; None for questions without options to choose one of."""
    options = values_of(question)
    if not is_counted(question) or len(options) < 2:
        return None
    found = consensus(answers, sorted(options))
    if isinstance(found, NoConsensus):
        return Shown(reason=found.reason)
    return _shown(table, found, question)


def _shown(table: Table, found: Consensus, question: Question) -> Shown:
    names = {
        value: str(option["label"])
        for value, option in zip(values_of(question), question.options, strict=True)
    }
    labels = [names[value] for value in found.options.tolist()]
    has_both = ~np.isnan(found.labels) & ~np.isnan(found.majorities)
    return Shown(
        labels=labels,
        shares=[
            (label, float(share), _share(found.majorities == value, found.majorities))
            for label, share, value in zip(
                labels, found.shares.tolist(), found.options.tolist(), strict=True
            )
        ],
        units=len(found.unit_ids),
        without_majority=int(np.isnan(found.majorities).sum()),
        apart=int((found.labels[has_both] != found.majorities[has_both]).sum()),
        people=[
            Reliability(table.names[pk], list(zip(labels, rows.tolist(), strict=True)))
            for pk, rows in zip(found.annotator_ids.tolist(), found.confusions, strict=True)
        ],
        is_settled=found.is_settled,
    )


def _share(is_one: NDArray[np.bool_], majorities: NDArray[np.float64]) -> float:
    known = int((~np.isnan(majorities)).sum())
    return float(is_one.sum() / known) if known else 0.0
