"""A comparison as JUnit XML, for CI jobs.

The form is the one that CI systems share, as the schema of Ant's JUnit task has it:
https://github.com/windyroad/JUnit-Schema/blob/master/JUnit.xsd
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Final
from xml.etree import ElementTree as ET

from evalhub.reports import evidence, margins, remarks, wording
from evalhub.reports.gated import NONE, RuleSaid, Said
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.rendering.names import slice_name
from metrics.statistics.findings import Outcome

# What XML 1.0 cannot hold at all.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Nothing here was executed, so nothing took time, and no host is named.
_NO_TIME: Final = "0"
_HOST: Final = "localhost"


def as_junit(
    comparison: Comparison,
    findings: Sequence[Finding],
    said: Said = NONE,
    *,
    critical: Sequence[str] = (),
) -> str:
    """Return one suite with a case for each rule of the gate, critical example and finding.

    A failure is a rule that fails, a critical example (by its key) that newly fails, and what
    regressed, unless a margin allows it, or the gate passed the run or a lead let it through: a
    job that ends well shows no red. What is open, excused or not compared is skipped, with the
    sentence.
    """
    suite = ET.Element("testsuite", name="evalhub comparison", hostname=_HOST, time=_NO_TIME)
    suite.set("timestamp", comparison.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    _properties(suite, comparison, said)
    excuse = _waived(said) or _passed(said)
    for rule in said.newest.rules if said.newest else ():
        _rule(suite, rule, excuse)
    _critical(suite, comparison, critical, excuse)
    for finding in findings:
        _finding(suite, comparison, finding, _allowed(comparison, finding, said) or excuse)
    for one in comparison.skipped:
        _skip(_case(suite, one["metric"]), f"Not compared. {one['reason']}")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", "0")
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    ET.SubElement(suite, "system-out").text = _xml(
        "\n".join(_in_words(comparison, findings[0], said))
    )
    ET.SubElement(suite, "system-err")
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _in_words(comparison: Comparison, primary: Finding, said: Said) -> list[str]:
    gate = said.newest
    words = [
        wording.headline(comparison, said),
        margins.sentence(comparison, primary),
        remarks.answered_only(primary),
        *evidence.beside(comparison, primary, said),
        *remarks.every(comparison),
        *(gate.to_do if gate else [said.not_asked]),
        _waived(said),
        said.changed,
        *(f"{one.sentence} {one.waived.reason}" for one in said.before),
    ]
    return [one for one in words if one]


def _waived(said: Said) -> str:
    """Say who let the run through and why; empty where nobody did."""
    gate = said.newest
    if gate is None or gate.waived is None:
        return ""
    return f"{gate.waived.heading}: {gate.waived.reason} ({gate.in_spite_of.removesuffix('.')})"


def _passed(said: Said) -> str:
    """Say that no rule names what got worse, where the gate passed the run all the same."""
    gate = said.newest
    if gate is None or not gate.passes:
        return ""
    old = gate.old_version
    passes = f"Version {old} of the gate passed" if old else "The gate passes"
    return f"{passes}: no rule of it names this."


def _allowed(comparison: Comparison, finding: Finding, said: Said) -> str:
    """Return what excuses a loss: its own margin, or where it keeps none a gate's answer."""
    if finding.margin is not None:
        return f"Within the margin {margins.set_by(comparison)}." if finding.within else ""
    gate = said.newest
    is_allowed = gate is not None and gate.allows(finding.metric, slice_name(finding))
    return "Within the margin of the gate." if is_allowed else ""


def _properties(suite: ET.Element, comparison: Comparison, said: Said) -> None:
    """Say what it takes to find the comparison again and to recompute it."""
    properties = ET.SubElement(suite, "properties")
    values = {
        "comparison": comparison.public_id,
        "baseline": comparison.baseline.public_id,
        "candidate": comparison.candidate.public_id,
        "outcome": comparison.outcome,
        "method_version": comparison.method,
        "seed": comparison.seed,
    }
    if (gate := said.newest) is not None:
        values |= {"gate": gate.id, "gate_answer": gate.answer}
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=_xml(str(value)))


def _rule(suite: ET.Element, rule: RuleSaid, excuse: str) -> None:
    case = _case(suite, rule.rule, "gate")
    if rule.answer == "fail":
        _fail(case, rule.reason, "gate", excuse)
    elif rule.answer == "inconclusive":
        _skip(case, rule.reason)


def _critical(suite: ET.Element, comparison: Comparison, keys: Sequence[str], excuse: str) -> None:
    """Add a case for each critical example that newly fails; where none does, one that says so."""
    found = comparison.critical
    if not found.get("n"):
        return
    metric = comparison.primary_metric
    for key in keys:
        message = f"{key} is critical and newly fails, by {metric} or for want of an output."
        _fail(_case(suite, key, "critical"), message, "critical", excuse)
    if (more := found["n_failing"] - len(keys)) > 0:
        case = _case(suite, f"{more} more critical examples", "critical")
        _fail(case, remarks.critical(comparison), "critical", excuse)
    if not found["n_failing"]:
        case = _case(suite, "critical examples", "critical")
        if found["n_unscored"]:
            _skip(case, remarks.critical(comparison))


def _finding(suite: ET.Element, comparison: Comparison, finding: Finding, excuse: str) -> None:
    case = _case(suite, " ".join(filter(None, [finding.metric, slice_name(finding)])))
    parts = (
        margins.sentence(comparison, finding),
        finding.reason,
        remarks.answered_only(finding),
    )
    said = " ".join(filter(None, parts))
    if finding.outcome == Outcome.REGRESSED:
        _fail(case, said, finding.outcome, excuse)
    elif finding.outcome == Outcome.INSUFFICIENT_EVIDENCE:
        _skip(case, said)


def _fail(case: ET.Element, message: str, kind: str, excuse: str) -> None:
    """Let a case fail, or skip it where something excuses that."""
    if excuse:
        _skip(case, f"{excuse} {message}")
    else:
        ET.SubElement(case, "failure", message=_xml(message), type=kind)


def _skip(case: ET.Element, message: str) -> None:
    ET.SubElement(case, "skipped", message=_xml(message))


def _case(suite: ET.Element, name: str, kind: str = "comparison") -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=kind, name=_xml(name), time=_NO_TIME)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
