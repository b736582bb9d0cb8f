"""REST: gates, blessed baselines, and what a CI job asks."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, idempotent
from evalhub.api import decode_whole_number, encode_cursor, listed, page_limit
from evalhub.datasets.selectors import dataset_of
from evalhub.errors import ShapeError
from evalhub.gates import openapi, rendering, selectors, services
from evalhub.gates.models import GateVersion
from evalhub.intake.http import read_json
from evalhub.intake.members import Member, is_name, is_whole, members_of
from evalhub.reports.postponed import patiently
from evalhub.reports.selectors import run_of
from evalhub.runs.requests import wait_seconds

_TEXT = Member("a text that is not empty", is_name, is_required=True)
BLESS = {"run": _TEXT, "tag": _TEXT, "reason": _TEXT}
ASK = {
    "tag": Member("a text that is not empty", is_name),
    "baseline": Member("the id of a run", is_name),
}
WAIVE = {"reason": _TEXT}
MAX_DIGITS = 10


class Gate(KeyView):
    """GET, PUT /api/v1/projects/{project}/datasets/{dataset}/gate"""

    @openapi.get_gate
    def get(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.VIEW), dataset)
        return _gate(selectors.gate_of(on))

    @openapi.put_gate
    def put(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.LEAD), dataset)
        given, began_from = _changed(read_json(self.plain_request), request)
        made = services.set_gate(dataset=on, given=given, actor=self.actor, began_from=began_from)
        return _gate(made)


def _gate(version: GateVersion | None) -> Response:
    number = 0 if version is None else version.number
    return Response(rendering.gate(version), headers={"ETag": f'"{number}"'})


def _changed(given: object, request: Request) -> tuple[object, int | None]:
    """Return rules, and the version that they were changed from where the request names it.

    Either a member beside the rules or If-Match does.
    """
    number: object = None
    if isinstance(given, dict) and "from_version" in given:
        given = dict(given)
        number = given.pop("from_version")
        if not (is_whole(number) and isinstance(number, int) and number >= 0):
            raise ShapeError("from_version is the number of a version, 0 where there is none.")
        return given, number
    matched = request.headers.get("If-Match", "*").strip()
    if matched == "*":
        return given, None
    number = matched.strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < MAX_DIGITS):
        raise ShapeError('If-Match is the ETag of the gate, the number of its version: "3".')
    return given, int(number)


class Blessings(KeyView):
    """GET, POST /api/v1/projects/{project}/datasets/{dataset}/blessings"""

    @openapi.list_blessings
    def get(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.VIEW), dataset)
        before = decode_whole_number(request.query_params.get("cursor"))
        limit, found = page_limit(request), selectors.blessings_of(on)
        if before is not None:
            found = found.filter(pk__lt=before)
        rows = list(found[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([rendering.blessing(one) for one in rows[:limit]], next_cursor=more)

    @openapi.bless
    @idempotent
    def post(self, request: Request, project: str, dataset: str) -> Response:
        on = dataset_of(self.project(project, Capability.LEAD), dataset)
        given: Any = members_of(read_json(self.plain_request), BLESS)
        made = services.bless(dataset=on, actor=self.actor, **given)
        return Response(rendering.blessing(made), status=201)


class Ask(KeyView):
    """POST /api/v1/runs/{id}/gate?wait="""

    @openapi.ask
    @idempotent
    def post(self, request: Request, run_id: str) -> Response:
        run = run_of(self.key.project, run_id)
        self.need(Capability.SUBMIT)
        given: Any = members_of(read_json(self.plain_request, optional=True), ASK)
        seconds = wait_seconds(request.query_params.get("wait"))
        made = patiently(lambda: services.ask(run=run, actor=self.actor, **given), seconds=seconds)
        return Response(rendering.answer(selectors.answer_of(self.key.project, made.public_id)))


class Answer(KeyView):
    """GET /api/v1/gates/{id}"""

    @openapi.get_answer
    def get(self, request: Request, answer_id: str) -> Response:
        found = selectors.answer_of(self.key.project, answer_id)
        self.need(Capability.VIEW)
        return Response(rendering.answer(found))


class Waiver(KeyView):
    """POST /api/v1/gates/{id}/waiver"""

    @openapi.waive
    @idempotent
    def post(self, request: Request, answer_id: str) -> Response:
        found = selectors.answer_of(self.key.project, answer_id)
        self.need(Capability.LEAD)
        given: Any = members_of(read_json(self.plain_request), WAIVE)
        services.waive(answer=found, actor=self.actor, **given)
        waived = selectors.answer_of(self.key.project, answer_id)
        return Response(rendering.answer(waived), status=201)
