"""What an item at the desk costs: CPU of the server, waiting of fifty people, weight of the page.

An item is what the browser does: the answer is submitted, and the answer to that brings the unit
after the next, which is fetched ahead. One annotator in sequence gives the CPU; then fifty people
with about four seconds of thought each, twice: while a run is filled with 50,000 outputs, a fifth
of them at a time, and while such runs are filled one after the other without a pause. Times are
those of the service's own log, by the id that each request bears, from the first middleware to
the last; beside them the client's clock. The client shares the cores with the service. The
campaigns are looked at afterwards: nobody may be served too often.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urljoin

import desk_inside
import processes
import transactions
from annotators import AtDesk, Browser, Reply
from results import Results, add_arguments, load_average
from service import Service
from texts import Texts

WARM_UP = 30
THINKING, DRAFT_AFTER = 4.0, 0.5  # seconds; the draft goes out that long after a choice
INGESTED, BODY_LINES = 50_000, 10_000
GOAL_CPU, GOAL_NEXT, GOAL_SAVE = 15.0, 60.0, 80.0  # ms
GOAL_KB, GOAL_REQUESTS = 150.0, 10.0
NEEDED = re.compile(
    r"""<link[^>]+rel="stylesheet"[^>]+href="([^"]+)|<script[^>]+src="([^"]+)"""
    r"""|(?:from|import)\s+"(\.[^"]+\.js)"|url\(["']?(?!data:|\#)([^)"']+)"""
    r"""|rel="icon" href="([^"]+)"""
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Items of one kind."""

    name: str
    n_questions: int = 1
    characters: int = 1_300  # of an output; with the input and a passage about 2.2 KB


SETTINGS = (
    Setting(name="2.2 KB, one question"),
    Setting(name="2.2 KB, five questions", n_questions=5),
    Setting(name="20,000 characters, one question", characters=20_000),
)


