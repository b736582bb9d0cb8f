"""The guarded client: what it sends, where it refuses to go, and that all of it ends."""

import gzip
import socket
import time

import pytest

from evalhub.outbound import client
from evalhub.outbound.client import NoAnswer
from evalhub.outbound.patience import Trouble
from tests.evalhub.judging.endpoint import closes, dribbles, hangs, raw, sends, serving

MIB = 1024**2


def post(url, *, seconds=5.0, most_bytes=1_000, **more):
    given = {"body": b'{"a": 1}', "headers": {"X-Key": "word"}, **more}
    return client.post(url, seconds=seconds, most_bytes=most_bytes, **given)


def test_a_request_is_json_and_the_answer_its_body(endpoint):
    endpoint.script = lambda asked: sends(200, b'{"ok": true}')

    assert post(f"{endpoint.url}/score?a=b") == b'{"ok": true}'

    [asked] = endpoint.asked
    assert (asked.path, asked.body) == ("/v1/score?a=b", {"a": 1})
    assert asked.headers["x-key"] == "word"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["host"] == endpoint.url.split("/")[2]


def test_a_closed_address_is_never_connected_to(endpoint, settings):
    settings.OUTBOUND_ALLOW = []

    found = post(endpoint.url)

    assert found.trouble == Trouble.FORBIDDEN
    assert "EVALHUB_OUTBOUND_ALLOW" in found.detail
    assert endpoint.asked == []


def test_a_name_that_changes_its_mind_after_the_check_changes_nothing(
    endpoint, monkeypatch, settings
):
    """Rebinding: the first look-up is allowed, any later one would lead to another machine."""
    port = int(endpoint.url.split(":")[2].split("/")[0])
    looked_up, real = [], socket.getaddrinfo

    def rebinding(host, *arguments, **more):
        if host != "scorer.example.org":
            return real(host, *arguments, **more)
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    assert post(f"http://scorer.example.org:{port}/") == b"{}"
    assert looked_up == ["scorer.example.org"]
    assert post(f"http://scorer.example.org:{port}/").trouble == Trouble.FORBIDDEN
    assert len(endpoint.asked) == 1


def test_the_next_address_is_tried_when_one_takes_no_connection(endpoint, monkeypatch, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    port = int(endpoint.url.split(":")[2].split("/")[0])
    real = socket.getaddrinfo

    def two(host, *arguments, **more):
        if host != "scorer.example.org":
            return real(host, *arguments, **more)
        return [(socket.AF_INET, 1, 6, "", (one, port)) for one in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)

    assert post(f"http://scorer.example.org:{port}/") == b"{}"


def test_a_redirect_is_not_followed(endpoint):
    with serving(lambda asked: sends(200, b"{}")) as inside:
        endpoint.script = lambda asked: sends(302, b"", Location=inside.url)

        found = post(endpoint.url)

        assert inside.asked == []
    assert found.trouble == Trouble.REJECTED
    assert found.detail == "The answer was 302 Found. Redirects are not followed."


def test_no_proxy_of_the_environment_is_used(endpoint, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    assert post(endpoint.url) == b"{}"


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (201, Trouble.REJECTED),
        (400, Trouble.REJECTED),
        (401, Trouble.NOT_ALLOWED),
        (404, Trouble.NOT_ALLOWED),
        (429, Trouble.BUSY),
        (500, Trouble.BROKEN),
        (503, Trouble.BROKEN),
    ],
)
def test_every_other_status_is_trouble(endpoint, status, trouble):
    endpoint.script = lambda asked: sends(status, b"secret words", Retry_After="7")

    found = post(endpoint.url)

    assert (found.trouble, found.retry_after) == (trouble, 7.0)
    assert str(status) in found.detail
    assert "secret" not in found.detail


def drips_its_head(handler):
    """Send a header byte by byte, without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("behavior", ["hangs", "dribbles", "drips its head", "says continue"])
def test_an_answer_that_does_not_end_is_ended(endpoint, behavior):
    def says_continue(handler):
        for _ in range(200):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.02)

    behaviors = {
        "hangs": hangs(lambda: endpoint),
        "dribbles": dribbles,
        "drips its head": drips_its_head,
        "says continue": says_continue,
    }
    endpoint.script = lambda asked: behaviors[behavior]

    started = time.monotonic()
    found = post(endpoint.url, seconds=0.4, most_bytes=MIB)

    assert (found.trouble, time.monotonic() - started < 2) == (Trouble.TIMED_OUT, True)
    assert found.detail == "There was no whole answer within 0.4 seconds."


def test_a_server_that_does_not_read_ends_too(endpoint):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        found = post(url, seconds=0.4, body=bytes(32 * MIB))

    assert (found.trouble, time.monotonic() - started < 2) == (Trouble.TIMED_OUT, True)


def pours(handler):
    """Send a gibibyte, a mebibyte at a time."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1024 * MIB))
    handler.end_headers()
    for _ in range(1024):
        handler.wfile.write(bytes(MIB))


BOMB = gzip.compress(bytes(20 * MIB))
UNREADABLE = {
    "a body beyond the bound": (pours, "The answer is larger than 100,000 bytes."),
    "a gzip bomb": (
        sends(200, BOMB, Content_Encoding="gzip"),
        "The answer is compressed, though that was not asked for.",
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_no_more_is_read_than_was_asked_for(endpoint, what):
    behavior, detail = UNREADABLE[what]
    endpoint.script = lambda asked: behavior

    started = time.process_time()
    found = post(endpoint.url, most_bytes=100_000)

    assert (found.trouble, found.detail) == (Trouble.UNREADABLE, detail)
    assert time.process_time() - started < 2


UNREACHABLE = {
    "it closes": closes,
    "no HTTP": raw(b"220 mail.example.org ESMTP\r\n"),
    "a header without end": raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MIB),
    "a body cut short": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
}


@pytest.mark.parametrize("what", UNREACHABLE)
def test_what_speaks_no_http_is_unreachable(endpoint, what):
    endpoint.script = lambda asked: UNREACHABLE[what]

    assert post(endpoint.url).trouble == Trouble.UNREACHABLE


def test_nobody_at_the_port_is_unreachable(endpoint):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

    found = post(url)

    assert found.trouble == Trouble.UNREACHABLE
    assert found.detail.startswith("No connection came about.")


def test_tls_to_what_speaks_none_says_so(endpoint):
    found = post(endpoint.url.replace("http://", "https://"))

    assert found.trouble == Trouble.UNREACHABLE
    assert found.detail.startswith("TLS failed")


def test_a_header_that_http_cannot_carry_is_no_failure_of_ours(endpoint):
    found = post(endpoint.url, headers={"X-Key": "a\r\nb"})

    assert isinstance(found, NoAnswer)
    assert "a\r\nb" not in found.detail
    assert endpoint.asked == []


def test_a_request_is_called_off_while_it_waits(endpoint):
    endpoint.script = lambda asked: hangs(lambda: endpoint)
    began = time.monotonic()

    found = post(endpoint.url, seconds=20, is_called_off=lambda: time.monotonic() > began + 0.1)

    assert found.trouble == Trouble.CALLED_OFF
    assert time.monotonic() - began < 3
