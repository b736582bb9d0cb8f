"""How long pages that compute keep a person waiting: for the first byte, a step, and the whole.

Ten and twenty candidates against one baseline, the preview of a gate on ten past runs, and a
leaderboard of all these systems: 10,000 examples, three metrics, one of them of the corpus. Each
page is asked for as a browser does, which asks again for as long as the page says that it goes on.
It starts a service of its own, with its data in a temporary folder and on the database that
DATABASE_URL names, which should be an empty one; SQLite without it.
"""

from __future__ import annotations

import argparse
import html
import http.client
import json
import re
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import processes
from results import Results, add_arguments, load_average
from service import PROJECT, Running, Service, Startable
from texts import Texts

SIZE, QUICK_SIZE, RUNS, FEW = 10_000, 500, 21, 10
METRICS = "exact_match", "token_f1", "bleu"
DATASET, LEAD = "stepwise", "lead"
SECONDS = 600.0
_ON = re.compile(r'<(?:form|section|div|tbody)[^>]*\shx-(get|post)="([^"]*)"[^>]*hx-trigger="load')
_HIDDEN = re.compile(r'<input type="hidden"\s+name="([^"]*)"\s+value="([^"]*)"')


@dataclass(frozen=True)
class Reply:
    """What a page answered, and after how many seconds its first byte and its last came."""

    text: str
    first: float
    last: float
    headers: http.client.HTTPMessage


