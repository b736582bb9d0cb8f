"""What the report of a comparison shows, on its page and in a file that stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import numpy as np

from evalhub.errors import NotFound
from evalhub.reports import (
    evidence,
    falling_behind,
    figures,
    forest,
    gated,
    margins,
    nested,
    remarks,
    selectors,
    wording,
)
from evalhub.reports.gated import Said
from evalhub.reports.models import Comparison, Finding
from evalhub.web import charts, formatting
from metrics.statistics.findings import Outcome

# The lists of examples that have pages.
TURNED = ("worse", "better", "critical")


def page_of(
    comparison: Comparison,
    metric: str = "",
    *,
    slices: Sequence[str] = (),
    group: str = "",
    starts: Mapping[str, int] = MappingProxyType({}),
    is_shared: bool = False,
) -> dict[str, Any]:
    """Return what the report shows, with the examples that moved on a metric, or the primary.

    Of the examples those in all these slices (``field:level``) are shown, or those of a group of
    shared words, by its number from 1; `starts` are how many examples to pass over of each of the
    `TURNED`. One that is shared by a link has nothing of gates and waivers: they name people and
    other runs.
    """
    at = {side: starts.get(side, 0) for side in TURNED}
    findings = selectors.findings_of(comparison)
    overall = [finding for finding in findings if not finding.slice_field]
    shown = _chosen(overall, metric)
    baseline, candidate = wording.names(comparison)
    groups = _groups(comparison)
    chosen = _chosen_group(groups, group)
    within = None
    if chosen is not None:
        within = np.array(chosen["positions"], dtype=np.int64)
    elif slices:
        within = selectors.positions_in_slices(comparison, slices)
    said = gated.NONE if is_shared else gated.about(comparison)
    bands = _bands(comparison, overall, said)
    worse = _where_worse(comparison, overall[0])
    cases = selectors.cases(shown, within=within, starts=(at["worse"], at["better"]))
    asked = [("metric", shown.metric), *(("slice", one) for one in slices)]
    return {
        "comparison": comparison,
        **_in_words(comparison, overall, said),
        "baseline": baseline,
        "candidate": candidate,
        "forest": forest.drawn(comparison, overall, bands),
        "how_drawn": forest.how_drawn(overall),
        "has_margins": not bands.keys().isdisjoint(one.metric for one in overall),
        "overall": figures.rows(overall),
        "why_open": [(one.metric, why) for one in overall if (why := wording.why_open(one))],
        "nothing_worse": _nothing_worse(comparison, overall[0], worse),
        "metrics": [one.metric for one in overall],
        "worse": worse,
        "slices": _slice_table(findings),
        "shown": shown,
        "digits": figures.digits(shown),
        "attempts": max(comparison.baseline.attempts, comparison.candidate.attempts),
        "critical": selectors.critical_cases(overall[0], start=at["critical"]),
        "primary_digits": figures.digits(overall[0]),
        "groups": groups,
        "chosen_group": chosen,
        "chosen_slices": [] if chosen else list(slices),
        "n_within": None if within is None else len(within),
        "cases": cases,
        "turns": _turns(comparison, cases, at, [*asked, *([("group", group)] if chosen else [])]),
    }


def _in_words(comparison: Comparison, overall: Sequence[Finding], said: Said) -> dict[str, Any]:
    """Return the sentences of the verdict, and those about its numbers."""
    primary = overall[0]
    return {
        "title": wording.headline(comparison, said),
        "said": said,
        "alarms": remarks.alarms(comparison),
        "verdict": wording.verdict(comparison),
        "first": remarks.first(comparison),
        "tally": wording.tally(overall),
        "sentence": wording.sentence(primary),
        "limits": _beside(comparison, primary, said),
        "others": _others(comparison, overall[1:]),
        "about_p": wording.about_p(primary),
        "no_interval": wording.no_interval_notes(overall),
        "methods": [
            *wording.method_notes(overall),
            *margins.notes(comparison, overall),
            *evidence.shown_for(comparison, primary),
        ],
    }


def _beside(comparison: Comparison, primary: Finding, said: Said) -> list[str]:
    """Return what helps to read the first sentence right, then what else is said."""
    sentences = (
        margins.about(comparison, primary),
        wording.lean(primary),
        wording.about_intervals(primary),
        wording.limits(primary),
        remarks.answered_only(primary),
        *evidence.beside(comparison, primary, said),
        *remarks.further(comparison),
    )
    return [sentence for sentence in sentences if sentence]


def _nothing_worse(comparison: Comparison, primary: Finding, worse: Sequence[WorseRow]) -> str:
    if not comparison.searched or worse:
        return ""
    return remarks.nothing_stands_out(comparison, primary)


def _others(comparison: Comparison, findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Say what the other metrics found: losses first, and of very many how many more there are.

    Beside a sentence stands the metric that it speaks of.
    """
    decided = [one for one in findings if one.outcome in _DECIDED]
    decided.sort(key=lambda one: one.outcome != Outcome.REGRESSED)
    said = [(margins.sentence(comparison, one), one.metric) for one in decided[:_MOST_OTHERS]]
    left = len(decided) - len(said)
    if left:
        said.append((f"{formatting.plural(left, 'more metric')} changed: see table 1.", ""))
    return said


@dataclass(frozen=True)
class Turn:
    """Where one is in a list, and the addresses of the pages beside it."""

    shown: str
    previous: str
    next: str


