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

from evalhub.reports import wording
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.rendering.names import slice_name
from metrics.statistics.findings import Outcome

# What XML 1.0 cannot hold at all.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Nothing here was executed, so nothing took time, and no host is named.
_NO_TIME: Final = "0"
_HOST: Final = "localhost"


def as_junit(comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Return one suite with a case for each finding.

    What regressed is a failure, too little evidence a skip, and so is what was not compared.
    """
    suite = ET.Element("testsuite", name="evalhub comparison", hostname=_HOST, time=_NO_TIME)
    suite.set("timestamp", comparison.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    _properties(suite, comparison)
    for finding in findings:
        _finding(suite, finding)
    for one in comparison.skipped:
        ET.SubElement(
            _case(suite, one["metric"]), "skipped", message=_xml(f"Not compared. {one['reason']}")
        )
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", "0")
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    said = [wording.title(comparison), *wording.notes(comparison)]
    ET.SubElement(suite, "system-out").text = _xml("\n".join(said))
    ET.SubElement(suite, "system-err")
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _properties(suite: ET.Element, comparison: Comparison) -> None:
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
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=_xml(str(value)))


def _finding(suite: ET.Element, finding: Finding) -> None:
    case = _case(suite, " ".join(filter(None, [finding.metric, slice_name(finding)])))
    said = _xml(f"{wording.sentence(finding)} {finding.reason}".strip())
    if finding.outcome == Outcome.REGRESSED:
        ET.SubElement(case, "failure", message=said, type=finding.outcome)
    elif finding.outcome == Outcome.INSUFFICIENT_EVIDENCE:
        ET.SubElement(case, "skipped", message=said)


def _case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname="comparison", name=_xml(name), time=_NO_TIME)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
