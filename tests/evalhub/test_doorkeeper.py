"""What no view has to meet: NUL, charsets, giants, broken forms; and the face of failures."""

import io
import re

import pytest
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from gunicorn.http.errors import ChunkMissingTerminator

from evalhub.accounts.models import LoginFailure, Project
from evalhub.web.security import MAX_UPLOAD_BYTES, POLICY
from evalhub.wsgi import application
from tests.factories import a_key, a_member, a_project, a_user

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"


@pytest.fixture
def outside():
    """Return a client that gets the answer to a failure, as a browser does."""
    return Client(raise_request_exception=False)


def said(answer):
    """Return the sentence of an answer, from JSON or a page."""
    if answer["Content-Type"] == "application/json":
        return answer.json()["detail"]
    return re.sub(r"<[^>]+>", "", answer.content.decode().partition("<h1")[2])


def served(method, address, body=b"", *, headers=None, **environ):
    """Ask the service's own entry point, as a server does, and return status and body."""
    path, _, query = address.partition("?")
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": text
            for name, text in (headers or {}).items()
        },
        **environ,
    }
    status = []
    # The test's own database connection stays open, as with Django's test client.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        answer = application(given, lambda line, _headers: status.append(int(line[:3])))
        text = b"".join(answer).decode()
        answer.close()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return status[0], text


class TestNul:
    @pytest.mark.parametrize(
        "address",
        ["/p/a%00b/", "/login/?next=%00", "/api/v1/runs/%00", "/api/v1/metrics?x=%00", "/%00"],
    )
    def test_an_address_with_nul_is_refused(self, outside, address):
        answer = outside.get(address)
        assert answer.status_code == 400
        assert "NUL" in said(answer)

    def test_a_raw_nul_in_a_query_is_refused(self, outside):
        answer = outside.get("/login/", QUERY_STRING="next=\0")
        assert answer.status_code == 400

    def test_a_cookie_with_nul_is_refused(self, outside):
        # Quoted cookies spell any byte in octal.
        answer = outside.get("/", headers={"Cookie": 'evalhub_session="\\000aaaaaaaaaaaaaaaa"'})
        assert answer.status_code == 400

    def test_a_session_that_is_none_leads_to_the_login(self, outside):
        for cookie in ("x" * 10_000, "é" * 20, "' OR 1=1 --------", '"\\377\\377aaaaaaaaaaaa"'):
            answer = outside.get("/", headers={"Cookie": f"evalhub_session={cookie}"})
            assert answer.status_code == 302


class TestCharsets:
    @pytest.mark.parametrize(
        "charset",
        [
            *("utf-7", "unicode_escape", "raw_unicode_escape", "zlib", "rot13", "idna"),
            *("undefined", "latin-1", "utf-16", "nosuch", "é", "", "x" * 1_000, "../passwd"),
        ],
        ids=lambda text: text[:20],
    )
    @pytest.mark.parametrize("address", ["/login/?next=%2B2AA-", "/api/v1/metrics?x=%5Cud800"])
    @pytest.mark.parametrize("kind", [FORM, MULTIPART, "application/x-ndjson"])
    def test_any_but_utf8_is_refused(self, address, kind, charset):
        kind = f"{kind}; charset={charset}"
        for method in ("GET", "POST"):
            status, answer = served(method, address, b"a=b", CONTENT_TYPE=kind)
            assert status == 400
            assert "UTF-8" in answer

    @pytest.mark.parametrize(
        "kind", [FORM, f"{FORM}; charset=UTF-8", f"{MULTIPART}; charset=utf8"]
    )
    def test_utf8_is_what_we_read_anyway(self, kind):
        status, answer = served("POST", "/login/?next=%C3%A4", CONTENT_TYPE=kind)
        assert status == 403  # a form from nowhere
        status, answer = served("GET", "/login/?next=%C3%A4", CONTENT_TYPE=kind)
        assert status == 200
        assert 'value="ä"' in answer


