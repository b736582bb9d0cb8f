"""Hold two runs against rules: what every rule says, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalhub.datasets import selectors as datasets
from evalhub.gates import advising, ceilings, critical, wording
from evalhub.gates.rules import Ceiling, Rules
from evalhub.reports.aligning import Aligned
from evalhub.reports.comparing import Found, Part, Skipped, findings
from evalhub.reports.sides import Pairing, Sides
from evalhub.reports.terms import Margin
from evalhub.runs.models import Run
from evalhub.runs.selectors import current_measurements
from metrics.statistics.gating import (
    Answer,
    Bound,
    bound,
    chance_to_pass,
    judge,
    strictest,
    unanswered,
)


@dataclass(frozen=True, eq=False)
class Question:
    """Two runs, what can be compared of them, and how their examples pair."""

    baseline: Run
    candidate: Run
    pairs: Sequence[Pairing]
    skipped: Sequence[Skipped]
    aligned: Aligned
    seed: int

    def pairing(self, metric: str) -> Pairing | None:
        return next((one for one in self.pairs if one.name == metric), None)

    def why_not(self, metric: str) -> str:
        """Say why a metric has no pairs."""
        known = {one.metric: one.reason for one in self.skipped}
        why = known.get(metric, "Neither run was measured with it.")
        return f"{metric} is not compared. {why}"


def answer(rules: Rules, question: Question) -> tuple[Answer, list[dict[str, Any]]]:
    """Return what a gate says, and what each of its rules does: plain JSON, in their order."""
    parts = _margins(rules.margins, question)
    if rules.critical:
        parts.append(_critical(rules.critical, question))
    if rules.min_coverage is not None:
        parts.append(_coverage(rules.min_coverage, question))
    parts += _ceilings(rules.ceilings, question)
    return strictest([Answer(one["answer"]) for one in parts]), parts


def _margins(margins: Sequence[Margin], question: Question) -> list[dict[str, Any]]:
    found = _found(margins, question)
    bounds = [
        bound(one.compared, margin=rule.margin, gaps=one.gaps)
        if isinstance(one, Found)
        else unanswered(rule.margin, one)
        for rule, one in zip(margins, found, strict=True)
    ]
    _, judged = judge(bounds)
    return [_margin_part(*row, question) for row in zip(margins, found, judged, strict=True)]


def _found(margins: Sequence[Margin], question: Question) -> list[Found | str]:
    """Return the finding that each margin speaks of, or a sentence why there is none."""
    found: dict[tuple[str, str, str], Found] = {}
    for metric in dict.fromkeys(one.metric for one in margins):
        pairing = question.pairing(metric)
        if pairing is not None:
            slices = [one for one in margins if one.metric == metric and one.field]
            parts = [part for one in slices if (part := _slice(one, question)) is not None]
            for one in findings([pairing], question.aligned, parts, seed=question.seed):
                found[metric, one.field, one.level] = one
    return [
        found.get((one.metric, one.field, one.level)) or _not_found(one, question)
        for one in margins
    ]


def _slice(rule: Margin, question: Question) -> Part | None:
    slicing = datasets.slicing(question.candidate.version, rule.field)
    if slicing is None or rule.level not in slicing.levels:
        return None
    codes = slicing.codes[question.aligned.candidate]
    return Part(rule.field, rule.level, np.flatnonzero(codes == slicing.levels.index(rule.level)))


def _not_found(rule: Margin, question: Question) -> str:
    if question.pairing(rule.metric) is None:
        return question.why_not(rule.metric)
    return f"Version {question.candidate.version.number} has no slice {rule.slice_name}."


def _margin_part(
    rule: Margin, found: Found | str, judged: Bound, question: Question
) -> dict[str, Any]:
    part: dict[str, Any] = {
        "kind": "slice" if rule.field else "margin",
        "metric": rule.metric,
        "slice": rule.slice_name or None,
        **({"field": rule.field, "level": rule.level} if rule.field else {}),
        "margin": rule.margin,
        "answer": judged.answer.value,
        "reason": judged.reason,
        "low": judged.low,
        "high": judged.high,
        "p_pass": judged.p_pass,
        "p_fail": judged.p_fail,
        "p_fail_adjusted": judged.p_fail_adjusted,
        "advice": [],
    }
    if isinstance(found, Found):
        compared = found.compared
        part |= {
            "n": compared.n,
            "gain": compared.gain,
            "method": compared.method,
            "baseline": compared.baseline,
            "candidate": compared.candidate,
            "measurement": found.pairing.candidate.public_id,
            "chance": chance_to_pass(compared, margin=rule.margin),
        }
        if judged.answer is Answer.INCONCLUSIVE:
            part["advice"] = advising.of_margin(found, judged)
        elif judged.answer is Answer.FAIL:
            part["advice"] = [wording.AFTER_A_LOSS]
    else:
        part["advice"] = [_advice_not_found(rule, question)]
    return part


def _advice_not_found(rule: Margin, question: Question) -> str:
    if question.pairing(rule.metric) is None:
        return advising.of_not_compared(rule.metric)
    return advising.of_no_slice(question.candidate.version.number)


def _critical(metric: str, question: Question) -> dict[str, Any]:
    part: dict[str, Any] = {"kind": "critical", "metric": metric, "advice": [], "examples": []}
    pairing = question.pairing(metric)
    if pairing is None:
        reason, advice = question.why_not(metric), advising.of_not_compared(metric)
        return part | advising.left_open(reason, advice)
    sides = Sides.read(pairing, question.aligned, question.seed)
    baseline, candidate = question.baseline, question.candidate
    return part | critical.judged(sides, question.aligned, baseline=baseline, candidate=candidate)


def _coverage(least: float, question: Question) -> dict[str, Any]:
    """Ask for a share of the candidate's examples: with an output, and paired."""
    run = question.candidate
    received = run.n_outputs / run.n_expected if run.n_expected else 0.0
    paired = len(question.aligned) / run.version.n_examples if run.version.n_examples else 0.0
    share = min(received, paired)
    what = "received" if received <= paired else "paired with the baseline"
    return {
        "kind": "coverage",
        "limit": least,
        "value": share,
        "answer": (Answer.PASS if share >= least else Answer.FAIL).value,
        "reason": f"{wording.percent(share)} of the examples are {what}; "
        f"{wording.percent(least)} are asked for.",
        "advice": advising.of_coverage(
            is_missing=received < least,
            is_unpaired=paired < least,
            version=run.version.number,
        ),
    }


def _ceilings(given: Sequence[Ceiling], question: Question) -> list[dict[str, Any]]:
    """Hold the candidate against its budgets: by what is compared, where a metric is."""
    measured = {one.name: one for one in current_measurements(question.candidate)}
    measured |= {one.name: one.candidate for one in question.pairs}
    return [ceilings.judged(one, measured.get(one.metric)) for one in given]
