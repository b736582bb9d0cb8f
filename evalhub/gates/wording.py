"""What a gate says, in sentences that a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evalhub.reports.comparing import Found
from evalhub.reports.figures import away
from evalhub.runs.models import Measurement
from evalhub.web.formatting import (
    MAX_DIGITS,
    count,
    digits_of,
    earned_digits,
    number,
    plural,
)
from metrics.statistics.findings import MIN_PAIRS
from metrics.statistics.gating import (
    FILLED,
    OPEN,
    Answer,
    Bound,
    margin_in_reach,
    more_to_pass,
)

_HEAD = {
    Answer.PASS: "{candidate} passes the gate of {dataset}.",
    Answer.FAIL: "{candidate} fails the gate of {dataset}.",
    Answer.INCONCLUSIVE: "{candidate} does not pass the gate of {dataset} yet: it is not settled.",
}

AFTER_A_LOSS = (
    "Look in the comparison where it got worse, and ask again with the next run; or a lead waives "
    "the answer with a reason."
)

ABOVE_A_CEILING = (
    "Bring {metric} down and ask again; or a lead raises the ceiling, or waives the answer with a "
    "reason."
)

# In place of advice about a rule that is open, where another failed.
NOT_BY_THIS = "Another rule failed: settling this one would not let the run through."

# What became of a run that a lead let through.
NOT_PASSED = {"fail": "failed the gate", "inconclusive": "was left open by the gate"}
# Digits that count of what is held against a ceiling; more where it would read as the ceiling.
_DIGITS = range(3, 10)


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
    """Return what to do about an answer, each sentence once.

    Where a rule failed, only what is to do about that: settling others would not help this run.
    """
    has_failed = any(part["answer"] == Answer.FAIL for part in parts)
    counts = Answer.FAIL if has_failed else Answer.INCONCLUSIVE
    counted = [part for part in parts if part["answer"] == counts]
    each = dict.fromkeys(sentence for part in counted for sentence in part["advice"])
    return [*together(parts), *each]


def together(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say that all of several rules have to pass; each advice alone would read as if it did."""
    failed = [rule(part) for part in parts if part["answer"] == Answer.FAIL]
    named = failed or [rule(part) for part in parts if part["answer"] == Answer.INCONCLUSIVE]
    if len(named) < 2:
        return []
    which = f"{'Both' if len(named) == 2 else 'All of'} {', '.join(named[:-1])} and {named[-1]}"
    return [f"{which} have to be {'put right' if failed else 'settled'}: one alone is not enough."]


