"""Fifty people at the desk while the service is killed and connections break: is anything lost?

Half of them judge outputs and half compare pairs, some in two tabs at once. Web processes are
killed without warning, now and then the whole service; connections are cut in the middle of a
request and before its answer; leases end early, or bear the time of a clock that ran wrong. The
clients send again what got no answer, as the desk's script does. Afterwards what the service has
acknowledged is held against what it stores. No speed is measured.

It starts a service of its own, with its data in a temporary folder and on the database that
DATABASE_URL names, which should be an empty one; SQLite without it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import desk_inside
import processes
import psycopg
from annotators import AtDesk, Browser, LostError, Reply
from results import Results, add_arguments
from service import PROJECT, Running, Service, Startable

OVERLAP: Final = 2
SYSTEMS: Final = ("heron", "stork", "egret")
PREFERENCES: Final = ("first", "second", "tie", "both_bad")
MIRRORED: Final = {"first": "second", "second": "first"}
CUT_SHARE, DRAFT_SHARE, RELOAD_SHARE = 0.04, 0.4, 0.05
IDLE_SECONDS: Final = 80.0  # with nothing on the desk, before a person goes


def main() -> None:
    given = _arguments()
    results = Results("Desk under kills", f"{given.people} people, {given.saves:,} answers")
    with tempfile.TemporaryDirectory(prefix="evalhub-kills-") as folder:
        startable = Startable(Path(folder), given.port or _free_port())
        try:
            _measure(startable, given, results)
        finally:
            startable.stop()
    results.write(json=given.json, markdown=given.markdown)
    if any(row.ours and row.reference == 0 for row in results.rows):
        raise SystemExit("Something was lost, doubled or served too often.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, help="at the same time (50)")
    parser.add_argument("--saves", type=int, help="answers in all (5,000)")
    parser.add_argument("--minutes", type=float, default=20.0, help="at most")
    parser.add_argument("--port", type=int, help="of the service; any free one without it")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 10**9)
    add_arguments(parser)
    given = parser.parse_args()
    given.people = given.people or (10 if given.quick else 50)
    given.saves = given.saves or (240 if given.quick else 5_000)
    return given


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _measure(startable: Startable, given: argparse.Namespace, results: Results) -> None:
    running = startable.start()
    [web, *_] = processes.web([running.pid])
    environment = processes.environment(web)
    campaigns = _campaigns(running, given.saves, given.seed)
    people = _people(running, environment, campaigns, given)
    for person in people:
        person.tab.open()
    troubles = Troubles(startable, running, environment, campaigns, random.Random(given.seed))
    until = time.monotonic() + 60 * given.minutes
    troubles.start()
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(lambda person: person.work(until), people))
    troubles.end()
    _tell_troubles(troubles, people, results)
    for campaign in campaigns:
        mine = [person for person in people if person.campaign == campaign]
        _tell(campaign, desk_inside.state_of(environment, campaign.id), mine, results)


# What is judged


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign: of outputs, or of pairs of them."""

    id: str
    is_of_pairs: bool

    @property
    def n_options(self) -> int:
        return len(PREFERENCES) if self.is_of_pairs else 5

    def stored(self, token: int, *, is_swapped: bool) -> object:
        """Return what is stored of an option that was chosen, as the desk showed it."""
        if not self.is_of_pairs:
            return token + 1
        said = PREFERENCES[token]
        return MIRRORED.get(said, said) if is_swapped else said


