"""People at the desk as their browsers speak to it: the requests of the desk's script, lean.

What was submitted is sent again with the same content until the service answers, and the next unit
is on the screen before that, as in the script. Nothing here draws anything, so the client takes
little of the cores that it shares with the service.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE, RETRY_SECONDS = 20.0, (0.2, 0.5, 1.0, 2.0)
TOKEN = "benchmark" * 3 + "token"  # against forgery: the cookie and the header are the same
_UNIT = re.compile(r'data-unit="(\w+)"')
_SET = re.compile(r'data-set="(\d+)"')
_NUMBER = re.compile(r'name="number"\s+value="(\d+)"')
_PERSON = re.compile(r'data-person="(\d+)"')
_GUIDE = re.compile(r'id="guidelines"[^>]*data-number="(\d+)"')
_CHECKED = re.compile(r'name="(q\d+)"\s+value="(\w+)"[^>]*\schecked')


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the service answered: how, what, how large it came and after how many seconds."""

    status: int
    body: bytes
    n_bytes: int
    seconds: float
    headers: Mapping[str, str]

    @property
    def is_json(self) -> bool:
        return "json" in self.headers.get("content-type", "")

    def json(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


class LostError(Exception):
    """No answer came."""


class Browser:
    """One connection that is kept, opened anew when it breaks."""

    def __init__(self, address: str, session: str) -> None:
        at = urlsplit(address)
        self._host, self._port = at.hostname or "", at.port or 80
        self._kept: http.client.HTTPConnection | None = None
        self._cookies = f"evalhub_session={session}; evalhub_csrf={TOKEN}"

    def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | None = None,
        *,
        mark: str = "",
        cut: str = "",
    ) -> Reply:
        """Send one request; `mark` is its id in the service's log.

        With `cut` the connection breaks: in the middle of what is sent ("sending"), or before
        anything of the answer is read ("waiting").
        """
        body = None if form is None else urlencode(form, doseq=True).encode()
        headers = {"Cookie": self._cookies, "Accept-Encoding": "gzip"}
        headers["Accept"] = "text/html" if form is None else "application/json"
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["X-CSRFToken"] = TOKEN
        if mark:
            headers["X-Request-ID"] = mark
        began = time.perf_counter()
        try:
            return self._asked(method, path, body, headers, began, cut)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise LostError(str(error)) from error

    def _asked(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        began: float,
        cut: str,
    ) -> Reply:
        connection = self._connection()
        if cut == "sending":
            _send_half(connection, method, path, body or b"", headers)
        connection.request(method, path, body, headers)
        if cut == "waiting":
            raise OSError("cut while waiting")
        answer = connection.getresponse()
        read = answer.read()
        if answer.will_close:
            self.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        whole = gzip.decompress(read) if found.get("content-encoding") == "gzip" else read
        seconds = time.perf_counter() - began
        status = answer.status
        return Reply(status=status, body=whole, n_bytes=len(read), seconds=seconds, headers=found)

    def _connection(self) -> http.client.HTTPConnection:
        if self._kept is None:
            self._kept = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
            self._kept.connect()
            self._kept.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._kept

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def _send_half(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
) -> None:
    connection.putrequest(method, path)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body[: len(body) // 2])
    raise OSError("cut while sending")


@dataclass
class AtDesk:
    """One tab: what is on the screen, what comes next, and what the service has acknowledged."""

    browser: Browser
    at: str  # the path of the desk
    now: str = ""
    ahead: str = ""
    set_number: str = ""
    guide: str = ""
    person: str = ""
    number: int = 0  # of the draft of the unit on the screen
    html: str = ""  # of the unit on the screen
    ahead_html: str = ""
    chosen: dict[str, str] = field(default_factory=dict)  # what the page had chosen when it came
    n_lost: int = 0  # requests that went without an answer

    @property
    def is_between(self) -> bool:
        """Say whether what is on the screen is only there to be read."""
        return "data-between" in self.html

    def open(self) -> Reply:
        """Load the page, and take what is on it."""
        reply = self._until_answered(lambda cut: self.browser.ask("GET", self.at, cut=cut))
        if reply.status != 200:
            raise RuntimeError(f"The desk answered {reply.status} to its page.")
        page = reply.body.decode()
        now, _, ahead = page.partition('<template id="ahead">')
        self._show(now)
        self.ahead, self.ahead_html = _found(_UNIT, ahead), ahead
        self.person, self.guide = _found(_PERSON, page), _found(_GUIDE, page)
        return reply

    def draft(self, fields: Mapping[str, str], *, mark: str = "", cut: str = "") -> Reply:
        """Save a draft of what is on the screen once, as the script does after half a second."""
        form = {"do": "draft", "number": str(self.number), **self._about(fields)}
        reply = self.browser.ask("POST", self.at, form, mark=mark, cut=cut)
        if reply.status == 200:
            self.number = reply.json()["number"]
        return reply

    def submit(
        self, fields: Mapping[str, str], *, seconds: float = 4.0, mark: str = "", cut: str = ""
    ) -> Reply:
        """Submit what is on the screen until it is answered, and go on to what comes next.

        What is only there to be read is passed by.
        """
        act = "pass" if self.is_between else "submit"
        form = {"do": act, "seconds": f"{seconds:.1f}", **self._about(fields)}
        self._paint_next()
        known = {"shown": self.now, "guide": self.guide}
        reply = self._until_answered(
            lambda broken: self.browser.ask(
                "POST", self.at, {**form, **known}, mark=mark, cut=broken
            ),
            cut,
        )
        self._take(reply)
        return reply

    def look(self) -> Reply:
        """Ask what is on the desk now."""
        form = {"do": "look", "shown": "", "guide": self.guide, "person": self.person}
        reply = self._until_answered(lambda cut: self.browser.ask("POST", self.at, form, cut=cut))
        self._take(reply)
        return reply

    def _about(self, fields: Mapping[str, str]) -> dict[str, str]:
        return {"unit": self.now, "set": self.set_number, "person": self.person, **fields}

    def _until_answered(self, ask: Any, cut: str = "") -> Reply:
        """Ask until the service answers as itself, with the same content each time."""
        for tries in range(200):
            try:
                reply: Reply = ask(cut if tries == 0 else "")
            except LostError:
                self.n_lost += 1
            else:
                if reply.status < 500 and reply.status != 429:
                    return reply
                self.n_lost += 1
            time.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
        raise RuntimeError("The service did not answer for minutes.")

    def _paint_next(self) -> None:
        self._show(self.ahead_html)
        self.ahead, self.ahead_html = "", ""

    def _take(self, reply: Reply) -> None:
        if not reply.is_json:
            raise RuntimeError(f"The desk answered {reply.status} without JSON.")
        said = reply.json()
        if said.get("unit") is not None:
            self._show(said["unit"])
        elif "now" in said and said["now"] != self.now:
            raise RuntimeError("The desk has another unit, and did not send it.")
        if "ahead" in said:
            self.ahead, self.ahead_html = _found(_UNIT, said["ahead"]), said["ahead"]

    def _show(self, html: str) -> None:
        self.html, self.now = html, _found(_UNIT, html)
        self.set_number = _found(_SET, html) or self.set_number
        self.number = int(_found(_NUMBER, html) or 0)
        self.chosen = dict(_CHECKED.findall(html))


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