class Person:
    """Somebody who is logged in, on one connection."""

    def __init__(self, address: str, name: str, password: str) -> None:
        at = urlsplit(address)
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=SECONDS)
        self._cookies: dict[str, str] = {}
        self.get("/login/")
        reply = self.post("/login/", [("username", name), ("password", password)])
        assert "evalhub_session" in self._cookies, reply.text[:400]

    def get(self, path: str) -> Reply:
        return self._ask("GET", path)

    def post(self, path: str, form: Sequence[tuple[str, str]]) -> Reply:
        return self._ask("POST", path, urlencode(form).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        headers = {"Cookie": "; ".join(f"{name}={it}" for name, it in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["X-CSRFToken"] = self._cookies["evalhub_csrf"]
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        first = time.perf_counter() - began
        text = answer.read().decode()
        last = time.perf_counter() - began
        for one in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = one.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        assert answer.status < 400, f"{answer.status} {path}: {text[:2_000]}"
        return Reply(text, first, last, answer.headers)

    def whole(self, reply: Reply, path: str) -> Iterator[Reply]:
        """Yield a page, and what comes as it goes on by itself."""
        yield reply
        while found := _ON.search(reply.text):
            where = urljoin(path, html.unescape(found[2]))
            if found[1] == "get":
                reply = self.get(where)
            else:
                form = reply.text[found.start() : reply.text.index("</form>", found.start())]
                fields = [(html.unescape(a), html.unescape(b)) for a, b in _HIDDEN.findall(form)]
                reply = self.post(where, [*fields, ("do", "preview")])
            yield reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="of the service; any free one without it")
    add_arguments(parser)
    given = parser.parse_args()
    size = QUICK_SIZE if given.quick else SIZE
    results = Results("Pages in steps", f"{size:,} examples, {', '.join(METRICS)}")
    with tempfile.TemporaryDirectory(prefix="evalhub-steps-") as folder:
        startable = Startable(Path(folder), given.port or _free_port())
        try:
            running = startable.start()
            said = startable.said.read_text("utf-8", "replace")
            password = re.search(rf"^\s*{LEAD}\s+(\S+)\s", said, re.MULTILINE)
            assert password, said
            Bench(running, password[1], size, results).measure()
        finally:
            startable.stop()
    results.write(json=given.json, markdown=given.markdown)


class Bench:
    def __init__(self, running: Running, password: str, size: int, results: Results) -> None:
        self._service = Service(running.address, running.key)
        self._web = processes.web([running.pid])
        self._size, self._results = size, results
        self._address, self._password = running.address, password

    def measure(self) -> None:
        runs = self._runs()
        self._person = Person(self._address, LEAD, self._password)
        pages = f"/p/{PROJECT}"
        for baseline, candidates in ((runs[0], runs[1 : 1 + FEW]), (runs[-1], runs[:-1])):
            sides = [("baseline", baseline), *(("candidate", one) for one in candidates)]
            path = f"{pages}/comparisons/many/?{urlencode(sides)}"
            what = f"{len(candidates)} candidates"
            self._page(what, path, "Its comparison", len(candidates))
            self._page(f"{what}, stored", path, "Its comparison", len(candidates))
        self._preview(f"{pages}/datasets/{DATASET}/gate/", runs[0])
        board = f"{pages}/datasets/{DATASET}/leaderboard/?metric=bleu"
        self._page(f"a leaderboard of {RUNS} systems", board, "All 210 pairs", 1)
        self._page(f"a leaderboard of {RUNS} systems, stored", board, "All 210 pairs", 1)

    def _page(self, what: str, path: str, sign: str, n: int) -> None:
        cpu, began = processes.own_cpu_seconds(self._web), time.perf_counter()
        replies = [*self._person.whole(self._person.get(path), path)]
        self._told(what, replies, cpu, began)
        assert replies[-1].text.count(sign) == n, replies[-1].text

    def _preview(self, path: str, blessed: str) -> None:
        where = f"projects/{PROJECT}/datasets/{DATASET}/blessings"
        asked = {"run": blessed, "tag": "main", "reason": "to be held against"}
        self._service.call("POST", where, json.dumps(asked).encode())
        form = [("do", "preview"), ("version", "0")]
        for prefix, n in (("margins", len(METRICS)), ("ceilings", 0)):
            form += [(f"{prefix}-TOTAL_FORMS", str(n)), (f"{prefix}-INITIAL_FORMS", "0")]
        for at, metric in enumerate(METRICS):
            form += [(f"margins-{at}-metric", metric), (f"margins-{at}-margin", "0.02")]
        cpu, began = processes.own_cpu_seconds(self._web), time.perf_counter()
        replies = [*self._person.whole(self._person.post(path, form), path)]
        self._told("the preview of a gate on 10 runs", replies, cpu, began)
        assert "What these rules would have said" in replies[-1].text, replies[-1].text

    def _told(self, what: str, replies: Sequence[Reply], cpu: float, began: float) -> None:
        whole = time.perf_counter() - began
        cpu = processes.own_cpu_seconds(self._web) - cpu
        note = f"{cpu:.2f} CPU seconds of the web processes, load average {load_average():.1f}"
        longest = max(one.last for one in replies)
        for name, seconds in (
            ("the first byte", replies[0].first),
            (f"the longest of {len(replies)} requests", longest),
            ("the whole", whole),
        ):
            self._results.row(
                what=f"{what}: {name}", ours=seconds, unit="seconds by the clock", note=note
            )

    def _runs(self) -> list[str]:
        """Store the dataset and a run of each system; return the runs' ids once all are scored."""
        address = f"projects/{PROJECT}/datasets"
        self._service.call("POST", address, json.dumps({"name": DATASET}).encode())
        lines = Texts.of(self._size, seed=1).example_lines()
        self._service.call("POST", f"{address}/{DATASET}/versions", lines, kind="x-ndjson")
        runs = [self._run(system) for system in range(RUNS)]
        for run in runs:
            for _ in self._service.states(run, seconds=SECONDS):
                pass
        return runs

    def _run(self, system: int) -> str:
        wanted = {"dataset": DATASET, "system": f"system-{system}", "metrics": list(METRICS)}
        path = f"projects/{PROJECT}/runs"
        run: str = self._service.call("POST", path, json.dumps(wanted).encode())["id"]
        lines = Texts.of(self._size, seed=1, system=system).output_lines()
        self._service.call("POST", f"runs/{run}/outputs", lines, kind="x-ndjson")
        self._service.call("POST", f"runs/{run}/finish", b"{}")
        return run


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