def _campaigns(running: Running, saves: int, seed: int) -> list[Campaign]:
    """Make a campaign of two runs and one of the pairs of three, half of the answers each."""
    service = Service(running.address, running.key)

    def post(path: str, body: dict[str, Any]) -> Any:
        return service.call("POST", path, json.dumps(body).encode())

    made = []
    for is_of_pairs, systems in ((False, SYSTEMS[:2]), (True, SYSTEMS)):
        n = max(3, saves // (2 * len(systems) * OVERLAP))
        kind = "pairs" if is_of_pairs else "outputs"
        dataset = f"kills-{kind}-{seed:x}"
        post(f"projects/{PROJECT}/datasets", {"name": dataset})
        _lines(
            service,
            f"projects/{PROJECT}/datasets/{dataset}/versions",
            [{"key": f"k{at}", "input": f"What is {at}?"} for at in range(n)],
        )
        runs = []
        for system in systems:
            wanted = {"dataset": dataset, "system": system, "metrics": ["exact_match"]}
            run = post(f"projects/{PROJECT}/runs", wanted)["id"]
            said = [{"key": f"k{at}", "output": f"{system} says {at}"} for at in range(n)]
            _lines(service, f"runs/{run}/outputs", said)
            post(f"runs/{run}/finish", {})
            for _ in service.states(run, seconds=300):
                pass
            runs.append(run)
        question = {"name": "Better", "kind": "preference"}
        if not is_of_pairs:
            question = {"name": "Good", "kind": "rating"}
        plan = {"name": kind, "kind": kind, "runs": runs, "overlap": OVERLAP}
        campaign = post(f"projects/{PROJECT}/campaigns", {**plan, "questions": [question]})
        made.append(Campaign(id=campaign["id"], is_of_pairs=is_of_pairs))
    return made


def _lines(service: Service, path: str, rows: Sequence[dict[str, Any]]) -> None:
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    service.call("POST", path, body, kind="x-ndjson")


# Who judges


@dataclass
class Person:
    """One tab of one person, and all that the service has acknowledged in it."""

    tab: AtDesk
    campaign: Campaign
    chance: random.Random
    has_two_tabs: bool
    given: dict[str, int] = field(default_factory=dict)  # what was acknowledged last, by unit
    order: list[str] = field(default_factory=list)  # units as they were submitted, or read
    left: dict[str, set[str]] = field(default_factory=dict)  # systems seen on the left, by unit
    refused: Counter[str] = field(default_factory=Counter)
    n_drafts_lost: int = 0
    n_read: int = 0
    n_cut: int = 0
    n_reloads: int = 0

    def work(self, until: float) -> None:
        idle_since = None
        while time.monotonic() < until:
            if self.tab.now:
                idle_since = None
                if self.tab.is_between:
                    self._read()
                else:
                    self._judge()
                continue
            idle_since = idle_since or time.monotonic()
            if time.monotonic() - idle_since > IDLE_SECONDS:
                return
            time.sleep(1.0)
            self.tab.look()

    def _read(self) -> None:
        """Go on from what stands between two units of one example."""
        unit = self.tab.now
        if unit in self.given:
            self._see(unit)
        self.n_read += 1
        self.order.append(unit)
        self.tab.submit({}, cut=self._cut())

    def _judge(self) -> None:
        unit, token = self.tab.now, self.chance.randrange(self.campaign.n_options)
        self._see(unit)
        fields = {"q0": str(token)}
        is_kept = self.chance.random() < DRAFT_SHARE and self._is_draft_kept(fields)
        if is_kept and self.chance.random() < RELOAD_SHARE / DRAFT_SHARE:
            self._reload(unit, fields)
        if self.tab.now != unit:
            return  # it went to somebody else meanwhile
        time.sleep(self.chance.uniform(0, 0.05))
        self._note(unit, token, self.tab.submit(fields, cut=self._cut()))

    def _see(self, unit: str) -> None:
        at = {name: self.tab.html.find(f"{name} says") for name in SYSTEMS}
        seen = [name for name in SYSTEMS if at[name] >= 0]
        self.left.setdefault(unit, set()).add(min(seen, key=lambda name: at[name]))

    def _is_draft_kept(self, fields: dict[str, str]) -> bool:
        with suppress(LostError):
            return self.tab.draft(fields, cut=self._cut()).status == 200
        return False

    def _reload(self, unit: str, fields: dict[str, str]) -> None:
        self.n_reloads += 1
        self.tab.open()
        if self.tab.now == unit:
            self._see(unit)
            is_other = self.tab.chosen != fields and not self.has_two_tabs
            self.n_drafts_lost += is_other

    def _cut(self) -> str:
        if self.chance.random() >= CUT_SHARE:
            return ""
        self.n_cut += 1
        return self.chance.choice(("sending", "waiting"))

    def _note(self, unit: str, token: int, reply: Reply) -> None:
        self.order.append(unit)
        said = reply.json()
        bad = [words for words, is_bad in said.get("said", []) if is_bad]
        if reply.status == 200 and not bad:
            self.given[unit] = token
            return
        self.refused[bad[0] if bad else said.get("detail", str(reply.status))] += 1
        if reply.status != 200:
            self.tab.look()


def _people(
    running: Running,
    environment: dict[str, str],
    campaigns: Sequence[Campaign],
    given: argparse.Namespace,
) -> list[Person]:
    """Seat people by turns; every eighth works in two tabs."""
    people = []
    for at, session in enumerate(desk_inside.people(environment, PROJECT, given.people)):
        campaign = campaigns[at % len(campaigns)]
        n_tabs = 2 if at % 8 < len(campaigns) else 1
        for tab in range(n_tabs):
            path = f"/campaigns/{campaign.id}/desk/"
            chance = random.Random(f"{given.seed} {at} {tab}")
            desk = AtDesk(Browser(running.address, session), path)
            people.append(Person(desk, campaign, chance, has_two_tabs=n_tabs > 1))
    return people


# What goes wrong meanwhile


class Troubles:
    """Kills processes and ends leases until it is told to stop."""

    def __init__(
        self,
        startable: Startable,
        running: Running,
        environment: dict[str, str],
        campaigns: Sequence[Campaign],
        chance: random.Random,
    ) -> None:
        self._startable, self._running, self._chance = startable, running, chance
        self._environment, self._campaigns = environment, campaigns
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._make)
        self.done: Counter[str] = Counter()

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _make(self) -> None:
        kinds = (self._kill_web, self._end_leases, self._kill_all, self._stop_all)
        while not self._stopped.wait(self._chance.uniform(1.0, 3.0)):
            [kind] = self._chance.choices(kinds, weights=(6, 4, 1, 1))
            kind()

    def _kill_web(self) -> None:
        alive = processes.web([self._running.pid])
        if alive:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(alive), signal.SIGKILL)
            self.done["web processes killed"] += 1

    def _kill_all(self) -> None:
        self._startable.kill()
        self.done["services killed"] += 1
        self._start_again()

    def _stop_all(self) -> None:
        self._startable.stop()
        self.done["services stopped"] += 1
        self._start_again()

    def _start_again(self) -> None:
        for _ in range(5):
            try:
                self._running = self._startable.start()
            except SystemExit:  # what held the port is not gone yet
                time.sleep(1.0)
            else:
                return
        self._running = self._startable.start()

    def _end_leases(self) -> None:
        """Let a part of the leases be over, and a few end in a year, as by a wrong clock."""
        now = datetime.now(UTC)
        for until, share in ((now - timedelta(hours=1), 4), (now + timedelta(days=365), 16)):
            self.done["leases changed"] += self._change_leases(until, share)

    def _change_leases(self, until: datetime, share: int) -> int:
        rest = self._chance.randrange(share)
        wanted = f"state = 'leased' AND MOD(id, {share}) = {rest}"  # two numbers of ours
        if address := self._environment.get("DATABASE_URL"):
            # Passing over what somebody is just changing: waiting for many rows would end in a
            # deadlock with people who wait for one.
            free = f"SELECT id FROM labeling_slot WHERE {wanted} FOR UPDATE SKIP LOCKED"  # noqa: S608
            with psycopg.connect(address) as database:
                change = f"UPDATE labeling_slot SET lease_until = %s WHERE id IN ({free})"  # noqa: S608
                return database.execute(change, [until]).rowcount
        change = f"UPDATE labeling_slot SET lease_until = ? WHERE {wanted}"  # noqa: S608
        [file] = Path(self._environment["EVALHUB_DATA_DIR"]).glob("*.sqlite3")
        with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            moment = until.replace(tzinfo=None).isoformat(" ")
            return database.execute(change, [moment]).rowcount


