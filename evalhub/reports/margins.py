"""The margin of a finding in words: whose it is, and what is surely smaller than it."""

from __future__ import annotations

from collections.abc import Sequence

from evalhub.reports import wording
from evalhub.reports.figures import digits, the_margin, unit_of, ways_of
from evalhub.reports.figures import span as span_in_words
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.terms import Terms
from evalhub.web.formatting import number
from metrics.statistics.findings import MIN_PAIRS, Outcome, Within


def about(comparison: Comparison, finding: Finding) -> str:
    """Say what is smaller than the margin; nothing where there is none, or no interval."""
    if finding.margin is None or finding.low90 is None or finding.n < MIN_PAIRS:
        return ""
    if finding.outcome == Outcome.IMPROVED:
        return ""
    margin = f"{the_margin(finding)} {set_by(comparison)}"
    if has_few_clusters(comparison, finding):
        return (
            f"Under {MIN_PAIRS} clusters nothing is held against {margin}; there are "
            f"{clusters_of(comparison, finding)}."
        )
    if finding.within == Within.DIFFERENCE and finding.outcome == Outcome.EQUIVALENT:
        return (
            f"Any difference on {finding.metric} is smaller than {margin}: the true change is "
            f"likely between {_likely(finding)} (90 % interval)."
        )
    if finding.within and finding.outcome == Outcome.REGRESSED:
        return f"The loss on {finding.metric} is smaller than {margin}."
    if finding.outcome == Outcome.REGRESSED and -(finding.gain or 0.0) > finding.margin:
        is_sure = finding.high90 is not None and -finding.high90 > finding.margin
        verb = "is" if is_sure else "looks"
        return f"The loss on {finding.metric} {verb} larger than {margin}."
    ruled_out = "is ruled out" if finding.within else "is not ruled out"
    return f"A loss on {finding.metric} as large as {margin} {ruled_out}."


def has_few_clusters(comparison: Comparison, finding: Finding) -> bool:
    """Say whether there are clusters, and too few to hold anything against a margin."""
    n_clusters = clusters_of(comparison, finding)
    return n_clusters is not None and n_clusters < MIN_PAIRS


def clusters_of(comparison: Comparison, finding: Finding) -> int | None:
    """Return in how many clusters a finding's pairs lie, a slice in its own; None without any."""
    if finding.n_clusters is not None:
        return finding.n_clusters
    n_clusters: int | None = comparison.coverage.get("n_clusters")
    return n_clusters


def sentence(comparison: Comparison, finding: Finding) -> str:
    """Return what a finding says, and how it stands to its margin."""
    return " ".join(filter(None, [wording.sentence(finding), about(comparison, finding)]))


def set_by(comparison: Comparison) -> str:
    """Say whose the margins are."""
    if Terms.stored(comparison.terms).gate_version is None:
        return "that was asked for"
    return f"set by the gate of {comparison.candidate.version.dataset.name}"


def notes(comparison: Comparison, overall: Sequence[Finding]) -> list[str]:
    """Say where the margins are from and what equivalent means, for those who want to know."""
    terms = Terms.stored(comparison.terms)
    if not any(one.margin is not None for one in overall):
        return []
    dataset = comparison.candidate.version.dataset.name
    whose = (
        "The margins were named with the question."
        if terms.gate_version is None
        else f"The margins are those of version {terms.gate_version} of the gate of {dataset}, "
        "which counted when the runs were compared."
    )
    return [
        f"{whose} Equivalent means that a loss and a gain as large as the margin are each ruled "
        "out at 5 %, which puts the 90 % interval within the margin; within the margin is said of "
        "a loss where one as large as the margin is ruled out."
    ]


def decides(comparison: Comparison) -> str:
    """Say why the primary metric decides where it is not the candidate's first one."""
    terms, primary = Terms.stored(comparison.terms), comparison.primary_metric
    if not terms.deciding:
        return ""
    gate = f"the gate of {comparison.candidate.version.dataset.name}"
    whose = gate if terms.gate_version is not None else "those that were named"
    if primary not in terms.deciding:
        return f"No metric of {whose} is compared; {primary} decides in their place."
    if primary != terms.deciding[0]:
        return (
            f"{terms.deciding[0]}, the first metric of {whose}, is not compared; {primary} "
            "decides in its place."
        )
    own = comparison.terms.get("first_of_candidate", primary)
    if own == primary:
        return ""
    return (
        f"{primary} decides, because it is the first metric of {whose}; the candidate's own first "
        f"metric is {own}."
    )


def _likely(finding: Finding) -> str:
    low, high = finding.low90 or 0.0, finding.high90 or 0.0
    n = digits(finding)
    # With these a bound does not read as the margin that it lies within.
    while n < 6 and number(finding.margin, n) in (number(abs(low), n), number(abs(high), n)):
        n += 1
    written = span_in_words(low, high, n, ways_of(finding), unit=unit_of(finding))
    return written.replace(" to ", " and ")
