"""What stands on the desk, as the templates want it: units as one person sees them, guidelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from evalhub.errors import Conflict
from evalhub.prepared import Prepared
from evalhub.web import differences, formatting
from evalhub.web.reading.cache import BoundedCache
from labeling import selectors
from labeling.evidence import Evidence, evidence_of
from labeling.forms.asked import Sheet, sheet_of
from labeling.forms.desk import Fields, fields_of
from labeling.history import answer_in_words
from labeling.models import (
    Annotation,
    Annotator,
    Campaign,
    Flag,
    GuidelineVersion,
    Purpose,
    SkipReason,
    Unit,
)
from labeling.services.desk import Dealt, Feedback
from labeling.services.noting import refuse_fixed


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A unit as one person sees it: what to read, what to answer, what they said before."""

    unit: Unit
    set_number: int
    draft_number: int
    sheet: Sheet
    evidence: Evidence
    gives_feedback: bool
    flag_note: str | None  # None: it is not flagged
    answered_at: datetime | None = None  # of an answer that is looked at again
    was_skipped: bool = False
    is_settled: str = ""  # why that answer cannot be changed any more
    is_between: bool = False  # it is there to be read, between two outputs of one example

    @property
    def is_pair(self) -> bool:
        return self.unit.second_run_id is not None

    @property
    def is_flagged(self) -> bool:
        return self.flag_note is not None


def shown(
    dealt: Dealt,
    annotator: Annotator,
    *,
    fields: Fields | None = None,
    errors: Mapping[str, str] | None = None,
) -> Shown:
    """Return a unit with what was chosen so far: what a form just said, a draft, or of old."""
    draft = dealt.draft
    asked = annotator.campaign.asked
    if fields is None:
        old = fields_of(asked, draft.before, is_swapped=draft.is_swapped)
        fields = draft.fields if draft.saved_at is not None else old
    return _shown(
        dealt.unit,
        annotator,
        sheet_of(asked, fields, is_swapped=draft.is_swapped, errors=errors),
        draft_number=draft.number,
        is_between=draft.is_between,
    )


def shown_again(answer: Annotation, annotator: Annotator) -> Shown:
    """Return the unit of an own answer, with that answer."""
    asked = annotator.campaign.asked
    is_swapped = answer.is_swapped
    fields = fields_of(asked, answer.answers, is_swapped=is_swapped)
    return _shown(
        answer.unit,
        annotator,
        sheet_of(asked, fields, is_swapped=is_swapped),
        answered_at=answer.at,
        was_skipped=answer.state == Annotation.State.SKIPPED,
        is_settled=why_settled(answer, annotator),
    )


def _shown(
    unit: Unit, annotator: Annotator, sheet: Sheet, *, draft_number: int = 0, **more: Any
) -> Shown:
    flag = _FLAGS.first(annotator.pk, unit.pk)
    return Shown(
        unit=unit,
        set_number=set_number(annotator.campaign),
        draft_number=draft_number,
        sheet=sheet,
        evidence=evidence_of(unit, annotator, is_swapped=sheet.is_swapped),
        # In the qualification everybody is told; of controls nobody learns that they are some.
        gives_feedback=annotator.state == Annotator.State.QUALIFYING,
        flag_note=None if flag is None else flag.note,
        **more,
    )


_FLAGS: Final = Prepared(
    lambda annotator, unit: Flag.objects.filter(
        annotator=annotator, unit=unit, resolved_at__isnull=True
    ).order_by("pk"),
    *(int, int),
)


def why_settled(answer: Annotation, annotator: Annotator) -> str:
    """Say why an own answer cannot be changed any more, or nothing."""
    if answer.unit.purpose == Purpose.QUALIFICATION:
        return "The qualification stays as it was answered."
    if not annotator.campaign.is_open:
        return "The campaign takes no answers now."
    try:
        refuse_fixed(annotator.campaign, answer)
    except Conflict as conflict:
        return conflict.detail
    return ""


