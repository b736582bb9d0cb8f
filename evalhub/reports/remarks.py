"""What is said of a comparison beside its findings: what it rests on, and what stands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evalhub.reports import as_compared, falling_behind, margins, selectors
from evalhub.reports.figures import away, digits, unit_of, ways_of
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.wording import names
from evalhub.web.formatting import count, moment, plural

# Before this version of the method, examples of equal key were paired whatever they said.
PAIRS_UNCHANGED_SINCE = 4


def stand_in(comparison: Comparison) -> str:
    """Say so where another metric than the candidate's first one decides, and why."""
    if said := margins.decides(comparison):
        return said
    if comparison.primary_metric in comparison.terms.get("deciding", ()):
        return ""
    first = [one["metric"] for one in comparison.skipped if one.get("is_first")]
    if not first:
        return ""
    return (
        f"{first[0]}, the candidate's first metric, is not compared; "
        f"{comparison.primary_metric} decides in its place."
    )


def every(comparison: Comparison) -> list[str]:
    """Return what every form of a report says beside its findings, in words."""
    alarming = [one.sentence for one in alarms(comparison)]
    return [*alarming, *first(comparison), *further(comparison)]


@dataclass(frozen=True)
class Alarm:
    """What stands above the verdict, which says nothing of it; `place` has more of it."""

    sentence: str
    kind: Literal["down", "warn"]
    place: str
    link: str


def alarms(comparison: Comparison) -> list[Alarm]:
    """Return what a reader of the verdict alone would miss: critical examples, a slice."""
    found = []
    if comparison.critical.get("n_failing"):
        found.append(Alarm(critical(comparison), "down", "critical", "See them"))
    if falling_behind.is_alarming(comparison):
        said = falling_behind.where_worse(comparison)
        found.append(Alarm(said, "warn", "where-worse", "Where it got worse"))
    return found


def first(comparison: Comparison) -> list[str]:
    """Return what is to be known before any number is read: errors, and what was not compared."""
    candidate, baseline = (errors(comparison, side) for side in ("candidate", "baseline"))
    return [said for said in (candidate, baseline, only_a_part(comparison)) if said]


def further(comparison: Comparison) -> list[str]:
    """Return what helps to judge the numbers, once they are read; alarms stand above."""
    above = [one.sentence for one in alarms(comparison)]
    said = (
        *as_compared.replaced(comparison),
        scored_again(comparison),
        critical(comparison),
        falling_behind.where_worse(comparison),
        stand_in(comparison),
        changed(comparison),
        cluster_fields(comparison),
    )
    return [sentence for sentence in said if sentence and sentence not in above]


def answered_only(finding: Finding) -> str:
    """Say what is gained without errors and missing outputs, where these count as worst values."""
    if finding.n_answered is None:
        return ""
    if finding.answered_gain is None:
        return (
            "No example has an output on both sides that is no error, so all that "
            f"{finding.metric} says rests on errors and missing outputs."
        )
    gain = away(finding.answered_gain, digits(finding), ways_of(finding), unit=unit_of(finding))
    verb = "shows" if gain == "no change" else "looks"
    return (
        f"Where both answered ({plural(finding.n_answered, 'example')}), {finding.metric} {verb} "
        f"{gain}; that was not tested."
    )


def errors(comparison: Comparison, side: str) -> str:
    """Say how many outputs of a side are errors or missing; nothing where there are none."""
    received = comparison.coverage.get(side) or {}
    n_errors, n_missing = received.get("errors", 0), received.get("missing", 0)
    if not n_errors and not n_missing:
        return ""
    whose = names(comparison)[side == "candidate"]
    parts = [
        f"{count(n)} {one if n == 1 else many}"
        for n, one, many in (
            (n_errors, "is an error", "are errors"),
            (n_missing, "is missing", "are missing"),
        )
        if n
    ]
    one = n_errors + n_missing == 1
    return (
        f"Of {plural(received['expected'], 'answer')} of {whose}, "
        f"{' and '.join(parts)}; {'it counts' if one else 'they count'} as wrong. "
        f"Run {'it' if one else 'them'} again before you judge the model."
    )


def only_a_part(comparison: Comparison) -> str:
    """Say how much of the candidate's examples was compared where the versions differ."""
    found = comparison.coverage
    unlike = found.get("changed", 0) + found.get("candidate_only", 0)
    if not unlike or comparison.baseline.version_id == comparison.candidate.version_id:
        return ""
    baseline, _ = names(comparison)
    return (
        f"Only {count(found['shared'])} of the candidate's "
        f"{plural(found['shared'] + unlike, 'example')} could be compared. For an answer about "
        f"all of them, run {baseline} on version {comparison.candidate.version.number}, and "
        "compare again."
    )


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
    n, n_failing, n_new = found["n"], found["n_failing"], found["n_unpaired"]
    fails = f"newly {'fails' if n_failing < 2 else 'fail'}"
    which = count(n_failing) if n_failing else "none"
    if n_new:
        left = "the other is" if n_new == 1 else "the others are"
        found_there = f"{which} of them {fails}"
        if n - n_new == 1:
            found_there = f"it {fails if n_failing else 'does not newly fail'}"
        said = [
            f"{count(n - n_new)} of {plural(n, 'critical example')} could be compared, and "
            f"{found_there}; {left} new or changed."
        ]
    elif n == 1:
        said = [f"The one critical example {fails if n_failing else 'does not newly fail'}."]
    else:
        said = [f"{which.capitalize()} of {plural(n, 'critical example')} {fails}."]
    said += [by_errors] if n_failing and (by_errors := _by_errors(comparison)) else []
    if found["n_unscored"]:
        have = "has" if found["n_unscored"] == 1 else "have"
        said.append(f"{count(found['n_unscored'])} that passed before {have} no score now.")
    return " ".join(said)


def _by_errors(comparison: Comparison) -> str:
    """Say how many of the newly failing critical examples gave no answer that could be right."""
    n, n_failing = selectors.n_critical_unanswered(comparison), comparison.critical["n_failing"]
    if not n:
        return ""
    if n == 1:
        which = "It" if n_failing == 1 else "One of them"
        return f"{which} is an error or a missing answer."
    which = f"{count(n)} of them"
    if n == n_failing:
        which = {2: "Both"}.get(n, "All")
    return f"{which} are errors or missing answers."


def changed(comparison: Comparison) -> str:
    """Say how many examples are not paired because their content is not the same any more."""
    n = comparison.coverage.get("changed", 0)
    if not n or comparison.method < PAIRS_UNCHANGED_SINCE:
        return ""
    verb = "has" if n == 1 else "have"
    return (
        f"{plural(n, 'example')} with the same key {verb} another content in the two versions and "
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


def nothing_stands_out(comparison: Comparison, primary: Finding) -> str:
    """Say that the search for slices that fall behind found none, and what that leaves open."""
    lost = primary.n_lost
    single = (
        f"{plural(lost, 'single example')} did get worse."
        if lost
        else "No single example got worse on it."
    )
    if comparison.searched["reason"]:
        said = comparison.searched["reason"]
        if not lost and not primary.n_won:
            return f"Not searched: no example changed on {primary.metric}."
        return f"Not searched. {said} {single}"
    n = plural(comparison.searched["n_searched"], "slice")
    return (
        f"No group stands out on {primary.metric}: none of {n} falls behind the rest by more than "
        f"a search finds by chance. {single}"
    )
