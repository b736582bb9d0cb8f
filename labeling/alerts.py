"""A lead is told when a question's alpha lies under the target that was set for it."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from labeling.agreement import QuestionAgreement, agreement_by_question, answers_of
from labeling.models import Alert, Campaign

MIN_UNITS: Final = 10  # with two answers: before that alpha says little


def look_around() -> int:
    """Look at every campaign with a target that has other answers than at the last look.

    Safe to run twice and to stop anywhere: the mark is set with what was found.
    """
    watched = Campaign.objects.filter(
        state__in=(Campaign.State.OPEN, Campaign.State.PAUSED),
        question_set__questions__target_alpha__isnull=False,
    ).distinct()
    return sum(_look(campaign) for campaign in watched)


def _look(campaign: Campaign) -> bool:
    n = campaign.annotators.aggregate(n=Sum("n_answered"))["n"] or 0
    if n == campaign.n_watched:
        return False
    results = agreement_by_question(campaign, answers_of(campaign))
    with transaction.atomic():
        for result in results:
            _settle(campaign, result)
        Campaign.objects.filter(pk=campaign.pk).update(n_watched=n)
    return True


def _settle(campaign: Campaign, result: QuestionAgreement) -> None:
    """Raise or clear the alert of one question."""
    target, found = result.question.target_alpha, result.agreement
    is_under = (
        target is not None
        and found.alpha is not None
        and found.alpha < target
        and found.units >= MIN_UNITS
    )
    open_alerts = Alert.objects.filter(
        campaign=campaign, question=result.question.name, cleared_at=None
    )
    if not is_under:
        open_alerts.update(cleared_at=timezone.now())
        return
    seen = {
        "target": target,
        "alpha": found.alpha,
        "low": found.low,
        "high": found.high,
        "n_answers": found.answers,
    }
    Alert.objects.update_or_create(
        campaign=campaign,
        question=result.question.name,
        cleared_at=None,
        defaults=seen,
        create_defaults={**seen, "raised_at": timezone.now()},
    )
