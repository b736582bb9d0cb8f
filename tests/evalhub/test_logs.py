"""Logs: JSON lines with a request id, and no text that people or models wrote."""

import io
import json
import logging
from types import ModuleType

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from evalhub import urls
from evalhub.errors import ContentError
from evalhub.logs import JsonFormatter
from tests.factories import a_key, a_project, a_user

pytestmark = pytest.mark.django_db

MARK = "Grnwtz7heron"


class Log:
    """What was logged: every line as written, with everything any library says."""

    def __init__(self):
        self.stream = io.StringIO()

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, logger):
        return [line for line in self.lines if line["logger"] == logger]


@pytest.fixture
def log():
    kept, root = Log(), logging.getLogger()
    handler = logging.StreamHandler(kept.stream)
    handler.setFormatter(JsonFormatter())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield kept
    root.removeHandler(handler)
    root.setLevel(before)


def fail(request, text=""):
    raise ZeroDivisionError(f"{MARK} {text} {request.GET}")


def fail_busy(request):
    raise OperationalError("database is locked")


def fail_domain(request):
    raise ContentError(f"{MARK} is wrong.")


class Fails(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request):
        raise ZeroDivisionError(MARK)

    def post(self, request):
        return Response({})


class FailsOnTheWayOut:
    """A middleware that meets its failure when the view is done."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        self.get_response(request)
        raise OperationalError(f"database is locked {MARK}")


@pytest.fixture
def routes(settings):
    module = ModuleType("routes")
    module.urlpatterns = [
        path("fail/<str:text>/", fail),
        path("busy/", fail_busy),
        path("domain/", fail_domain),
        path("api/v1/fail", Fails.as_view()),
        path("fine/", lambda request: HttpResponse("fine")),
        *urls.urlpatterns,
    ]
    for name in ("handler400", "handler403", "handler404", "handler500"):
        setattr(module, name, getattr(urls, name))
    settings.ROOT_URLCONF = module


@pytest.fixture
def outside():
    """Return a client that gets the answer to a failure, as a browser does."""
    return Client(raise_request_exception=False)


class TestRequests:
    def test_one_line_says_what_was_asked_by_route_and_how_it_went(self, client, log):
        answer = client.get(f"/p/{MARK}/members/?q={MARK}", headers={"X-Trace": MARK})
        (line,) = log.of("evalhub.access")
        assert line["route"] == "p/<str:project>/members/"
        assert (line["method"], line["status"], line["event"]) == ("GET", 302, "request")
        assert line["ms"] >= 0
        assert line["at"].endswith("+00:00")
        assert line["request_id"] == answer["X-Request-ID"]
        assert MARK not in log.text

    def test_a_given_request_id_is_taken_over_and_goes_back(self, client, log):
        answer = client.get("/healthz", headers={"X-Request-ID": "ci-job.42_a"})
        assert answer["X-Request-ID"] == "ci-job.42_a"
        assert log.of("evalhub.access")[0]["request_id"] == "ci-job.42_a"

    @pytest.mark.parametrize(
        "given", ["", "short", "x" * 65, "with space", "<script>", "a\nb-c-d-e-f", "{}{}{}{}{}"]
    )
    def test_one_that_could_be_anything_is_replaced(self, client, log, given):
        answer = client.get("/healthz", headers={"X-Request-ID": given})
        assert answer["X-Request-ID"] != given
        assert len(answer["X-Request-ID"]) == 16

    def test_two_requests_have_two_ids(self, client, log):
        ids = {client.get("/healthz")["X-Request-ID"] for _ in range(3)}
        assert len(ids) == 3
        assert {line["request_id"] for line in log.of("evalhub.access")} == ids

    def test_a_line_outside_any_request_has_none(self, log):
        logging.getLogger("evalhub.access").info("started")
        assert "request_id" not in log.lines[-1]


class TestTextsOfPeople:
    def test_nothing_of_a_login_is_logged(self, client, log):
        client.post("/login/", {"username": MARK, "password": MARK, "next": f"/{MARK}"})
        assert log.of("evalhub.access")
        assert MARK not in log.text

    def test_nothing_of_a_refused_form_is_logged(self, log):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(a_user(MARK))
        answer = strict.post(f"/p/{MARK}/members/", {"username": MARK}, headers={"Referer": MARK})
        assert answer.status_code == 403
        assert MARK not in log.text

    @pytest.mark.parametrize(
        "body",
        [
            f'{{"name": "{MARK}"}}',
            f'{{"{MARK}": 1}}',
            f'{{"name": "{MARK}"',
            f'{{"name": "{MARK}\\u0000"}}',
        ],
    )
    def test_nothing_of_a_body_is_logged(self, client, log, body):
        client.post(
            f"/api/v1/projects/town/datasets?x={MARK}",
            body,
            content_type=f"application/json; x={MARK}",
            headers={**a_key(a_project("town")), "Idempotency-Key": MARK, "User-Agent": MARK},
        )
        assert log.of("evalhub.access")
        assert MARK not in log.text

    @pytest.mark.parametrize(
        "address", [f"/{MARK}", f"/api/v1/{MARK}", f"/static/{MARK}.css", f"/healthz?{MARK}=%00"]
    )
    def test_nothing_of_an_address_that_is_none_is_logged(self, outside, log, address):
        assert outside.get(address).status_code in {400, 404}
        assert MARK not in log.text

    def test_nothing_of_a_host_that_is_not_ours_is_logged(self, outside, log):
        answer = outside.get("/login/", headers={"Host": f"{MARK}.example"})
        assert answer.status_code == 400
        assert MARK.lower() not in log.text.lower()
        (line,) = log.of("evalhub.web")
        assert line["event"] == "host not in EVALHUB_ALLOWED_HOSTS"

    def test_nothing_of_a_key_is_logged(self, client, log):
        client.get("/api/v1/metrics", headers={"Authorization": f"Bearer {MARK}"})
        assert MARK not in log.text


class TestFailures:
    def test_a_failing_page_is_logged_by_kind_and_place_without_its_message(
        self, outside, log, routes
    ):
        answer = outside.get(f"/fail/{MARK}/?q={MARK}")
        assert answer.status_code == 500
        (line,) = log.of("evalhub.web")
        assert (line["level"], line["event"]) == ("error", "unforeseen error")
        assert line["exception"]["type"] == "builtins.ZeroDivisionError"
        assert line["exception"]["frames"][-1].endswith(" fail")
        assert line["request_id"] == answer["X-Request-ID"]
        assert MARK not in log.text
        assert MARK not in answer.content.decode()

    def test_a_failing_rest_view_is_logged_alike(self, outside, log, routes):
        answer = outside.get("/api/v1/fail")
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal"
        assert MARK not in answer.content.decode()
        (line,) = log.of("evalhub.api")
        assert line["exception"]["type"] == "builtins.ZeroDivisionError"
        assert line["request_id"] == answer["X-Request-ID"]
        assert MARK not in log.text

    def test_a_domain_error_is_an_answer_and_no_failure(self, outside, log, routes):
        answer = outside.get("/domain/")
        assert answer.status_code == 422
        assert f"{MARK} is wrong." in answer.content.decode()
        assert MARK not in log.text
        assert not [line for line in log.lines if line["level"] == "error"]

    def test_a_busy_database_is_told_as_such(self, outside, log, routes):
        answer = outside.get("/busy/")
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert "try again in a moment." in answer.content.decode()
        assert not [line for line in log.lines if line["level"] == "error"]

    @pytest.mark.parametrize("address", ["/fine/", "/api/v1/fine"])
    def test_also_when_a_middleware_meets_it(self, outside, log, routes, settings, address):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.FailsOnTheWayOut"]
        answer = Client(raise_request_exception=False).get(address)
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert MARK not in log.text + answer.content.decode()


class TestOtherLibraries:
    def logged(self, log, message, *arguments, name="kombu.connection", **more):
        logging.getLogger(name).error(message, *arguments, **more)
        return log.lines[-1]["event"]

    def test_their_texts_are_left_out_and_numbers_and_kinds_stay(self, log):
        error = ConnectionRefusedError(MARK)
        said = self.logged(log, "%s: retry %d of %s in %.1f s: %r", MARK, 2, None, 0.5, error)
        assert said == "…: retry 2 of None in 0.5 s: 'ConnectionRefusedError'"

    def test_a_failed_task_is_named_without_what_failed(self, log):
        given = {"name": "runs.drain", "exc": MARK, "traceback": MARK}
        said = self.logged(log, "Task %(name)s failed: %(exc)s %(traceback)s", given)
        assert said == "Task … failed: … …"

    @pytest.mark.parametrize(
        ("message", "arguments"),
        [("%d items", (MARK,)), ("%(absent)s", ({"name": MARK},)), ("%d %d", (1,))],
    )
    def test_a_message_that_does_not_fit_its_arguments_stays_as_it_is(self, message, arguments):
        record = logging.LogRecord("kombu", logging.ERROR, "", 1, message, arguments, None)
        assert json.loads(JsonFormatter().format(record))["event"] == message

    def test_a_message_that_is_no_text_is_named_by_its_kind(self, log):
        assert self.logged(log, ValueError(MARK)) == "ValueError"

    def test_a_traceback_is_given_by_places(self, log):
        with pytest.raises(ZeroDivisionError) as failed:
            fail(RequestFactory().get("/"), MARK)
        self.logged(log, "failed", exc_info=failed.value)
        assert log.lines[-1]["exception"]["type"] == "builtins.ZeroDivisionError"
        assert MARK not in log.text

    def test_our_own_messages_are_whole(self, log):
        assert self.logged(log, "%d of %s", 1, "two", name="labeling.desk") == "1 of two"


def test_each_record_is_one_line(log):
    logging.getLogger("evalhub.x").info("a\nb", extra={"fields": {"c": "d\ne"}})
    assert len(log.text.splitlines()) == 1
    assert log.lines[0]["c"] == "d\ne"
