"""Hostile bytes on the wire of the real service: refused within seconds, nothing stored, all well.

What a whole request may say is tried in process; here are bodies that come in pieces, too slowly,
too large, cut off, or never.
"""

import contextlib
import gzip
import json
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests import hostile
from tests.factories import jsonl
from tests.running import Service, running, wait_until

pytestmark = pytest.mark.journey

STALL_SECONDS = 2
THREADS = 8
# An answer must come in seconds, even where every core is busy with other tests.
SOON = 30.0
MARK = "Grnwtz7heron"

BEGIN = """
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import create_project, create_user, issue_api_key
ada = create_user(username="ada", password="a heron on a pole")
town = create_project(slug="town", name="Town", owner=ada)
print(issue_api_key(project=town, name="hostile", scopes=list(SCOPES))[1])
"""


@dataclass
class Target:
    """A service with an open run of two questions, and a key that may do everything."""

    service: Service
    key: str
    run: str

    def stored(self) -> list[str]:
        """Return what a reader is told about all that these bodies could add to or change."""
        project = "/api/v1/projects/town"
        lists = (f"{project}/datasets", f"{project}/datasets/tides/versions", f"{project}/runs")
        with self.service.client(key=self.key) as client:
            return [client.get(path).text for path in (*lists, f"/api/v1/runs/{self.run}")]

    @property
    def doors(self) -> dict[str, tuple[str, str]]:
        """Where bodies go, and their type."""
        datasets = "/api/v1/projects/town/datasets"
        return {
            "outputs": (f"/api/v1/runs/{self.run}/outputs", "application/x-ndjson"),
            "versions": (f"{datasets}/tides/versions", "application/x-ndjson"),
            "datasets": (datasets, "application/json"),
            "finish": (f"/api/v1/runs/{self.run}/finish", "application/json"),
            "login": ("/login/", "application/x-www-form-urlencoded"),
        }

    def head(self, door: str, *lines: str, method: str = "POST") -> bytes:
        path, kind = self.doors[door]
        first = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.service.port}"]
        bearer = [f"Authorization: Bearer {self.key}"] if path.startswith("/api/") else []
        own = [] if any(line.startswith("Content-Type") for line in lines) else [kind]
        kinds = [f"Content-Type: {kind}" for kind in own]
        return "\r\n".join([*first, *bearer, *kinds, *lines, "", ""]).encode("latin-1")

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.service.port), timeout=SOON)

    def sent(self, *pieces: bytes, pause: float = 0.0, ends: bool = True) -> int:
        """Send pieces, end sending, and return the status; 0 where the line was just closed."""
        with self.dial() as line:
            with contextlib.suppress(OSError):  # it may answer and close before all is sent
                for piece in pieces:
                    line.sendall(piece)
                    time.sleep(pause)
                if ends:
                    line.shutdown(socket.SHUT_WR)
            return status_of(line)

    def is_well(self) -> bool:
        with self.service.client() as client:
            return client.get("/healthz").status_code == 200

    def log(self) -> str:
        logs = (self.service.data_dir / "log").glob("*.log")
        return "".join(path.read_text(errors="replace") for path in logs)


def status_of(line: socket.socket) -> int:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while b"\r\n" not in answer and (piece := line.recv(65_536)):
            answer += piece
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("hostile") / "var"
    with running(data_dir, EVALHUB_STALL_SECONDS=str(STALL_SECONDS)) as service:
        key = service.manage("shell", "--verbosity", "0", "--command", BEGIN)
        with service.client(key=key) as client:
            datasets = "/api/v1/projects/town/datasets"
            assert client.post(datasets, json={"name": "tides"}).status_code == 201
            rows = jsonl({"key": "a", "input": "?"}, {"key": "b", "input": "?"})
            made = client.post(
                f"{datasets}/tides/versions",
                content=rows,
                headers={"Content-Type": "application/x-ndjson"},
            )
            assert made.status_code == 201, made.text
            body = {"dataset": "tides", "system": "heron", "metrics": ["exact_match"]}
            run = client.post("/api/v1/projects/town/runs", json=body).json()["id"]
        yield Target(service, key, run)


@pytest.fixture
def unchanged(target):
    """After a test the service is well, all it tells is as before, and its log says no failure."""
    before, said = target.stored(), len(target.log())
    yield
    assert target.is_well()
    assert target.stored() == before
    news = target.log()[said:]
    assert "unforeseen" not in news
    assert "Traceback" not in news
    assert MARK not in news


def chunked(*chunks: bytes) -> bytes:
    framed = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join(framed) + b"0\r\n\r\n"


OUTPUT = json.dumps({"key": "a", "output": MARK}).encode() + b"\n"
WRONG = json.dumps({"key": "nowhere", "output": MARK}).encode() + b"\n"
CHUNKED = "Transfer-Encoding: chunked"


