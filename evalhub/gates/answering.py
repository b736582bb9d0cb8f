"""Hold two runs against rules: what every rule says, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalhub.datasets import selectors as datasets
from evalhub.gates import wording
from evalhub.gates.rules import Ceiling, Margin, Rules
from evalhub.reports.aligning import Aligned
from evalhub.reports.comparing import Found, Part, Skipped, findings
from evalhub.reports.sides import Pairing, Passing, Sides
from evalhub.reports.standing_out import critical
from evalhub.runs.models import Measurement, Run
from evalhub.runs.selectors import current_measurements
from metrics.statistics.gating import Answer, Bound, bound, judge, strictest, unanswered

SHOWN_KEYS = 50


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
    return [_margin_part(*row) for row in zip(margins, found, judged, strict=True)]


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


def _margin_part(rule: Margin, found: Found | str, judged: Bound) -> dict[str, Any]:
    part: dict[str, Any] = {
        "kind": "slice" if rule.field else "margin",
        "metric": rule.metric,
        "slice": rule.slice_name or None,
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
        }
        if judged.answer is Answer.INCONCLUSIVE:
            part["advice"] = wording.advice(found, judged)
        elif judged.answer is Answer.FAIL:
            part["advice"] = [wording.AFTER_A_LOSS]
    return part


def _critical(metric: str, question: Question) -> dict[str, Any]:
    """Look for critical examples that newly fail, by the rule of the comparison's page."""
    part: dict[str, Any] = {"kind": "critical", "metric": metric, "advice": [], "examples": []}
    pairing = question.pairing(metric)
    if pairing is None:
        return part | _open(question.why_not(metric))
    sides = Sides.read(pairing, question.aligned, question.seed)
    found = critical(
        sides, question.aligned, baseline=question.baseline, candidate=question.candidate
    )
    n, n_failing, n_unscored = found["n"], found["n_failing"], found["n_unscored"]
    if not n:
        return part | _open(
            "No example is marked as critical. Mark some with critical: true in their metadata, "
            "or take the rule out."
        )
    keys = _keys(question.candidate, found["failing"][:SHOWN_KEYS])
    part |= {"n": n, "newly_failing": n_failing, "examples": keys}
    if n_failing:
        verb = "fails" if n_failing == 1 else "fail"
        reason = f"{n_failing} of {n} critical examples newly {verb}."
        advice = [wording.AFTER_A_LOSS]
        return part | {"answer": Answer.FAIL.value, "reason": reason, "advice": advice}
    if Passing.of(sides.baseline.values, sides.candidate.values, pairing.candidate) is None:
        return part | _open(f"{metric} does not say of an output whether it is right or wrong.")
    if n_unscored:
        return part | _open(f"{n_unscored} of {n} critical examples passed and have no score now.")
    reason = f"None of {n} critical examples newly fails."
    return part | {"answer": Answer.PASS.value, "reason": reason}


def _open(reason: str) -> dict[str, Any]:
    return {"answer": Answer.INCONCLUSIVE.value, "reason": reason}


def _keys(run: Run, positions: Sequence[int]) -> list[str]:
    examples = datasets.examples_at_positions(run.version, positions)
    return [examples[position].key for position in positions]


def _coverage(least: float, question: Question) -> dict[str, Any]:
    """Ask for a share of the candidate's examples: with an output, and paired."""
    run = question.candidate
    received = run.n_outputs / run.n_expected if run.n_expected else 0.0
    paired = len(question.aligned) / run.version.n_examples if run.version.n_examples else 0.0
    share = min(received, paired)
    is_met = share >= least
    what = "received" if received <= paired else "paired with the baseline"
    return {
        "kind": "coverage",
        "limit": least,
        "value": share,
        "answer": (Answer.PASS if is_met else Answer.FAIL).value,
        "reason": f"{wording.percent(share)} of the examples are {what}; "
        f"{wording.percent(least)} are asked for.",
        "advice": [] if is_met else ["Submit the outputs that are missing and ask again."],
    }


def _ceilings(ceilings: Sequence[Ceiling], question: Question) -> list[dict[str, Any]]:
    """Hold the candidate against its budgets: by what is compared, where a metric is."""
    measured = {one.name: one for one in current_measurements(question.candidate)}
    measured |= {one.name: one.candidate for one in question.pairs}
    return [_ceiling(one, measured.get(one.metric)) for one in ceilings]


def _ceiling(rule: Ceiling, measured: Measurement | None) -> dict[str, Any]:
    """Hold what this run came to against a budget: a fact of the run, and no estimate."""
    part: dict[str, Any] = {
        "kind": "ceiling",
        "metric": rule.metric,
        "limit": rule.ceiling,
        "value": None,
        "advice": [],
    }
    if measured is None or measured.value is None:
        return part | _open(f"The candidate has no value of {rule.metric}.")
    part |= {"value": measured.value, "measurement": measured.public_id}
    if measured.higher_is_better:
        return part | _open(f"More of {rule.metric} is better: give it a margin, no ceiling.")
    is_met = measured.value <= rule.ceiling
    return part | {
        "answer": (Answer.PASS if is_met else Answer.FAIL).value,
        "reason": f"{measured.value:g} is {'within' if is_met else 'above'} {rule.ceiling:g}.",
        "advice": [] if is_met else [wording.ABOVE_A_CEILING.format(metric=rule.metric)],
    }
