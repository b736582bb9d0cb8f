"""Gates and their answers for programs: JSON that a CI job can act on."""

from __future__ import annotations

from typing import Any

from evalhub.gates import rules, saying, selectors, wording
from evalhub.gates.models import Blessing, GateAnswer, GateVersion, Waiver
from evalhub.reports.gated import waived_before
from metrics.statistics.gating import Answer

# What a CI job ends with; a waived answer ends as one that passed.
EXIT_CODES = {Answer.PASS: 0, Answer.FAIL: 1, Answer.INCONCLUSIVE: 2}


def gate(version: GateVersion | None) -> dict[str, Any]:
    """Return a dataset's gate; one without any rules where there is none."""
    if version is None:
        nothing = rules.as_json(rules.Rules())
        return {"version": None, **nothing, "created_at": None, "created_by": None}
    return {"version": version.number, **version.rules, **_by(version)}


def blessing(one: Blessing) -> dict[str, Any]:
    return {"run": one.run.public_id, "tag": one.tag, "reason": one.reason, **_by(one)}


def answer(one: GateAnswer) -> dict[str, Any]:
    """Return what a gate said, with what to do about it."""
    comparison, waiver = one.comparison, selectors.waiver_of(one)
    before = saying.before(comparison, [one])
    return {
        "id": one.public_id,
        "answer": one.answer,
        "exit_code": exit_code(one.answer, is_waived=waiver is not None),
        "summary": saying.title(one),
        "advice": advice(one),
        "parts": one.parts,
        "gate_version": one.gate.number,
        "comparison": comparison.public_id,
        "baseline": comparison.baseline.public_id,
        "candidate": comparison.candidate.public_id,
        "chosen": one.chosen,
        "branch": one.tag or None,
        "waiver": None if waiver is None else {"reason": waiver.reason, **_by(waiver)},
        "baseline_waived": any(each.is_baseline for each in before),
        "waived_before": waived_before(before),
        "created_at": one.created_at,
    }


def exit_code(said: str, *, is_waived: bool) -> int:
    return 0 if is_waived else EXIT_CODES[Answer(said)]


def advice(one: GateAnswer) -> list[str]:
    return wording.advice_of(one.parts)


def _by(made: GateVersion | Blessing | Waiver) -> dict[str, Any]:
    who = made.created_by
    return {"created_at": made.created_at, "created_by": None if who is None else who.username}
