"""How far the evidence of a finding goes: what more would settle it, and where it is thin."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_LARGER = (0.1, 0.05)  # beside that, for a reader who need not find so little
_STEPS = (5.0, 2.0, 1.0)
_TO_READ = 50  # examples that changed, which one can read all


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
    steps = [
        f"{step:g}{unit} about {count(_rounded_up(n))}"
        for step in _differences(finding, found)
        for n in [pairs_to_find(step, n=finding.n, detectable=finding.detectable or 0.0)]
    ]
    return _takes(steps)


def _takes(steps: Sequence[str]) -> str:
    """Say how many examples find differences of some sizes."""
    one, *others = steps
    first = one.replace(" about ", " takes about ")
    more = f", of {', of '.join(others)}" if others else ""
    which = " Which difference matters is yours to say." if others else ""
    return f"To find a difference of {first} examples in all{more} (4 times in 5).{which}"


def _differences(finding: Finding, found: Needed) -> list[float]:
    """Return the difference that is needed, after larger round ones that are not found yet."""
    length = span_of(finding) or math.inf
    if not math.isclose(found.difference, ASKED * length):
        return [found.difference]
    larger = (share * length for share in _LARGER)
    return [*(one for one in larger if one < (finding.detectable or 0.0)), found.difference]


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
    if not (reasons := _scarce(comparison, finding)):
        return ""
    n_moved = _n_moved(finding)
    read = ""
    if n_moved:
        which = "the one" if n_moved == 1 else f"the {count(n_moved)}"
        which = f"{which} that changed" if n_moved <= _TO_READ else "some that changed"
        read = f": read {which} before you rely on it"
    return f"Only {', '.join(reasons)}. A result on so few is less well tested{read}."


def shown_for(comparison: Comparison, finding: Finding) -> list[str]:
    """Return what is known of error rates where a comparison has too few; for those who ask."""
    if not _scarce(comparison, finding):
        return []
    return [
        "That a difference is claimed by chance in one of twenty comparisons at most was shown "
        f"for {FROM_PAIRS} examples, {FROM_CLUSTERS} clusters where there are clusters, and one "
        "changed answer in ten, and more; here there are fewer."
    ]


def _scarce(comparison: Comparison, finding: Finding) -> list[str]:
    """Name what there is too little of; nothing under the number that has no outcome at all."""
    if finding.n < MIN_PAIRS:
        return []
    clusters = margins.clusters_of(comparison, finding)
    n_moved = _n_moved(finding)
    is_binary = finding.candidate_measurement.family == Family.BINARY
    reasons = [
        plural(finding.n, "example") if finding.n < FROM_PAIRS else "",
        plural(clusters, "cluster") if clusters and clusters < FROM_CLUSTERS else "",
        f"{count(n_moved)} of {plural(finding.n, 'answer')} changed"
        if is_binary and n_moved < FROM_CHANGED * finding.n
        else "",
    ]
    return [reason for reason in reasons if reason]


def _n_moved(finding: Finding) -> int:
    return (finding.n_won or 0) + (finding.n_lost or 0)


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
