"""What a lead takes out of a campaign: files of answers and of preferences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, signed_in
from labeling.exports.annotations import annotation_rows, annotations_csv
from labeling.exports.decisions import decision_rows
from labeling.exports.preferences import preferences
from labeling.models import Campaign
from labeling.views.access import entered


@dataclass(frozen=True)
class File:
    """One file that a campaign can be taken out as."""

    name: str
    says: str
    media: str
    lines: Callable[[Campaign], Iterable[str]]
    is_of_pairs: bool = False


def _jsonl(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


FILES: Final = (
    File(
        "annotations.jsonl",
        "The answers that count, a line each. It can be imported into another campaign.",
        "application/x-ndjson",
        lambda campaign: _jsonl(annotation_rows(campaign)),
    ),
    File(
        "revisions.jsonl",
        "Every answer with all that is known of it: skipped and taken back ones too, and what "
        "each was before.",
        "application/x-ndjson",
        lambda campaign: _jsonl(annotation_rows(campaign, with_revisions=True)),
    ),
    File(
        "annotations.csv",
        "The same as a table, a row for each revision. No cell runs as a formula.",
        "text/csv; charset=utf-8",
        annotations_csv,
    ),
    File(
        "decisions.jsonl",
        "What experts decided, with the reason. It can be taken in again.",
        "application/x-ndjson",
        lambda campaign: _jsonl(decision_rows(campaign)),
    ),
    File(
        "preferences.jsonl",
        "Prompt, chosen and rejected output, by decision, or by who won more often.",
        "application/x-ndjson",
        lambda campaign: _jsonl(preferences(campaign)),
        is_of_pairs=True,
    ),
)


def _files_of(campaign: Campaign) -> list[File]:
    return [file for file in FILES if campaign.is_of_pairs or not file.is_of_pairs]


@require_safe
@signed_in
def listing(request: SignedInRequest, campaign_id: str) -> HttpResponse:
    """The files that there are, each with what is in it."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    context = {"campaign": campaign, "files": _files_of(campaign), "tab": "files"}
    return render(request, "labeling/files.html", context)


@require_safe
@signed_in
def download(request: SignedInRequest, campaign_id: str, name: str) -> StreamingHttpResponse:
    """One file, written as it is read."""
    campaign = entered(request, campaign_id, Capability.LEAD)
    file = next((each for each in _files_of(campaign) if each.name == name), None)
    if file is None:
        raise Http404("There is no such file of this campaign.")
    response = StreamingHttpResponse(file.lines(campaign), content_type=file.media)
    response["Content-Disposition"] = f'attachment; filename="{campaign.public_id}-{file.name}"'
    return response
