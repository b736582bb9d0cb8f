"""Annotations that were made elsewhere come in by file: all lines, or none."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.datasets.keys import positions_of
from evalhub.errors import Conflict
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_annotations
from evalhub.intake.rows import AnnotationRow
from evalhub.intake.spool import ANNOTATIONS
from evalhub.runs.bulk import insert_rows
from evalhub.runs.models import Run
from labeling.models import Annotation, AnnotationRevision, Annotator, Campaign, Question, Unit
from labeling.questions import Answer, read_answers

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
    answers: dict[str, Answer]
    at: datetime | None
    seconds: float | None


@dataclass
class _Places:
    """The units of a campaign by run, key and attempt."""

    campaign: Campaign
    by_run: dict[str, Run] = field(default_factory=dict)
    by_system: dict[str, list[Run]] = field(default_factory=dict)
    units: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, campaign: Campaign) -> _Places:
        places = cls(campaign)
        for run in campaign.runs.select_related("version", "system_version__system"):
            places.by_run[run.public_id] = run
            for name in {run.system_version.system.slug, str(run.system_version)}:
                places.by_system.setdefault(name, []).append(run)
        rows = Unit.objects.filter(campaign=campaign)
        for pk, run_id, position, attempt, bundle in rows.values_list(
            "pk", "run_id", "position", "attempt", "bundle"
        ):
            places.units[run_id, position, attempt] = pk, bundle
        return places

    def run_of(self, row: AnnotationRow, line: int, errors: ErrorCollector) -> Run | None:
        if row.run is not None:
            if row.run not in self.by_run:
                errors.add(line, "run", f"The campaign has no run {row.run[:40]!r}.", "run")
            return self.by_run.get(row.run)
        named = row.system or ""
        runs = self.by_system.get(named, [])
        if not runs:
            errors.add(line, "system", f"No run of the campaign is of {named[:100]!r}.", "system")
        elif len(runs) > 1:
            detail = f"{named[:100]!r} names {len(runs)} runs of this campaign; name the run."
            errors.add(line, "ambiguous", detail, "system")
        return runs[0] if len(runs) == 1 else None


def import_annotations(*, campaign: Campaign, lines: Iterable[bytes], actor: Actor) -> Imported:
    """Keep annotations of people without accounts. The same line again changes nothing."""
    errors = ErrorCollector()
    rows = _read(campaign, lines, errors)
    errors.raise_if_any()
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if not campaign.is_open:
            raise Conflict("This campaign is closed; its answers stay as they are.")
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
    questions = campaign.asked
    accounts = set(campaign.annotators.filter(user__isnull=False).values_list("name", flat=True))
    found: dict[tuple[int, str], int] = {}
    rows = []
    for line, row, unit, bundle in _with_units(campaign, lines, errors):
        if row.annotator in accounts:
            detail = (
                f"{row.annotator[:100]!r} labels here with an account; "
                "imported answers need another name."
            )
            errors.add(line, "annotator", detail, "annotator")
            continue
        first = found.setdefault((unit, row.annotator), line)
        if first != line:
            detail = f"{row.annotator[:100]!r} answers this output in line {first:,} already."
            errors.add(line, "repeated", detail, "key")
            continue
        answers = _answers(questions, row, line, errors)
        rows.append(_Row(unit, bundle, row.annotator, answers, row.at, row.seconds))
    return rows


def _with_units(
    campaign: Campaign, lines: Iterable[bytes], errors: ErrorCollector
) -> Iterator[tuple[int, AnnotationRow, int, int]]:
    """Yield every line with its unit; keys are looked up for all lines of a run at once."""
    places = _Places.of(campaign)
    named = [
        (line, row, run)
        for line, row in read_annotations(lines, errors)
        if (run := places.run_of(row, line, errors)) is not None
    ]
    positions = _positions(named)
    for line, row, run in named:
        position = positions[run.version_id, row.key]
        if position < 0:
            detail = f"The dataset version of this run has no key {row.key[:100]!r}."
            errors.add(line, "key", detail, "key")
        elif (run.pk, position, row.attempt) not in places.units:
            detail = (
                f"The campaign has no output for key {row.key[:100]!r}, attempt {row.attempt}: "
                "it is missing, an error, or was not drawn."
            )
            errors.add(line, "key", detail, "key")
        else:
            yield line, row, *places.units[run.pk, position, row.attempt]


def _positions(named: Sequence[tuple[int, AnnotationRow, Run]]) -> dict[tuple[int, str], int]:
    keys: dict[int, set[str]] = {}
    versions = {}
    for _, row, run in named:
        versions[run.version_id] = run.version
        keys.setdefault(run.version_id, set()).add(row.key)
    positions = {}
    for version_id, version in versions.items():
        wanted = list(keys[version_id])
        found = positions_of(version, wanted).tolist()
        positions.update({(version_id, key): at for key, at in zip(wanted, found, strict=True)})
    return positions


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
            changed.append(_changed(old, row, campaign, now))
        if old is None or old.state != Annotation.State.GIVEN:
            new[row.annotator] += 1
    _insert(fresh, annotators, campaign, now)
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
        and row.at in (None, old.at)
        and row.seconds in (None, old.seconds)
    )


def _changed(old: Annotation, row: _Row, campaign: Campaign, now: datetime) -> Annotation:
    return Annotation(
        unit_id=row.unit,
        annotator_id=old.annotator_id,
        bundle=row.bundle,
        question_set_id=campaign.answers_go_to,
        state=Annotation.State.GIVEN,
        answers=row.answers,
        at=row.at or now,
        seconds=row.seconds,
        revision=old.revision + 1,
    )


def _insert(
    rows: Sequence[_Row], annotators: Mapping[str, Annotator], campaign: Campaign, now: datetime
) -> None:
    adapted = connection.ops.adapt_datetimefield_value
    insert_rows(
        "labeling_annotation",
        _COLUMNS,
        [
            (
                *(row.unit, annotators[row.annotator].pk, row.bundle),
                *(Annotation.State.GIVEN.value, campaign.answers_go_to, json.dumps(row.answers)),
                *(adapted(row.at or now), row.seconds, 1),
                *(0, False, "", ""),
            )
            for row in rows
        ],
    )
