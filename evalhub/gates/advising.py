"""What would settle a rule that is left open: at least one sentence, whatever the case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalhub.gates import wording
from evalhub.gates.models import GateVersion
from evalhub.gates.selectors import Alarms
from evalhub.reports.comparing import Found
from evalhub.web.formatting import count, plural
from metrics.statistics.findings import MIN_PAIRS
from metrics.statistics.gating import Answer, Bound, alike_to_pass
from metrics.statistics.pairs import POWER

USUALLY = POWER  # what examples are planned for

NO_CRITICAL = "Mark examples with critical: true in their metadata, or take the rule out."
NOT_RIGHT_OR_WRONG = "Name a metric by which an output passes or fails, such as exact_match."
NO_CEILING = "Give it a margin in place of the ceiling."
LOOK = "More examples of this kind would not settle it: look at the outputs in the comparison."


def left_open(reason: str, *advice: str) -> dict[str, Any]:
    """Return what a rule says that cannot tell: why, and what to do."""
    return {"answer": Answer.INCONCLUSIVE.value, "reason": reason, "advice": list(advice)}


def of_margin(found: Found, judged: Bound) -> list[str]:
    """Return what would settle an open bound of a metric that is compared."""
    adding = [*_clusters(found), *_alike(found, judged.margin)]
    planned = wording.advice(found, judged)
    said = [*adding, *planned, *([wording.ADD_EXAMPLES] if adding else [])]
    return list(dict.fromkeys(said)) or [LOOK]


def _clusters(found: Found) -> Iterator[str]:
    clusters = found.compared.clusters
    if clusters is not None and clusters < MIN_PAIRS:
        more = plural(MIN_PAIRS - clusters, "more cluster")
        yield f"Add examples of {more}: more of the same clusters would not do."


def _alike(found: Found, margin: float) -> Iterator[str]:
    """Say how many pairs would do where none differed from the others."""
    compared, name = found.compared, found.pairing.name
    where = f" of {found.field}:{found.level}" if found.field else ""
    more = alike_to_pass(compared, margin=margin)
    if more:
        unit = "examples" if compared.clusters is None else "clusters of examples"
        yield (
            f"Add {count(more)} {unit}{where}: {name} moved alike in every pair, and passes with "
            "so many more if they do as well."
        )
    elif more is None and compared.standard_error is None and compared.n < MIN_PAIRS:
        missing = plural(MIN_PAIRS - compared.n, "example")
        yield f"Add {missing}{where} that both runs answer."


def of_not_compared(metric: str) -> str:
    return f"Have both runs scored with {metric}, or take the rule out."


def of_no_slice(version: int) -> str:
    return f"Name a slice that version {version} has, or take the rule out."


def of_unscored(metric: str) -> str:
    return f"Submit or score {metric} for the outputs that lack it, and ask again."


def of_no_value(metric: str) -> str:
    return f"Have the candidate scored with {metric}, or take the rule out."


def of_coverage(*, is_missing: bool, is_unpaired: bool, version: int) -> list[str]:
    """Return what to do where too few examples are received, or paired with the baseline."""
    said = ["Submit the outputs that are missing and ask again."] if is_missing else []
    return [*said, _run_the_baseline(version)] if is_unpaired else said


def of_unknown(*, is_unpaired: bool, is_unscored: bool, version: int) -> list[str]:
    """Return what to do about critical examples of which nothing is known."""
    said = []
    if is_unpaired:
        said.append(_run_the_baseline(version))
    if is_unscored:
        said.append("Score the critical examples that lack a score, and ask again.")
    return said


def _run_the_baseline(version: int) -> str:
    return (
        f"Run the baseline's system on version {version} as well, and hold this run against that "
        "one."
    )


WRONGLY = (
    "A run that is within every margin is failed wrongly at most 1 time in 20, and one that is "
    "worse by a margin or more is passed wrongly at most 1 time in 20."
)


def alarms(gate: GateVersion | None, found: Alarms) -> str:
    """Say how often a gate's margins are wrong at the present rate of runs, and how often a good
    run passes them."""
    runs = f"{plural(found.runs, 'run')} scored in the last 30 days."
    if gate is not None and not (gate.rules["margins"] or gate.rules["slices"]):
        return f"{runs} This gate has no margins, so that none is failed or passed by chance."
    rate = f"{runs} {_rate(found.false)}".rstrip()
    if gate is None:
        return f"{rate} That is once there are margins." if found.runs else rate
    return f"{rate} {_good(found.chance)}"


def _rate(false: float) -> str:
    """Say how many wrong failures a rate of runs makes at most: `false` in 30 days."""
    if not false:
        return ""
    if false >= 1:
        return f"At this rate at most about {plural(round(false), 'wrong failure')} a month."
    months = round(1 / false)
    often = "a month" if months == 1 else f"in {count(months)} months"
    return f"At this rate at most about 1 wrong failure {often}."


def _good(chance: float | None) -> str:
    if chance is None:
        return "How often a run as good as the baseline passes is said once the gate has answered."
    times = f"at most about {100 * chance:.0f} of 100"
    if chance >= USUALLY:
        return f"A run as good as the baseline usually passes ({times})."
    return (
        f"A run as good as the baseline often is not settled ({times} pass): the margins are "
        "narrow for so few examples."
    )


def alarms_rest_on(gate: GateVersion | None, found: Alarms) -> str:
    """Say on what the rates rest; nothing where there is no margin."""
    if gate is not None and not (gate.rules["margins"] or gate.rules["slices"]):
        return ""
    if found.chance is None:
        return WRONGLY
    answers = plural(found.answers, "past answer")
    return (
        f"{WRONGLY} How often a good run passes is by the spread in {answers}: the median, and at "
        "most, for it is the chance of the margin that is hardest to pass. Otherwise such a run "
        "is not settled."
    )


def chances(found: Sequence[float]) -> str:
    """Say how often a good run would pass, by the spread in several past runs."""
    if not found:
        return ""
    least, most = (f"{100 * one:.0f}" for one in (min(found), max(found)))
    share = f"about {least} %" if least == most else f"about {least} to {most} %"
    return f"A run as good as its baseline would pass these margins in {share} of cases at most."
