"""REST: re-scorings, metrics over all runs of a dataset."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, idempotent
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.datasets.selectors import dataset_of
from evalhub.intake.http import read_json
from evalhub.intake.members import members_of
from evalhub.runs import requests, rescoring, rescoring_openapi, waiting
from evalhub.runs.answers import rescored_run_answer, rescoring_answer
from evalhub.runs.models import Rescoring
from evalhub.runs.rescored import (
    record_of,
    records,
    rescoring_of,
    rescorings_of,
    run_rows,
)


class RescoringView(KeyView):
    """A view of one re-scoring of the key's project."""

    def rescoring(self, rescoring_id: str, capability: Capability) -> Rescoring:
        found = rescoring_of(self.key.project, rescoring_id)
        self.need(capability)
        return found

    def answer(self, asked: Rescoring, *, status: int = 200) -> Response:
        """Answer with the re-scoring as it is now."""
        now = rescoring_of(self.key.project, asked.public_id)
        return Response(rescoring_answer(record_of(now)), status=status)


class Rescorings(RescoringView):
    """GET, POST /api/v1/projects/{project}/datasets/{dataset}/rescorings"""

    @rescoring_openapi.list_rescorings
    def get(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.VIEW), dataset)
        before, limit = (
            decode_whole_number(request.query_params.get("cursor")),
            page_limit(request),
        )
        found = rescorings_of(self.key.project).filter(dataset=on)
        if before is not None:
            found = found.filter(pk__lt=before)
        rows = list(found[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([rescoring_answer(one) for one in records(rows[:limit])], next_cursor=more)

    @rescoring_openapi.begin_rescoring
    @idempotent
    def post(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.SUBMIT), dataset)
        given: Any = members_of(read_json(self.plain_request), requests.RESCORE)
        begun = rescoring.begin(dataset=on, actor=self.actor, **given)
        return self.answer(begun, status=202)


class RescoringDetail(RescoringView):
    """GET /api/v1/rescorings/{id}"""

    @rescoring_openapi.get_rescoring
    def get(self, request: Request, rescoring_id: str) -> Response:
        found = self.rescoring(rescoring_id, Capability.VIEW)
        seconds = requests.wait_seconds(request.query_params.get("wait"))
        has_waited = waiting.until(lambda: waiting.is_rescored(found.pk), seconds=seconds)
        response = self.answer(found)
        if not has_waited:
            response["Retry-After"] = "1"
        return response


class RescoredRuns(RescoringView):
    """GET /api/v1/rescorings/{id}/runs"""

    @rescoring_openapi.list_rescored_runs
    def get(self, request: Request, rescoring_id: str) -> Response:
        found = self.rescoring(rescoring_id, Capability.VIEW)
        limit = page_limit(request)
        start = decode_whole_number(request.query_params.get("cursor")) or 0
        rows = run_rows(found, start=start, stop=start + limit + 1)
        more = encode_cursor(start + limit) if len(rows) > limit else None
        return listed([rescored_run_answer(row) for row in rows[:limit]], next_cursor=more)


class CancelRescoring(RescoringView):
    """POST /api/v1/rescorings/{id}/cancel"""

    @rescoring_openapi.cancel_rescoring
    @idempotent
    def post(self, request: Request, rescoring_id: str) -> Response:
        found = self.rescoring(rescoring_id, Capability.SUBMIT)
        members_of(read_json(self.plain_request, optional=True), {})
        rescoring.cancel(rescoring=found, actor=self.actor)
        return self.answer(found)


class ResumeRescoring(RescoringView):
    """POST /api/v1/rescorings/{id}/resume"""

    @rescoring_openapi.resume_rescoring
    @idempotent
    def post(self, request: Request, rescoring_id: str) -> Response:
        found = self.rescoring(rescoring_id, Capability.SUBMIT)
        members_of(read_json(self.plain_request, optional=True), {})
        rescoring.resume(rescoring=found, actor=self.actor)
        return self.answer(found, status=202)
