"""The upload pages: a file is taken and looked at, its columns are named, a version is made."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, actor_of, enter_project, get_or_post, signed_in
from evalhub.accounts.models import Project
from evalhub.accounts.services import Actor
from evalhub.datasets import selectors, services, uploads
from evalhub.datasets.forms import ColumnsForm, UploadForm
from evalhub.datasets.models import Dataset
from evalhub.datasets.reading import Counted, Look, count_rows, look_at, rows_of
from evalhub.errors import DomainError, NotFound
from evalhub.intake.spool import DATASETS, receive


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
            description=given["description"],
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


def _look_and_count(upload: uploads.Upload) -> tuple[Look, Counted]:
    with upload.open() as file, receive(file, folder=settings.SPOOL_DIR, limits=DATASETS) as spool:
        look = look_at(spool)
        return look, count_rows(spool, look)


@get_or_post
@signed_in
def upload_columns(request: SignedInRequest, project: str, token: str) -> HttpResponse:
    """Name the columns of an uploaded file and make the version."""
    found = enter_project(request, project, Capability.SUBMIT)
    kept = uploads.waiting(token, user_id=request.user.pk, project_id=found.pk)
    look, counted = _look_and_count(kept)
    dataset = Dataset.objects.filter(project=found, slug=kept.dataset_slug).first()
    newest = selectors.newest_version(dataset) if dataset else None
    form = ColumnsForm(
        request.POST if request.method == "POST" else None,
        columns=look.columns,
        fields_inside=look.fields,
        has_versions=newest is not None,
        cluster=newest.cluster_field if newest else "",
        counted=counted,
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
        {"name": name, "field": form[f"column_{number}"], "samples": look.samples.get(name, [])}
        for number, name in enumerate(form.columns)
    ]
    context = {
        "upload": kept,
        "columns": columns,
        "n_columns": len(look.columns),
        "counted": counted,
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
        how: dict[str, Any] = {
            "source": source,
            "cluster_field": form.cleaned_data["cluster"],
            "notes": form.cleaned_data["notes"],
            "actor": actor,
        }
        try:
            dataset = selectors.dataset_of(project, kept.dataset_slug)
        except NotFound:
            name, description = kept.dataset_name, kept.description
            return services.create_with_version(
                project=project, name=name, description=description, **how
            )
        return services.add_version(dataset=dataset, mode=form.cleaned_data["mode"], **how)
