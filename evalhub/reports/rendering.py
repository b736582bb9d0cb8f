"""A comparison for programs: JSON, Markdown for a pull request, JUnit for a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from evalhub.reports import wording
from evalhub.reports.models import Comparison, Finding
from evalhub.web.formatting import interval, number, p_value
from metrics.findings import Outcome

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
        "p_adjusted": finding.p_adjusted,
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
    lines = [
        f"**{_plain(wording.title(comparison))}** {_plain(wording.sentence(findings[0]))}",
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
    lines += ["", f"[The whole report]({url})", ""]
    return "\n".join(lines)


def _markdown_row(finding: Finding) -> str:
    digits = wording.digits(finding)
    p = finding.p_value if finding.p_adjusted is None else finding.p_adjusted
    cells = [
        _plain(finding.metric),
        number(finding.baseline, digits),
        number(finding.candidate, digits),
        number(finding.gain, digits, signed=True),
        interval(finding.low, finding.high, digits, signed=True),
        p_value(p),
        finding.outcome.replace("_", " "),
    ]
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Return a name that cannot be markup in a comment."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~@&])", r"\\\1", " ".join(text.split()))


def as_junit(comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Return a JUnit report: a metric that regressed is a failure, too little evidence a skip."""
    suite = ET.Element("testsuite", name="evalhub comparison", tests=str(len(findings)))
    counts = {"failures": 0, "skipped": 0}
    for finding in findings:
        name = " ".join(filter(None, [finding.metric, slice_name(finding)]))
        case = ET.SubElement(suite, "testcase", classname="comparison", name=_xml(name))
        text = _xml(f"{wording.sentence(finding)} {finding.reason}")
        if finding.outcome == Outcome.REGRESSED:
            counts["failures"] += 1
            ET.SubElement(case, "failure", message=text)
        elif finding.outcome == Outcome.INSUFFICIENT_EVIDENCE:
            counts["skipped"] += 1
            ET.SubElement(case, "skipped", message=text)
    for kind, n in counts.items():
        suite.set(kind, str(n))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
