"""A comparison in words: what it says, what it rests on, what would settle the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evalhub.reports import as_compared
from evalhub.reports.models import Comparison, Finding
from evalhub.runs.models import Measurement
from evalhub.runs.traits import metric_of
from evalhub.web.formatting import (
    MAX_DIGITS,
    MINUS,
    count,
    digits_of,
    digits_of_span,
    earned_digits,
    interval,
    moment,
    number,
    p_value,
    plural,
)
from metrics.statistics.findings import LEVEL, MIN_PAIRS, Outcome
from metrics.statistics.searching import LEVEL as SEARCH_LEVEL

_HEAD = {
    Outcome.IMPROVED: "{candidate} is better than {baseline} on {metric}.",
    Outcome.REGRESSED: "{candidate} is worse than {baseline} on {metric}.",
    Outcome.EQUIVALENT: "{candidate} is as good as {baseline} on {metric}.",
    Outcome.INSUFFICIENT_EVIDENCE: (
        "Not enough evidence to tell {candidate} from {baseline} on {metric}."
    ),
}

# Before this version of the method, examples of equal key were paired whatever they said.
PAIRS_UNCHANGED_SINCE = 4
MOST_SLICES = 3  # that a sentence names
# Below this a gain is the rounding of sums, and 0 is what to write.
_ROUNDING = 1e-9


def title(comparison: Comparison) -> str:
    """Return the finding as a title. It speaks of one metric, and says which."""
    baseline, candidate = names(comparison)
    return _HEAD[Outcome(comparison.outcome)].format(
        baseline=baseline, candidate=candidate, metric=comparison.primary_metric
    )


@dataclass(frozen=True)
class Written:
    """The numbers of a finding as texts, all with the decimals that its interval earns."""

    baseline: str
    candidate: str
    gain: str
    interval: str
    detectable: str
    p: str
    p_exact: str
    p_adjusted: str


def written(finding: Finding) -> Written:
    """Write a finding's numbers; what was not tested says so."""
    n = digits(finding)
    untested = "not tested" if finding.p_value is None else ""
    return Written(
        baseline=number(finding.baseline, n),
        candidate=number(finding.candidate, n),
        gain=number(finding.gain, n, signed=True),
        interval=interval(finding.low, finding.high, n, signed=True),
        detectable="not known" if finding.detectable is None else number(finding.detectable, n),
        p=untested or p_value(finding.p_value),
        p_exact="" if finding.p_exact is None else p_value(finding.p_exact),
        p_adjusted="not tested" if _adjusted(finding) is None else p_value(_adjusted(finding)),
    )


def rows(findings: Sequence[Finding]) -> list[tuple[Finding, Written]]:
    """Return findings with their numbers as texts, for a table."""
    return [(finding, written(finding)) for finding in findings]


def sentence(finding: Finding) -> str:
    """Return what one finding says, with its interval, or what it lacks."""
    if finding.gain is None:
        return f"{finding.metric} has no gain: {finding.reason}"
    shown, on = written(finding), f"on {plural(finding.n, 'shared example')}"
    measured = finding.candidate_measurement
    beside = [
        f"in {unit(measured)}" if unit(measured) else "",
        "" if measured.higher_is_better else "less is better",
    ]
    said = ", ".join(filter(None, beside))
    name = f"{finding.metric}, {said}," if said else finding.metric
    verb = "went"
    if finding.outcome in (Outcome.IMPROVED, Outcome.REGRESSED):
        verb = "rose" if (finding.gain > 0) == measured.higher_is_better else "fell"
    path = f"from {shown.baseline} to {shown.candidate}"
    return f"{name} {verb} {path}: {_gained(finding, shown)}, {on}."


def unit(measurement: Measurement) -> str:
    """Return what a metric's values are measured in; nothing where they have no unit."""
    metric = metric_of(measurement)
    return "" if metric is None else metric.measured_in


def with_unit(finding: Finding) -> str:
    """Return a metric's name, with its unit where it has one: ``latency (ms)``."""
    measured_in = unit(finding.candidate_measurement)
    return f"{finding.metric} ({measured_in})" if measured_in else finding.metric


def _gained(finding: Finding, shown: Written) -> str:
    """Return the gain with its interval; one below zero is called a loss, and has no sign."""
    is_loss = shown.gain.startswith(MINUS)
    what = f"a loss of {shown.gain.removeprefix(MINUS)}" if is_loss else f"a gain of {shown.gain}"
    if finding.low is None:
        return f"{what} (no interval)"
    # The ends keep their signs: an interval may hold a loss and a gain.
    return f"{what} (95 % interval{' of the gain' if is_loss else ''} {shown.interval})"


