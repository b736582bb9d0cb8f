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

NO_CRITICAL = "Mark examples with critical: true in their metadata, or take the rule out."
NOT_RIGHT_OR_WRONG = "Name a metric by which an output passes or fails, such as exact_match."
NO_CEILING = "Give it a margin in place of the ceiling."
LOOK = (
    "More examples of this kind would not settle it: look at the outputs in the comparison. A "
    "lead may waive the answer with a reason."
)


def left_open(reason: str, *advice: str) -> dict[str, Any]:
    """Return what a rule says that cannot tell: why, and what to do."""
    return {"answer": Answer.INCONCLUSIVE.value, "reason": reason, "advice": list(advice)}


def of_margin(found: Found, judged: Bound) -> list[str]:
    """Return what would settle an open bound of a metric that is compared."""
    said = [*_clusters(found), *wording.advice(found, judged), *_alike(found, judged.margin)]
    return said or [LOOK]


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


def alarms(gate: GateVersion | None, found: Alarms) -> str:
    """Say what a gate's margins cost in a month, at the present rate of runs."""
    runs = f"{plural(found.runs, 'run')} scored in the last 30 days."
    if gate is not None and not (gate.rules["margins"] or gate.rules["slices"]):
        return f"{runs} This gate has no margins, so that none is failed or passed by chance."
    such = "run" if found.false == 1 else "runs"
    of_whom = "A run that is within every margin is"
    if gate is None:
        of_whom = "Once there are margins, a run that is within every one is"
    said = (
        f"{runs} {of_whom} failed wrongly at most 1 time in 20: at "
        f"this rate at most {found.false:.1f} such {such} a month. One that is worse by a margin "
        "or more is passed wrongly at most 1 time in 20."
    )
    if found.chance is None:
        return (
            f"{said} How often a run as good as the baseline passes is said once the gate has "
            "answered."
        )
    return (
        f"{said} A run as good as the baseline passes the margins at most about "
        f"{100 * found.chance:.0f} times in 100, by the spread in "
        f"{plural(found.answers, 'past answer')}; otherwise it is not settled."
    )


def chances(found: Sequence[float]) -> str:
    """Say how often a good run would pass, by the spread in several past runs."""
    if not found:
        return ""
    least, most = (f"{100 * one:.0f}" for one in (min(found), max(found)))
    share = f"about {least} %" if least == most else f"about {least} to {most} %"
    return f"A run as good as its baseline would pass these margins in {share} of cases at most."