def advice_about(part: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to do about one rule of an answer."""
    if part["answer"] == Answer.INCONCLUSIVE and any(
        one["answer"] == Answer.FAIL for one in parts
    ):
        return [NOT_BY_THIS]
    return list(part["advice"])


def title(answer: str, *, candidate: str, dataset: str, is_waived: bool = False) -> str:
    """Return the answer as a title."""
    if is_waived:
        what = NOT_PASSED[answer]
        return f"{candidate} {what} of {dataset}; a waiver overrides that."
    return _HEAD[Answer(answer)].format(candidate=candidate, dataset=dataset)


def not_asked(dataset: str, *, has_gate: bool) -> str:
    """Say that a comparison was not put to a gate, and what to do."""
    if has_gate:
        return (
            f"Not put to the gate of {dataset}, so nothing here says whether it may be released: "
            "ask the gate."
        )
    return (
        f"The dataset {dataset} has no gate, so nothing here says whether it may be released: a "
        "lead writes the rules that decide."
    )


def changed(dataset: str, *, before: int | None, now: int | None) -> str:
    """Say that a comparison was made by another version of a gate, or before there was any."""
    if before is None:
        return (
            f"The gate of {dataset} is newer than this comparison, which has no margins: compare "
            "again to have them."
        )
    return (
        f"The gate of {dataset} has changed since: version {now} counts now, and this comparison "
        f"has the margins of version {before}. Compare again for its outcome by the new ones."
    )


def reason(part: Mapping[str, Any]) -> str:
    """Return why a rule answered as it did: by its numbers, where it has some."""
    if part["kind"] == "ceiling" and part["value"] is not None:
        return _against_ceiling(part)
    if part.get("low") is None or part.get("high") is None:
        return _without_numbers(part)
    return _against_margin(part)


def _without_numbers(part: Mapping[str, Any]) -> str:
    n = part.get("n")
    if n is None or n >= MIN_PAIRS or part["kind"] not in ("margin", "slice"):
        return str(part["reason"])
    return (
        f"Under {MIN_PAIRS} examples a gate gives no answer at all, and a useful one needs more; "
        f"there {'is' if n == 1 else 'are'} {count(n)}."
    )


def _against_margin(part: Mapping[str, Any]) -> str:
    """Hold the bounds of a gain, each one-sided at 95 %, against the loss that is allowed."""
    low, high, margin = part["low"], part["high"], part["margin"]
    digits = digits_of_bounds(part)
    worst, best = away(low, digits), away(high, digits)
    allowed = f"less than {margin:g} is allowed"
    filled = FILLED if part["reason"].endswith(FILLED) else ""
    if part["answer"] == Answer.PASS:
        if low >= 0.0:
            return f"No loss: by at least {worst} (95 %).{filled}"
        sure = "Likely worse," if high < 0.0 else "If worse, then"
        return f"{sure} by at most {number(-low, digits)} (95 %), and {allowed}.{filled}"
    if part["answer"] == Answer.FAIL:
        return f"Worse by at least {number(-high, digits)} (95 %); only {allowed}.{filled}"
    why = "" if part["reason"] == OPEN else f" {part['reason']}"
    if high < 0.0:
        ends = f"{number(-high, digits)} to {number(-low, digits)}"
        return (
            f"Likely worse, by {ends} (each end at 95 %). By more than the {margin:g} of the "
            f"rule: not settled.{why}"
        )
    return (
        f"Anything from {worst} to {best} is possible (each end at 95 %); only a loss of "
        f"{allowed}.{why}"
    )


def digits_of_bounds(part: Mapping[str, Any]) -> int:
    """Return decimals with which a bound does not read as the margin that it is held against."""
    low, high, margin = part["low"], part["high"], part["margin"]
    digits = earned_digits(low, high, 0)
    while digits < MAX_DIGITS and any(
        number(-bound, digits) == number(margin, digits) for bound in (low, high)
    ):
        digits += 1
    return digits


def _against_ceiling(part: Mapping[str, Any]) -> str:
    value, limit = part["value"], part["limit"]
    if part["answer"] == Answer.INCONCLUSIVE:
        return str(part["reason"])
    texts = (f"{value:.{digits}g}" for digits in _DIGITS)
    written = next((text for text in texts if float(text) != limit), f"{value:g}")
    held = "is within" if part["answer"] == Answer.PASS else "is above"
    over = ""
    if n_unscored := part.get("n_unscored", 0):
        n = part["n_scored"] + n_unscored
        over = f", over the {count(part['n_scored'])} of {count(n)} outputs that have a value"
    return f"{written} {held} the ceiling of {limit:g}{over}."


def rules(given: Mapping[str, Any]) -> list[str]:
    """Write the rules of a gate, as they are stored, in sentences."""
    return [
        *(
            f"Passes only if a loss of {one['margin']:g} or more on {one['metric']} is ruled out."
            for one in given["margins"]
        ),
        *(
            f"Passes only if a loss of {one['margin']:g} or more on {one['metric']} is ruled out "
            f"in {one['field']}: {one['level']}."
            for one in given["slices"]
        ),
        *_critical(given["critical"]),
        *_coverage(given["min_coverage"]),
        *(
            f"Passes only if {one['metric']} is {one['ceiling']:g} or less."
            for one in given["ceilings"]
        ),
    ]


def _critical(rule: Mapping[str, Any] | None) -> list[str]:
    return [f"Passes only if no critical example newly fails on {rule['metric']}."] if rule else []


def _coverage(least: float | None) -> list[str]:
    if not least:
        return []
    return [f"Passes only if {percent(least)} or more of the examples are received and compared."]


_WOULD = {
    Answer.PASS: "would pass",
    Answer.FAIL: "would fail",
    Answer.INCONCLUSIVE: "would not be settled",
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


def advice(found: Found, judged: Bound) -> list[str]:
    """Return what would settle an open bound: more examples or labels, attempts, the margin."""
    compared, pairing = found.compared, found.pairing
    more = more_to_pass(compared, margin=judged.margin)
    said = []
    if found.gaps.matter:
        gaps = max(found.gaps.baseline, found.gaps.candidate)
        said.append(f"Score the {plural(gaps, 'example')} of {pairing.name} that lack a score.")
    if more:
        said.append(_more(found, judged, more))
    elif more == 0 and not found.gaps.matter:
        said.append(
            f"There are examples enough to show that {pairing.name} has not changed; this run may "
            "have lost a little. Look at the examples that got worse."
        )
    if not more or compared.n < MIN_PAIRS:
        return said
    attempts = max(pairing.baseline.run.attempts, pairing.candidate.run.attempts)
    if attempts == 1 and pairing.candidate.kind == Measurement.Kind.AUTOMATIC:
        said.append(
            "Run a second attempt of each example: where answers vary from one attempt to the "
            "next, their average varies less."
        )
    if (reach := margin_in_reach(compared)) is not None and judged.low is not None:
        said.append(_wider(pairing.name, reach, judged.low))
    return said


def _more(found: Found, judged: Bound, more: int) -> str:
    """Say how many more examples would do for a run as good as the baseline, and not for this."""
    compared, pairing = found.compared, found.pairing
    is_human = pairing.candidate.kind == Measurement.Kind.HUMAN
    n = count(more)
    what = f"Label {n} more outputs of each of the two" if is_human else f"Add {n} examples"
    where = f" of {found.field}:{found.level}" if found.field else ""
    gain = compared.gain or 0.0
    looks = away(gain, _digits_beside(judged, gain)) if gain < 0.0 else ""
    return (
        f"{what}{where}. With {count(compared.n + more)}, a candidate truly equal to the baseline "
        f"would pass on {pairing.name} 4 times in 5."
        + (f" More examples show a run as it is, and this one looks {looks}." if looks else "")
    )


def _digits_beside(judged: Bound, gain: float) -> int:
    """Return the decimals with which a gain is written beside its bounds."""
    if judged.low is None or judged.high is None:
        return digits_of(gain, None)
    return earned_digits(judged.low, judged.high, 0)


def _wider(metric: str, reach: float, low: float) -> str:
    """Say which margin so many examples serve; it is chosen before a run, and not for one."""
    passes = "could pass with it" if low > -reach else "would still not pass"
    return (
        f"Or decide on a wider margin of {metric} before the next run: the smallest that works "
        f"with this many examples is {reach:.2g}. This run {passes}."
    )


def percent(share: float) -> str:
    """Write a share so that one just short of a limit does not read as the limit."""
    return f"{100 * share:.4g} %"
