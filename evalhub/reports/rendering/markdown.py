"""A comparison as Markdown: a comment on a pull request, the verdict first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from evalhub.reports import wording
from evalhub.reports.gated import NONE, Said
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.rendering.names import slice_name
from evalhub.web import formatting
from metrics.statistics.findings import Outcome

ZERO_WIDTH: Final = "\N{ZERO WIDTH SPACE}"
# A comment names this many slices and says how many more there are; more than a few are folded.
MOST_SLICES: Final = 20
MOST_OPEN: Final = 3
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
        _verdict(comparison),
        _gate(said),
        _what_decides(comparison, findings[0]),
        _table(overall, wording.names(comparison)),
        _slices([finding for finding in findings if finding.slice_field]),
        "\n".join(
            f"- Not compared: {plain(one['metric'])}. {plain(one['reason'])}"
            for one in comparison.skipped
        ),
        f"[The whole report]({url})",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _verdict(comparison: Comparison) -> str:
    word = formatting.outcome(comparison.outcome).word
    return f"**{plain(word.capitalize())}: {plain(wording.title(comparison))}**"


def _gate(said: Said) -> str:
    """Return what the newest gate said, whether it was waived, what to do, what went before."""
    lines = []
    if (gate := said.newest) is not None:
        lines.append(f"**Gate: {gate.answer}.** {plain(gate.title)}")
        if gate.waived is not None:
            lines.append(f"- **{plain(gate.waived.heading)}:** {plain(gate.waived.reason)}")
        lines += [f"- {one.answer.capitalize()}: {plain(one.words)}" for one in gate.open_rules]
        lines += [f"- To do: {plain(one)}" for one in gate.to_do]
    lines += [f"- {plain(one.sentence)} {plain(one.waived.reason)}" for one in said.before]
    head = 1 if said.newest else 0  # a list needs an empty line before it
    return "\n\n".join(filter(None, ["\n".join(lines[:head]), "\n".join(lines[head:])]))


def _what_decides(comparison: Comparison, primary: Finding) -> str:
    said = (
        wording.sentence(primary),
        wording.limits(primary),
        *wording.notes(comparison),
    )
    return " ".join(plain(text) for text in said if text)


def _table(overall: Sequence[Finding], names: tuple[str, str]) -> str:
    baseline, candidate = (plain(name) for name in names)
    head = (
        f"| Metric | {baseline} | {candidate} | Gain | 95 % interval | p | Outcome |",
        "|---|---:|---:|---:|---|---:|---|",
    )
    return "\n".join([*head, *(_row(finding) for finding in overall)])


def _row(finding: Finding) -> str:
    shown = wording.written(finding)
    cells = [
        plain(wording.with_unit(finding)),
        *(shown.baseline, shown.candidate, shown.gain, shown.interval, shown.p_adjusted),
        formatting.outcome(finding.outcome).word,
    ]
    return f"| {' | '.join(cells)} |"


def _slices(in_slices: Sequence[Finding]) -> str:
    """Return the slices in which something holds after adjustment, the worse ones first."""
    holding = [one for which in _HOLDING for one in in_slices if one.outcome == which]
    if not holding:
        return ""
    lines = [
        f"- {formatting.outcome(one.outcome).word.capitalize()} in {plain(slice_name(one))}: "
        f"{plain(one.metric)} {wording.written(one).gain} "
        f"({wording.written(one).interval}), n = {formatting.count(one.n)}"
        for one in holding[:MOST_SLICES]
    ]
    more = len(holding) - len(lines)
    listed = "\n".join([*lines, *([f"- and {formatting.count(more)} more"] if more else [])])
    if len(holding) <= MOST_OPEN:
        return listed
    counts = Counter(formatting.outcome(one.outcome).word for one in holding)
    tally = ", ".join(f"{formatting.count(n)} {word}" for word, n in counts.items())
    # Its own paragraph, or a forge would not read the list inside.
    return f"<details><summary>In slices: {tally}</summary>\n\n{listed}\n\n</details>"


def plain(text: str) -> str:
    """Return a text that is no markup, names nobody and links nowhere in a comment."""
    visible = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    escaped = _MARKUP.sub(r"\\\1", visible)
    return _CATCHING.sub(lambda found: found[0] + ZERO_WIDTH, escaped)
