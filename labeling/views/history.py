"""What one person has answered: searched, and opened again. Nobody sees another's."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, signed_in
from labeling.history import Pasts, history
from labeling.services.desk import place_of
from labeling.views.access import entered

LONGEST = 200  # characters of a search


@require_safe
@never_cache
@signed_in
def own_history(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """A page of one's own answers, newest first, with those words."""
    campaign = entered(request, campaign_id, Capability.LABEL)
    words = request.GET.get("words", "")[:LONGEST]
    before = request.GET.get("before", "")[:24].replace("\0", "")
    annotator = place_of(request.user, campaign=campaign)
    pasts = Pasts([], "") if annotator is None else history(annotator, words=words, before=before)
    context = {"campaign": campaign, "pasts": pasts, "words": words, "before": before}
    return render(request, "labeling/history.html", context)