class TestSizes:
    @pytest.mark.parametrize("length", ["2097153", "9" * 30, "²", "٣", "-1", "abc", " 1"])
    @pytest.mark.parametrize("address", ["/login/", "/projects/new/", "/p/town/members/", "/x/"])
    def test_a_form_larger_than_its_page_is_refused_unread(self, outside, address, length):
        answer = outside.post(address, "a=b", content_type=FORM, CONTENT_LENGTH=length)
        assert answer.status_code == 413
        assert "larger than this page takes" in said(answer)

    def test_a_form_with_too_many_fields_is_refused(self, outside):
        many = "&".join(f"f{number}=" for number in range(1_001))
        assert outside.post("/login/", many, content_type=FORM).status_code == 400
        assert outside.get(f"/login/?{many}").status_code in {200, 400}

    def test_a_query_with_too_many_fields_is_refused_by_rest(self, outside):
        many = "&".join(f"f{number}=" for number in range(1_001))
        headers = a_key(a_project("town"))
        answer = outside.get(f"/api/v1/projects/town/datasets?{many}", headers=headers)
        assert answer.status_code == 400
        assert said(answer)

    def test_a_large_file_is_taken_from_a_member_only(self, outside):
        town = a_project("town")
        address, length = (
            "/p/town/datasets/new/",
            str(django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1),
        )
        stranger = outside.post(address, b"", content_type=MULTIPART, CONTENT_LENGTH=length)
        assert stranger.status_code == 413
        outside.force_login(a_member(town, "lead"))
        answer = outside.post(address, b"", content_type=MULTIPART, CONTENT_LENGTH=length)
        assert answer.status_code != 413
        length = str(MAX_UPLOAD_BYTES + 1)
        answer = outside.post(address, b"", content_type=MULTIPART, CONTENT_LENGTH=length)
        assert answer.status_code == 413

    def test_fields_beside_a_file_are_bounded_too(self, outside):
        outside.force_login(a_member(a_project("town"), "lead"))
        form = {"name": "x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
        answer = outside.post("/p/town/datasets/new/", form)
        assert answer.status_code == 413
        assert "larger" in said(answer)


class Stream(io.BytesIO):
    """A body that ends in a failure of the server's."""

    def __init__(self, body, failure):
        super().__init__(body)
        self.failure = failure

    def read(self, size=-1):
        if not (data := super().read(size)):
            raise self.failure
        return data


class TestBodiesThatBreak:
    @pytest.fixture
    def signed_in(self, client):
        """Return the headers of somebody whose form would count."""
        client.force_login(a_user())
        token = client.get("/projects/new/").cookies["evalhub_csrf"].value
        cookies = f"evalhub_session={client.session.session_key}; evalhub_csrf={token}"
        return {"Cookie": cookies, "X-CSRFToken": token}

    def test_a_whole_form_counts(self, signed_in):
        body = b"name=Harbor&slug=harbor"
        answer = served("POST", "/projects/new/", body, headers=signed_in, CONTENT_TYPE=FORM)
        assert answer[0] == 302
        assert Project.objects.count() == 1

    @pytest.mark.parametrize("kind", [FORM, MULTIPART])
    def test_half_a_form_is_no_form(self, signed_in, kind):
        body = b"name=Harbor&slug=harbor"
        if kind == MULTIPART:
            part = b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\nharbor\r\n'
            body = part % b"name" + part % b"slug"
        status, answer = served(
            "POST",
            "/projects/new/",
            body,
            headers=signed_in,
            CONTENT_TYPE=kind,
            CONTENT_LENGTH=str(len(body) + 1),
        )
        assert status == 400
        assert "did not arrive whole" in answer
        assert not Project.objects.exists()

    @pytest.mark.parametrize("failure", [ConnectionResetError(), TimeoutError()])
    def test_a_connection_that_breaks_stores_nothing(self, signed_in, failure):
        body = b"name=Harbor&slug=harbor"
        status, _ = served(
            "POST",
            "/projects/new/",
            headers=signed_in,
            CONTENT_TYPE=FORM,
            CONTENT_LENGTH=str(len(body) + 1),
            **{"wsgi.input": Stream(body, failure)},
        )
        assert status == 400
        assert not Project.objects.exists()

    def test_a_body_without_a_length_is_an_empty_form(self, signed_in):
        status, _ = served(
            "POST",
            "/projects/new/",
            headers={**signed_in, "Transfer-Encoding": "chunked"},
            CONTENT_TYPE=FORM,
            CONTENT_LENGTH="",
            **{
                "wsgi.input": io.BytesIO(b"name=Harbor&slug=harbor"),
                "wsgi.input_terminated": True,
            },
        )
        assert status == 422
        assert not Project.objects.exists()

    @pytest.mark.parametrize(
        "failure", [ChunkMissingTerminator(b""), ConnectionResetError(), TimeoutError()]
    )
    @pytest.mark.parametrize("token", [{}, {"Idempotency-Key": "once"}])
    def test_chunks_that_are_none_are_the_senders_fault(self, failure, token):
        status, answer = served(
            "POST",
            "/api/v1/projects/town/datasets",
            headers={**a_key(a_project("town")), "Transfer-Encoding": "chunked", **token},
            CONTENT_LENGTH="",
            **{"wsgi.input": Stream(b'{"name": "tides"}', failure), "wsgi.input_terminated": True},
        )
        assert status == 400
        assert "send the body again" in answer

    @pytest.mark.parametrize(
        "kind",
        ["text/plain; a*=nosuch''x", "a/b; name*=utf-7''+2AA-", "; ; *=''", "é", "x" * 60_000],
        ids=lambda text: text[:20],
    )
    def test_a_type_that_cannot_be_read_is_refused_or_passed_over(self, kind):
        for method, address in (("POST", "/login/"), ("GET", "/healthz"), ("POST", "/api/v1/x")):
            status, _ = served(method, address, b"a=b", CONTENT_TYPE=kind)
            assert status in {200, 400, 403, 404}
        assert not LoginFailure.objects.exists()


class TestFaces:
    @pytest.mark.parametrize(
        ("address", "status"), [("/login/", 200), ("/nowhere", 404), ("/healthz", 200), ("/", 302)]
    )
    def test_every_answer_bears_the_policy(self, outside, address, status):
        answer = outside.get(address)
        assert answer.status_code == status
        assert answer["Content-Security-Policy"] == POLICY
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"

    def test_the_policy_lets_nothing_inline_nothing_foreign_and_no_frame(self):
        rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        for name in ("script-src", "style-src", "connect-src", "form-action"):
            assert rules[name] == "'self'"
        assert "unsafe" not in POLICY

    def test_rest_answers_json_and_pages_answer_pages(self, outside):
        rest, page = outside.get("/api/v1/nowhere"), outside.get("/nowhere")
        assert rest.json()["code"] == "not_found"
        assert page["Content-Type"].startswith("text/html")
        assert rest.status_code == page.status_code == 404

    def test_a_page_without_the_capability_says_which_role_it_needs(self, client):
        town = a_project("town")
        client.force_login(a_member(town, "viewer"))
        answer = client.get("/p/town/keys/")
        assert answer.status_code == 403
        assert "This needs the role owner." in answer.content.decode()

    def test_what_is_not_ones_own_and_what_does_not_exist_look_alike(self, client):
        a_project("town")
        client.force_login(a_user())
        there, not_there = client.get("/p/town/keys/"), client.get("/p/nowhere/keys/")
        assert there.status_code == not_there.status_code == 404
        assert said(there) == said(not_there)

    @pytest.mark.parametrize("address", ["/login/", "/api/v1/metrics"])
    def test_a_host_that_is_not_ours_gets_no_page_but_the_setting_to_look_at(
        self, outside, address
    ):
        answer = outside.get(address, headers={"Host": "evil.example"})
        assert answer.status_code == 400
        assert "EVALHUB_ALLOWED_HOSTS" in answer.content.decode()
        assert "evil" not in answer.content.decode()
