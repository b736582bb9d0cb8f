"""Every answer of a campaign, with its revisions.

All of it is read by the page: no query stays open while a slow client takes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Prefetch, QuerySet

from evalhub.spreadsheets import csv_lines
from labeling.exports.names import Names
from labeling.models import Annotation, AnnotationRevision, Campaign, Question

AT_ONCE: Final = 2_000
_DETAILS: Final = (
    *("unit", "purpose", "state", "revision", "question_set", "guidelines", "left"),
    *("skip_reason", "note"),
)


def annotation_rows(
    campaign: Campaign, *, with_revisions: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield every annotation that counts, in the form in which they are imported.

    With revisions: also skipped and withdrawn ones, everything that is known of each, and in
    `revisions` what it was before, oldest first.
    """
    names = Names.of(campaign)
    rows = _annotations(campaign, with_revisions=with_revisions)
    last = 0
    while page := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        for annotation in page:
            row = {
                **names.place(annotation.unit),
                "annotator": annotation.annotator.name,
                **_content(annotation),
            }
            if annotation.question_set_id != campaign.question_set_id:
                row["question_set"] = annotation.question_set.number
            if with_revisions:
                row |= _details(annotation) | {
                    "revisions": [
                        _content(each) | _details_of(each)
                        for each in sorted(annotation.revisions.all(), key=_number)
                    ]
                }
            yield row
        last = page[-1].pk


def _annotations(campaign: Campaign, *, with_revisions: bool) -> QuerySet[Annotation]:
    found = Annotation.objects.filter(unit__campaign=campaign).order_by("pk")
    found = found.select_related("unit", "annotator", "question_set")
    if not with_revisions:
        return found.given()
    earlier = AnnotationRevision.objects.select_related("question_set")
    return found.prefetch_related(Prefetch("revisions", queryset=earlier))


def _number(revision: AnnotationRevision) -> int:
    return revision.number


def _content(said: Annotation | AnnotationRevision) -> dict[str, Any]:
    return {"answers": said.answers, "at": moment(said.at), "seconds": said.seconds}


def _details(annotation: Annotation) -> dict[str, Any]:
    return {
        "unit": annotation.unit.public_id,
        "purpose": annotation.unit.purpose,
        **_details_of(annotation),
    }


def _details_of(said: Annotation | AnnotationRevision) -> dict[str, Any]:
    number = said.revision if isinstance(said, Annotation) else said.number
    details: dict[str, Any] = {
        "state": said.state,
        "revision": number,
        "question_set": said.question_set.number,
        "guidelines": said.guidelines_number,
        "skip_reason": said.skip_reason,
        "note": said.note,
    }
    unit = said.unit if isinstance(said, Annotation) else said.annotation.unit
    if unit.second_run_id is not None:
        details["left"] = "second" if said.is_swapped else "first"
    return details


def moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# As a table


def annotations_csv(campaign: Campaign) -> Iterator[str]:
    """Yield the lines of a CSV file: a row for every revision of every annotation, newest last.

    Each question that was ever asked has a column; several chosen options stand as JSON.
    """
    asked = Question.objects.filter(question_set__campaign=campaign).order_by(
        "question_set__number", "order"
    )
    questions = list(dict.fromkeys(asked.values_list("name", flat=True)))
    places = ["run", "key", "attempt"]
    if campaign.is_of_pairs:
        places += ["second_run", "second_attempt"]
    header = [*places, "annotator", "at", "seconds", *_DETAILS]
    yield from csv_lines(
        [*header, *(f"answer:{name}" for name in questions)],
        (
            [*(row.get(name) for name in header), *_cells(row["answers"], questions)]
            for annotation in annotation_rows(campaign, with_revisions=True)
            for row in _revisions(annotation)
        ),
    )


def _revisions(annotation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    earlier = annotation.pop("revisions")
    for revision in earlier:
        yield {**annotation, **revision}
    yield annotation


def _cells(answers: Mapping[str, Any], questions: Sequence[str]) -> Iterator[object]:
    """Yield a cell for each question: empty where it was not answered, n/a where it cannot be."""
    for name in questions:
        answer = answers.get(name, "")
        if answer is None:
            yield "n/a"
        else:
            yield json.dumps(answer, ensure_ascii=False) if isinstance(answer, list) else answer
