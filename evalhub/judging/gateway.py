"""The gateway to a language model: one question over HTTP, bounded in time, size and tries.

What comes back is untrusted text. A failure is a value, because the caller keeps it in a ledger.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from threading import Event, Lock
from typing import Any

import httpx2
from django.conf import settings

from evalhub.outbound.patience import (
    Trouble,
    bounded,
    pause,
    retry_after,
    status_line,
    trouble_of,
)
from metrics.judge import MAX_REPLY, Message, Setting

MAX_BODY_BYTES = 1024**2
MAX_MESSAGE = 300
SHORTEST_SECRET = 8  # a shorter key is a placeholder, and a word of any reply
HIGHEST_COUNT, HIGHEST_COST = 2**31 - 1, 1e9
# What PostgreSQL or UTF-8 cannot hold, though JSON escapes can write it.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


# How often a question is asked before its trouble is final; any other trouble is final at once.
MOST_TRIES: Mapping[Trouble, int] = {
    Trouble.UNREACHABLE: 3,
    Trouble.TIMED_OUT: 2,
    Trouble.BUSY: 6,
    Trouble.BROKEN: 4,
}


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where a judge is asked, with which key, and for how long it is waited for."""

    url: str
    key: str = field(default="", repr=False)
    timeout: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Failure:
    """No reply, with the sentence that says why."""

    trouble: Trouble
    detail: str
    tries: int = 1
    latency_ms: float | None = None
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model said, and what that took; null where the endpoint does not say."""

    text: str
    is_refusal: bool = False
    is_cut_off: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    tries: int = 1
    latency_ms: float | None = None


def connection() -> Connection | None:
    """Return the connection that the operator set, or None."""
    if not settings.JUDGE_URL:
        return None
    return Connection(
        url=settings.JUDGE_URL, key=settings.JUDGE_KEY, timeout=settings.JUDGE_TIMEOUT_SECONDS
    )


def ask(
    to: Connection,
    *,
    model: str,
    options: Mapping[str, Setting],
    messages: Sequence[Message],
    seed: str,
    stop: Event,
) -> Reply | Failure:
    """Ask one question, again where that may help; `latency_ms` is that of the last try.

    Pauses grow and are spread by `seed`, so that equal calls pause alike. `stop` ends a pause,
    never a request that is under way: its answer will be paid for.
    """
    body = json.dumps({"model": model, "messages": list(messages), **options}).encode()
    tries = 0
    while not stop.is_set():
        tries += 1
        started = time.monotonic()
        found = _try(to, body)
        latency_ms = (time.monotonic() - started) * 1_000
        if isinstance(found, Reply) or tries >= MOST_TRIES.get(found.trouble, 1):
            return replace(found, tries=tries, latency_ms=latency_ms)
        stop.wait(pause(tries, seed=seed, asked_for=found.retry_after))
    return Failure(trouble=Trouble.CALLED_OFF, detail="The question was called off.", tries=tries)


def close() -> None:
    """Close the connections of this process."""
    _client().close()
    _client_of.cache_clear()


# --- one try --------------------------------------------------------------------------------


_opening = Lock()


def _client() -> httpx2.Client:
    """Return the client of this process: a forked one must not share its parent's sockets."""
    with _opening:
        return _client_of(os.getpid())


@lru_cache(maxsize=1)
def _client_of(_pid: int) -> httpx2.Client:
    return httpx2.Client(
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=64, max_keepalive_connections=64),
    )


def _try(to: Connection, body: bytes) -> Reply | Failure:
    deadline = time.monotonic() + to.timeout
    headers = {
        b"Content-Type": b"application/json",
        b"Accept": b"application/json",
        b"Accept-Encoding": b"identity",  # what is packed small may be large
        b"User-Agent": b"EvalHub",
    }
    if to.key:
        headers[b"Authorization"] = b"Bearer " + to.key.encode()
    try:
        with _client().stream(
            "POST", _address(to.url), content=body, headers=headers, timeout=to.timeout
        ) as response:
            content = bounded(response.iter_raw(), most_bytes=MAX_BODY_BYTES, deadline=deadline)
    except httpx2.TimeoutException:
        return _timed_out(to)
    except (httpx2.RequestError, httpx2.InvalidURL) as exc:
        return Failure(trouble=Trouble.UNREACHABLE, detail=_unreachable(exc))
    if content is None:
        return _timed_out(to)
    return _read(response, content, partial(_cleaned, key=to.key))


