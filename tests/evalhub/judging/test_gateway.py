"""The gateway: what it sends, what it believes, when it asks again, and how it gives up."""

import gzip
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from evalhub.judging import gateway
from evalhub.judging.gateway import Connection, Failure, Reply
from evalhub.outbound import patience
from evalhub.outbound.patience import Trouble
from tests.evalhub.judging.conftest import KEY
from tests.evalhub.judging.endpoint import (
    closes,
    completes,
    dribbles,
    hangs,
    judges,
    one_after_another,
    raw,
    refuses,
    says,
    sends,
)

MESSAGES = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "This. \ud83d"}]


def ask(endpoint, *, key=KEY, timeout=5.0, url=None, stop=None, seed="seed"):
    return gateway.ask(
        Connection(url=url or endpoint.url, key=key, timeout=timeout),
        model="tiny-judge",
        options={"temperature": 0, "max_tokens": 300},
        messages=MESSAGES,
        seed=seed,
        stop=stop or threading.Event(),
    )


# What is sent.


def test_a_question_is_a_chat_completion(endpoint):
    ask(endpoint)

    [asked] = endpoint.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "tiny-judge",
        "messages": MESSAGES,
        "temperature": 0,
        "max_tokens": 300,
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(endpoint):
    ask(endpoint, key="")

    assert "authorization" not in endpoint.asked[0].headers


def test_the_query_of_an_address_stays_behind_its_path(endpoint):
    ask(endpoint, url=f"{endpoint.url}/?api-version=2")

    assert endpoint.asked[0].path == "/v1/chat/completions?api-version=2"


# What is believed.


def test_a_reply_comes_with_what_it_took(endpoint):
    usage = {"prompt_tokens": 210, "completion_tokens": 31, "cost": 0.0004}
    endpoint.script = lambda asked: says("Five.", usage=usage)

    found = ask(endpoint)

    assert isinstance(found, Reply)
    assert (found.text, found.is_refusal, found.is_cut_off) == ("Five.", False, False)
    assert (found.input_tokens, found.output_tokens, found.cost) == (210, 31, 0.0004)
    assert found.tries == 1
    assert 0 < found.latency_ms < 5_000


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": "12", "completion_tokens": None, "cost": "free"},
        {"prompt_tokens": True, "completion_tokens": -1, "cost": True},
        {"prompt_tokens": 2.5, "completion_tokens": 10**30, "cost": -0.1},
    ],
)
def test_what_the_endpoint_does_not_say_is_unknown_and_not_nothing(endpoint, usage):
    endpoint.script = lambda asked: says("Five.", usage=usage)

    found = ask(endpoint)

    assert (found.text, found.input_tokens, found.output_tokens, found.cost) == (
        "Five.",
        None,
        None,
        None,
    )


def test_text_in_parts_is_put_together(endpoint):
    parts = [{"type": "text", "text": "Fi"}, {"type": "image"}, "x", {"text": "ve."}]
    endpoint.script = lambda asked: completes({"content": parts})

    assert ask(endpoint).text == "Five."


def test_text_that_no_store_can_hold_is_replaced(endpoint):
    endpoint.script = lambda asked: says("a\x00b\ud83d")

    assert ask(endpoint).text == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("message", "ended"),
    [({"content": None, "refusal": "I cannot."}, "stop"), ({"content": ""}, "content_filter")],
)
def test_a_refusal_is_a_reply(endpoint, message, ended):
    endpoint.script = lambda asked: completes(message, ended=ended)

    found = ask(endpoint)

    assert (found.is_refusal, found.text) == (True, message.get("refusal", ""))


def test_a_reply_that_was_cut_off_is_known(endpoint):
    endpoint.script = lambda asked: says('{"explanation": "It', ended="length")

    assert ask(endpoint).is_cut_off


