"""What stands out among the pairs of the primary metric: slices, critical examples, shared words.

All of it is stored with a comparison, as JSON; positions are those of the candidate's version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets import selectors as datasets
from evalhub.reports.aligning import Aligned
from evalhub.reports.as_compared import Compared
from evalhub.reports.sides import Passing, Sides, folded
from evalhub.reports.words import shared_words
from evalhub.runs.models import Output, Run
from metrics.batch import Floats
from metrics.statistics.gains import gains_of
from metrics.statistics.searching import Field, Searched, search_slices

CRITICAL = "critical"  # the metadata field; its value is true
# Positions that are stored of the critical examples that newly fail.
MAX_POSITIONS = 10_000
# Inputs that are read for words: of the failing ones those with the largest losses, of the others
# some at even distances.
MAX_FAILING, MAX_OTHERS = 500, 2_000
_ROUNDING = 1e-12
NO_GAINS = "Its value is no mean over examples, so no slice is set against the rest."


def searched(sides: Sides, aligned: Aligned, candidate: Run) -> dict[str, Any]:
    """Return where it got worse: the result of the search over slices of one and two fields."""
    found = asdict(_searched(sides, aligned, candidate))
    as_stored: dict[str, Any] = json.loads(json.dumps(found))  # lists for tuples, as read back
    return {"metric": sides.pairing.name, **as_stored}


def _searched(sides: Sides, aligned: Aligned, candidate: Run) -> Searched:
    rows, gains = _gains(sides)
    if gains is None:
        return Searched(reason=NO_GAINS)
    fields = [
        Field(name=one.field, levels=one.levels, codes=one.codes[aligned.candidate][rows])
        for one in datasets.slicings(candidate.version)
        if one.field != aligned.cluster_field
    ]
    if not fields:
        return Searched(reason="No metadata field of this version has slices.")
    clusters = None if sides.clusters is None else sides.clusters[rows]
    return search_slices(gains, fields, clusters=clusters, seed=sides.seed)


def _gains(sides: Sides) -> tuple[NDArray[np.int64], Floats | None]:
    """Return the pairs that both sides scored, and what each gained if that can be said."""
    columns = [sides.baseline.folded(), sides.candidate.folded()]
    is_scored = ~(np.isnan(columns[0].values) | np.isnan(columns[1].values))
    before, after = (one.at(is_scored) for one in columns)
    return np.flatnonzero(is_scored), gains_of(before, after, sides.yardstick)


def critical(sides: Sides, aligned: Aligned, *, baseline: Run, candidate: Run) -> dict[str, Any]:
    """Return how many examples are critical, and which of them newly fail.

    These are the ones that passed and now fail, where the metric says right or wrong; and in any
    case those that had an output, and now have an error or none. `n_unpaired` counts critical
    examples that the baseline does not have as they are, `n_unscored` those that passed and now
    have no score.
    """
    marked = marked_critical(candidate)
    is_critical = np.isin(aligned.candidate, marked, assume_unique=True)
    pairs = np.flatnonzero(is_critical)
    old = Compared.of(baseline, sides.pairing.baseline)
    new = Compared.of(candidate, sides.pairing.candidate)
    answered = _answered(old, aligned.baseline[pairs])
    is_answered = _answered(new, aligned.candidate[pairs])
    fails_now = answered & ~is_answered
    n_unscored = 0
    passing = Passing.of(sides.baseline.values, sides.candidate.values, sides.pairing.candidate)
    if passing is not None:
        fails_now |= passing.flipped[pairs]
        n_unscored = int((passing.passed & passing.is_unscored)[pairs].sum())
    failing = aligned.candidate[pairs[fails_now]]
    return {
        "n": len(marked),
        "n_unpaired": len(marked) - len(pairs),
        "n_unscored": n_unscored,
        "n_failing": len(failing),
        "failing": failing[:MAX_POSITIONS].tolist(),
    }


def marked_critical(candidate: Run) -> NDArray[np.int64]:
    """Return the positions of the examples whose metadata says that they are critical."""
    found = datasets.slicing(candidate.version, CRITICAL)
    if found is None or "true" not in found.levels:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(found.codes == found.levels.index("true"))


def _answered(side: Compared, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say at which positions at least half of the attempts gave an output, and no error."""
    run = side.run
    if side.marks is not None:
        given = side.answered[positions].sum(axis=1)
        enough: NDArray[np.bool_] = 2 * given >= run.attempts
        return enough
    n_outputs = np.zeros(run.version.n_examples, dtype=np.int64)
    for at in range(0, len(positions), datasets.IN_ONE_QUERY):
        some = positions[at : at + datasets.IN_ONE_QUERY].tolist()
        given = Output.objects.filter(run=run, position__in=some, error__isnull=True)
        np.add.at(n_outputs, list(given.values_list("position", flat=True)), 1)
    return 2 * n_outputs[positions] >= run.attempts


def failing(sides: Sides, aligned: Aligned, candidate: Run) -> dict[str, Any]:
    """Return how many pairs newly fail, and the words that their inputs share.

    Where the metric does not say right or wrong, it is the pairs that got worse.
    """
    old, new = sides.baseline.values, sides.candidate.values
    passing = Passing.of(old, new, sides.pairing.candidate)
    gains = folded(new) - folded(old)
    if not sides.yardstick.higher_is_better:
        gains = -gains
    is_failing = _lost(gains) if passing is None else passing.flipped
    found, others = np.flatnonzero(is_failing), np.flatnonzero(~is_failing & ~np.isnan(gains))
    read = found[np.argsort(gains[found], kind="stable")][:MAX_FAILING]
    read = aligned.candidate[np.sort(read)]
    beside = aligned.candidate[_spread(others, MAX_OTHERS)]
    groups = shared_words(_inputs(candidate, read), _inputs(candidate, beside))
    return {
        "is_pass_fail": passing is not None,
        "n": len(found),
        "n_read": len(read),
        "n_others_read": len(beside),
        "groups": [
            {
                "words": list(one.words),
                "n_others": one.n_others,
                "positions": read[list(one.members)].tolist(),
            }
            for one in groups
        ],
    }


def _lost(gains: Floats) -> NDArray[np.bool_]:
    """Say which pairs got worse by more than the rounding of sums."""
    scored = gains[~np.isnan(gains)]
    lost: NDArray[np.bool_] = gains < -_ROUNDING * np.abs(scored).max(initial=0.0)
    return lost


def _spread(rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return n of these at even distances, or all if there are no more."""
    if len(rows) <= n:
        return rows
    return rows[np.arange(n) * len(rows) // n]


def _inputs(run: Run, positions: NDArray[np.int64]) -> list[str]:
    examples = datasets.examples_at_positions(run.version, positions.tolist())
    return ["\n".join(_texts(example.fields.get("input"))) for example in examples.values()]


def _texts(value: object) -> Iterable[str]:
    """Yield the texts in an input of any shape, the names of its members aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)