# What is there afterwards


def _tell_troubles(troubles: Troubles, people: Sequence[Person], results: Results) -> None:
    done = troubles.done + Counter({"connections cut": sum(each.n_cut for each in people)})
    done["requests sent again"] = sum(each.tab.n_lost for each in people)
    done["pages loaded again"] = sum(each.n_reloads for each in people)
    for what, n in sorted(done.items()):
        results.row(what=what.capitalize(), ours=n, unit="times")


def _tell(
    campaign: Campaign, state: dict[str, Any], people: Sequence[Person], results: Results
) -> None:
    kind = "pairs" if campaign.is_of_pairs else "outputs"
    given = [row for row in state["answers"] if row[4] == "given"]
    wrong = Counter(state["broken"])
    wrong["answers acknowledged and not stored"] = _n_lost(campaign, state, people)
    wrong["answers stored twice"] = _n_doubled(state, people)
    wrong["drafts lost"] = sum(each.n_drafts_lost for each in people)
    wrong["sides that changed, or were not kept"] = _n_sides_lost(campaign, state, people)
    wrong["two of one example in a row"] = _n_in_a_row(state, people)
    refused = sum((each.refused for each in people), Counter[str]())
    n_read = sum(each.n_read for each in people)
    for what, n in wrong.items():
        results.row(what=f"Of {kind}: {what}", ours=n, reference=0.0, unit="cases; the goal is 0")
    results.row(
        what=f"Of {kind}: answers stored",
        ours=len(given),
        unit="answers",
        note=f"{state['open']} places left open; {n_read} read between two of one example; "
        f"refused in words: {dict(refused)}",
    )