def main() -> None:
    given = _arguments()
    setting = f"{given.items} items in sequence; {given.people} people for {given.seconds:.0f} s"
    results = Results("Desk", setting)
    bench = Bench(Service(given.address, given.key), given, results)
    for each in SETTINGS:
        bench.cpu(each)
    bench.weight()
    bench.many(pause=given.seconds / (INGESTED // BODY_LINES), is_goal=True)
    bench.many(pause=0.0, is_goal=False)
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("project")
    parser.add_argument("--pid", "-p", type=int, required=True, help="the service's process")
    parser.add_argument("--items", type=int, help="in sequence (300)")
    parser.add_argument("--people", type=int, help="at the same time (50)")
    parser.add_argument("--seconds", type=float, help="that they work (60)")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 10**9)
    add_arguments(parser)
    given = parser.parse_args()
    given.items = given.items or (20 if given.quick else 300)
    given.people = given.people or (5 if given.quick else 50)
    given.seconds = given.seconds or (12.0 if given.quick else 60.0)
    return given


class Bench:
    """The service, and campaigns of its own for each part."""

    def __init__(self, service: Service, given: argparse.Namespace, results: Results) -> None:
        self._service, self._given, self._results = service, given, results
        self._web = processes.web([given.pid])
        self._environment = processes.environment(self._web[0])
        address = self._environment.get("DATABASE_URL", "")
        self._database = [transactions.server_process(address)] if address else []
        self._n_made = 0

    # One annotator in sequence

    def cpu(self, setting: Setting) -> None:
        """Measure the CPU of the web processes for an item, without and with a draft of it."""
        n = self._given.items
        campaign = self._campaign(setting, n_examples=2 * n + WARM_UP + 10, overlap=1)
        [session] = desk_inside.people(self._environment, self._given.project, 1)
        tab = AtDesk(Browser(self._service.address, session), f"/campaigns/{campaign}/desk/")
        tab.open()
        fields = _fields(setting, at=0)
        for _ in range(WARM_UP):
            tab.draft(fields)
            _well(tab.submit(fields))
        whole = self._cpu_of(n, lambda: _well(tab.submit(fields)))
        self._tell_cpu(f"Next and save, {setting.name}", whole, GOAL_CPU)

        def with_draft() -> None:
            _well(tab.draft(fields))
            _well(tab.submit(fields))

        self._tell_cpu(f"With a draft saved, {setting.name}", self._cpu_of(n, with_draft))

    def _cpu_of(self, n: int, act: Callable[[], object]) -> tuple[float, float, list[float]]:
        """Return CPU ms of the web and of the database for each, and the seconds each took."""
        web, database = self._cpu_so_far()
        seconds = []
        for _ in range(n):
            began = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - began)
        web_now, database_now = self._cpu_so_far()
        return 1_000 * (web_now - web) / n, 1_000 * (database_now - database) / n, seconds

    def _cpu_so_far(self) -> tuple[float, float]:
        database = processes.cpu_seconds(self._database) if self._database else 0.0
        return processes.own_cpu_seconds(self._web), database

    def _tell_cpu(
        self, what: str, found: tuple[float, float, list[float]], goal: float | None = None
    ) -> None:
        web, database, seconds = found
        beside = f"{database:.1f} CPU ms of the database server, " if self._database else ""
        self._results.row(
            what=what,
            ours=web,
            reference=goal,
            unit="CPU ms of the web processes per item; the reference is the goal",
            note=f"{beside}median {1_000 * median(seconds):.0f} ms by the client's clock, "
            f"load average {load_average():.1f}",
        )

    # The page

    def weight(self) -> None:
        """Fetch the desk as a browser does that has nothing of it yet."""
        setting = SETTINGS[1]
        campaign = self._campaign(setting, n_examples=5, overlap=1)
        [session] = desk_inside.people(self._environment, self._given.project, 1)
        browser = Browser(self._service.address, session)
        tab = AtDesk(browser, f"/campaigns/{campaign}/desk/")
        page = tab.open()
        fetched = {tab.at: page} | dict(_fetched(browser, tab.at, page))
        self._results.row(
            what="The desk, cold",
            ours=sum(reply.n_bytes for reply in fetched.values()) / 1_000,
            reference=GOAL_KB,
            unit="KB as sent; the reference is the goal",
            note=f"the page itself {page.n_bytes / 1_000:.1f} KB of {len(page.body) / 1_000:.1f}",
        )
        self._results.row(
            what="Requests, cold", ours=len(fetched), reference=GOAL_REQUESTS, unit="requests"
        )
        draft, item = tab.draft(_fields(setting, at=1)), tab.submit(_fields(setting, at=1))
        self._results.row(
            what="An item",
            ours=(draft.n_bytes + item.n_bytes) / 1_000,
            unit="KB as sent, in two requests",
            note=f"the next unit {item.n_bytes / 1_000:.1f} KB of {len(item.body) / 1_000:.1f}",
        )

    # Fifty people

    def many(self, *, pause: float, is_goal: bool) -> None:
        """Let many people work at once while runs are filled, with a pause after each body."""
        given, setting = self._given, SETTINGS[0]
        n_items = int(given.people * given.seconds / THINKING) + 4 * given.people
        campaign = self._campaign(setting, n_examples=n_items // 3 + 10, overlap=3)
        sessions = desk_inside.people(self._environment, given.project, given.people)
        log = _Log(self._environment["EVALHUB_DATA_DIR"])
        until = threading.Event()
        ingest = threading.Thread(target=self._ingest, args=(until, pause))
        crowd = [
            Worker(self._service.address, campaign, each, at) for at, each in enumerate(sessions)
        ]
        with ThreadPoolExecutor(given.people) as pool:
            list(pool.map(lambda worker: worker.tab.open(), crowd))
            ingest.start()
            web, began = self._cpu_so_far()[0], time.perf_counter()
            list(pool.map(lambda worker: worker.work(setting, given.seconds), crowd))
            took, web = time.perf_counter() - began, self._cpu_so_far()[0] - web
        until.set()
        ingest.join()
        self._tell_many(crowd, log, took, is_goal=is_goal)
        state = desk_inside.state_of(self._environment, campaign)
        stored = sum(row[4] == "given" for row in state["answers"])
        acknowledged = sum(worker.n_done for worker in crowd)
        self._results.row(
            what="Rules broken: served too often, lost, counted wrongly",
            ours=sum(state["broken"].values()) + abs(stored - acknowledged),
            reference=0.0,
            unit="cases; the reference is the goal",
            note=f"{acknowledged:,} answers acknowledged, {stored:,} stored",
        )

    def _tell_many(
        self, crowd: Sequence[Worker], log: _Log, took: float, *, is_goal: bool
    ) -> None:
        server = log.milliseconds()
        beside = "one ingest" if is_goal else "ingests without a pause"
        for what, kind, goal in (
            ("Submit, which saves and brings the next, p95", "submit", GOAL_NEXT),
            ("Draft saved, p95", "draft", GOAL_SAVE),
        ):
            seen = {mark: 1_000 * s for worker in crowd for mark, s in worker.seen[kind].items()}
            known = [server[mark] for mark in seen if mark in server]
            assert known, f"No {kind} was found in the service's log."
            self._results.row(
                what=f"{what}, of {len(known):,}, beside {beside}",
                ours=_p95(known),
                reference=goal if is_goal else None,
                unit="ms by the service's log; the reference is the goal",
                note=f"median {median(known):.0f} ms; by the client's clock p95 "
                f"{_p95(list(seen.values())):.0f} ms; {len(seen) / took:.1f} per second, "
                f"{self._ingests:,} outputs came in, in {self._ingesting:.1f} s, "
                f"load average {load_average():.1f}",
            )
        self._results.row(
            what=f"Requests without a proper answer, beside {beside}",
            ours=sum(worker.n_errors + worker.tab.n_lost for worker in crowd),
            reference=0.0,
            unit="requests; the reference is the goal",
        )

    def _ingest(self, until: threading.Event, pause: float) -> None:
        """Fill one run after the other; none is finished, so nothing is scored."""
        self._ingests, self._ingesting = 0, 0.0
        texts = Texts.of(INGESTED, seed=self._given.seed)
        dataset = self._dataset(f"ingested-{pause:.0f}", texts.example_lines())
        lines = texts.output_lines().splitlines(keepends=True)
        bodies = [b"".join(lines[at : at + BODY_LINES]) for at in range(0, INGESTED, BODY_LINES)]
        while not until.is_set():
            run = self._run(dataset, system=f"ingested-{self._ingests}")
            for body in bodies:
                if until.is_set():
                    return
                began = time.perf_counter()
                self._service.call("POST", f"runs/{run}/outputs", body, kind="x-ndjson")
                self._ingests += BODY_LINES
                self._ingesting += time.perf_counter() - began
                until.wait(pause)

    # What is measured on

    def _campaign(self, setting: Setting, *, n_examples: int, overlap: int) -> str:
        self._n_made += 1
        lines = list(_items(n_examples, setting, seed=self._given.seed + self._n_made))
        examples = b"".join(json.dumps(example).encode() + b"\n" for example, _ in lines)
        outputs = b"".join(json.dumps(output).encode() + b"\n" for _, output in lines)
        run = self._run(self._dataset(f"desk-{self._n_made}", examples), system="judged")
        self._service.call("POST", f"runs/{run}/outputs", outputs, kind="x-ndjson")
        self._post(f"runs/{run}/finish", {})
        for _ in self._service.states(run, seconds=300):
            pass
        plan = {
            **{"name": f"Desk {self._n_made}", "runs": [run], "overlap": overlap},
            "guidelines": "Judge whether the answer follows from the passage. " * 20,
            "questions": [
                {"name": f"Question {at}", "kind": "rating"} for at in range(setting.n_questions)
            ],
        }
        campaign: str = self._post(f"projects/{self._given.project}/campaigns", plan)["id"]
        return campaign

    def _dataset(self, name: str, examples: bytes) -> str:
        name = f"{name}-{self._given.seed:x}"
        address = f"projects/{self._given.project}/datasets"
        self._post(address, {"name": name})
        self._service.call("POST", f"{address}/{name}/versions", examples, kind="x-ndjson")
        return name

    def _run(self, dataset: str, *, system: str) -> str:
        wanted = {"dataset": dataset, "system": system, "metrics": ["exact_match"]}
        run: str = self._post(f"projects/{self._given.project}/runs", wanted)["id"]
        return run

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._service.call("POST", path, json.dumps(body).encode())


@dataclass
class Worker:
    """One person who reads for a while, chooses, and submits, again and again."""

    address: str
    campaign: str
    session: str
    number: int
    n_done: int = 0
    n_errors: int = 0
    seen: dict[str, dict[str, float]] = field(default_factory=lambda: {"draft": {}, "submit": {}})

    def __post_init__(self) -> None:
        browser = Browser(self.address, self.session)
        self.tab = AtDesk(browser, f"/campaigns/{self.campaign}/desk/")

    def work(self, setting: Setting, seconds: float) -> None:
        thoughts = random.Random(self.number)
        until = time.monotonic() + seconds
        time.sleep(thoughts.uniform(0, THINKING))
        while time.monotonic() < until and self.tab.now:
            fields = _fields(setting, at=self.n_done)
            time.sleep(DRAFT_AFTER)
            self._counted("draft", lambda mark, fields=fields: self.tab.draft(fields, mark=mark))
            time.sleep(thoughts.uniform(0.5, 1.5) * THINKING - DRAFT_AFTER)
            self._counted("submit", lambda mark, fields=fields: self.tab.submit(fields, mark=mark))

    def _counted(self, kind: str, ask: Callable[[str], Reply]) -> None:
        mark = f"bench-{kind}-{self.number}-{self.n_done}"
        reply = ask(mark)
        said = reply.json() if reply.is_json else {"said": [["no JSON", True]]}
        if reply.status != 200 or any(is_bad for _, is_bad in said.get("said", [])):
            self.n_errors += 1
            return
        self.seen[kind][mark] = reply.seconds
        self.n_done += kind == "submit"


class _Log:
    """What the service has written since: the milliseconds of requests by their ids."""

    def __init__(self, data: str) -> None:
        self._file = Path(data) / "log" / "web.log"
        self._start = self._file.stat().st_size

    def milliseconds(self) -> dict[str, float]:
        time.sleep(1.0)  # the last lines are on their way
        with self._file.open("rb") as file:
            file.seek(self._start)
            lines = [line[line.find(b"{") :] for line in file if b'"bench-' in line]
        found = (json.loads(line) for line in lines)
        return {line["request_id"]: line["ms"] for line in found if "ms" in line}


def _fetched(browser: Browser, at: str, page: Reply) -> Iterator[tuple[str, Reply]]:
    """Fetch what a page needs, and what that needs, each once."""
    waiting, seen = [(at, page)], {at}
    while waiting:
        base, reply = waiting.pop()
        for groups in NEEDED.findall(reply.body.decode(errors="replace")):
            path = urljoin(base, next(filter(None, groups))).partition("#")[0]
            if path not in seen:
                seen.add(path)
                found = browser.ask("GET", path)
                yield path, found
                waiting.append((path, found))


def _items(
    n: int, setting: Setting, *, seed: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield examples with a passage, and outputs with a list and some code."""
    words = random.Random(seed)
    vocabulary = Texts.of(200, seed=1).expected

    def text(characters: int) -> str:
        found = ""
        while len(found) < characters:
            found += words.choice(vocabulary) + ". "
        return found[:characters]

    shown = (
        "\n\n- first **point**\n- second `point`\n\n```python\nprint('shown as it is')\n```\n\n"
    )
    for at in range(n):
        example = {"key": f"k{at:06}", "input": text(200), "context": [text(600)]}
        half = (setting.characters - len(shown)) // 2
        parts = [text(min(half, 900)) for _ in range(max(1, round(half / 900)))]
        output = "\n\n".join(parts) + shown + "\n\n".join(parts)
        yield example, {"key": example["key"], "output": f"{at} {output}"[: setting.characters]}


def _fields(setting: Setting, *, at: int) -> dict[str, str]:
    return {f"q{question}": str((at + question) % 5) for question in range(setting.n_questions)}


def _well(reply: Reply) -> None:
    assert reply.status == 200, (reply.status, reply.body[:300])


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


if __name__ == "__main__":
    main()