@pytest.mark.parametrize(
    ("behavior", "word"),
    [
        (sends(200, b"<html>Welcome</html>", kind="text/html"), "JSON"),
        (sends(200, b""), "JSON"),
        (sends(200, b"\xff\xfe\x00"), "JSON"),
        (sends(200, b"[" * 500_000), "JSON"),
        (sends(200, b'{"choices": []}'), "completion"),
        (sends(200, b'{"choices": [7]}'), "completion"),
        (sends(200, b'{"choices": {"0": {}}}'), "completion"),
        (sends(200, b"[1, 2]"), "completion"),
        (completes({"content": None}), "content"),
        (completes({"content": {"text": "x"}}), "content"),
        (sends(200, gzip.compress(b"{}"), Content_Encoding="gzip"), "compressed"),
        (sends(200, b" " * 3_000_000), "1,048,576 bytes"),
    ],
)
def test_what_is_no_completion_is_unreadable_and_asked_once(endpoint, behavior, word):
    endpoint.script = lambda asked: behavior

    found = ask(endpoint)

    assert isinstance(found, Failure)
    assert found.trouble == Trouble.UNREADABLE
    assert word in found.detail
    assert len(endpoint.asked) == 1


# Asking again.


def test_a_busy_endpoint_is_asked_again_when_it_says_so(endpoint):
    endpoint.script = one_after_another(refuses(429, Retry_After="1"), judges(5))

    found = ask(endpoint)

    assert (type(found), found.tries) == (Reply, 2)
    first, second = endpoint.asked
    assert 1.0 <= second.at - first.at < 2.0


def test_retry_after_may_be_a_date(endpoint):
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    endpoint.script = one_after_another(refuses(503, Retry_After=at), judges(5))

    ask(endpoint)

    first, second = endpoint.asked
    assert 0.9 <= second.at - first.at < 3.0


@pytest.mark.parametrize("said", ["-5", "soon", "Mon, 99 Foo 2026", "1e9", ".", "\u0663"])
def test_a_retry_after_that_says_nothing_is_passed_over(endpoint, said):
    endpoint.script = one_after_another(
        refuses(429, Retry_After=said.encode().decode("latin-1")), judges(5)
    )

    started = time.monotonic()
    assert ask(endpoint).tries == 2
    assert time.monotonic() - started < 1


def test_no_endpoint_can_make_us_wait_for_long(endpoint, monkeypatch):
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", 0.05)
    late = format_datetime(datetime.now(UTC) + timedelta(days=9), usegmt=True)
    endpoint.script = one_after_another(
        refuses(429, Retry_After="86400"), refuses(429, Retry_After=late), judges(5)
    )

    started = time.monotonic()
    assert ask(endpoint).tries == 3
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("behavior", "trouble", "tries"),
    [
        (refuses(429), Trouble.BUSY, 6),
        (refuses(500), Trouble.BROKEN, 4),
        (refuses(503, "Overloaded"), Trouble.BROKEN, 4),
        (closes, Trouble.UNREACHABLE, 3),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Trouble.UNREACHABLE, 3),
        (refuses(400, "No."), Trouble.REJECTED, 1),
        (refuses(401, "No."), Trouble.NOT_ALLOWED, 1),
        (refuses(404, "No."), Trouble.NOT_ALLOWED, 1),
        (sends(301, b"", Location="http://127.0.0.1:9/"), Trouble.REJECTED, 1),
        (sends(204, b""), Trouble.REJECTED, 1),
    ],
)
def test_each_trouble_is_worth_so_many_tries(endpoint, behavior, trouble, tries):
    endpoint.script = lambda asked: behavior

    found = ask(endpoint)

    assert isinstance(found, Failure)
    assert (found.trouble, found.tries, len(endpoint.asked)) == (trouble, tries, tries)


def test_an_endpoint_that_recovers_is_believed(endpoint):
    endpoint.script = one_after_another(closes, refuses(500), judges(5))

    assert ask(endpoint).tries == 3


