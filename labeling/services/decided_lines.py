"""Decisions that were made elsewhere come in by file: all lines, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_decisions
from evalhub.intake.rows import DecisionRow
from evalhub.intake.spool import ANNOTATIONS
from labeling.models import Campaign, Decision, DecisionRevision, Flag, Purpose, Unit
from labeling.naming import with_units
from labeling.questions import Answer
from labeling.services.decisions import DecidedMeanwhile, read_decision, refuse_unseen, says
from labeling.services.imports import Imported

LIMITS: Final = replace(ANNOTATIONS, lines=50_000)  # in one transaction
IN_ONE_QUERY: Final = 900
_UPDATED: Final = ("question_set", "answers", "reason", "note", "decided_by", "at", "revision")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that has found its unit, with its answers in their one form."""

    number: int
    unit: int
    answers: dict[str, Answer]
    row: DecisionRow

    @property
    def note(self) -> str:
        return self.row.note.strip()


def import_decisions(*, campaign: Campaign, lines: Iterable[bytes], actor: Actor) -> Imported:
    """Keep decisions as experts' pages do. The same line again changes nothing.

    A line replaces a decision whose revision it names, so that nothing is overwritten unseen.
    """
    errors = ErrorCollector()
    read = _read(campaign, lines, errors)
    errors.raise_if_any()
    with transaction.atomic():
        before = _locked(read)
        changed = [line for line in read if not _is_known(line, before, campaign)]
        for line in changed:
            try:
                refuse_unseen(before.get(line.unit), line.row.revision)
            except DecidedMeanwhile:
                errors.add(line.number, "decided", _otherwise(before.get(line.unit)), "revision")
        errors.raise_if_any()
        _write(campaign, changed, before, actor)
        replaced = sum(line.unit in before for line in changed)
        done = Imported(len(changed) - replaced, replaced, len(read) - len(changed))
        record(
            project=campaign.project,
            actor=actor,
            verb="import decisions",
            subject=campaign.public_id,
            detail={"accepted": done.accepted, "replaced": done.replaced},
        )
    return done


def _read(campaign: Campaign, lines: Iterable[bytes], errors: ErrorCollector) -> list[_Line]:
    known = dict(
        Unit.objects.filter(campaign=campaign)
        .exclude(purpose=Purpose.LABEL)
        .values_list("pk", "purpose")
    )
    first: dict[int, int] = {}
    read = []
    for number, row, unit in with_units(campaign, read_decisions(lines, errors), errors):
        if first.setdefault(unit.pk, number) != number:
            detail = f"This unit is decided in line {first[unit.pk]:,} already."
            errors.add(number, "repeated", detail, "key")
        elif unit.pk in known:
            detail = f"This unit is a {known[unit.pk]}: its right answers are known."
            errors.add(number, "control", detail, "key")
        else:
            answers, faults = read_decision(
                campaign.asked, row.answers, reason=row.reason, note=row.note.strip()
            )
            for fault in faults:
                is_answer = fault.code == "answer"
                field = f"answers.{fault.field}" if is_answer else fault.field
                errors.add(number, fault.code, fault.detail, field)
            read.append(_Line(number, unit.pk, answers, row))
    return read


def _locked(lines: Sequence[_Line]) -> dict[int, Decision]:
    """Return what is decided about these units, which nobody else decides meanwhile."""
    pks = sorted(line.unit for line in lines)
    found: dict[int, Decision] = {}
    for at in range(0, len(pks), IN_ONE_QUERY):
        part = pks[at : at + IN_ONE_QUERY]
        units = Unit.objects.filter(pk__in=part).order_by("pk")
        list(units.select_for_update(no_key=True).values_list("pk"))
        found.update({one.unit_id: one for one in Decision.objects.filter(unit__in=part)})
    return found


def _is_known(line: _Line, before: Mapping[int, Decision], campaign: Campaign) -> bool:
    old = before.get(line.unit)
    return old is not None and says(old, campaign, line.answers, line.row.reason, line.note)


def _otherwise(decision: Decision | None) -> str:
    if decision is None:
        return "Nothing is decided about this unit now: leave revision out."
    return (
        f"This unit is decided otherwise, in revision {decision.revision}: "
        "a line that is to replace it names that revision."
    )


def _write(
    campaign: Campaign, lines: Sequence[_Line], before: Mapping[int, Decision], actor: Actor
) -> None:
    now = timezone.now()
    last = _last_numbers(campaign)
    fresh, changed, outdated = [], [], []
    for line in lines:
        old = before.get(line.unit)
        if old is None:
            decision = Decision(unit_id=line.unit, revision=last.get(line.unit, 0))
            fresh.append(decision)
        else:
            outdated.append(DecisionRevision.of(old))
            decision = old
            changed.append(decision)
        decision.revision += 1
        decision.question_set_id = campaign.answers_go_to
        decision.answers, decision.reason, decision.note = line.answers, line.row.reason, line.note
        decision.decided_by, decision.at = actor.user, now
    DecisionRevision.objects.bulk_create(outdated, batch_size=IN_ONE_QUERY)
    Decision.objects.bulk_create(fresh, batch_size=IN_ONE_QUERY)
    Decision.objects.bulk_update(changed, _UPDATED, batch_size=100)
    decided = {line.unit for line in lines}
    flags = Flag.objects.filter(unit__campaign=campaign, resolved_at__isnull=True)
    settled = [pk for pk, unit in flags.values_list("pk", "unit_id") if unit in decided]
    for at in range(0, len(settled), IN_ONE_QUERY):
        Flag.objects.filter(pk__in=settled[at : at + IN_ONE_QUERY]).update(
            resolved_by=actor.user, resolved_at=now
        )


def _last_numbers(campaign: Campaign) -> dict[int, int]:
    """Return the number of the last decision on each unit that had one."""
    earlier = DecisionRevision.objects.filter(unit__campaign=campaign).values_list("unit_id")
    return dict(earlier.annotate(last=Max("number")))
