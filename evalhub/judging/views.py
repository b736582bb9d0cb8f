"""The judges page: who judges, by which rubrics, and every call so far."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project, signed_in
from evalhub.judging import selectors


@require_safe
@signed_in
def judges(request: SignedInRequest, project: str) -> HttpResponse:
    """The judge, its rubrics and the ledger; without a judge, how to set one."""
    found = enter_project(request, project, Capability.VIEW)
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
    entries, following = selectors.ledger(found, before=before)
    context = {
        "judge": selectors.judge(),
        "rubrics": selectors.rubrics_of(found),
        "entries": entries,
        "shown": f"{len(entries)} calls" if entries else "",
        "first_url": "?" if before is not None else "",
        "next_url": f"?before={following}" if following else "",
        "setting": SETTING,
    }
    return render(request, "judging/list.html", context)


SETTING = """\
EVALHUB_JUDGE_URL=https://models.example.org/v1   # an OpenAI-compatible address
EVALHUB_JUDGE_MODEL=name-of-the-model
EVALHUB_JUDGE_KEY_FILE=/path/to/the/key           # or EVALHUB_JUDGE_KEY; none if it needs none"""