def _n_lost(campaign: Campaign, state: dict[str, Any], people: Sequence[Person]) -> int:
    """Count acknowledged answers that are neither stored nor, in two tabs, were before."""
    stored: dict[tuple[str, str], list[object]] = {}
    swapped = {}
    for user, unit, _, answers, _, is_swapped, _ in state["answers"]:
        stored.setdefault((str(user), unit), []).extend(answers.values())
        swapped[str(user), unit] = is_swapped
    newest = {key: list(values) for key, values in stored.items()}
    for user, unit, answers in state["old"]:
        stored.setdefault((str(user), unit), []).extend(answers.values())
    lost = 0
    for each in people:
        for unit, token in each.given.items():
            key = (each.tab.person, unit)
            said = campaign.stored(token, is_swapped=swapped.get(key, False))
            lost += said not in (stored if each.has_two_tabs else newest).get(key, [])
    return lost


def _n_doubled(state: dict[str, Any], people: Sequence[Person]) -> int:
    """Count second rows of one person's answer, and revisions that repeat what was there."""
    rows = Counter((row[0], row[1]) for row in state["answers"])
    two_tabs = {each.tab.person for each in people if each.has_two_tabs}
    again = sum(row[6] > 1 and str(row[0]) not in two_tabs for row in state["answers"])
    return sum(n - 1 for n in rows.values()) + again


def _n_sides_lost(campaign: Campaign, state: dict[str, Any], people: Sequence[Person]) -> int:
    """Count units seen with another side on the left than before, or than is stored."""
    if not campaign.is_of_pairs:
        return 0
    swapped = {(str(row[0]), row[1]): row[5] for row in state["answers"]}
    lost = 0
    for each in people:
        for unit, seen in each.left.items():
            lost += len(seen) > 1
            key = (each.tab.person, unit)
            if key in swapped and unit in each.given:
                first, second = state["systems"][unit]
                lost += seen != {second if swapped[key] else first}
    return lost


def _n_in_a_row(state: dict[str, Any], people: Sequence[Person]) -> int:
    """Count units that followed another one of their example."""
    found = 0
    for each in people:
        if each.has_two_tabs:
            continue  # the order of two tabs is nobody's to tell
        for before, unit in pairwise(each.order):
            bundles = [state["bundles"].get(one) for one in (before, unit)]
            found += before != unit and bundles[0] == bundles[1]
    return found


if __name__ == "__main__":
    main()