def limits(finding: Finding) -> str:
    """Return what this many examples could have shown, where a null result needs it."""
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE:
        return ""
    if _is_left_open_by_gaps(finding):
        return (
            f"{finding.reason} A score for each of them would settle it; "
            "more examples alone would not."
        )
    if finding.detectable is None:
        return finding.reason
    return (
        f"{finding.reason} This many examples find a true gain or loss of "
        f"{written(finding).detectable} with 80 % power; a smaller one needs more."
    )


def _is_left_open_by_gaps(finding: Finding) -> bool:
    """Say whether what is unscored kept an outcome back that the scored pairs would have had."""
    p = _adjusted(finding)
    if finding.low is None or finding.high is None or p is None:
        return False
    leaves_zero_out = finding.low > 0.0 or finding.high < 0.0
    return finding.n >= MIN_PAIRS and leaves_zero_out and p <= LEVEL


def stand_in(comparison: Comparison) -> str:
    """Say so where another metric than the candidate's first one decides."""
    first = [one["metric"] for one in comparison.skipped if one.get("is_first")]
    if not first:
        return ""
    return (
        f"{first[0]}, the candidate's first metric, is not compared; "
        f"{comparison.primary_metric} decides in its place."
    )


def notes(comparison: Comparison) -> list[str]:
    """Return what every form of a report says beside its findings, in words."""
    said = (
        *as_compared.replaced(comparison),
        scored_again(comparison),
        critical(comparison),
        where_worse(comparison),
        stand_in(comparison),
        changed(comparison),
        cluster_fields(comparison),
    )
    return [sentence for sentence in said if sentence]


def scored_again(comparison: Comparison) -> str:
    """Say for what the baseline was scored again before, when, and under which signature."""
    if not comparison.rescored:
        return ""
    metrics: dict[str, dict[str, list[str]]] = {}
    for one in comparison.rescored:
        of_moment = metrics.setdefault(moment(datetime.fromisoformat(one["at"])), {})
        of_moment.setdefault(_differing(one["signature"], one["before"]), []).append(one["metric"])
    sentences = [
        f"The baseline was scored again on {at}, under the candidate's signature: "
        + "; ".join(f"{', '.join(names)} {with_what}" for with_what, names in of_moment.items())
        for at, of_moment in metrics.items()
    ]
    return " ".join(f"{one}." for one in sentences)


def _differing(signature: str, before: str) -> str:
    """Write what tells two signatures of a metric apart: of most of their parts that is one."""
    now, then = signature.split("|"), before.split("|")
    added = ", ".join(part for part in now if part not in then) or "less"
    gone = ", ".join(part for part in then if part not in now) or "less"
    return f"with {added} (before: {gone})"


def critical(comparison: Comparison) -> str:
    """Say how many critical examples newly fail, and of how many that is not known."""
    found = comparison.critical
    if not found.get("n"):
        return ""
    n, n_failing = found["n"], found["n_failing"]
    if n == 1:
        does = "newly fails" if n_failing else "does not newly fail"
        said = [f"The one critical example {does}."]
    else:
        fail = "fails" if n_failing == 1 else "fail"
        said = [
            f"{count(n_failing) if n_failing else 'None'} of {plural(n, 'critical example')} "
            f"newly {fail}."
        ]
    if found["n_unscored"]:
        have = "has" if found["n_unscored"] == 1 else "have"
        said.append(f"{count(found['n_unscored'])} that passed before {have} no score now.")
    if found["n_unpaired"]:
        are, them = ("is", "it") if found["n_unpaired"] == 1 else ("are", "them")
        said.append(
            f"{count(found['n_unpaired'])} {are} new or changed, so nothing is known of {them}."
        )
    return " ".join(said)


def where_worse(comparison: Comparison) -> str:
    """Name the slices that the search found."""
    found = [_worse(one) for one in found_slices(comparison)]
    if not found:
        return ""
    more = f" and {count(len(found) - MOST_SLICES)} more" if len(found) > MOST_SLICES else ""
    named = "; ".join(found[:MOST_SLICES])
    return f"Worse than elsewhere on {comparison.searched['metric']}: {named}{more}."


def _worse(searched: Mapping[str, Any]) -> str:
    gains = searched["inside"], searched["rest"]
    digits = digits_of(max(map(abs, gains)), None)
    inside, rest = (number(gain, digits, signed=True) for gain in gains)
    n = plural(searched["n"], "example")
    return f"{slice_words(searched)} ({n}, gain {inside} against {rest} in the rest)"