def test_nobody_at_the_address_is_a_failure(endpoint):
    found = ask(endpoint, url="http://127.0.0.1:9/v1")

    assert (found.trouble, found.tries) == (Trouble.UNREACHABLE, 3)
    assert "No connection" in found.detail


@pytest.mark.parametrize("url", ["http://[::1", "ftp://127.0.0.1/v1"])
def test_an_address_that_is_none_is_a_failure(endpoint, url):
    found = ask(endpoint, url=url)

    assert (found.trouble, found.detail) == (
        Trouble.UNREACHABLE,
        "EVALHUB_JUDGE_URL is no address that can be asked.",
    )


@pytest.mark.parametrize("behavior", ["hangs", "dribbles"])
def test_a_judge_that_does_not_come_to_an_end_is_waited_for_twice(endpoint, behavior):
    behaviors = {"hangs": hangs(lambda: endpoint), "dribbles": dribbles}
    endpoint.script = lambda asked: behaviors[behavior]

    started = time.monotonic()
    found = ask(endpoint, timeout=0.3)

    assert (found.trouble, found.tries) == (Trouble.TIMED_OUT, 2)
    assert found.detail == "There was no answer within 0.3 seconds."
    assert time.monotonic() - started < 3


def test_pauses_grow_and_are_the_same_for_the_same_seed(monkeypatch):
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.5)

    def pauses_of(seed):
        return [patience.pause(tries, seed=seed, asked_for=None) for tries in range(1, 12)]

    pauses = pauses_of("a")

    assert pauses == pauses_of("a")
    assert pauses != pauses_of("b")
    for number, pause in enumerate(pauses):
        usual = min(0.5 * 2**number, 60.0)
        assert usual / 2 <= pause <= usual * 1.5


# Being called off.


def test_a_question_that_is_called_off_is_not_asked(endpoint):
    stop = threading.Event()
    stop.set()

    assert ask(endpoint, stop=stop).trouble == Trouble.CALLED_OFF
    assert endpoint.asked == []


def test_calling_off_ends_a_pause(endpoint):
    endpoint.script = lambda asked: refuses(429, Retry_After="60")
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    started = time.monotonic()
    assert ask(endpoint, stop=stop).trouble == Trouble.CALLED_OFF
    assert time.monotonic() - started < 5


# The key.


@pytest.mark.parametrize("status", [401, 400, 500])
def test_a_key_that_the_endpoint_quotes_is_not_passed_on(endpoint, status):
    endpoint.script = lambda asked: refuses(status, f"Incorrect API key {KEY}. " + "x" * 280)

    found = ask(endpoint)

    assert "Incorrect API key [key]" in found.detail
    assert KEY not in repr(found)
    assert len(found.detail) < 500


def test_a_key_in_a_reply_is_not_passed_on(endpoint):
    endpoint.script = lambda asked: says(f"I was sent {KEY}.")

    assert ask(endpoint).text == "I was sent [key]."


@pytest.mark.parametrize("key", ["sk-with\nline-break", "sk-with-\u0436"])
def test_a_key_that_no_header_can_hold_is_a_failure_or_sent_as_bytes(endpoint, key):
    found = ask(endpoint, key=key)

    assert isinstance(found, Reply) or found.detail.startswith("The key holds characters")
    assert key not in repr(found)


def test_key_and_address_are_in_no_log_and_no_repr(endpoint, caplog):
    caplog.set_level(logging.DEBUG, logger="evalhub")
    endpoint.script = one_after_another(refuses(500, KEY), judges(5))

    ask(endpoint)

    assert KEY not in caplog.text
    assert KEY not in repr(Connection(url=endpoint.url, key=KEY))


def test_the_product_keeps_the_clients_own_log_lines_out(settings):
    loggers = settings.LOGGING["loggers"]
    assert loggers["httpx2"] == loggers["httpcore2"] == {"level": "WARNING"}
    assert logging.getLogger("httpx2").getEffectiveLevel() == logging.WARNING
