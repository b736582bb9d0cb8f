"""How far the evidence of a finding goes: what more would settle it, and where it is thin."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalhub.reports import margins
from evalhub.reports.figures import span_of, the_margin, unit_of
from evalhub.reports.gated import NONE, Said
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.wording import is_left_open_by_gaps
from evalhub.web.formatting import count, plural
from metrics.base import Family
from metrics.statistics.findings import MIN_PAIRS, Outcome, pairs_to_equal, pairs_to_find

# From here on the error rates of comparisons are simulated (`benchmarks/comparisons.py`).
FROM_PAIRS, FROM_CLUSTERS, FROM_CHANGED = 100, 20, 0.1
# The difference that is asked for, as a share of the metric's range, where that is not found yet.
ASKED = 0.02
_STEPS = (5.0, 2.0, 1.0)


@dataclass(frozen=True)
class Needed:
    """How many examples in all find a true `difference` four times in five.

    Where the difference `is_margin`, they show as often that there is none as large.
    """

    difference: float
    n: int
    is_margin: bool = False


def needed(comparison: Comparison, finding: Finding) -> Needed | None:
    """Return what would have settled a finding that is open; None where it is not, or not known.

    Where there is a margin, and clusters enough to be held against it, it rests on that and on a
    true gain of 0. Else the difference is chosen by the metric's range and by what so many
    examples find, never by the gain: 2 % of the range, or where that much is found already, or
    there is no range, the next smaller of 5, 2 and 1 with any power of ten.
    """
    is_open = finding.outcome == Outcome.INSUFFICIENT_EVIDENCE
    if not is_open or not finding.detectable or finding.n < MIN_PAIRS:
        return None
    if is_left_open_by_gaps(finding):  # which scores would settle, and no number of examples
        return None
    if finding.margin is not None and not margins.has_few_clusters(comparison, finding):
        n = pairs_to_equal(
            finding.margin,
            n=finding.n,
            detectable=finding.detectable,
            is_exact=finding.p_exact is not None,
        )
        return Needed(difference=finding.margin, n=n, is_margin=True)
    asked = ASKED * (span_of(finding) or math.inf)
    difference = asked if asked < finding.detectable else _rung_below(finding.detectable)
    n = pairs_to_find(difference, n=finding.n, detectable=finding.detectable)
    return Needed(difference=difference, n=n)


def how_many_more(comparison: Comparison, finding: Finding) -> str:
    """Say how many examples would be needed; nothing where the finding is settled."""
    found = needed(comparison, finding)
    if found is None:
        return ""
    if found.is_margin:
        return _to_equal(finding, found)
    unit = f" {unit_of(finding)}" if unit_of(finding) else ""
    return (
        f"About {count(_rounded_up(found.n))} examples would be needed to find a difference of "
        f"{found.difference:g}{unit} four times in five."
    )


def _to_equal(finding: Finding, found: Needed) -> str:
    """Say what it takes to show that two systems differ by less than the margin."""
    margin = the_margin(finding)
    if found.n <= finding.n:
        return (
            f"There are examples enough to show that two equal systems differ by less than "
            f"{margin}; these two may not be equal. Look at the examples that changed."
        )
    return (
        f"About {count(_rounded_up(found.n))} examples would be needed to show four times in five "
        f"that two equal systems differ by less than {margin}."
    )


def few(comparison: Comparison, finding: Finding) -> str:
    """Say where the numbers are fewer than those for which error rates were shown."""
    clusters = margins.clusters_of(comparison, finding)
    moved = (finding.n_won or 0) + (finding.n_lost or 0)
    is_binary = finding.candidate_measurement.family == Family.BINARY
    reasons = [
        plural(finding.n, "example") if finding.n < FROM_PAIRS else "",
        plural(clusters, "cluster") if clusters and clusters < FROM_CLUSTERS else "",
        f"{count(moved)} of {plural(finding.n, 'answer')} changed"
        if is_binary and moved < FROM_CHANGED * finding.n
        else "",
    ]
    said = ", ".join(reason for reason in reasons if reason)
    if not said or finding.n < MIN_PAIRS:
        return ""
    return (
        f"Few: {said}. That a difference is claimed by chance in one of twenty comparisons at "
        f"most was shown for {FROM_PAIRS} examples, {FROM_CLUSTERS} clusters and one changed "
        "answer in ten, and more; not for so few."
    )


def beside(comparison: Comparison, finding: Finding, said: Said = NONE) -> list[str]:
    """Return what is said of the evidence next to the verdict.

    A gate that answered by the same margin has said itself what would settle that.
    """
    has_advice = said.newest is not None and finding.margin is not None
    more = "" if has_advice else how_many_more(comparison, finding)
    return [one for one in (few(comparison, finding), more) if one]


def _rung_below(value: float) -> float:
    """Return the largest of 1, 2 and 5 with any power of ten that is below a value."""
    power = 10.0 ** math.floor(math.log10(value))
    below = (step * power for step in _STEPS if step * power < value)
    return float(f"{next(below, power / 2):.1g}")


def _rounded_up(n: int) -> int:
    """Round up to two digits: it is an estimate."""
    unit: int = 10 ** max(0, len(str(n)) - 2)
    return -(-n // unit) * unit
