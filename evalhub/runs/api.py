"""REST: runs, their outputs and measurements, and the catalog of metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.rest import KeyView, answer_once, idempotent
from evalhub.api import decode_cursor, decode_whole_number, encode_cursor, listed, page_limit
from evalhub.datasets.selectors import SHOWN_NAMES, SPLITS, positions_in, slicings
from evalhub.errors import Conflict, ContentError, FieldError, ShapeError
from evalhub.intake.columns import OutputColumns
from evalhub.intake.http import bulk_format, read_json, spool_body
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.members import members_of
from evalhub.intake.reading import read_outputs
from evalhub.intake.rows import OutputRow
from evalhub.intake.spool import OUTPUTS, Spool
from evalhub.intake.strict import quoted
from evalhub.intake.tables import Format
from evalhub.runs import confusions, openapi, pictures, places, requests, services, waiting
from evalhub.runs.answers import (
    confusion_answer,
    measurement_answer,
    output_answer,
    run_answer,
    slice_answer,
)
from evalhub.runs.listing import record_of, records, run_of, runs_of
from evalhub.runs.models import Measurement, Run
from evalhub.runs.selectors import current_measurements
from metrics.catalog import describe_catalog

_OUTPUT_OPTIONS = ("key", "output")
_DIRECTIONS = ("asc", "desc")


class RunView(KeyView):
    """A view of one run of the key's project."""

    def run(self, run_id: str, capability: Capability) -> Run:
        found = run_of(self.key.project, run_id)
        self.need(capability)
        return found

    def answer(self, run: Run, *, status: int = 200) -> Response:
        """Answer with the run as it is now."""
        now = run_of(self.key.project, run.public_id)
        return Response(run_answer(record_of(now)), status=status)


