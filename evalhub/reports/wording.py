"""A comparison in words: what it says, what it rests on, what would settle the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalhub.reports import falling_behind
from evalhub.reports.figures import (
    WAYS,
    deciding_p,
    kind_of_value,
    moved,
    sizes,
    spanned,
    unit_of,
    ways_of,
    written,
)
from evalhub.reports.gated import Said
from evalhub.reports.models import Comparison, Finding
from evalhub.runs.models import Measurement
from evalhub.web.formatting import count, of, p_value, percent, plural
from metrics.statistics.findings import LEVEL, MIN_PAIRS, UNSCORED, Outcome
from metrics.statistics.pairs import UNBOUNDED

_HEAD = {
    Outcome.IMPROVED: "{candidate} is better than {baseline} on {metric}.",
    Outcome.REGRESSED: "{candidate} is worse than {baseline} on {metric}.",
    Outcome.EQUIVALENT: "{candidate} is as good as {baseline} on {metric}.",
    Outcome.INSUFFICIENT_EVIDENCE: (
        "Not enough evidence to tell {candidate} from {baseline} on {metric}."
    ),
}
_AFTER_THE_GATE = {
    Outcome.IMPROVED: "It is better than {baseline} on {metric}.",
    Outcome.REGRESSED: "It is worse than {baseline} on {metric}.",
    Outcome.EQUIVALENT: "It is as good as {baseline} on {metric}.",
    Outcome.INSUFFICIENT_EVIDENCE: (
        "Neither a gain nor a loss against {baseline} on {metric} is shown."
    ),
}
_TALLIED = {
    Outcome.REGRESSED: "worse",
    Outcome.IMPROVED: "better",
    Outcome.EQUIVALENT: "as good",
    Outcome.INSUFFICIENT_EVIDENCE: "not settled",
}

WORSE_WITHIN = "worse, within the margin"
_IN_TALLY = ("worse", WORSE_WITHIN, "better", "as good", "not settled")

ABOUT_P = (
    "p is in what share of comparisons a difference this large or larger would come up if the two "
    "were equally good; it is not the chance that the result is wrong."
)
# What the method says of an interval across zero; the sentence with its ends says it better.
_ACROSS_ZERO = "The interval has room for a loss and for a gain."
MOST_NAMED = 4  # metrics of one outcome
TWICE = 1.995
NOTEWORTHY = 0.01  # this share of errors among a candidate's answers


def title(comparison: Comparison) -> str:
    """Return the finding as a title. It speaks of one metric, and says which."""
    return _whole(_HEAD[Outcome(comparison.outcome)], comparison)


def headline(comparison: Comparison, said: Said) -> str:
    """Return the title of a report: where a gate was asked, its answer first."""
    if said.newest is None:
        return title(comparison)
    head = _AFTER_THE_GATE[Outcome(comparison.outcome)]
    if any(rule.slice for rule in said.newest.open_rules):
        head = head.replace("It is", "Over all examples it is")
    return f"{said.newest.title} {_whole(head, comparison)}"


def _whole(head: str, comparison: Comparison) -> str:
    """Fill in the head of a title, and add all that it must not be read without."""
    baseline, candidate = names(comparison)
    metric = f"{comparison.primary_metric}{_over_a_part(comparison)}"
    said = head.format(baseline=baseline, candidate=candidate, metric=metric).removesuffix(".")
    also = [_critical(comparison), _slice(comparison, candidate if candidate in said else "it")]
    is_worse = comparison.outcome == Outcome.REGRESSED
    more = ", and ".join(filter(None, also))
    joined = f"{', and' if is_worse else ', but'} {more}" if more else ""
    return f"{said}{_with_margin(comparison)}{_with_errors(comparison)}{joined}."


def _over_a_part(comparison: Comparison) -> str:
    """Say of how many examples a title speaks where the versions share only some."""
    found = comparison.coverage
    unlike = found.get("changed", 0) + found.get("candidate_only", 0)
    if not unlike or comparison.baseline.version_id == comparison.candidate.version_id:
        return ""
    return f" (over the {of(found['shared'], found['shared'] + unlike)} examples that both have)"


def _with_margin(comparison: Comparison) -> str:
    """Name the margin where a title rests on it."""
    how = {Outcome.REGRESSED: "by less than", Outcome.EQUIVALENT: "within"}
    if not comparison.within or comparison.outcome not in how:
        return ""
    return f", {how[Outcome(comparison.outcome)]} the margin of {comparison.margin:g}"


def _with_errors(comparison: Comparison) -> str:
    """Say of a loss that it counts errors, where the candidate has more of them."""
    new, old = (comparison.coverage.get(side) or {} for side in ("candidate", "baseline"))
    n, before = (one.get("errors", 0) + one.get("missing", 0) for one in (new, old))
    if comparison.outcome != Outcome.REGRESSED or n <= before:
        return ""
    if n < NOTEWORTHY * new.get("expected", 0):
        return ""
    what = plural(n, "error or missing answer,errors or missing answers")
    if not new.get("missing"):
        what = plural(n, "error")
    elif not new.get("errors"):
        what = plural(n, "missing answer")
    return f", with {what} counted as wrong"


def _critical(comparison: Comparison) -> str:
    n = comparison.critical.get("n_failing", 0)
    return f"{plural(n, 'critical example')} newly {'fails' if n == 1 else 'fail'}" if n else ""


def _slice(comparison: Comparison, whose: str) -> str:
    words = falling_behind.in_title(comparison)
    return f"{whose} is worse in {words} than elsewhere" if words else ""


def sentence(finding: Finding) -> str:
    """Return what one finding says, with its interval, or what it lacks."""
    if finding.gain is None:
        return f"{finding.metric} has no gain: {finding.reason}"
    shown, on = written(finding), f"on {plural(finding.n, 'shared example')}"
    unit = f" {unit_of(finding)}" if unit_of(finding) else ""
    name = _named(finding)
    if finding.outcome not in (Outcome.IMPROVED, Outcome.REGRESSED):
        return (
            f"{name}: {shown.baseline}{unit} for the baseline, {shown.candidate}{unit} for the "
            f"candidate, {on}. {_true_change(finding)}"
        ).rstrip()
    rises = (finding.gain > 0) == finding.candidate_measurement.higher_is_better
    verb = "rose" if rises else "fell"
    path = f"from {shown.baseline} to {shown.candidate}{unit}"
    return f"{name} {verb} {path}: {_gained(finding)} (95 % interval {sizes(finding)}), {on}."


def _named(finding: Finding) -> str:
    """Name a metric, and what helps to read its value: which one it is, which way is better."""
    if ways_of(finding) != WAYS:
        return f"{finding.metric} ({kind_of_value(finding)})"
    is_less_better = finding.candidate_measurement.higher_is_better is False
    return f"{finding.metric} (less is better)" if is_less_better else finding.metric


def _gained(finding: Finding) -> str:
    """Return a gain or a loss as a size without a sign."""
    if ways_of(finding) != WAYS:
        return f"{moved(finding)}{_times(finding)}"
    size, _, way = moved(finding).partition(" ")
    return f"a {'loss' if way == WAYS[0] else 'gain'} of {size}"


def _times(finding: Finding) -> str:
    """Say how many times the baseline's a cost or a duration is, where that is two or more."""
    before, after = finding.baseline or 0.0, finding.candidate or 0.0
    ratio = after / before if before > 0.0 else 0.0
    return f", {ratio:.2g} times the baseline" if ratio >= TWICE else ""


