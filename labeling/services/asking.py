"""Questions change: each version is kept, and no answer given under an older one is touched."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import ContentError, FieldError
from labeling.asking import are_same
from labeling.models import Campaign, Control, Question, QuestionSet
from labeling.plans import taken_names
from labeling.questions import read_questions
from labeling.services.changing import locked, refuse_unseen

MAX_NOTE: Final = 500


def read_asked(campaign: Campaign, given: object) -> list[Question]:
    """Return unsaved questions for a campaign that is there, or raise one error for all faults."""
    errors: list[FieldError] = []
    questions = read_questions(given, errors, is_of_pairs=campaign.is_of_pairs)
    errors += taken_names(list(campaign.runs.all()), questions)
    if errors:
        raise ContentError(errors[0].detail, errors=errors)
    return questions


@transaction.atomic
def change_questions(
    *, campaign: Campaign, asked: object, note: str = "", seen: int | None = None, actor: Actor
) -> QuestionSet | None:
    """Ask other questions from now on; return the version, or None where nothing is different.

    Right answers of control units go with a scale that is gone. `seen` is the number of the
    version that was changed; another one in the meantime raises Conflict.
    """
    note = note.strip()
    if len(note) > MAX_NOTE:
        detail = f"What changed is said in at most {MAX_NOTE} characters."
        raise ContentError(detail, errors=[FieldError("note", "text", detail)])
    questions = read_asked(campaign, asked)
    now = locked(campaign)
    before = now.question_set
    number = 0 if before is None else before.number
    refuse_unseen(seen, number, "questions")
    if are_same(now.asked, questions):
        return None
    version = QuestionSet.objects.create(
        campaign=now,
        number=number + 1,
        note=note,
        created_by=actor.user,
        created_at=timezone.now(),
    )
    for question in questions:
        question.question_set = version
    Question.objects.bulk_create(questions)
    Campaign.objects.filter(pk=now.pk).update(question_set=version)
    dropped = _drop_stale_known_answers(now, questions)
    record(
        project=campaign.project,
        actor=actor,
        verb="change questions",
        subject=campaign.public_id,
        detail={
            "version": version.number,
            **({"right answers dropped": dropped} if dropped else {}),
        },
    )
    campaign.question_set = version
    campaign.__dict__.pop("asked", None)
    return version


def _drop_stale_known_answers(before: Campaign, questions: list[Question]) -> int:
    """Forget right answers to questions that mean something else now, and count them."""
    old = {question.name: question.meaning for question in before.asked}
    kept = {each.name for each in questions if old.get(each.name) == each.meaning}
    dropped = 0
    for control in Control.objects.filter(unit__campaign=before):
        answers = {name: answer for name, answer in control.answers.items() if name in kept}
        if len(answers) < len(control.answers):
            dropped += len(control.answers) - len(answers)
            control.answers = answers
            control.save(update_fields=["answers"])
    return dropped