class TestChunks:
    def test_a_body_of_unknown_length_is_taken(self, target):
        body = chunked(OUTPUT[:10], OUTPUT[10:])
        assert target.sent(target.head("outputs", CHUNKED), body) == 200

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions", "datasets"])
    def test_chunks_that_are_none_are_refused(self, target, door):
        bodies = {
            "no size": b"zz\r\nabc\r\n0\r\n\r\n",
            "a negative size": b"-5\r\nabc\r\n0\r\n\r\n",
            "a giant size": b"f" * 16 + b"\r\n" + OUTPUT,
            "a size of a megabyte": b"1" * 1_000_000,
            "no end of a chunk": b"%x\r\n%sX" % (len(OUTPUT), OUTPUT),
            "a bare line feed": b"3\nabc\n0\n\n",
            "a strange extension": b"3;\x00\r\nabc\r\n0\r\n\r\n",
            "no last chunk": b"%x\r\n%s\r\n" % (len(OUTPUT), OUTPUT),
            "a trailer that is none": chunked(OUTPUT)[:-2] + b"\0\r\n\r\n",
            "trailers without end": chunked(OUTPUT)[:-2] + b"a: b\r\n" * 100_000,
            "nothing at all": b"",
            "an empty body": b"0\r\n\r\n",
            "a bad line": chunked(OUTPUT, b'{"key": "\\ud800"}\n'),
        }
        statuses = {
            what: target.sent(target.head(door, CHUNKED), body) for what, body in bodies.items()
        }
        # Where the framing is broken, the server may close the line instead of answering.
        assert [what for what, got in statuses.items() if got and not 400 <= got < 500] == []
        assert 400 <= statuses["a bad line"] < 500
        assert 400 <= statuses["an empty body"] < 500

    @pytest.mark.usefixtures("unchanged")
    def test_a_form_in_chunks_is_an_empty_form(self, target):
        status = target.sent(target.head("login", CHUNKED), chunked(b"username=ada"))
        assert status == 403


class TestLengths:
    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions", "datasets", "finish", "login"])
    def test_a_body_shorter_than_it_says_is_refused(self, target, door):
        said = f"Content-Length: {len(WRONG) + 500}"
        assert 400 <= target.sent(target.head(door, said), WRONG) < 500

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "datasets"])
    def test_a_body_longer_than_it_says_is_cut_and_refused(self, target, door):
        said = f"Content-Length: {len(WRONG) - 10}"
        assert 400 <= target.sent(target.head(door, said), WRONG) < 500

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize(
        "lines",
        [
            ["Content-Length: -5"],
            ["Content-Length: +5"],
            ["Content-Length: abc"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Content-Length: 5", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: gzip"],
            ["Transfer-Encoding: chunked, identity"],
            ["Content-Length: " + "9" * 5_000],
        ],
        ids=lambda lines: ascii(lines[-1][:30]),
    )
    def test_a_length_that_is_none_is_refused(self, target, lines):
        for door in ("outputs", "login"):
            status = target.sent(target.head(door, *lines), OUTPUT)
            assert status == 0 or 400 <= status < 500 or status == 501

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions", "datasets", "finish", "login"])
    def test_a_giant_is_refused_before_it_is_sent(self, target, door):
        began = time.monotonic()
        status = target.sent(target.head(door, f"Content-Length: {2**50}"), ends=False)
        assert status == 413
        assert time.monotonic() - began < SOON


class TestSlowness:
    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions", "datasets", "finish", "login"])
    def test_a_slow_body_whose_sender_goes_away_stores_nothing(self, target, door):
        with target.dial() as line:
            line.sendall(target.head(door, f"Content-Length: {len(OUTPUT) * 2}"))
            for at in range(5):
                line.sendall(OUTPUT[at : at + 1])
                time.sleep(0.1)
        assert target.is_well()

    def test_a_slow_body_that_arrives_is_taken(self, target):
        head = target.head("outputs", f"Content-Length: {len(OUTPUT)}")
        pieces = [OUTPUT[at : at + 6] for at in range(0, len(OUTPUT), 6)]
        assert target.sent(head, *pieces, pause=0.2) == 200

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "datasets", "login"])
    def test_more_stalled_senders_than_threads_hold_it_up_for_seconds_only(self, target, door):
        with contextlib.ExitStack() as stack:
            lines = [stack.enter_context(target.dial()) for _ in range(2 * THREADS)]
            for line in lines:
                line.sendall(target.head(door, "Content-Length: 1000") + b"{")
            began = time.monotonic()
            assert target.is_well()
            assert time.monotonic() - began < SOON
            assert {status_of(line) for line in lines} <= {0, 400, 403}

    @pytest.mark.usefixtures("unchanged")
    def test_stalled_strangers_are_refused_at_once(self, target):
        path, kind = target.doors["outputs"]
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        with contextlib.ExitStack() as stack:
            lines = [stack.enter_context(target.dial()) for _ in range(2 * THREADS)]
            for line in lines:
                line.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode())
            assert {status_of(line) for line in lines} == {401}


