"""REST: datasets, their versions and examples."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, answer_once, idempotent
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.datasets import openapi, selectors, services
from evalhub.datasets.models import Dataset, DatasetVersion, Example
from evalhub.datasets.reading import rows_of
from evalhub.errors import ContentError, FieldError, ShapeError
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.http import bulk_format, read_json, spool_body
from evalhub.intake.spool import DATASETS

MAX_DESCRIPTION = 10_000
_COLUMNS = {column.name for column in fields(ExampleColumns)}
_VERSION_OPTIONS = {*_COLUMNS, "cluster", "mode", "notes"}


class Datasets(KeyView):
    """GET, POST /api/v1/projects/{project}/datasets"""

    @openapi.list_datasets
    def get(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.VIEW)
        start, limit = decode_whole_number(request.query_params.get("cursor")), page_limit(request)
        rows = list(
            selectors.datasets_of(found).order_by("pk").filter(pk__gt=start or 0)[: limit + 1]
        )
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([_dataset(row) for row in rows[:limit]], next_cursor=more)

    @openapi.create_dataset
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.SUBMIT)
        body = read_json(self.plain_request)
        for name in body.keys() - {"name", "description"}:
            raise ShapeError(
                "The body has a member that is not known.",
                errors=[FieldError(name, "unknown", "The members are name and description.")],
            )
        dataset = services.create_dataset(
            project=found,
            name=_text(body, "name", required=True, longest=200),
            description=_text(body, "description", longest=MAX_DESCRIPTION),
            actor=self.actor,
        )
        return Response(_dataset(dataset), status=201)


class Versions(KeyView):
    """GET, POST /api/v1/projects/{project}/datasets/{dataset}/versions"""

    @openapi.list_versions
    def get(self, request: Request, project: str, dataset: str) -> Response:
        found = selectors.dataset_of(self.project(project, Capability.VIEW), dataset)
        before, limit = (
            decode_whole_number(request.query_params.get("cursor")),
            page_limit(request),
        )
        versions = found.versions.prefetch_related("tags").order_by("-number")
        if before is not None:
            versions = versions.filter(number__lt=before)
        rows = list(versions[: limit + 1])
        more = encode_cursor(rows[limit - 1].number) if len(rows) > limit else None
        return listed([_version(row) for row in rows[:limit]], next_cursor=more)

    @openapi.add_version
    def post(self, request: Request, project: str, dataset: str) -> Response:
        found = selectors.dataset_of(self.project(project, Capability.SUBMIT), dataset)
        options = _version_options(request)
        kind = bulk_format(self.plain_request)
        with spool_body(self.plain_request, folder=settings.SPOOL_DIR, limits=DATASETS) as spool:

            def produce() -> Response:
                added = services.add_version(
                    dataset=found,
                    source=rows_of(spool, kind=kind, columns=ExampleColumns.from_query(options)),
                    mode=options.get("mode", "replace"),
                    cluster_field=options.get("cluster"),
                    notes=options.get("notes", ""),
                    actor=self.actor,
                )
                return Response(_version(added.version), status=201 if added.is_new else 200)

            return answer_once(self, body_digest=spool.digest.hex, produce=produce)


class Examples(KeyView):
    """GET /api/v1/projects/{project}/datasets/{dataset}/versions/{n}/examples"""

    @openapi.list_examples
    def get(self, request: Request, project: str, dataset: str, version: str) -> Response:
        found = selectors.dataset_of(self.project(project, Capability.VIEW), dataset)
        wanted = selectors.version_of(found, version)
        page = selectors.find_examples(
            wanted,
            start=decode_whole_number(request.query_params.get("cursor")) or 0,
            limit=page_limit(request),
            text=request.query_params.get("q", "")[:200],
            within=_slice(wanted, request.query_params.get("slice")),
        )
        more = None if page.next_position is None else encode_cursor(page.next_position)
        return listed(
            [_example(position, row) for position, row in page.examples], next_cursor=more
        )


def _slice(version: DatasetVersion, given: str | None) -> NDArray[np.int64] | None:
    return selectors.positions_in(version, given) if given else None


def _version_options(request: Request) -> dict[str, str]:
    options = {name: request.query_params[name] for name in request.query_params}
    for name in options.keys() - _VERSION_OPTIONS:
        raise ShapeError(
            f"There is no option ?{name[:100]}=; the options are "
            f"{', '.join(sorted(_VERSION_OPTIONS))}."
        )
    return options


def _text(body: dict[str, object], name: str, *, required: bool = False, longest: int) -> str:
    value = body.get(name)
    value = "" if value is None else value
    if not isinstance(value, str) or len(value) > longest or (required and not value.strip()):
        detail = f"{name} must be a text of {1 if required else 0} to {longest:,} characters."
        raise ContentError(detail, errors=[FieldError(name, "type", detail)])
    return value


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "slug": dataset.slug,
        "name": dataset.name,
        "description": dataset.description,
        "created_at": dataset.created_at,
        "newest_version": getattr(dataset, "newest", None),
    }


def _version(version: DatasetVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "digest": version.digest,
        "examples": version.n_examples,
        "added": version.n_added,
        "changed": version.n_changed,
        "removed": version.n_removed,
        "unchanged": version.n_unchanged,
        "cluster": version.cluster_field or None,
        "notes": version.notes,
        "tags": sorted(tag.name for tag in version.tags.all()),
        "created_at": version.created_at,
    }


def _example(position: int, example: Example) -> dict[str, Any]:
    return {"position": position, **example.fields}
