"""The dataset pages: list, versions, one version with its tags, one example."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from numpy.typing import NDArray

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, signed_in
from evalhub.datasets import selectors, services
from evalhub.datasets.changes import Change, changes
from evalhub.datasets.forms import TagForm
from evalhub.datasets.models import Dataset, DatasetVersion, Example
from evalhub.errors import ContentError, DomainError
from evalhub.web import untrusted
from evalhub.web.formatting import count
from metrics.statistics.groups import MIN_CLUSTERS

SHOWN_CHANGES = 50
SHOWN_FIELDS = 3
PAGE = 50
USUAL_TAGS = ("golden", "production")


@require_safe
@signed_in
def dataset_list(request: SignedInRequest, project: str) -> HttpResponse:
    found = enter_project(request, project, Capability.VIEW)
    return render(request, "datasets/list.html", {"datasets": selectors.datasets_of(found)})


@require_safe
@signed_in
def detail(request: SignedInRequest, project: str, dataset: str) -> HttpResponse:
    """A dataset's versions."""
    found = selectors.dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    versions = found.versions.prefetch_related("tags").order_by("-number")
    address = request.build_absolute_uri(f"/api/v1/projects/{project}/datasets/{dataset}/versions")
    curl = (
        f"curl -H 'Authorization: Bearer <api key>' -H 'Content-Type: application/x-ndjson' \\\n"
        f"  --data-binary @examples.jsonl '{address}'"
    )
    context = {"dataset": found, "versions": versions, "example_curl": curl}
    return render(request, "datasets/detail.html", context)