def _true_change(finding: Finding) -> str:
    """Say how far the true change may lie from what was measured; by a margin that is said."""
    if finding.outcome == Outcome.EQUIVALENT and finding.margin is not None:
        return ""
    if finding.low is None:
        return "How far the true change may lie from that is not known."
    sure = (
        "is likely between" if finding.outcome == Outcome.EQUIVALENT else "could be anything from"
    )
    joined = spanned(finding)
    if finding.outcome == Outcome.EQUIVALENT:
        joined = joined.replace(" to ", " and ")
    return f"The true change {sure} {joined} (95 % interval)."


def lean(finding: Finding) -> str:
    """Say of what is not settled that it is not, and which way what was measured leans."""
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE or finding.gain is None:
        return ""
    change = moved(finding)
    if change == "no change":
        return "Not settled: what was measured leans neither way."
    return f"Not settled: what was measured leans {change.rpartition(' ')[2]}."


def about_intervals(finding: Finding) -> str:
    """Say what an interval speaks of, once for a report; nothing where there is none."""
    if finding.low is None:
        return ""
    of = kind_of_value(finding)
    of = "score of the whole set" if of == "of the whole set" else of
    return f"The interval is about the {of}, not about single answers."


def about_p(finding: Finding) -> str:
    """Say what the p of the primary finding means; nothing where it was not tested."""
    p = deciding_p(finding)
    if p is None:
        return ""
    share = "less than 0.1 %" if p < 0.001 else percent(p, 1 if p < 0.1 else 0)
    return (
        f"p = {p_value(p)} on {finding.metric}: if the two were equally good, a difference this "
        f"large or larger would come up in {share} of such comparisons; it is not the chance that "
        "this result is wrong."
    ).replace("p = <", "p < ")


