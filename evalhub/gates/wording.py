"""What a gate says, in sentences that a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evalhub.reports.comparing import Found
from evalhub.runs.models import Measurement
from evalhub.web.formatting import count, plural
from metrics.statistics.gating import Answer, margin_in_reach, more_to_pass

_HEAD = {
    Answer.PASS: "{candidate} passes the gate of {dataset}.",
    Answer.FAIL: "{candidate} fails the gate of {dataset}.",
    Answer.INCONCLUSIVE: "The gate of {dataset} cannot tell whether {candidate} may pass.",
}

AFTER_A_LOSS = (
    "Look in the comparison where it got worse, and ask again with the next run; or a lead waives "
    "the answer with a reason."
)

ABOVE_A_CEILING = (
    "Bring it down and ask again; or a lead raises the ceiling, or waives the answer with a "
    "reason."
)


# What became of a run that a lead let through.
NOT_PASSED = {"fail": "failed the gate", "inconclusive": "was left open by the gate"}


def rule(part: Mapping[str, Any]) -> str:
    """Name the rule that a part of an answer speaks of."""
    metric, kind = str(part.get("metric", "")), part["kind"]
    named = {
        "slice": f"{metric} in {part.get('slice')}",
        "critical": f"critical examples by {metric}",
        "coverage": "coverage",
        "ceiling": f"ceiling of {metric}",
    }
    return named.get(kind, metric)


def advice_of(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to do about an answer: each sentence once, of the rules that failed first."""
    failed_first = sorted(parts, key=lambda part: part["answer"] != Answer.FAIL.value)
    return list(dict.fromkeys(sentence for part in failed_first for sentence in part["advice"]))


def title(answer: str, *, candidate: str, dataset: str) -> str:
    """Return the answer as a title."""
    return _HEAD[Answer(answer)].format(candidate=candidate, dataset=dataset)


def rules(given: Mapping[str, Any]) -> list[str]:
    """Write the rules of a gate, as they are stored, in sentences."""
    return [
        *(f"{one['metric']} may lose less than {one['margin']:g}." for one in given["margins"]),
        *(
            f"{one['metric']} may lose less than {one['margin']:g} in {one['field']}: "
            f"{one['level']}."
            for one in given["slices"]
        ),
        *_critical(given["critical"]),
        *_coverage(given["min_coverage"]),
        *(f"{one['metric']} may come to {one['ceiling']:g} at most." for one in given["ceilings"]),
    ]


def _critical(rule: Mapping[str, Any] | None) -> list[str]:
    return [f"No critical example may newly fail on {rule['metric']}."] if rule else []


def _coverage(least: float | None) -> list[str]:
    if not least:
        return []
    return [f"At least {percent(least)} of the examples are received and paired."]


_WOULD = {
    Answer.PASS: "would pass",
    Answer.FAIL: "would fail",
    Answer.INCONCLUSIVE: "would stay inconclusive",
}


def previewed(answers: Sequence[str]) -> str:
    """Say how many past runs come out which way; nothing where there is none."""
    if not answers:
        return ""
    counts = Counter(answers)
    parts = [f"{count(counts[one])} {word}" for one, word in _WOULD.items() if counts[one]]
    if counts[""]:
        parts.append(f"{count(counts[''])} could not be asked")
    return f"Of the newest {plural(len(answers), 'scored run')}, {', '.join(parts)}."


def advice(found: Found, *, margin: float) -> list[str]:
    """Return what would settle an open bound: more examples or labels, attempts, the margin."""
    compared, pairing = found.compared, found.pairing
    more, reach = more_to_pass(compared, margin=margin), margin_in_reach(compared)
    said = []
    if found.gaps.matter:
        gaps = max(found.gaps.baseline, found.gaps.candidate)
        said.append(f"Score the {plural(gaps, 'example')} of {pairing.name} that lack a score.")
    if more:
        where = f" of {found.field}:{found.level}" if found.field else ""
        is_human = pairing.candidate.kind == Measurement.Kind.HUMAN
        what = f"Label {count(more)} more outputs" if is_human else f"Add {count(more)} examples"
        said.append(
            f"{what}{where}: with {count(compared.n + more)} pairs, a run as good as the baseline "
            f"passes on {pairing.name} in 80 % of cases."
        )
    elif more == 0 and not found.gaps.matter:
        said.append(
            f"There are pairs enough to show that {pairing.name} has not changed; this run may "
            "have lost a little. Look at the examples that got worse."
        )
    attempts = max(pairing.baseline.run.attempts, pairing.candidate.run.attempts)
    if more and attempts == 1 and pairing.candidate.kind == Measurement.Kind.AUTOMATIC:
        said.append(
            "Run a second attempt of each example: where answers vary from one attempt to the "
            "next, their average varies less."
        )
    if more and reach is not None:
        said.append(
            f"Widen the margin of {pairing.name} to {reach:.2g}, if a loss of that size is one "
            "that you would ship."
        )
    return said


def percent(share: float) -> str:
    """Write a share so that one just short of a limit does not read as the limit."""
    return f"{100 * share:.4g} %"