@require_safe
@signed_in
def version(request: SignedInRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """One version: what changed, its slices, its tags, its examples."""
    found = selectors.dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    return _version_page(request, found, selectors.version_of(found, number))


@require_POST
@signed_in
def tag(request: SignedInRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """Put a tag on a version, or take it off."""
    found = selectors.dataset_of(enter_project(request, project, Capability.LEAD), dataset)
    wanted = selectors.version_of(found, number)
    form = TagForm(request.POST)
    if form.is_valid():
        change = services.remove_tag if form.cleaned_data["do"] == "remove" else services.move_tag
        try:
            change(version=wanted, name=form.cleaned_data["name"], actor=actor_of(request))
        except ContentError as exc:
            form.add_error("name", exc.detail)
        else:
            address = reverse("datasets:version", args=[project, dataset, number])
            return redirect(f"{address}#tags")
    return _version_page(request, found, wanted, tag_form=form)


def _version_page(
    request: SignedInRequest,
    found: Dataset,
    wanted: DatasetVersion,
    *,
    tag_form: TagForm | None = None,
) -> HttpResponse:
    slices = selectors.slice_sizes(wanted)
    shown_fields = [one.field for one in slices[:SHOWN_FIELDS]]
    n_clusters = selectors.n_clusters(wanted)
    context = {
        "dataset": found,
        "version": wanted,
        "tags": wanted.tags.order_by("name"),
        "usual_tags": USUAL_TAGS,
        "tag_form": tag_form or TagForm(),
        "n_runs": wanted.runs.count(),
        "n_clusters": n_clusters,
        "least_clusters": MIN_CLUSTERS,
        "has_few_clusters": n_clusters < MIN_CLUSTERS,
        "changed": [_shown_change(one) for one in changes(wanted, limit=SHOWN_CHANGES)],
        "n_changes": wanted.n_added + wanted.n_changed + wanted.n_removed,
        "slices": slices,
        "shown_fields": shown_fields,
        **_example_table(request, wanted, shown_fields),
    }
    status = 422 if tag_form else 200
    return render(request, "datasets/version.html", context, status=status)


def _example_table(
    request: SignedInRequest, wanted: DatasetVersion, shown_fields: list[str]
) -> dict[str, Any]:
    form = {"q": request.GET.get("q", "")[:200], "slice": request.GET.get("slice", "")}
    problem, within = None, None
    try:
        within = selectors.positions_in(wanted, form["slice"]) if form["slice"] else None
    except DomainError as exc:
        problem, within = exc.detail, np.zeros(0, dtype=np.int64)
    given = request.GET.get("from", "0")
    start = int(given[:9]) if given.isascii() and given.isdigit() else 0
    page = selectors.find_examples(wanted, start=start, limit=PAGE, text=form["q"], within=within)
    rows = [_shown(position, example, shown_fields) for position, example in page.examples]
    query = {name: value for name, value in form.items() if value}

    def address(position: int | None) -> str | None:
        if position is None:
            return None
        return f"?{urlencode({**query, **({'from': position} if position else {})})}#examples"

    return {
        "examples": rows,
        "form": form,
        "problem": problem,
        "pagination": {
            "shown": _span(rows, wanted, within, is_search=bool(form["q"])),
            "previous": address(_page_before(start, within, is_search=bool(form["q"]))),
            "next": address(page.next_position),
        },
    }


def _span(
    rows: list[dict[str, Any]],
    wanted: DatasetVersion,
    within: NDArray[np.int64] | None,
    *,
    is_search: bool,
) -> str:
    """Say where a page stands; a search, which only walks on, does not know how many there are."""
    if not rows:
        return ""
    first, n = rows[0]["position"], wanted.n_examples
    if is_search:
        return f"{count(len(rows))} found from example {count(first + 1)} of {count(n)} on"
    if within is not None:
        first, n = int(np.searchsorted(within, first)), len(within)
    return f"{count(first + 1)}–{count(first + len(rows))} of {count(n)}"


def _page_before(start: int, within: NDArray[np.int64] | None, *, is_search: bool) -> int | None:
    """Return where the page before starts; a search, which only walks on, goes to its start."""
    if not start:
        return None
    if is_search:
        return 0
    if within is None:
        return max(start - PAGE, 0)
    index = int(np.searchsorted(within, start)) - PAGE
    return int(within[index]) if index > 0 else 0


def _shown(position: int, example: Example, shown_fields: list[str]) -> dict[str, Any]:
    fields = example.fields
    metadata = fields.get("metadata", {})
    return {
        "position": position,
        "key": example.key,
        "input": as_text(fields.get("input")),
        "expected_output": as_text(fields.get("expected_output")),
        "levels": [as_text(metadata.get(field)) or "" for field in shown_fields],
    }


def as_text(value: object) -> str | None:
    """Return a text as it is, and any other JSON as it is written."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class ShownChange:
    """What a version did to one key: of an added or removed example its input stands alone."""

    kind: str
    key: str
    input: str | None
    fields: list[tuple[str, str, str]]  # name, before and after, of those that differ


def _shown_change(change: Change) -> ShownChange:
    old, new = (_flat(row) for row in (change.before, change.after))
    if change.before is None or change.after is None:
        return ShownChange(change.kind, change.key, (old or new).get("input"), [])
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    fields = [(name, old.get(name, ""), new.get(name, "")) for name in differing]
    return ShownChange(change.kind, change.key, None, fields)


def _flat(example: Example | None) -> dict[str, str]:
    """Return an example's fields as texts, each member of its metadata for itself."""
    fields = dict(example.fields) if example else {}
    metadata = {f"metadata.{name}": value for name, value in fields.pop("metadata", {}).items()}
    return {name: as_text(value) or "" for name, value in {**fields, **metadata}.items()}


@require_safe
@signed_in
def example(
    request: SignedInRequest, project: str, dataset: str, number: int, position: int
) -> HttpResponse:
    """One example in full."""
    found = selectors.dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    wanted = selectors.version_of(found, number)
    rows = selectors.examples_at(wanted, position, position + 1)
    if not rows:
        raise Http404("There is no such example.")
    fields = rows[0].fields

    def address(at: int) -> str | None:
        if not 0 <= at < wanted.n_examples:
            return None
        return reverse("datasets:example", args=[project, dataset, number, at])

    context = {
        "dataset": found,
        "version": wanted,
        "number": position + 1,
        "key": rows[0].key,
        "parts": list(_parts(fields)),
        "metadata": [
            (untrusted.readable(name), untrusted.readable(as_text(value) or "none"))
            for name, value in fields.get("metadata", {}).items()
        ],
        "previous_url": address(position - 1),
        "next_url": address(position + 1),
    }
    return render(request, "datasets/example.html", context)


def _parts(fields: dict[str, Any]) -> list[tuple[str, list[str]]]:
    labels = {
        "input": "Input",
        "expected_output": "Expected output",
        "references": "References",
        "context": "Context",
        "relevant": "Relevant documents",
    }
    parts = []
    for name, label in labels.items():
        value = fields.get(name)
        if value is not None and value != []:
            values = value if isinstance(value, list) else [value]
            parts.append((label, [as_text(one) or "" for one in values]))
    return parts
