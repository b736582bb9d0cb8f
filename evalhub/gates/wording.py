"""What a gate says, in sentences that a person can act on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

_NOW = {Answer.PASS: "passes", Answer.FAIL: "fails", Answer.INCONCLUSIVE: "is held by"}
_THEN = {Answer.PASS: "passed", Answer.FAIL: "failed", Answer.INCONCLUSIVE: "was held by"}

AFTER_A_LOSS = "Look in the comparison where it got worse, and ask again with the next run."

ABOVE_A_CEILING = "Bring {metric} down, and ask again with the next run."

# Where more examples are advised: the candidate alone on them would not be covered.
ADD_EXAMPLES = (
    "Add examples as a new version, run both systems on it and bless the new baseline run."
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
        "ceiling": f"{metric} ceiling",
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
    failed = [_the(part) for part in parts if part["answer"] == Answer.FAIL]
    named = failed or [_the(part) for part in parts if part["answer"] == Answer.INCONCLUSIVE]
    if len(named) < 2:
        return []
    which = f"{'Both' if len(named) == 2 else 'All of'} {', '.join(named[:-1])} and {named[-1]}"
    return [f"{which} have to be {'put right' if failed else 'settled'}: one alone is not enough."]


def _the(part: Mapping[str, Any]) -> str:
    return f"the {rule(part)}" if part["kind"] == "ceiling" else rule(part)


def advice_about(part: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to do about one rule of an answer."""
    if part["answer"] == Answer.INCONCLUSIVE and any(
        one["answer"] == Answer.FAIL for one in parts
    ):
        return [NOT_BY_THIS]
    return list(part["advice"])


@dataclass(frozen=True, kw_only=True)
class Since:
    """That another version of a gate counts by now, and whether it was asked the same."""

    asked: int  # the version that answered
    now: int
    is_asked: bool = False

    @property
    def words(self) -> str:
        said = "has answered since" if self.is_asked else "has not been asked"
        return f"version {self.now} {said}"


def title(
    answer: str,
    *,
    candidate: str,
    dataset: str,
    parts: Sequence[Mapping[str, Any]] = (),
    is_waived: bool = False,
    since: Since | None = None,
) -> str:
    """Return the answer as a title: of a version that counts no more in the past tense."""
    of = f"the gate of {dataset}"
    if since is not None:
        of = f"version {since.asked} of {of}"
        waiver = "its waiver was of that version, and " if is_waived else ""
        return f"{candidate} {_THEN[Answer(answer)]} {of}; {waiver}{since.words}."
    if is_waived:
        what = NOT_PASSED[answer]
        return f"{candidate} {what} of {dataset}; a waiver overrides that."
    why = _why_held(parts) if answer == Answer.INCONCLUSIVE else ""
    if answer == Answer.FAIL and _is_for_coverage(parts):
        why = ": too few of the examples can be compared with the baseline"
    return f"{candidate} {_NOW[Answer(answer)]} {of}{why}."


def _is_for_coverage(parts: Sequence[Mapping[str, Any]]) -> bool:
    return {part["kind"] for part in parts if part["answer"] == Answer.FAIL} == {"coverage"}


