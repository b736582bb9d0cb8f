"""Answers are written down, with what they were before, and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.utils import timezone

from evalhub.errors import Conflict
from evalhub.prepared import insert
from labeling.models import (
    Annotation,
    AnnotationRevision,
    Annotator,
    Campaign,
    Decision,
    Draft,
    Purpose,
    Unit,
)
from labeling.questions import Answer

State: Final = Annotation.State
LONGEST: Final = 24 * 3_600.0  # seconds that one answer can take
PACE_OVER: Final = 20  # answers


@dataclass(frozen=True)
class Act:
    """What a person did with a unit: the state it is in now, and where and how."""

    state: str
    purpose: str  # of the unit
    slot_id: int | None = None  # the place that an answer takes
    answers: Mapping[str, Answer] = field(default_factory=dict)
    seconds: float | None = None  # None: since the unit came to the desk
    skip_reason: str = ""
    words: str = ""


def write_down(
    annotator: Annotator, unit: Unit, before: Annotation | None, draft: Draft | None, act: Act
) -> None:
    """Write what the person did with a unit, keep what it was before, and count."""
    now = timezone.now()
    was = "" if before is None else before.state
    annotation = before or Annotation(annotator=annotator, unit=unit, bundle=unit.bundle)
    if before is not None:
        AnnotationRevision.of(before).save()
        annotation.revision += 1
    annotation.state, annotation.slot_id = act.state, act.slot_id
    annotation.question_set_id = annotator.campaign.answers_go_to
    annotation.guidelines_number = annotator.guidelines_seen
    annotation.answers, annotation.at = dict(act.answers), now
    annotation.skip_reason, annotation.note = act.skip_reason, act.words
    if draft is not None:
        annotation.is_swapped = draft.is_swapped
    if act.state != State.WITHDRAWN:
        annotation.seconds = _seconds(annotator, unit, draft, act.seconds, now)
    if before is None:
        insert(annotation)
    else:
        annotation.save()
    is_given, was_given = act.state == State.GIVEN, was == State.GIVEN
    count(annotator, act.purpose, is_given - was_given)
    annotator.n_skipped += (act.state == State.SKIPPED) - (was == State.SKIPPED)
    annotator.saved_at = now
    if is_given and not was_given and annotation.seconds is not None:
        annotator.pace = [*annotator.pace, round(annotation.seconds, 1)][-PACE_OVER:]


def _seconds(
    annotator: Annotator, unit: Unit, draft: Draft | None, given: float | None, now: datetime
) -> float | None:
    """Return how long the person was at it; a clock that was set back makes nothing negative."""
    if given is None:
        if annotator.unit_id != unit.pk or annotator.shown_at is None:
            return None
        given = (now - annotator.shown_at).total_seconds()
    return min(LONGEST, max(0.0, given) + (0.0 if draft is None else draft.seconds))


def count(annotator: Annotator, purpose: str, by: int) -> None:
    """Count answers of a person by what they are for."""
    if purpose == Purpose.QUALIFICATION:
        annotator.n_qualification += by
        return
    annotator.n_answered += by
    if purpose == Purpose.CONTROL:
        annotator.n_controls += by


def refuse_fixed(campaign: Campaign, annotation: Annotation) -> None:
    """Refuse to change an answer that was decided on, or is published."""
    if Decision.objects.filter(unit=annotation.unit_id).exists():
        raise Conflict("An expert has decided on this one, so your answer stays.", code="decided")
    if campaign.published_at is not None and annotation.at <= campaign.published_at:
        raise Conflict("This answer is published, so it stays as it is.", code="published")