class TestSizes:
    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions", "datasets", "finish", "login"])
    @pytest.mark.parametrize("how", ["with a length", "in chunks"])
    def test_a_line_of_50_mib_is_refused_as_too_large(self, target, door, how):
        body = hostile.LONG_LINE
        began = time.monotonic()
        if how == "with a length":
            status = target.sent(target.head(door, f"Content-Length: {len(body)}"), body)
        else:
            head = target.head(door, CHUNKED)
            status = target.sent(
                head, chunked(*[body[at : at + 65_536] for at in range(0, len(body), 65_536)])
            )
        assert status == (403 if (door, how) == ("login", "in chunks") else 413)
        assert time.monotonic() - began < SOON

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize("door", ["outputs", "versions"])
    def test_a_bomb_does_not_go_off(self, target, door):
        bomb = gzip.compress(bytes(hostile.MIB)) * 1_000
        began = time.monotonic()
        head = target.head(door, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}")
        assert target.sent(head, bomb) == 413
        assert (
            target.sent(target.head(door, "Content-Encoding: gzip", CHUNKED), chunked(bomb)) == 413
        )
        assert time.monotonic() - began < SOON

    @pytest.mark.usefixtures("unchanged")
    def test_a_packed_body_cut_short_is_refused(self, target):
        packed = gzip.compress(OUTPUT * 100)[:-20]
        head = target.head("outputs", "Content-Encoding: gzip", f"Content-Length: {len(packed)}")
        assert target.sent(head, packed) == 400

    @pytest.mark.usefixtures("unchanged")
    def test_eight_giants_at_once_are_refused(self, target):
        body = b'{"key": "' + b"x" * (20 * hostile.MIB) + b'"}\n'
        head = target.head("outputs", f"Content-Length: {len(body)}")
        with ThreadPoolExecutor(THREADS) as pool:
            statuses = list(pool.map(lambda _: target.sent(head, body), range(THREADS)))
        assert set(statuses) == {413}


class TestHeads:
    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize(
        "lines",
        [
            [f"Content-Type: text/plain; a*=nosuch''{MARK}"],
            ["Content-Type: application/x-ndjson; charset=unicode_escape"],
            ["Content-Type: application/x-ndjson; charset=zlib"],
            [f"X-Request-ID: {MARK} <script>"],
            [f"Cookie: evalhub_session={MARK}; evalhub_csrf={MARK}"],
            [f"Authorization: Basic {MARK}"],
            ["Idempotency-Key: " + "x" * 1_000],
            ["Content-Encoding: br"],
        ],
        ids=lambda lines: lines[0][:40],
    )
    def test_a_strange_header_is_refused_or_passed_over(self, target, lines):
        for door in ("outputs", "login"):
            head = target.head(door, *lines, f"Content-Length: {len(WRONG)}")
            assert 400 <= target.sent(head, WRONG) < 500

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize(
        "raw",
        [
            b"POST /api/v1/runs/\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /login/?next=\0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 100_000),
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX\0: y\r\n\r\n",
            b"GET / HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
            b"G\xffT / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"\0" * 10_000,
            b"\r\n" * 10_000,
            b"hello",
            b"",
        ],
        ids=lambda raw: ascii(raw[:30]),
    )
    def test_what_is_no_request_is_no_failure(self, target, raw):
        status = target.sent(raw)
        assert status < 500

    @pytest.mark.usefixtures("unchanged")
    def test_a_greeting_in_tls_is_no_failure(self, target):
        context = ssl.create_default_context()
        with target.dial() as line, pytest.raises(OSError):  # noqa: PT011 - any of its kinds
            context.wrap_socket(line, server_hostname="localhost")


def test_afterwards_the_run_goes_on_to_its_end(target):
    with target.service.client(key=target.key) as client:
        head = {"Content-Type": "application/x-ndjson"}
        rows = jsonl({"key": "a", "output": "x"}, {"key": "b", "output": "y"})
        sent = client.post(f"/api/v1/runs/{target.run}/outputs", content=rows, headers=head)
        assert sent.status_code == 200, sent.text
        assert client.post(f"/api/v1/runs/{target.run}/finish").status_code == 202
        address = f"/api/v1/runs/{target.run}"
        wait_until(lambda: client.get(address).json()["state"] == "scored", seconds=60)
