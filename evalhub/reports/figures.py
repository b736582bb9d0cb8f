"""The numbers of a finding as texts: a loss without a sign, an interval turned the way of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalhub.reports.models import Finding
from evalhub.runs.models import Measurement
from evalhub.runs.traits import metric_of
from evalhub.web.formatting import (
    MAX_DIGITS,
    count,
    digits_of,
    digits_of_span,
    earned_digits,
    interval,
    number,
    p_value,
)
from metrics.base import Family
from metrics.statistics.findings import Outcome

# Below this a gain is the rounding of sums, and 0 is what to write.
_ROUNDING = 1e-9
WAYS = ("worse", "better")
_WAYS_OF_UNITS = {"ms": ("slower", "faster"), "tokens": ("more", "fewer")}
_WAYS_OF_COST = ("dearer", "cheaper")
_MEDIAN = 0.5


@dataclass(frozen=True)
class Written:
    """The numbers of a finding as texts, all with the decimals that its interval earns.

    `gain` and `interval` have signs. `change` and `range` are what a table shows: the same where
    more is better, in words (``48 ms faster``) where less is. `p_adjusted` is the p
    that decides, and `kind` says what the values are of the outputs: an average, as a rule.
    """

    kind: str
    baseline: str
    candidate: str
    gain: str
    interval: str
    change: str
    range: str
    detectable: str
    p: str
    p_exact: str
    p_adjusted: str
    answered: str = ""  # the gain of answered only, where errors count as worst values
    margin: str = ""  # what stands under an outcome, where there is a margin


def written(finding: Finding) -> Written:
    """Write a finding's numbers; what was not tested says so."""
    n = digits(finding)
    untested = "not tested" if finding.p_value is None else ""
    gain = number(finding.gain, n, signed=True)
    ends = interval(finding.low, finding.high, n, signed=True)
    less_is_better = finding.candidate_measurement.higher_is_better is False
    return Written(
        kind=kind_of_value(finding),
        baseline=number(finding.baseline, n),
        candidate=number(finding.candidate, n),
        gain=gain,
        interval=ends,
        change=moved(finding) if less_is_better and finding.gain is not None else gain,
        range=spanned(finding) if less_is_better and finding.low is not None else ends,
        detectable="not known" if finding.detectable is None else number(finding.detectable, n),
        p=untested or p_value(finding.p_value),
        p_exact="" if finding.p_exact is None else p_value(finding.p_exact),
        p_adjusted="not tested" if deciding_p(finding) is None else p_value(deciding_p(finding)),
        answered=of_answered_only(finding),
        margin=_under_outcome(finding),
    )


def the_margin(finding: Finding) -> str:
    """Name a margin by its size: ``the margin of 0.02``, ``the margin of 50 ms``."""
    unit = f" {unit_of(finding)}" if unit_of(finding) else ""
    return f"the margin of {finding.margin:g}{unit}"


def _under_outcome(finding: Finding) -> str:
    if finding.margin is None:
        return ""
    if finding.within and finding.outcome in (Outcome.REGRESSED, Outcome.EQUIVALENT):
        return f"within {the_margin(finding)}"
    return f"margin {finding.margin:g}"


def answered_gain(finding: Finding) -> str:
    """Write the gain without errors and missing outputs; nothing where none counts."""
    if finding.n_answered is None or finding.answered_gain is None:
        return ""
    if finding.candidate_measurement.higher_is_better is False:
        unit = unit_of(finding)
        return away(finding.answered_gain, digits(finding), ways_of(finding), unit=unit)
    return number(finding.answered_gain, digits(finding), signed=True)


def of_answered_only(finding: Finding) -> str:
    """Write that gain for a cell of a table, with how many examples it is of."""
    gain = answered_gain(finding)
    return f"of answered only {gain}, n = {count(finding.n_answered or 0)}" if gain else ""


def rows(findings: Sequence[Finding]) -> list[tuple[Finding, Written]]:
    """Return findings with their numbers as texts, for a table."""
    return [(finding, written(finding)) for finding in findings]


def moved(finding: Finding) -> str:
    """Write a gain in words: ``0.043 worse``, ``48 ms faster``, ``no change``."""
    return away(finding.gain or 0.0, digits(finding), ways_of(finding), unit=unit_of(finding))


def spanned(finding: Finding) -> str:
    """Write an interval in words: ``1.1 worse to 0.1 better``."""
    if finding.low is None or finding.high is None:
        return "no interval"
    return span(finding.low, finding.high, digits(finding), ways_of(finding))


def away(gain: float, n: int, ways: tuple[str, str] = WAYS, *, unit: str = "") -> str:
    """Write a gain without a sign, and which way it goes."""
    size = number(abs(gain), n)
    if not size.strip("0."):
        return "no change"
    return f"{size}{f' {unit}' if unit else ''} {ways[gain > 0]}"


def span(low: float, high: float, n: int, ways: tuple[str, str] = WAYS, *, unit: str = "") -> str:
    """Write an interval of a gain: the way once where both ends lie on one side of zero."""
    if low * high <= 0.0:
        return f"{away(low, n, ways, unit=unit)} to {away(high, n, ways, unit=unit)}"
    nearer, farther = sorted((low, high), key=abs)
    return f"{number(abs(nearer), n)} to {away(farther, n, ways, unit=unit)}"


def sizes(finding: Finding) -> str:
    """Write an interval on one side of zero without signs, the end nearer to zero first."""
    nearer, farther = sorted((abs(finding.low or 0.0), abs(finding.high or 0.0)))
    n = digits(finding)
    return f"{number(nearer, n)} to {number(farther, n)}"


def ways_of(finding: Finding) -> tuple[str, str]:
    """Return what a loss and a gain of a metric are called."""
    measured = finding.candidate_measurement
    if measured.metric == "cost":
        return _WAYS_OF_COST
    return _WAYS_OF_UNITS.get(unit(measured), WAYS)


def unit(measurement: Measurement) -> str:
    """Return what a metric's values are measured in; nothing where they have no unit."""
    metric = metric_of(measurement)
    return "" if metric is None else metric.measured_in


def unit_of(finding: Finding) -> str:
    return unit(finding.candidate_measurement)


def with_unit(finding: Finding) -> str:
    """Return a metric's name, with its unit where it has one: ``latency (ms)``."""
    measured_in = unit_of(finding)
    return f"{finding.metric} ({measured_in})" if measured_in else finding.metric


def kind_of_value(finding: Finding) -> str:
    """Return what the value is of the outputs: an average, a quantile, or of the whole set."""
    metric = metric_of(finding.candidate_measurement)
    if metric is None:
        return "average"
    if metric.family is Family.CORPUS:
        return "of the whole set"
    if metric.family is not Family.QUANTILE:
        return "average"
    level = metric.level or 0.0
    return "median" if level == _MEDIAN else f"{100 * level:g} % quantile"


def deciding_p(finding: Finding) -> float | None:
    """The primary finding keeps its own p."""
    return finding.p_value if finding.is_primary else finding.p_adjusted


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
    length = span_of(finding)
    largest = max(abs(finding.baseline or 0.0), abs(finding.candidate or 0.0))
    usual = digits_of(largest, None) if length is None else digits_of_span(length)
    n = earned_digits(finding.low, finding.high, usual)
    for value in (finding.gain, finding.low, finding.high):
        while n < MAX_DIGITS and abs(value or 0.0) > _ROUNDING and not round(value or 0.0, n):
            n += 1
    return n