def _why_held(parts: Sequence[Mapping[str, Any]]) -> str:
    """Say what the first open rule leaves possible, and how many more are open."""
    left = [part for part in parts if part["answer"] == Answer.INCONCLUSIVE]
    if not left:
        return ""
    first, more = left[0], len(left) - 1
    others = f"; {plural(more, 'more rule')} {'is' if more == 1 else 'are'} open" if more else ""
    gain = first.get("gain")
    if gain is None or first.get("low") is None:
        verb = "are" if first["kind"] == "critical" else "is"
        return f": {_the(first)} {verb} not settled{others}"
    measured = away(gain, digits_of_bounds(first))
    return (
        f": a loss of {first['margin']:g} or more on {rule(first)} is not ruled out "
        f"({measured} measured){others}"
    )


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
    allowed = f"a loss of {margin:g} or more is not allowed"
    filled = FILLED if part["reason"].endswith(FILLED) else ""
    if part["answer"] == Answer.PASS:
        if low >= 0.0:
            return f"No loss: by at least {worst} (95 %).{filled}"
        sure = "Likely worse," if high < 0.0 else "If worse, then"
        return f"{sure} by at most {number(-low, digits)} (95 %); {allowed}.{filled}"
    if part["answer"] == Answer.FAIL:
        return f"Worse by at least {number(-high, digits)} (95 %); {allowed}.{filled}"
    why = "" if part["reason"] == OPEN else f" {part['reason']}"
    if high < 0.0:
        ends = f"{number(-high, digits)} to {number(-low, digits)}"
        return f"Likely worse, by {ends} (each end at 95 %); {allowed}, and not ruled out.{why}"
    return (
        f"Anything from {worst} to {best} is possible (each end at 95 %); {allowed}, and not "
        f"ruled out.{why}"
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
    """Return what would settle an open bound: more examples or labels, attempts, the margin.

    Numbers are for planning a test: from the margin and the observed error, with a true gain of
    0. None says how the run that was asked about will come out.
    """
    compared, pairing = found.compared, found.pairing
    more = more_to_pass(compared, margin=judged.margin)
    said = []
    if found.gaps.matter:
        gaps = max(found.gaps.baseline, found.gaps.candidate)
        said.append(f"Score the {plural(gaps, 'example')} of {pairing.name} that lack a score.")
    if more:
        said += _more(found, judged, more)
    elif more == 0 and not found.gaps.matter:
        said.append(
            f"There are examples enough{_where(found)}: with so many, a run truly as good as the "
            f"baseline passes on {pairing.name} at least 4 times in 5. This one may have lost a "
            "little: look at the examples that got worse."
        )
    if not more or compared.n < MIN_PAIRS:
        return said
    is_human = pairing.candidate.kind == Measurement.Kind.HUMAN
    if max(pairing.baseline.run.attempts, pairing.candidate.run.attempts) == 1 and not is_human:
        said.append(
            "Run a second attempt of each example with both systems: where answers vary from one "
            "attempt to the next, their average varies less."
        )
    if (reach := margin_in_reach(compared)) is not None and judged.low is not None:
        said += _wider(pairing.name, judged.margin, reach, judged.low)
    return said


def _more(found: Found, judged: Bound, more: int) -> list[str]:
    """Say how many examples a test takes in all, that so many more may not do, and how to add."""
    compared, pairing = found.compared, found.pairing
    is_human = pairing.candidate.kind == Measurement.Kind.HUMAN
    unit = "labeled outputs of each system" if is_human else "examples"
    like = "" if compared.clusters is None else ", in clusters of the same size,"
    gain = compared.gain or 0.0
    looks = away(gain, _digits_beside(judged, gain)) if gain < 0.0 else ""
    planned = (
        f"To find out whether a run is within {judged.margin:g} on {pairing.name} takes about "
        f"{count(compared.n + more)} {unit}{_where(found)}{like} in all: in a test of so many, "
        "one truly as good as the baseline passes 4 times in 5."
    )
    so = f", and this run looks {looks} on them" if looks else ""
    kept = (
        f"That is for planning. The present {count(compared.n)} count among them{so}: "
        f"{count(more)} more may well not settle it."
    )
    done = "Label as many of each of the two runs." if is_human else ADD_EXAMPLES
    return [f"{planned} {kept}", done]


def _where(found: Found) -> str:
    return f" of {found.field}:{found.level}" if found.field else ""


def _digits_beside(judged: Bound, gain: float) -> int:
    """Return the decimals with which a gain is written beside its bounds."""
    if judged.low is None or judged.high is None:
        return digits_of(gain, None)
    return earned_digits(judged.low, judged.high, 0)


def _wider(metric: str, margin: float, reach: float, low: float) -> list[str]:
    """Say which margin so many examples serve; it is chosen before a run, and not for one.

    It is rounded up, for a smaller one would not do. Nothing where it reads as the one there is.
    """
    digits = 1 - math.floor(math.log10(reach))
    if f"{reach:.2g}" == f"{margin:.2g}":
        return []
    enough = math.ceil(round(reach * 10**digits, 6)) / 10**digits
    # Of a margin that this run would meet nothing is promised: it would be chosen for this run.
    so = "" if low > -enough else " This run would still not pass."
    return [
        f"Or decide on a wider margin of {metric} before the next run: with this many examples, a "
        f"run truly as good as the baseline passes 4 times in 5 from {enough:g} on. A margin that "
        f"is chosen after seeing a run says nothing of that run.{so}"
    ]


def percent(share: float) -> str:
    """Write a share so that one just short of a limit does not read as the limit."""
    return f"{100 * share:.4g} %"
