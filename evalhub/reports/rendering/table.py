"""A comparison as CSV: a row for each finding, which no spreadsheet takes for formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalhub.reports import evidence
from evalhub.reports.as_compared import replaced
from evalhub.reports.models import Comparison, Finding
from evalhub.spreadsheets import csv_lines

HEADER: Final = (
    *("comparison", "baseline", "candidate", "metric", "primary", "slice_field", "slice_level"),
    *("outcome", "n", "baseline_value", "candidate_value", "gain", "low", "high"),
    *("p_value", "p_exact", "p_adjusted", "detectable", "lost", "won"),
    *("gain_of_answered_only", "n_answered"),
    *("unscored_baseline", "unscored_candidate", "method", "reason", "signature"),
    *("baseline_scored_again_at", "baseline_signature_before", "outputs_replaced_since"),
    *("margin", "within_margin", "low90", "high90", "needed_difference", "needed_n", "evidence"),
)


def as_csv(comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Return a table of the findings; what could not be computed is an empty cell."""
    again = {one["metric"]: (one["at"], one["before"]) for one in comparison.rescored}
    since = " ".join(replaced(comparison))
    rows = [
        [
            *(*_row(comparison, finding), *again.get(finding.metric, ("", "")), since),
            *_margin(comparison, finding),
        ]
        for finding in findings
    ]
    return "".join(csv_lines(HEADER, rows))


def _row(comparison: Comparison, one: Finding) -> list[object]:
    adjusted = one.p_value if one.is_primary else one.p_adjusted
    return [
        *(comparison.public_id, comparison.baseline.public_id, comparison.candidate.public_id),
        *(one.metric, one.is_primary, one.slice_field, one.slice_level),
        *(one.outcome, one.n, one.baseline, one.candidate, one.gain, one.low, one.high),
        *(one.p_value, one.p_exact, adjusted, one.detectable, one.n_lost, one.n_won),
        *(one.answered_gain, one.n_answered),
        *(one.n_unscored_baseline, one.n_unscored_candidate, one.method, one.reason),
        one.candidate_measurement.signature,
    ]


def _margin(comparison: Comparison, one: Finding) -> list[object]:
    """Return how a finding stands to its margin, and how far its evidence goes."""
    needed = evidence.needed(comparison, one)
    return [
        *(one.margin, one.within, one.low90, one.high90),
        *((needed.difference, needed.n) if needed else (None, None)),
        " ".join(evidence.beside(comparison, one)),
    ]
