"""The dataset pages: list, versions, one version, one example, upload in two steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from numpy.typing import NDArray

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, signed_in
from evalhub.accounts.models import Project
from evalhub.accounts.services import Actor
from evalhub.datasets import selectors, services, uploads
from evalhub.datasets.forms import ColumnsForm, UploadForm
from evalhub.datasets.models import Dataset, DatasetVersion, Example
from evalhub.datasets.reading import Look, look_at, rows_of
from evalhub.errors import DomainError, NotFound
from evalhub.intake.spool import DATASETS, receive
from evalhub.web import untrusted
from evalhub.web.formatting import count

SHOWN_CHANGES = 50
SHOWN_FIELDS = 3
PAGE = 50
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


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
    """One version: what changed, its slices, its examples."""
    found = selectors.dataset_of(enter_project(request, project, Capability.VIEW), dataset)
    wanted = selectors.version_of(found, number)
    slices = selectors.slice_sizes(wanted)
    shown_fields = [one.field for one in slices[:SHOWN_FIELDS]]
    context = {
        "dataset": found,
        "version": wanted,
        "tags": wanted.tags.order_by("name"),
        "n_runs": wanted.runs.count(),
        "changed": [_shown_change(one) for one in selectors.changes(wanted, limit=SHOWN_CHANGES)],
        "n_changes": wanted.n_added + wanted.n_changed + wanted.n_removed,
        "slices": slices,
        "shown_fields": shown_fields,
        **_example_table(request, wanted, shown_fields),
    }
    return render(request, "datasets/version.html", context)


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
            "shown": _span(rows, wanted, is_whole=not query),
            "previous": address(_page_before(start, within, is_search=bool(form["q"]))),
            "next": address(page.next_position),
        },
    }


def _span(rows: list[dict[str, Any]], wanted: DatasetVersion, *, is_whole: bool) -> str:
    """Say where in the version a page stands; of a search or a slice, where it begins."""
    if not rows:
        return ""
    first, last, n = rows[0]["position"] + 1, rows[-1]["position"] + 1, wanted.n_examples
    return f"{count(first)}–{count(last)} of {count(n)}" if is_whole else f"from {count(first)}"


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


def _shown_change(change: selectors.Change) -> ShownChange:
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


@get_or_post
@signed_in
def upload(request: SignedInRequest, project: str) -> HttpResponse:
    """Take a file, look at it, and ask what its columns mean. Nothing is stored yet."""
    found = enter_project(request, project, Capability.SUBMIT)
    datasets = selectors.datasets_of(found)
    form = UploadForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        datasets=datasets,
        initial={"dataset": request.GET.get("dataset")},
    )
    problem = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        kept = uploads.keep(
            given["file"],
            user_id=request.user.pk,
            project_id=found.pk,
            name=given["dataset"].name if given["dataset"] else given["name"],
            slug=given["dataset"].slug if given["dataset"] else "",
        )
        try:
            _look(kept)
        except DomainError as exc:
            uploads.forget(kept)
            problem = exc
        else:
            return redirect("datasets:upload_columns", project=project, token=kept.token)
    context = {"form": form, "problem": problem}
    status = 422 if form.errors or problem else 200
    return render(request, "datasets/upload.html", context, status=status)


def _look(upload: uploads.Upload) -> Look:
    with upload.open() as file, receive(file, folder=settings.SPOOL_DIR, limits=DATASETS) as spool:
        return look_at(spool)


@get_or_post
@signed_in
def upload_columns(request: SignedInRequest, project: str, token: str) -> HttpResponse:
    """Name the columns of an uploaded file and make the version."""
    found = enter_project(request, project, Capability.SUBMIT)
    kept = uploads.waiting(token, user_id=request.user.pk, project_id=found.pk)
    look = _look(kept)
    dataset = Dataset.objects.filter(project=found, slug=kept.dataset_slug).first()
    newest = selectors.newest_version(dataset) if dataset else None
    form = ColumnsForm(
        request.POST if request.method == "POST" else None,
        columns=look.columns,
        fields_inside=look.fields,
        has_versions=newest is not None,
    )
    problem = None
    if request.method == "POST" and form.is_valid():
        try:
            added = _add(kept, look, form, found, actor_of(request))
        except DomainError as exc:
            problem = exc
        else:
            uploads.forget(kept)
            if not added.is_new:
                messages.info(request, "This content is already a version; here it is.")
            return redirect(
                "datasets:version",
                project=project,
                dataset=added.version.dataset.slug,
                number=added.version.number,
            )
    columns = [
        {"name": name, "field": form[f"column_{number}"], "first": look.first.get(name)}
        for number, name in enumerate(form.columns)
    ]
    context = {
        "upload": kept,
        "columns": columns,
        "n_columns": len(look.columns),
        "form": form,
        "newest": newest,
        "problem": problem,
    }
    status = 422 if form.errors or problem else 200
    return render(request, "datasets/upload_columns.html", context, status=status)


def _add(
    kept: uploads.Upload, look: Look, form: ColumnsForm, project: Project, actor: Actor
) -> services.Added:
    with kept.open() as file, receive(file, folder=settings.SPOOL_DIR, limits=DATASETS) as spool:
        source = rows_of(spool, kind=look.kind, columns=form.mapping(), delimiter=look.delimiter)
        try:
            dataset = selectors.dataset_of(project, kept.dataset_slug)
        except NotFound:
            for _ in source():  # a file with errors makes no dataset either
                pass
            dataset = services.create_dataset(project=project, name=kept.dataset_name, actor=actor)
        return services.add_version(
            dataset=dataset,
            source=source,
            mode=form.cleaned_data["mode"],
            cluster_field=form.cleaned_data["cluster"],
            notes=form.cleaned_data["notes"],
            actor=actor,
        )
