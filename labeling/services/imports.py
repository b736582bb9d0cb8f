"""Annotations that were made elsewhere come in by file: all lines, or none."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_annotations
from evalhub.intake.rows import AnnotationRow
from evalhub.intake.spool import ANNOTATIONS
from evalhub.runs.bulk import insert_rows
from labeling.models import Annotation, AnnotationRevision, Annotator, Campaign, Question
from labeling.naming import with_units
from labeling.questions import Answer, read_answers
from labeling.services.seats import refuse_unless_open

# One transaction takes them all, and others wait for it.
LIMITS: Final = replace(ANNOTATIONS, lines=100_000)
_UPDATED: Final = ("state", "question_set", "answers", "seconds", "at", "revision")
_COLUMNS: Final = (
    *("unit_id", "annotator_id", "bundle"),
    *("state", "question_set_id", "answers", "at", "seconds", "revision"),
    *("guidelines_number", "is_swapped", "skip_reason", "note"),
)


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    accepted: int
    replaced: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A line that has found its unit, with its answers in their one form."""

    unit: int
    bundle: int
    annotator: str
    question_set: int
    answers: dict[str, Answer]
    at: datetime | None
    seconds: float | None


def import_annotations(*, campaign: Campaign, lines: Iterable[bytes], actor: Actor) -> Imported:
    """Keep annotations of people without accounts. The same line again changes nothing."""
    errors = ErrorCollector()
    rows = _read(campaign, lines, errors)
    errors.raise_if_any()
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        refuse_unless_open(campaign)
        imported = _keep(campaign, rows)
        record(
            project=campaign.project,
            actor=actor,
            verb="import annotations",
            subject=campaign.public_id,
            detail={"accepted": imported.accepted, "replaced": imported.replaced},
        )
    return imported


# Reading


def _read(campaign: Campaign, lines: Iterable[bytes], errors: ErrorCollector) -> list[_Row]:
    versions = _Versions(campaign)
    accounts = set(campaign.annotators.filter(user__isnull=False).values_list("name", flat=True))
    found: dict[tuple[int, str], int] = {}
    rows = []
    for line, row, unit in with_units(campaign, read_annotations(lines, errors), errors):
        if row.annotator in accounts:
            detail = (
                f"{row.annotator[:100]!r} labels here with an account; "
                "imported answers need another name."
            )
            errors.add(line, "annotator", detail, "annotator")
            continue
        first = found.setdefault((unit.pk, row.annotator), line)
        if first != line:
            detail = f"{row.annotator[:100]!r} answers this output in line {first:,} already."
            errors.add(line, "repeated", detail, "key")
            continue
        asked = versions.of(row, line, errors)
        if asked is not None:
            answers = _answers(versions.questions[asked], row, line, errors)
            rows.append(
                _Row(unit.pk, unit.bundle, row.annotator, asked, answers, row.at, row.seconds)
            )
    return rows


class _Versions:
    """The questions of a campaign by version: a line says under which it was answered."""

    def __init__(self, campaign: Campaign) -> None:
        self.newest = campaign.answers_go_to
        self.numbers: dict[int, int] = {}
        self.questions: dict[int, Sequence[Question]] = {}
        for version in campaign.question_sets.prefetch_related("questions"):
            self.numbers[version.number] = version.pk
            self.questions[version.pk] = version.in_order

    def of(self, row: AnnotationRow, line: int, errors: ErrorCollector) -> int | None:
        """Return the key of a line's version, the newest where it names none."""
        if row.question_set is None:
            return self.newest
        if row.question_set not in self.numbers:
            detail = (
                f"The campaign has {len(self.numbers)} versions of its questions, and none with "
                f"the number {row.question_set}."
            )
            errors.add(line, "question_set", detail, "question_set")
        return self.numbers.get(row.question_set)


def _answers(
    questions: Sequence[Question], row: AnnotationRow, line: int, errors: ErrorCollector
) -> dict[str, Answer]:
    answers, faults = read_answers(questions, row.answers)
    for name, detail in faults:
        errors.add(line, "answer", detail, f"answers.{name}" if name else "answers")
    return answers


# Keeping


def _keep(campaign: Campaign, rows: Sequence[_Row]) -> Imported:
    annotators = _annotators(campaign, {row.annotator for row in rows})
    before = {
        (annotation.unit_id, annotation.annotator_id): annotation
        for annotation in Annotation.objects.filter(annotator__in=annotators.values())
    }
    now = timezone.now()
    fresh: list[_Row] = []
    outdated: list[Annotation] = []
    changed: list[Annotation] = []
    new: Counter[str] = Counter()
    for row in rows:
        old = before.get((row.unit, annotators[row.annotator].pk))
        if old is not None and _is_same(old, row):
            continue
        if old is None:
            fresh.append(row)
        else:
            outdated.append(old)
            changed.append(_changed(old, row, now))
        if old is None or old.state != Annotation.State.GIVEN:
            new[row.annotator] += 1
    _insert(fresh, annotators, now)
    AnnotationRevision.objects.bulk_create(map(AnnotationRevision.of, outdated))
    Annotation.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["unit", "annotator"],
        update_fields=list(_UPDATED),
    )
    for name, n in new.items():
        annotators[name].n_answered += n
        annotators[name].save(update_fields=["n_answered"])
    return Imported(
        accepted=len(fresh),
        replaced=len(changed),
        unchanged=len(rows) - len(fresh) - len(changed),
    )


def _annotators(campaign: Campaign, names: set[str]) -> dict[str, Annotator]:
    known = set(campaign.annotators.filter(user__isnull=True).values_list("name", flat=True))
    Annotator.objects.bulk_create(
        Annotator(campaign=campaign, name=name, seed=secrets.randbits(62))
        for name in sorted(names - known)
    )
    people = campaign.annotators.filter(user__isnull=True)
    return {person.name: person for person in people if person.name in names}


def _is_same(old: Annotation, row: _Row) -> bool:
    return (
        old.state == Annotation.State.GIVEN
        and old.answers == row.answers
        and old.question_set_id == row.question_set
        and row.at in (None, old.at)
        and row.seconds in (None, old.seconds)
    )


def _changed(old: Annotation, row: _Row, now: datetime) -> Annotation:
    return Annotation(
        unit_id=row.unit,
        annotator_id=old.annotator_id,
        bundle=row.bundle,
        question_set_id=row.question_set,
        state=Annotation.State.GIVEN,
        answers=row.answers,
        at=row.at or now,
        seconds=row.seconds,
        revision=old.revision + 1,
    )


def _insert(rows: Sequence[_Row], annotators: Mapping[str, Annotator], now: datetime) -> None:
    adapted = connection.ops.adapt_datetimefield_value
    insert_rows(
        "labeling_annotation",
        _COLUMNS,
        [
            (
                *(row.unit, annotators[row.annotator].pk, row.bundle),
                *(Annotation.State.GIVEN.value, row.question_set, json.dumps(row.answers)),
                *(adapted(row.at or now), row.seconds, 1),
                *(0, False, "", ""),
            )
            for row in rows
        ],
    )
