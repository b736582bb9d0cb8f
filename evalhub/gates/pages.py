"""What the page of an answer shows of each rule: its numbers as texts, and their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from evalhub.gates import wording
from evalhub.gates.models import GateAnswer
from evalhub.web import formatting
from metrics.statistics.gating import Answer


@dataclass(frozen=True)
class PartRow:
    """A rule and what it said. `address` is where the outputs are that its numbers came from."""

    name: str
    about: str
    answer: str
    reason: str
    examples: list[str]
    advice: list[str]
    gain: str
    low: str
    high: str
    limit: str
    n: int | None
    address: str

    @property
    def is_passed(self) -> bool:
        return self.answer == Answer.PASS.value


def rows_of(answer: GateAnswer) -> list[PartRow]:
    """Return the rules of an answer in their order."""
    return [_row(part, answer) for part in answer.parts]


def open_first(rows: list[PartRow]) -> list[PartRow]:
    """Return the rules that did not pass: those that failed, then the open ones."""
    left = [row for row in rows if not row.is_passed]
    return sorted(left, key=lambda row: row.answer != Answer.FAIL.value)


def told_once(rows: list[PartRow]) -> tuple[list[PartRow], list[str]]:
    """Return rules without the advice that several of them share, and that advice, each once."""
    times = Counter(sentence for row in rows for sentence in row.advice)
    apart = [replace(row, advice=[one for one in row.advice if times[one] == 1]) for row in rows]
    return apart, [sentence for sentence, n in times.items() if n > 1]


def _row(part: Mapping[str, Any], answer: GateAnswer) -> PartRow:
    low, high = part.get("low"), part.get("high")
    digits = 3 if low is None else wording.digits_of_bounds(part)
    gain, low_text, high_text = (
        "" if one is None else formatting.number(one, digits, signed=True)
        for one in (part.get("gain"), low, high)
    )
    return PartRow(
        name=part.get("metric") or "coverage",
        about=_about(part),
        answer=part["answer"],
        reason=wording.reason(part),
        examples=part.get("examples") or [],
        advice=wording.advice_about(part, answer.parts),
        gain=gain,
        low=low_text,
        high=high_text,
        limit=_limit(part),
        n=part.get("n"),
        address=_address(part, answer),
    )


def _about(part: Mapping[str, Any]) -> str:
    if part.get("slice"):
        field, _, level = part["slice"].partition(":")
        field, level = part.get("field", field), part.get("level", level)
        return f"in {field}: {level}"
    return {"critical": "critical examples", "ceiling": "ceiling"}.get(part["kind"], "")


def _limit(part: Mapping[str, Any]) -> str:
    if part.get("margin"):
        return f"{formatting.MINUS}{part['margin']:g}"
    if part.get("limit") is None:
        return ""
    return wording.percent(part["limit"]) if part["kind"] == "coverage" else f"{part['limit']:g}"


def _address(part: Mapping[str, Any], answer: GateAnswer) -> str:
    """Return the address of the outputs: of the run itself, or where both runs stand together."""
    comparison = answer.comparison
    run = reverse("runs:detail", args=[comparison.candidate.public_id])
    report = reverse("reports:detail", args=[comparison.public_id])
    if part["kind"] == "ceiling" and part["value"] is not None:
        return f"{run}?{urlencode({'order': part['metric'], 'direction': 'desc'})}#outputs"
    if part["kind"] == "critical" and part.get("newly_failing"):
        return f"{report}#critical"
    if part.get("gain") is None:
        return run if part["kind"] == "coverage" else report
    asked = {"metric": part["metric"]} | ({"slice": part["slice"]} if part["slice"] else {})
    return f"{report}?{urlencode(asked)}#examples"
