"""Compute a stored comparison again, from the stored columns, and say whether it comes out equal.

The measurements, the terms, the seed and the method are those that the comparison keeps. Floats
are first held against each other bit by bit: what a comparison says must not hang on the machine.
"""

from __future__ import annotations

import enum
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalhub.errors import Conflict
from evalhub.reports.as_compared import replaced
from evalhub.reports.comparing import METHOD
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.selectors import findings_of, pairs_of
from evalhub.reports.services import computed
from evalhub.reports.terms import Terms

TOLERANCE: Final = 1e-9
# Every column of a finding; a test holds this against the model.
_OF_FINDING: Final = (
    *("order", "metric", "is_primary", "slice_field", "slice_level"),
    *("baseline_measurement_id", "candidate_measurement_id", "n", "n_clusters"),
    *("baseline", "candidate"),
    *(
        "gain",
        "low",
        "high",
        "low90",
        "high90",
        "margin",
        "within",
        "p_value",
        "p_exact",
        "p_adjusted",
        "detectable",
        "n_lost",
        "n_won",
    ),
    *("answered_gain", "n_answered"),
    *("n_unscored_baseline", "n_unscored_candidate", "outcome", "method", "reason"),
)
# What a comparison says beyond its findings.
_OF_COMPARISON: Final = (
    *("n_pairs", "coverage", "primary_metric", "outcome", "margin", "within"),
    *("searched", "critical", "failing"),
)


class Agreement(enum.IntEnum):
    """How near two values are; the larger, the further apart."""

    BITS = 0
    CLOSE = 1
    NONE = 2


@dataclass(frozen=True)
class Difference:
    """Where a value that was computed again is not the stored one, to the bit."""

    where: str
    stored: object
    again: object
    agreement: Agreement

    def __str__(self) -> str:
        return f"{self.where}: stored {self.stored!r}, computed {self.again!r}"


@dataclass(frozen=True)
class Recomputed:
    """What came of computing again: how many values were held against each other, what differs.

    `notes` say what has changed beside the comparison, which may be why something differs.
    """

    n_values: int
    differences: list[Difference]
    notes: list[str]

    @property
    def agreement(self) -> Agreement:
        return max((one.agreement for one in self.differences), default=Agreement.BITS)


def recompute(comparison: Comparison) -> Recomputed:
    """Compute a comparison again and hold every value against the stored one.

    Raises Conflict where another version of the method made it: its code is no longer here.
    """
    if comparison.method != METHOD:
        raise Conflict(
            f"{comparison.public_id} was made by version {comparison.method} of the method; this "
            f"release computes version {METHOD}. Recompute it with the release that made it.",
            code="other_method",
        )
    stored = findings_of(comparison)
    again, found = computed(
        baseline=comparison.baseline,
        candidate=comparison.candidate,
        pairs=pairs_of(stored),
        seed=comparison.seed,
        terms=Terms.stored(comparison.terms),
    )
    before, after = _values(comparison, stored), _values(again, found)
    differences = list(_differences(before, after))
    return Recomputed(len(before), differences, replaced(comparison))


def _values(comparison: Comparison, findings: Sequence[Finding]) -> dict[str, object]:
    """Return every value that was computed, under the place where it stands."""
    values: dict[str, object] = {}
    for name in _OF_COMPARISON:
        as_stored = json.loads(json.dumps(getattr(comparison, name)))
        values |= _flat(name, as_stored)
    for one in findings:
        where = " ".join(filter(None, [one.metric, one.slice_field, one.slice_level]))
        values |= {f"{where}, {name}": getattr(one, name) for name in _OF_FINDING}
    return values


def _flat(where: str, value: Any) -> dict[str, object]:
    """Return the leaves of a JSON value by their path."""
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value)).items()
    else:
        return {where: value}
    leaves: dict[str, object] = {f"{where}, size": len(value)}
    for name, part in parts:
        leaves |= _flat(f"{where}, {name}", part)
    return leaves


_MISSING: Final = "nothing"


def _differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[Difference]:
    for where in dict.fromkeys([*before, *after]):
        stored, again = before.get(where, _MISSING), after.get(where, _MISSING)
        agreement = agreement_of(stored, again)
        if agreement != Agreement.BITS:
            yield Difference(where, stored, again, agreement)


def agreement_of(stored: object, again: object) -> Agreement:
    """Say how near two values are; only floats may be near without being equal."""
    if isinstance(stored, float) and isinstance(again, float):
        if struct.pack("<d", stored) == struct.pack("<d", again):
            return Agreement.BITS
        is_close = math.isclose(stored, again, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return Agreement.CLOSE if is_close else Agreement.NONE
    return Agreement.BITS if stored == again else Agreement.NONE