def marked_sides(unit: Unit, annotator: Annotator, *, is_swapped: bool) -> list[str]:
    """Return the answers of a pair with the words marked that the other one lacks, if any."""
    evidence = evidence_of(unit, annotator, is_swapped=is_swapped)
    left, right = (side.answer.text if side.answer else "" for side in evidence.sides)
    return list(differences.marked(left, right) or ())


def set_number(campaign: Campaign) -> int:
    return campaign.question_set.number if campaign.question_set else 0


@dataclass(frozen=True)
class Guide:
    """The guidelines, and what of them a person has not acknowledged yet."""

    number: int
    is_new: bool
    changes: SafeString | str
    note: str


def guide_of(annotator: Annotator) -> Guide:
    """Return the guidelines with what differs from those that the person acknowledged."""
    campaign = annotator.campaign
    number, seen = campaign.guidelines_number, annotator.guidelines_seen
    if seen >= number:
        return Guide(number, is_new=False, changes="", note="")
    if not seen:
        return Guide(number, is_new=True, changes="", note="")
    versions = GuidelineVersion.objects.filter(campaign=campaign, number__in=(seen, number))
    by_number = {version.number: version for version in versions}
    old = by_number[seen].text if seen in by_number else ""
    return Guide(
        number,
        is_new=True,
        changes=differences.in_one(old, campaign.guidelines),
        note=by_number[number].note if number in by_number else "",
    )


@dataclass(frozen=True)
class Told:
    """One question of the qualification: what was said, and what is right."""

    name: str
    is_right: bool
    given: str
    known: str


def told(feedback: Feedback, *, is_swapped: bool) -> list[Told]:
    return [
        Told(
            verdict.question.name,
            verdict.is_right,
            answer_in_words(verdict.question, verdict.given, is_swapped),
            answer_in_words(verdict.question, verdict.known, is_swapped),
        )
        for verdict in feedback.verdicts
    ]


def context_of(annotator: Annotator, now: Shown | None) -> dict[str, Any]:
    """Return what the templates of the desk want: the unit, or why there is none."""
    return {
        "campaign": annotator.campaign,
        "annotator": annotator,
        "shown": now,
        "nothing": None if now is not None else selectors.why_nothing(annotator),
        "skip_reasons": SkipReason.choices,
    }


_UNTOUCHED: Final = BoundedCache(2 * 1024**2)


def unit_in_html(request: HttpRequest, annotator: Annotator, now: Shown | None) -> str:
    """Render what is on the desk. Questions that nobody has touched are alike, and made once."""
    context = context_of(annotator, now)
    if now is not None and now.sheet.is_untouched:
        campaign = annotator.campaign
        key = (campaign.public_id, campaign.question_set_id, now.sheet.is_swapped)
        parts = {"shown": now}
        context["crits"] = mark_safe(  # noqa: S308 - a template made it
            _UNTOUCHED.get(key, lambda: render_to_string("labeling/_crits.html", parts))
        )
    return in_html(request, "labeling/_unit.html", context)


def in_html(request: HttpRequest, template: str, context: Mapping[str, Any]) -> str:
    """Render a part of the page; for the frame around it nothing is read."""
    return render_to_string(template, {**context, "csrf_token": get_token(request)})


def guide_in_html(request: HttpRequest, annotator: Annotator) -> str:
    context = {"campaign": annotator.campaign, "guide": guide_of(annotator)}
    return in_html(request, "labeling/_guide.html", context)


def progress_of(annotator: Annotator) -> dict[str, object]:
    """Return how far a person is, as the script shows it."""
    progress = selectors.desk_progress(annotator)
    return {
        "answered": progress.answered,
        "total": progress.total,
        "words": str(formatting.of(progress.answered, progress.total)) if progress.total else "",
        "left": progress.time_left,
    }
