"""How far the people of a campaign agree. For leads only."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, signed_in
from labeling import selectors
from labeling.agreement import agreement_by_question, answers_of, title_of
from labeling.agreement.questions import axis_start
from labeling.agreement.splits import shown_splits, widest_splits
from labeling.views.access import entered


@require_safe
@signed_in
def agreement(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """How far people agree, question by question, and where they do not. For leads only."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    table = answers_of(campaign)
    results = agreement_by_question(campaign, table)
    context: dict[str, Any] = {
        "campaign": campaign,
        "results": results,
        "n_answers": len(table.answers),
        "title": title_of(results),
        "axis_start": axis_start(results),
        "group_field": table.group_field,
        "progress": selectors.campaign_progress(campaign),
        "splits": shown_splits(widest_splits(campaign, table)),
        "tab": "agreement",
    }
    return render(request, "labeling/agreement.html", context)