def _address(url: str) -> httpx2.URL:
    """Return where completions are asked for; a query of the address stays, as some need one."""
    base = httpx2.URL(url)
    return base.copy_with(path=base.path.rstrip("/") + "/chat/completions")


def _timed_out(to: Connection) -> Failure:
    return Failure(
        trouble=Trouble.TIMED_OUT, detail=f"There was no answer within {to.timeout:g} seconds."
    )


def _unreachable(exc: Exception) -> str:
    """Say what happened in words of our own: theirs may quote the header that bears the key."""
    if isinstance(exc, httpx2.ConnectError):
        return "No connection came about. Is the address right, and does the endpoint run?"
    if isinstance(exc, httpx2.RemoteProtocolError):
        return "The endpoint closed the connection, or spoke no HTTP."
    if isinstance(exc, httpx2.LocalProtocolError):
        return "The key holds characters that no HTTP header can."
    if isinstance(exc, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
        return "EVALHUB_JUDGE_URL is no address that can be asked."
    return "The connection broke."


# --- reading what came back -----------------------------------------------------------------


Clean = Callable[[str], str]


def _cleaned(text: str, *, key: str) -> str:
    """Return text fit for the ledger, without the key: endpoints quote what they refuse."""
    if len(key) >= SHORTEST_SECRET:
        text = text.replace(key, "[key]")
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _read(response: httpx2.Response, content: bytes, clean: Clean) -> Reply | Failure:
    if response.status_code != 200:
        return _refused(response, _message(content, clean))
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return _unreadable("is compressed, though that was not asked for")
    if len(content) > MAX_BODY_BYTES:
        return _unreadable(f"is larger than {MAX_BODY_BYTES:,} bytes")
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return _unreadable("is not JSON")
    return _completion(given, clean)


def _unreadable(what: str) -> Failure:
    return Failure(trouble=Trouble.UNREADABLE, detail=f"The answer {what}.")


def _refused(response: httpx2.Response, said: str) -> Failure:
    status = response.status_code
    trouble = trouble_of(status)
    hint = ""
    if trouble is Trouble.NOT_ALLOWED:
        hint = " Check EVALHUB_JUDGE_KEY, EVALHUB_JUDGE_MODEL and EVALHUB_JUDGE_URL."
    elif response.is_redirect:
        hint = " Redirects are not followed: set EVALHUB_JUDGE_URL to the final address."
    answer = f"The endpoint answered {status_line(status)}"
    return Failure(
        trouble=trouble,
        detail=(f'{answer}: "{said}".' if said else f"{answer}.") + hint,
        retry_after=retry_after(response.headers.get("Retry-After", "")),
    )


def _message(content: bytes, clean: Clean) -> str:
    """Return the endpoint's own words, where they are in the usual place."""
    try:
        given = json.loads(content[:MAX_BODY_BYTES])
    except (ValueError, RecursionError):
        return ""
    found = given.get("error") if isinstance(given, dict) else None
    if isinstance(found, dict):
        found = found.get("message")
    return " ".join(clean(found).split())[:MAX_MESSAGE] if isinstance(found, str) else ""


def _completion(given: Any, clean: Clean) -> Reply | Failure:
    """Read a chat completion, and believe no part of it to be there."""
    choices = given.get("choices") if isinstance(given, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return _unreadable("is no chat completion: it has no choices[0].message")
    refusal, ended = message.get("refusal"), choice.get("finish_reason")
    text = _text(message.get("content"))
    is_refusal = bool(refusal) or ended == "content_filter"
    if text is None and not is_refusal:
        return _unreadable("is no chat completion: its message has no content")
    if is_refusal and isinstance(refusal, str):
        text = refusal
    counted = given.get("usage")
    usage = counted if isinstance(counted, dict) else {}
    return Reply(
        # One character more than is read, so that a reply which is too long stays one.
        text=clean(text or "")[: MAX_REPLY + 1],
        is_refusal=is_refusal,
        is_cut_off=ended == "length",
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cost=_cost(usage.get("cost")),
    )


def _text(content: object) -> str | None:
    """Return a message's text; some endpoints send it in parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= HIGHEST_COUNT else None


def _cost(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= HIGHEST_COST else None
