"""What gates and leads said about a comparison: `settings.SAID_OF_COMPARISONS` names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.urls import reverse

from evalhub.datasets.models import Dataset
from evalhub.gates import selectors, wording
from evalhub.gates.models import GateAnswer, Waiver
from evalhub.reports.gated import GateSaid, InShort, RuleSaid, Said, Waived, WaivedBefore
from evalhub.reports.models import Comparison
from evalhub.reports.terms import Terms


def about(comparison: Comparison) -> Said:
    """Return the answers to a comparison, newest first, and the waivers that led up to it."""
    answers, dataset = list(selectors.answers_about(comparison)), _dataset(comparison)
    said = Said(
        answers=tuple(map(said_by, answers)),
        before=before(comparison, answers),
        changed=_changed(comparison),
        gate_page=reverse("gates:gate", args=[dataset.project.slug, dataset.slug]),
    )
    if answers:
        return said
    has_gate = selectors.gate_of(dataset) is not None
    return replace(said, not_asked=wording.not_asked(dataset.name, has_gate=has_gate))


def _dataset(comparison: Comparison) -> Dataset:
    return comparison.candidate.version.dataset


def _changed(comparison: Comparison) -> str:
    """Say that a comparison rests on other margins than the gate has by now."""
    dataset, then = _dataset(comparison), Terms.stored(comparison.terms)
    now = selectors.terms_of(dataset)
    if not comparison.terms or then.are_named or now.question == then.question:
        return ""
    return wording.changed(dataset.name, before=then.gate_version, now=now.gate_version)


def before(comparison: Comparison, answers: Sequence[GateAnswer]) -> tuple[WaivedBefore, ...]:
    """Return the waivers of the baseline, of the candidate by other comparisons and, on the
    branches that were asked for, of the run before."""
    waivers = selectors.waivers_behind(comparison.baseline)
    waivers += selectors.waivers_of_candidate(comparison)
    previous = selectors.waiver_before(comparison, {one.tag for one in answers} - {""})
    if previous is not None and previous not in waivers:
        waivers.append(previous)
    return tuple(_before(one, comparison) for one in waivers)


def in_short(comparisons: Sequence[Comparison]) -> dict[int, InShort]:
    """Return the newest answer about each of these comparisons, by its primary key."""
    return {
        one.comparison: InShort(
            has_gate=one.counts is not None,
            answer=one.answer or "",
            is_waived=one.waiver is not None,
            old_version=None if one.version == one.counts else one.version,
        )
        for one in selectors.newest_answers(comparisons)
    }


def said_by(one: GateAnswer) -> GateSaid:
    """Return an answer in words, with its waiver where it has one."""
    waiver, since = selectors.waiver_of(one), _since(one)
    return GateSaid(
        id=one.public_id,
        answer=one.answer,
        title=_title(one, since),
        advice=wording.advice_of(one.parts),
        rules=[_rule(part) for part in one.parts],
        gate_version=one.gate.number,
        branch=one.tag,
        chosen=one.chosen,
        at=one.created_at,
        waived=None if waiver is None else _waived(waiver),
        address=reverse("gates:answer", args=[one.public_id]),
        version_now=None if since is None else since.now,
    )


def title(one: GateAnswer) -> str:
    """Return an answer as a title."""
    return _title(one, _since(one))


def _title(one: GateAnswer, since: wording.Since | None) -> str:
    return wording.title(
        one.answer,
        candidate=str(one.comparison.candidate.system_version),
        dataset=one.gate.dataset.name,
        parts=one.parts,
        is_waived=selectors.waiver_of(one) is not None,
        since=since,
    )


def _since(one: GateAnswer) -> wording.Since | None:
    later = selectors.later_version(one)
    if later is None:
        return None
    return wording.Since(asked=one.gate.number, now=later[0], is_asked=later[1])


def _rule(part: Mapping[str, Any]) -> RuleSaid:
    said = RuleSaid(rule=wording.rule(part), answer=part["answer"], reason=wording.reason(part))
    if part["kind"] not in ("margin", "slice"):
        return said
    return replace(said, metric=part["metric"], slice=part["slice"] or "", margin=part["margin"])


def _before(waiver: Waiver, comparison: Comparison) -> WaivedBefore:
    answer, waived = waiver.answer, _waived(waiver)
    run = answer.comparison.candidate
    is_baseline = run.pk == comparison.baseline_id
    where = f" on {answer.tag}" if answer.tag else ""
    who = f"The run before{where}, {run.system_version},"
    if is_baseline:
        who = f"The baseline, {run.system_version},"
    elif run.pk == comparison.candidate_id:
        who = f"This run, held against version {answer.gate.number} of the gate before,"
    return WaivedBefore(
        sentence=f"{who} {wording.NOT_PASSED[answer.answer]} and was {waived.by}.",
        candidate=answer.comparison.candidate.public_id,
        comparison=answer.comparison.public_id,
        answer=answer.answer,
        branch=answer.tag,
        is_baseline=is_baseline,
        waived=waived,
    )


def _waived(waiver: Waiver) -> Waived:
    who = waiver.created_by
    return Waived(
        reason=waiver.reason, who="" if who is None else who.username, at=waiver.created_at
    )
