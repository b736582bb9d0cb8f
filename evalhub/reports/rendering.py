"""A comparison for programs: JSON, Markdown for a pull request, JUnit for a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from evalhub.reports import wording
from evalhub.reports.models import Comparison, Finding
from metrics.statistics.findings import Outcome

# Controls, and marks that turn the direction of what follows.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# An underscore inside a word, as in most metrics' names, marks nothing up.
_MARKUP = re.compile(r"([\\`*\[\]<>#|~@&$]|(?<![^\W_])_|_(?![^\W_]))")
# Where a forge would find a person, an issue or an address; a space of no width hides it.
_CATCHING = re.compile(r"@|#(?=\d)|\bwww(?=\.)|:(?=//)")
ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
# What XML 1.0 cannot hold at all.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(comparison: Comparison, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the answer of the REST contract."""
    return {
        "id": comparison.public_id,
        "baseline": comparison.baseline.public_id,
        "candidate": comparison.candidate.public_id,
        "coverage": comparison.coverage,
        "outcome": comparison.outcome,
        "summary": wording.title(comparison),
        "notes": wording.notes(comparison),
        "findings": [_finding(finding) for finding in findings],
        "skipped": comparison.skipped,
        "seed": comparison.seed,
        "method_version": comparison.method,
        "created_at": comparison.created_at,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "slice": slice_name(finding) or None,
        "primary": finding.is_primary,
        "n": finding.n,
        "baseline": finding.baseline,
        "candidate": finding.candidate,
        "gain": finding.gain,
        "low": finding.low,
        "high": finding.high,
        "p_value": finding.p_value,
        "p_exact": finding.p_exact,
        "p_adjusted": finding.p_value if finding.is_primary else finding.p_adjusted,
        "detectable": finding.detectable,
        "lost": finding.n_lost,
        "won": finding.n_won,
        "unscored": {
            "baseline": finding.n_unscored_baseline,
            "candidate": finding.n_unscored_candidate,
        },
        "outcome": finding.outcome,
        "method": finding.method,
        "reason": finding.reason,
        "signature": finding.candidate_measurement.signature,
    }


def slice_name(finding: Finding) -> str:
    """Return ``field:level``, or nothing for all shared examples."""
    return f"{finding.slice_field}:{finding.slice_level}" if finding.slice_field else ""


def as_markdown(comparison: Comparison, findings: Sequence[Finding], *, url: str) -> str:
    """Return a comment for a pull request: the sentence first, then the table."""
    baseline, candidate = wording.names(comparison)
    said = [f"**{_plain(wording.title(comparison))}** {_plain(wording.sentence(findings[0]))}"]
    said += [_plain(text) for text in wording.notes(comparison)]
    lines = [
        " ".join(said),
        "",
        f"| Metric | {_plain(baseline)} | {_plain(candidate)} "
        "| Gain | 95 % interval | p | Outcome |",
        "|---|---:|---:|---:|---|---:|---|",
    ]
    lines += [_markdown_row(finding) for finding in findings if not finding.slice_field]
    worse = [one for one in findings if one.slice_field and one.outcome == Outcome.REGRESSED]
    if worse:
        named = ", ".join(f"{_plain(slice_name(one))} ({_plain(one.metric)})" for one in worse)
        lines += ["", f"Regressed in slices: {named}."]
    for one in comparison.skipped:
        lines += ["", f"Not compared: {_plain(one['metric'])}. {_plain(one['reason'])}"]
    lines += ["", f"[The whole report]({url})", ""]
    return "\n".join(lines)


def _markdown_row(finding: Finding) -> str:
    shown = wording.written(finding)
    cells = [
        _plain(finding.metric),
        *(shown.baseline, shown.candidate, shown.gain, shown.interval, shown.p_adjusted),
        finding.outcome.replace("_", " "),
    ]
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Return a text that is no markup, names nobody and links nowhere in a comment."""
    visible = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    escaped = _MARKUP.sub(r"\\\1", visible)
    return _CATCHING.sub(lambda found: found[0] + ZERO_WIDTH, escaped)


def as_junit(comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Return a JUnit report: a metric that regressed is a failure, too little evidence a skip."""
    suite = ET.Element("testsuite", name="evalhub comparison")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for finding in findings:
        name = " ".join(filter(None, [finding.metric, slice_name(finding)]))
        case = _junit_case(suite, name, counts)
        text = _xml(f"{wording.sentence(finding)} {finding.reason}")
        if finding.outcome == Outcome.REGRESSED:
            counts["failures"] += 1
            ET.SubElement(case, "failure", message=text)
        elif finding.outcome == Outcome.INSUFFICIENT_EVIDENCE:
            counts["skipped"] += 1
            ET.SubElement(case, "skipped", message=text)
    for one in comparison.skipped:
        counts["skipped"] += 1
        case = _junit_case(suite, one["metric"], counts)
        ET.SubElement(case, "skipped", message=_xml(f"Not compared. {one['reason']}"))
    for kind, n in counts.items():
        suite.set(kind, str(n))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _junit_case(suite: ET.Element, name: str, counts: dict[str, int]) -> ET.Element:
    counts["tests"] += 1
    return ET.SubElement(suite, "testcase", classname="comparison", name=_xml(name))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
