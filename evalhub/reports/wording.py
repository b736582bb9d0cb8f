"""A comparison in words: what it says, what it rests on, what would settle the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalhub.reports.models import Comparison, Finding
from evalhub.web.formatting import digits_of_span, interval, number, plural
from metrics.findings import Outcome

_HEAD = {
    Outcome.IMPROVED: "{candidate} is better than {baseline}.",
    Outcome.REGRESSED: "{candidate} is worse than {baseline}.",
    Outcome.EQUIVALENT: "{candidate} is as good as {baseline}.",
    Outcome.INSUFFICIENT_EVIDENCE: "Not enough evidence to tell {candidate} from {baseline}.",
}


def title(comparison: Comparison) -> str:
    """Return the finding as a title."""
    return _HEAD[Outcome(comparison.outcome)].format(**_names(comparison))


def sentence(finding: Finding) -> str:
    """Return what one finding says, with its interval, or what it lacks."""
    if finding.gain is None:
        return f"{finding.metric} has no gain: {finding.reason}"
    moved = {Outcome.IMPROVED: "gained", Outcome.REGRESSED: "lost"}.get(
        Outcome(finding.outcome), "moved by"
    )
    size = abs(finding.gain) if moved != "moved by" else finding.gain
    written = number(size, digits(finding), signed=moved == "moved by")
    ends = ""
    if finding.low is not None and finding.high is not None:
        bounds = interval(finding.low, finding.high, digits(finding), signed=True)
        ends = f" (95 % interval of the gain {bounds})"
    return f"{finding.metric} {moved} {written}{ends}, on {plural(finding.n, 'shared example')}."


def limits(finding: Finding) -> str:
    """Return what this many examples could have shown, where a null result needs it."""
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE:
        return ""
    if finding.detectable is None:
        return finding.reason
    reach = number(finding.detectable, digits(finding))
    return (
        f"{finding.reason} A true gain of {reach} would have been found with 80 % power; "
        "a smaller one needs more examples."
    )


def tally(findings: Sequence[Finding]) -> str:
    """Return how many overall findings came out which way."""
    counts = Counter(finding.outcome for finding in findings if not finding.slice_field)
    words = [f"{counts[one]} {one.replace('_', ' ')}" for one in Outcome if counts[one]]
    return ", ".join(words)


def method_notes(findings: Sequence[Finding]) -> list[str]:
    """Return each method once, with the metrics it was used for."""
    metrics: dict[str, list[str]] = {}
    for finding in findings:
        if finding.method and not finding.slice_field:
            metrics.setdefault(finding.method, []).append(finding.metric)
    return [f"{', '.join(names)}: {method}" for method, names in metrics.items()]


def span_of(finding: Finding) -> float | None:
    measurement = finding.candidate_measurement
    if measurement.low_bound is None or measurement.high_bound is None:
        return None
    return measurement.high_bound - measurement.low_bound


def digits(finding: Finding) -> int:
    """Return how many decimals this metric's numbers are written with."""
    return digits_of_span(span_of(finding))


def _names(comparison: Comparison) -> dict[str, str]:
    candidate = str(comparison.candidate.system_version)
    baseline = str(comparison.baseline.system_version)
    if candidate == baseline:
        candidate, baseline = comparison.candidate.public_id, comparison.baseline.public_id
    return {"candidate": candidate, "baseline": baseline}


def names(comparison: Comparison) -> tuple[str, str]:
    """Return what to call baseline and candidate: their systems, or their runs if equal."""
    named = _names(comparison)
    return named["baseline"], named["candidate"]