def found_slices(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the searched slices that stand out in spite of how many were searched."""
    slices: list[dict[str, Any]] = comparison.searched.get("slices", [])
    return [one for one in slices if one["p_adjusted"] <= SEARCH_LEVEL]


def slice_words(searched: Mapping[str, Any]) -> str:
    """Return a searched slice in words: ``topic: tax and language: German``."""
    pairs = zip(searched["fields"], searched["levels"], strict=True)
    return " and ".join(f"{field}: {level}" for field, level in pairs)


def changed(comparison: Comparison) -> str:
    """Say how many examples are not paired because their content is not the same any more."""
    n = comparison.coverage.get("changed", 0)
    if not n or comparison.method < PAIRS_UNCHANGED_SINCE:
        return ""
    verb = "has" if n == 1 else "have"
    return (
        f"{plural(n, 'example')} with an equal key {verb} another content in the two versions and "
        f"{'is' if n == 1 else 'are'} not paired; the numbers rest on the "
        f"{count(comparison.coverage['shared'])} unchanged."
    )


def cluster_fields(comparison: Comparison) -> str:
    """Say which cluster field counts where the two versions do not name the same one."""
    fields = comparison.coverage.get("clusters") or {}
    old, new = fields.get("baseline"), fields.get("candidate")
    if old == new:
        return ""
    if old and new:
        return (
            f"The baseline's version has the cluster field {old}, the candidate's {new}; "
            f"examples are grouped by {new} on both sides."
        )
    side = "candidate's" if new else "baseline's"
    return (
        f"Only the {side} version has a cluster field; examples are grouped by "
        f"{fields['used']} on both sides."
    )


def tally(findings: Sequence[Finding]) -> str:
    """Return how many overall findings came out which way."""
    counts = Counter(finding.outcome for finding in findings if not finding.slice_field)
    words = [f"{counts[one]} {one.replace('_', ' ')}" for one in Outcome if counts[one]]
    return ", ".join(words)


def no_interval_notes(findings: Sequence[Finding]) -> list[str]:
    """Return each reason for a missing interval once, with the metrics it holds for."""
    metrics: dict[str, list[str]] = {}
    for finding in findings:
        if not finding.slice_field and finding.low is None:
            metrics.setdefault(finding.reason, []).append(finding.metric)
    return [f"No interval for {', '.join(names)}: {reason}" for reason, names in metrics.items()]


def method_notes(findings: Sequence[Finding]) -> list[str]:
    """Return each method once with the metrics it was used for, and whom people speak for."""
    overall = [finding for finding in findings if not finding.slice_field]
    metrics: dict[str, list[str]] = {}
    for finding in overall:
        if finding.method:
            metrics.setdefault(finding.method, []).append(finding.metric)
    notes = [f"{', '.join(names)}: {_counted(method)}." for method, names in metrics.items()]
    kinds = {Measurement.Kind.HUMAN: _PANEL, Measurement.Kind.JUDGE: _JUDGE}
    for kind, note in kinds.items():
        rated = [one.metric for one in overall if one.candidate_measurement.kind == kind]
        if rated:
            notes.append(note.format(metrics=", ".join(rated)))
    return notes


def _counted(method: str) -> str:
    """Write the counts in a method's name as counts are written everywhere."""
    return _COUNT.sub(lambda found: count(int(found[0].replace(",", ""))), method)


_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d{4,}")
_PANEL = "{metrics}: rated by people; the interval speaks for these raters, not for others."
_JUDGE = "{metrics}: a language model's verdicts, not corrected by people's labels."


def span_of(finding: Finding) -> float | None:
    """Return the length of the metric's range, None where it has no end."""
    measurement = finding.candidate_measurement
    if measurement.low_bound is None or measurement.high_bound is None:
        return None
    return measurement.high_bound - measurement.low_bound


def digits(finding: Finding) -> int:
    """Return how many decimals this finding's numbers are written with.

    More than usual where a gain, or an end of its interval, would read as 0 and is not.
    """
    span = span_of(finding)
    largest = max(abs(finding.baseline or 0.0), abs(finding.candidate or 0.0))
    usual = digits_of(largest, None) if span is None else digits_of_span(span)
    n = earned_digits(finding.low, finding.high, usual)
    for value in (finding.gain, finding.low, finding.high):
        while n < MAX_DIGITS and abs(value or 0.0) > _ROUNDING and not round(value or 0.0, n):
            n += 1
    return n


def _adjusted(finding: Finding) -> float | None:
    """The primary finding keeps its own p."""
    return finding.p_value if finding.is_primary else finding.p_adjusted


def names(comparison: Comparison) -> tuple[str, str]:
    """Return what to call baseline and candidate: their systems, or their runs if equal."""
    baseline = str(comparison.baseline.system_version)
    candidate = str(comparison.candidate.system_version)
    if candidate == baseline:
        return comparison.baseline.public_id, comparison.candidate.public_id
    return baseline, candidate