def limits(finding: Finding) -> str:
    """Return what this many examples could have shown, where a null result needs it."""
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE:
        return ""
    if finding.n < MIN_PAIRS:
        return (
            f"Under {MIN_PAIRS} examples no outcome is given at all, and a useful one needs more; "
            f"there {'is' if finding.n == 1 else 'are'} {count(finding.n)}."
        )
    if is_left_open_by_gaps(finding):
        return (
            f"{finding.reason} A score for each of them would settle it; "
            "more examples alone would not."
        )
    if finding.detectable is None:
        return finding.reason
    why = "" if finding.reason == _ACROSS_ZERO else f"{finding.reason} "
    least = written(finding).detectable
    return (
        f"{why}With {plural(finding.n, 'example')}, a true difference below {least} is easily "
        "missed."
    )


def is_left_open_by_gaps(finding: Finding) -> bool:
    """Say whether what is unscored kept an outcome back that the scored pairs would have had."""
    p = deciding_p(finding)
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE:
        return False
    if UNSCORED in finding.reason:  # also of what would be equivalent
        return True
    if finding.low is None or finding.high is None or p is None:
        return False
    leaves_zero_out = finding.low > 0.0 or finding.high < 0.0
    return finding.n >= MIN_PAIRS and leaves_zero_out and p <= LEVEL


def why_open(finding: Finding) -> str:
    """Say in a few words why an outcome is open although its interval leaves zero out."""
    if finding.outcome != Outcome.INSUFFICIENT_EVIDENCE or finding.n < MIN_PAIRS:
        return ""
    if is_left_open_by_gaps(finding):
        return "what is unscored could turn it"
    p = deciding_p(finding)
    if finding.low is None or finding.high is None or p is None or p <= LEVEL:
        return ""
    if finding.is_primary or (finding.p_value or 0.0) > LEVEL:  # then it is not for the others
        return ""
    leaves_zero_out = finding.low > 0.0 or finding.high < 0.0
    way = ways_of(finding)[finding.low > 0.0]
    more = "we ask for more among so many metrics and slices"
    return f"likely {way}, but {more}" if leaves_zero_out else ""


def tally(findings: Sequence[Finding]) -> str:
    """Return which of several metrics came out which way; of one its badge says it."""
    overall = [finding for finding in findings if not finding.slice_field]
    if len(overall) < 2:
        return ""
    parts = []
    words = [_tallied(one) for one in overall]
    for word in _IN_TALLY:
        found = [one.metric for one, its in zip(overall, words, strict=True) if its == word]
        more = ["…"] if len(found) > MOST_NAMED else []
        if found:
            parts.append(f"{count(len(found))} {word} ({', '.join([*found[:MOST_NAMED], *more])})")
    return f"Of {plural(len(overall), 'metric')}: {', '.join(parts)}"


def _tallied(finding: Finding) -> str:
    word = _TALLIED[Outcome(finding.outcome)]
    return WORSE_WITHIN if finding.within and word == "worse" else word


def verdict(comparison: Comparison) -> str:
    """Return the outcome in a word where it says more than the outcome's own; else nothing."""
    is_within = comparison.within and comparison.outcome == Outcome.REGRESSED
    return WORSE_WITHIN if is_within else ""


def no_interval_notes(findings: Sequence[Finding]) -> list[str]:
    """Return each reason for a missing interval once, with the metrics it holds for."""
    metrics: dict[str, list[str]] = {}
    for finding in findings:
        if not finding.slice_field and finding.low is None:
            reason = _ALL_ALIKE if finding.reason == UNBOUNDED else finding.reason
            metrics.setdefault(reason, []).append(finding.metric)
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
_ALL_ALIKE = "All examples differ by the same amount, so nothing shows how far that may vary."
_PANEL = "{metrics}: rated by people; the interval speaks for these raters, not for others."
_JUDGE = "{metrics}: a language model's verdicts, not corrected by people's labels."


def names(comparison: Comparison) -> tuple[str, str]:
    """Return what to call baseline and candidate: their systems, or their runs if equal."""
    baseline = str(comparison.baseline.system_version)
    candidate = str(comparison.candidate.system_version)
    if candidate == baseline:
        return comparison.baseline.public_id, comparison.candidate.public_id
    return baseline, candidate
