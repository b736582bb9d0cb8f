"""A comparison as Markdown: a comment on a pull request, the verdict first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from evalhub.reports import evidence, figures, margins, remarks, wording
from evalhub.reports.falling_behind import NEARLY_ALL
from evalhub.reports.gated import NONE, Said
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.rendering.names import slice_name
from evalhub.web import formatting
from metrics.statistics.findings import Outcome

ZERO_WIDTH: Final = "\N{ZERO WIDTH SPACE}"
# A comment names this many slices and says how many more there are; more than a few are folded.
MOST_SLICES: Final = 20
MOST_OPEN: Final = 3
MOST_APART: Final = 2  # slices of a field that are named one by one where all went one way
# Controls, and marks that turn the direction of what follows.
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]",
)
# An underscore inside a word, as in most metrics' names, marks nothing up.
_MARKUP: Final = re.compile(r"([\\`*\[\]<>#|~@&$]|(?<![^\W_])_|_(?![^\W_]))")
# Where a forge would find a person, an issue or an address; a space of no width hides it.
_CATCHING: Final = re.compile(r"@|#(?=\d)|\bwww(?=\.)|:(?=//)")
_HOLDING: Final = (Outcome.REGRESSED, Outcome.IMPROVED)


def as_markdown(
    comparison: Comparison, findings: Sequence[Finding], said: Said = NONE, *, url: str
) -> str:
    """Return a comment: the verdict, the gate, what decides, metrics, slices that hold, a link."""
    overall = [finding for finding in findings if not finding.slice_field]
    parts = [
        _verdict(comparison, said),
        *(f"**{plain(one.sentence)}**" for one in remarks.alarms(comparison)),
        " ".join(map(plain, remarks.first(comparison))),
        _gate(said),
        _what_decides(comparison, findings[0], said),
        _table(overall),
        plain(wording.about_p(findings[0])),
        _slices(findings),
        "\n".join(
            f"- Not compared: {plain(one['metric'])}. {plain(one['reason'])}"
            for one in comparison.skipped
        ),
        f"[The whole report]({url})",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _verdict(comparison: Comparison, said: Said) -> str:
    """Return the gate's answer and the finding; without a gate the outcome in a word first."""
    headline = plain(wording.headline(comparison, said))
    if said.newest is not None:
        return f"**{headline}**"
    word = wording.verdict(comparison) or formatting.outcome(comparison.outcome).word
    return f"**{plain(word.capitalize())}: {headline}**"


def _gate(said: Said) -> str:
    """Return what the newest gate said, whether it was waived, what to do, what went before."""
    lines = []
    if (gate := said.newest) is not None:
        if gate.waived is not None:
            heading, reason = plain(gate.waived.heading), plain(gate.waived.reason)
            lines.append(f"- **{heading}:** {reason} ({plain(gate.in_spite_of)})")
        lines += [f"- {one.heading}: {plain(one.words)}" for one in gate.shown_rules]
        lines += [f"- To do: {plain(one)}" for one in gate.to_do]
    elif said.not_asked:
        lines.append(f"- {plain(said.not_asked)}")
    lines += [f"- {plain(said.changed)}"] if said.changed else []
    lines += [f"- {plain(one.sentence)} {plain(one.waived.reason)}" for one in said.before]
    return "\n".join(lines)


def _what_decides(comparison: Comparison, primary: Finding, said: Said) -> str:
    sentences = (
        wording.sentence(primary),
        margins.about(comparison, primary),
        wording.lean(primary),
        wording.about_intervals(primary),
        wording.limits(primary),
        remarks.answered_only(primary),
        *evidence.beside(comparison, primary, said),
        *remarks.further(comparison),
    )
    return " ".join(plain(text) for text in sentences if text)


def _table(overall: Sequence[Finding]) -> str:
    """Return the table; its heads name no system, for a long name pushes columns out of sight."""
    head = (
        "| Metric | Baseline | Candidate | Gain | 95 % interval | Deciding p | Outcome |",
        "|---|---:|---:|---:|---|---:|---|",
    )
    return "\n".join([*head, *(_row(finding) for finding in overall)])


def _row(finding: Finding) -> str:
    shown = figures.written(finding)
    cells = [
        plain(figures.with_unit(finding)),
        *(shown.baseline, shown.candidate, shown.change, shown.range, shown.p_adjusted),
        ", ".join(filter(None, [_word(finding).lower(), shown.margin, wording.why_open(finding)])),
    ]
    return f"| {' | '.join(cells)} |"


def _slices(findings: Sequence[Finding]) -> str:
    """Return the slices in which something holds after adjustment, the worse ones first.

    One with nearly all examples is left out: the table has said that.
    """
    n_all = {one.metric: one.n for one in findings if not one.slice_field}
    in_slices = [
        one for one in findings if one.slice_field and one.n < NEARLY_ALL * n_all[one.metric]
    ]
    holding = [one for which in _HOLDING for one in in_slices if one.outcome == which]
    if not holding:
        return ""
    every = list(_lines(holding, in_slices))
    lines = every[:MOST_SLICES]
    more = len(every) - len(lines)
    listed = "\n".join([*lines, *([f"- and {formatting.count(more)} more"] if more else [])])
    if len(every) <= MOST_OPEN:
        return listed
    counts = Counter(formatting.outcome(one.outcome).word for one in holding)
    tally = ", ".join(f"{formatting.count(n)} {word}" for word, n in counts.items())
    # Its own paragraph, or a forge would not read the list inside.
    return f"<details><summary>In slices of one field: {tally}</summary>\n\n{listed}\n\n</details>"


def _lines(holding: Sequence[Finding], in_slices: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each slice, or one for a metric that went one way in all of a field's."""
    tested = Counter(_metric_in(one) for one in in_slices if one.p_value is not None)
    of: dict[tuple[str, str, str], list[Finding]] = {}
    for one in holding:
        of.setdefault((*_metric_in(one), one.outcome), []).append(one)
    for found in of.values():
        n = tested[_metric_in(found[0])]
        if n > MOST_APART and len(found) == n:
            yield _all_slices(found)
        else:
            yield from map(_slice, found)


def _metric_in(finding: Finding) -> tuple[str, str]:
    return finding.metric, finding.slice_field


def _all_slices(found: Sequence[Finding]) -> str:
    one = found[0]
    gains = [each.gain or 0.0 for each in found]
    digits = max(map(figures.digits, found))
    ends = figures.span(
        *(min(gains), max(gains), digits, figures.ways_of(one)), unit=figures.unit_of(one)
    )
    return (
        f"- {_word(one)} in all {len(found)} tested slices of {plain(one.slice_field)}: "
        f"{plain(one.metric)} {ends}"
    )


def _word(finding: Finding) -> str:
    return formatting.outcome(finding.outcome).word.capitalize()


def _slice(finding: Finding) -> str:
    shown = figures.written(finding)
    return (
        f"- {_word(finding)} in {plain(slice_name(finding))}: {plain(finding.metric)} "
        f"{shown.change} ({shown.range}), n = {formatting.count(finding.n)}"
    )


def plain(text: str) -> str:
    """Return a text that is no markup, names nobody and links nowhere in a comment."""
    visible = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    escaped = _MARKUP.sub(r"\\\1", visible)
    return _CATCHING.sub(lambda found: found[0] + ZERO_WIDTH, escaped)