class Runs(RunView):
    """GET, POST /api/v1/projects/{project}/runs"""

    @openapi.list_runs
    def get(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.VIEW)
        query = request.query_params
        runs = runs_of(found, dataset=query.get("dataset", ""), system=query.get("system", ""))
        before, limit = decode_whole_number(query.get("cursor")), page_limit(request)
        if before is not None:
            runs = runs.filter(pk__lt=before)
        rows = list(runs[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return listed([run_answer(one) for one in records(rows[:limit])], next_cursor=more)

    @openapi.create_run
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        found = self.project(project, Capability.SUBMIT)
        given: Any = members_of(read_json(self.plain_request), requests.RUN)
        run = services.create_run(project=found, actor=self.actor, **given)
        return self.answer(run, status=201)


class RunDetail(RunView):
    """GET /api/v1/runs/{id}"""

    @openapi.get_run
    def get(self, request: Request, run_id: str) -> Response:
        found = self.run(run_id, Capability.VIEW)
        seconds = requests.wait_seconds(request.query_params.get("wait"))
        if not seconds:
            return Response(run_answer(record_of(found)))
        has_waited = waiting.until_ended(found.pk, seconds=seconds)
        response = self.answer(found)
        if not has_waited:
            response["Retry-After"] = "1"
        return response


class Outputs(RunView):
    """GET, POST /api/v1/runs/{id}/outputs"""

    @openapi.list_outputs
    def get(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.VIEW)
        limit, query = page_limit(request), request.query_params
        cursor = decode_cursor(query.get("cursor"))
        after = None if cursor is None else places.Cursor.read(cursor)
        measurements = current_measurements(run)
        ordered = places.ordered(
            places.Asked(
                run=run,
                order=_order(run, measurements, query.get("order"), after),
                is_descending=_is_descending(query.get("direction")),
                within=_within(run, query.get("slice")),
            )
        )
        start = 0 if after is None else ordered.index_after(after)
        stop = start + limit
        rows = places.rows_at(run, ordered.places[start:stop].tolist(), measurements)
        has_more = stop < len(ordered)
        more = encode_cursor(ordered.cursor_at(stop - 1).as_json()) if has_more else None
        return listed([output_answer(row) for row in rows], next_cursor=more)

    @openapi.submit_outputs
    def post(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.SUBMIT)
        columns = _columns(request)
        if bulk_format(self.plain_request) is not Format.JSONL:
            raise ShapeError("Outputs are JSON lines, not CSV.", code="content_type")
        with spool_body(self.plain_request, folder=settings.SPOOL_DIR, limits=OUTPUTS) as spool:

            def produce() -> Response:
                done = services.submit_outputs(run=run, rows=_rows(spool, columns))
                return Response(asdict(done))

            return answer_once(self, body_digest=spool.digest.hex, produce=produce)


class Slices(RunView):
    """GET /api/v1/runs/{id}/slices"""

    @openapi.list_slices
    def get(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.VIEW)
        name = request.query_params.get("metric")
        measurement = _scored(current_measurements(run), name)
        fields = _fields(run, request.query_params.get("by"))
        return listed(_slices(measurement, fields), next_cursor=None)


class Finish(RunView):
    """POST /api/v1/runs/{id}/finish"""

    @openapi.finish_run
    @idempotent
    def post(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.SUBMIT)
        body = read_json(self.plain_request, optional=True)
        given: Any = members_of(body, requests.FINISH)
        services.finish_run(run=run, actor=self.actor, **given)
        return self.answer(run, status=202)


class Measurements(RunView):
    """GET, POST /api/v1/runs/{id}/measurements"""

    @openapi.list_measurements
    def get(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.VIEW)
        after, limit = decode_whole_number(request.query_params.get("cursor")), page_limit(request)
        current = {one.pk for one in current_measurements(run)}
        rows = list(run.measurements.filter(pk__gt=after or 0).order_by("pk")[: limit + 1])
        more = encode_cursor(rows[limit - 1].pk) if len(rows) > limit else None
        answers = [measurement_answer(row, is_current=row.pk in current) for row in rows[:limit]]
        return listed(answers, next_cursor=more)

    @openapi.measure_run
    @idempotent
    def post(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.SUBMIT)
        given: Any = members_of(read_json(self.plain_request), requests.MEASURE)
        made = services.measure_run(run=run, actor=self.actor, **given)
        fresh = run.measurements.in_bulk([one.pk for one in made])
        answers = [measurement_answer(fresh[one.pk], is_current=True) for one in made]
        return Response({"data": answers, "next_cursor": None}, status=202)


class ConfusionMatrix(RunView):
    """GET /api/v1/runs/{id}/confusion"""

    @openapi.read_confusion
    def get(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.VIEW)
        name = request.query_params.get("metric", "")
        measurement = confusions.chosen(current_measurements(run), name)
        return Response(confusion_answer(measurement, confusions.confusion_of(measurement)))


class Cancel(RunView):
    """POST /api/v1/runs/{id}/cancel"""

    @openapi.cancel_run
    @idempotent
    def post(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.SUBMIT)
        members_of(read_json(self.plain_request, optional=True), {})
        return self.answer(services.cancel_run(run=run, actor=self.actor))


class Reopen(RunView):
    """POST /api/v1/runs/{id}/reopen"""

    @openapi.reopen_run
    @idempotent
    def post(self, request: Request, run_id: str) -> Response:
        run = self.run(run_id, Capability.LEAD)
        members_of(read_json(self.plain_request, optional=True), {})
        return self.answer(services.reopen_run(run=run, actor=self.actor))


class Metrics(KeyView):
    """GET /api/v1/metrics"""

    @openapi.list_metrics
    def get(self, request: Request) -> Response:
        return listed(describe_catalog(), next_cursor=None)


def _columns(request: Request) -> OutputColumns:
    options = {name: request.query_params[name] for name in request.query_params}
    for name in options.keys() - set(_OUTPUT_OPTIONS):
        raise ShapeError(
            f"There is no option ?{name[:100]}=; the options are {', '.join(_OUTPUT_OPTIONS)}."
        )
    return OutputColumns.from_query(options)


def _rows(spool: Spool, columns: OutputColumns) -> list[tuple[int, OutputRow]]:
    errors = ErrorCollector()
    rows = list(read_outputs(spool, errors, columns=columns))
    errors.raise_if_any()
    return rows


def _order(
    run: Run, measurements: list[Measurement], name: str | None, after: places.Cursor | None
) -> Measurement | None:
    """Return by which measurement to sort: a cursor goes on with the one it began with."""
    if not name:
        if after is not None and after.measurement_id:
            raise ShapeError("This cursor continues a list in another order.")
        return None
    chosen = next((one for one in measurements if one.name == name), None)
    if after is not None:
        chosen = run.measurements.filter(public_id=after.measurement_id, name=name).first()
    return _checked(chosen, measurements, name, field="order")


def _scored(measurements: list[Measurement], name: str | None) -> Measurement:
    """Return the scored measurement of this name; without one, the run's first."""
    if name is None and measurements:
        name = measurements[0].name
    chosen = next((one for one in measurements if one.name == name), None)
    return _checked(chosen, measurements, name or "", field="metric")


def _checked(
    chosen: Measurement | None, measurements: list[Measurement], name: str, *, field: str
) -> Measurement:
    if chosen is None:
        known = ", ".join(one.name for one in measurements) or "none"
        detail = f"{field} names no metric of this run: {quoted(name)}. They are: {known}."
        raise ContentError(detail, errors=[FieldError(field, "metric", detail)])
    if chosen.state != Measurement.State.SCORED:
        raise Conflict(f"{name} is {chosen.state}: its scores are not there.")
    return chosen


def _fields(run: Run, given: str | None) -> list[str]:
    """Return the one or two fields that are asked for; a name may itself hold a comma."""
    if given is None:
        return []
    known = [one.field for one in slicings(run.version)]
    if given in known:
        return [given]
    cuts = [at for at, letter in enumerate(given[:1_000]) if letter == ","][:SPLITS]
    pairs = [(given[:at], given[at + 1 :]) for at in cuts]
    found = next((pair for pair in pairs if pair[0] in known and pair[1] in known), None)
    if found is None or found[0] == found[1]:
        names = ", ".join(known[:SHOWN_NAMES]) or "none"
        detail = f"by is one field, or two different ones with a comma: {quoted(given)} is not. "
        detail += f"The fields of this version are: {names}."
        raise ContentError(detail, errors=[FieldError("by", "field", detail)])
    return list(found)


def _slices(measurement: Measurement, fields: list[str]) -> list[dict[str, Any]]:
    if len(fields) == 2:
        table = pictures.cross_table(measurement, *fields)
        return [
            slice_answer({fields[0]: line.level, fields[1]: cell.level}, cell)
            for line in (table.lines if table else ())
            for cell in line.cells
            if cell.n
        ]
    return [
        slice_answer({table.field: row.level}, row)
        for table in pictures.slice_tables(measurement)
        for row in table.rows
        if not fields or table.field in fields
    ]


def _is_descending(given: str | None) -> bool:
    if given not in (None, *_DIRECTIONS):
        raise ShapeError("direction is asc or desc.")
    return given == "desc"


def _within(run: Run, given: str | None) -> Any:
    return positions_in(run.version, given) if given else None
