"""How far the people of a campaign agree. For leads only."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, signed_in
from labeling import selectors
from labeling.agreement import agreement_by_question, answers_of, title_of
from labeling.agreement.details import (
    coefficients,
    confusion_of,
    fields_of,
    matrix_of,
    options_of,
    slices_of,
    trend_of,
)
from labeling.agreement.outlook import outlook_of
from labeling.agreement.people import people_of
from labeling.agreement.preferences import ranking_of
from labeling.agreement.questions import QuestionAgreement, axis_start
from labeling.agreement.splits import shown_splits, widest_splits
from labeling.agreement.table import Table
from labeling.agreement.verdicts import consensus_of
from labeling.models import Campaign, Question
from labeling.sight import seers_of
from labeling.views.access import entered
from metrics.statistics.standings import RANK_RULE


@require_safe
@signed_in
def agreement(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """How far people agree, question by question, where they do not, and who stands apart."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    table = answers_of(campaign)
    results = agreement_by_question(campaign, table)
    shown = _shown(request, results)
    context: dict[str, Any] = {
        "campaign": campaign,
        "results": results,
        "n_answers": len(table.answers),
        "title": title_of(results),
        "axis_start": axis_start(results),
        "group_field": table.group_field,
        "progress": selectors.campaign_progress(campaign),
        "splits": shown_splits(widest_splits(campaign, table)),
        "alerts": campaign.alerts.filter(cleared_at=None).order_by("question"),
        "shown": shown,
        "seers": [one for one in seers_of(campaign).values() if one.annotator.n_answered],
        "tab": "agreement",
    }
    if shown is not None:
        context["people"] = people_of(campaign, table, shown.question)
        context["outlook"] = outlook_of(shown, are_clusters=bool(table.group_field))
    return render(request, "labeling/agreement.html", context)


@require_safe
@signed_in
def more(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """The folded part for one question, computed when somebody unfolds it, or a page of it."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    table = answers_of(campaign)
    results = agreement_by_question(campaign, table)
    shown = _shown(request, results)
    if shown is None:
        raise Http404("This campaign has no question of that name on which people can agree.")
    context = {
        "campaign": campaign,
        "shown": shown,
        "axis_start": axis_start(results),
        **_details(request, campaign, table, shown.question),
    }
    is_part = bool(request.headers.get("HX-Request"))
    name = "labeling/_agreement_more.html" if is_part else "labeling/agreement_more.html"
    response = render(request, name, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _details(
    request: SignedInRequest, campaign: Campaign, table: Table, question: Question
) -> dict[str, Any]:
    answers = table.columns(question)
    fields = fields_of(campaign)
    field = request.GET.get("slice", "")
    field = field if field in fields else next(iter(fields), "")
    return {
        "coefficients": coefficients(answers, question),
        "matrix": matrix_of(table, answers, question),
        "confusion": confusion_of(answers, question),
        "options": options_of(answers, question),
        "trend": trend_of(answers, question),
        "fields": fields,
        "field": field,
        "slices": slices_of(campaign, answers, question, field) if field else [],
        "consensus": consensus_of(table, answers, question),
        "ranking": ranking_of(campaign, table, question),
        "rank_rule": RANK_RULE,
    }


def _shown(request: SignedInRequest, results: list[QuestionAgreement]) -> QuestionAgreement | None:
    """Return the question that is looked at closely: the one asked for, or the first."""
    wanted = request.GET.get("question")
    if wanted is None:
        return next(iter(results), None)
    return next((result for result in results if result.question.name == wanted), None)