def _turns(
    comparison: Comparison,
    cases: selectors.Cases,
    at: Mapping[str, int],
    asked: Sequence[tuple[str, str]],
) -> dict[str, Turn]:
    """Return how to turn the pages of losses, gains and critical examples; each keeps the rest."""
    totals = {
        "worse": cases.n_worse,
        "better": cases.n_better,
        "critical": len(comparison.critical.get("failing", [])),
    }
    step = selectors.SHOWN_CASES

    def turned(side: str, start: int) -> str:
        return f"?{urlencode([*asked, *{**at, side: start}.items()])}#{side}"

    return {
        side: turn(at[side], n, step, partial(turned, side))
        for side, n in totals.items()
        if n > step
    }


def turn(start: int, n: int, step: int, address: Callable[[int], str]) -> Turn:
    """Return how to turn pages of `step` of n, from the one that begins at `start`."""
    return Turn(
        shown=f"{formatting.count(start + 1)}–{formatting.of(min(start + step, n), n)}",
        previous=address(start - step) if 0 <= start - step < n else "",
        next=address(start + step) if start + step < n else "",
    )


@dataclass(frozen=True)
class WorseRow:
    """A found slice, its numbers as texts; `query` asks the page for its examples.

    `same_as` says of one that lies in the row above that both are much the same, or what is left
    of one without a narrower one that was found as well.
    """

    name: str
    n: int
    inside: str
    rest: str
    difference: str
    interval: str
    p: str
    query: str
    same_as: str = ""


def _where_worse(comparison: Comparison, primary: Finding) -> list[WorseRow]:
    n = figures.digits(primary)
    rows, found = [], falling_behind.found_slices(comparison)
    for group in nested.grouped(found):
        rows.append(_worse_row(group.first, n, rest=falling_behind.rest_of(group.first, found)))
        rows += [_worse_row(one, n, inside=group.first) for one in group.inside]
    return rows


def _worse_row(
    one: nested.Slice,
    n: int,
    inside: nested.Slice | None = None,
    rest: falling_behind.Rest | None = None,
) -> WorseRow:
    same_as = ""
    if rest is not None:
        left = figures.away(rest.gain, n)
        same_as = f"{left} without {falling_behind.slice_words(rest.narrower, ' and ')}"
    if inside is not None:
        held = formatting.of(one["n"], inside["n"])
        same_as = f"{held} in {falling_behind.slice_words(inside)}: much the same"
    return WorseRow(
        name=falling_behind.slice_words(one),
        n=one["n"],
        inside=formatting.number(one["inside"], n, signed=True),
        rest=formatting.number(one["rest"], n, signed=True),
        difference=formatting.number(one["difference"], n, signed=True),
        interval=formatting.interval(one["low"], one["high"], n, signed=True),
        p=formatting.p_value(one["p_adjusted"]),
        query=_query(zip(one["fields"], one["levels"], strict=True)),
        same_as=same_as,
    )


def _query(slices: Iterable[tuple[str, str]]) -> str:
    return urlencode([("slice", f"{field}:{level}") for field, level in slices])


def _groups(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the groups of newly failing examples, numbered from 1."""
    found = comparison.failing.get("groups", [])
    return [{**one, "number": number} for number, one in enumerate(found, start=1)]


def _chosen_group(groups: Sequence[dict[str, Any]], number: str) -> dict[str, Any] | None:
    if not number:
        return None
    for one in groups:
        if str(one["number"]) == number:
            return one
    raise NotFound("This comparison has no such group of examples.")


_MOST_OTHERS = 4
_DECIDED = (Outcome.IMPROVED, Outcome.REGRESSED, Outcome.EQUIVALENT)


def _chosen(overall: list[Finding], metric: str) -> Finding:
    if not metric:
        return overall[0]
    for finding in overall:
        if finding.metric == metric:
            return finding
    raise NotFound("This comparison has no such metric.")


def _bands(comparison: Comparison, overall: Sequence[Finding], said: Said) -> Mapping[str, float]:
    """Return the margins to draw. Comparisons that keep none have those of a gate's answer."""
    if comparison.terms:
        return {one.metric: one.margin for one in overall if one.margin is not None}
    return said.newest.margins if said.newest else {}


@dataclass(frozen=True)
class SliceRow:
    """One slice: its size and a cell for each metric; `query` asks for its examples."""

    level: str
    n: int
    query: str
    cells: list[dict[str, Any]]


def _slice_table(findings: list[Finding]) -> list[tuple[str, list[SliceRow]]]:
    """Return the slices by field; the cells stand in the order of the metrics."""
    by_field: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        if finding.slice_field:
            levels = by_field.setdefault(finding.slice_field, {})
            levels.setdefault(finding.slice_level, []).append(finding)
    return [
        (field, [_slice_row(field, level, cells) for level, cells in levels.items()])
        for field, levels in by_field.items()
    ]


def _slice_row(field: str, level: str, findings: list[Finding]) -> SliceRow:
    query = _query([(field, level)])
    cells = [
        {
            "gain": figures.written(finding).change,
            "heat": charts.heat(finding.gain, _range(finding)) if _moved(finding) else "",
            "is_tested": finding.p_value is not None,
            "n": finding.n,
            "has_gain": finding.gain is not None,
            "reason": finding.reason,
            "holds": _holds(finding),
            "shown": formatting.outcome(finding.outcome),
            "query": f"{urlencode({'metric': finding.metric})}&{query}",
        }
        for finding in findings
    ]
    return SliceRow(level, max(finding.n for finding in findings), query, cells)


def _moved(finding: Finding) -> bool:
    return finding.outcome in (Outcome.IMPROVED, Outcome.REGRESSED)


def _holds(finding: Finding) -> bool:
    return finding.outcome in _DECIDED


def _range(finding: Finding) -> float:
    """Return the length of the metric's range; where that has no end, the larger value."""
    larger = max(abs(finding.baseline or 0.0), abs(finding.candidate or 0.0))
    return figures.span_of(finding) or larger or 1.0
