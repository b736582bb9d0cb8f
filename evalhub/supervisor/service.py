"""The service as a whole: prepared, started, watched, stopped."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from evalhub.embedded import FIXED_SQLITE
from evalhub.supervisor import programs
from evalhub.supervisor.directory import DataDirectory
from evalhub.supervisor.errors import StartError
from evalhub.supervisor.options import Options
from evalhub.supervisor.processes import Child, Guard, described
from evalhub.supervisor.programs import Program
from evalhub.supervisor.waiting import FirstAnswer, Signals

LOOK_SECONDS = 0.5
TRIM_SECONDS = 60.0
# All of it together stays under the ten seconds that stopping may take.
STOP_SECONDS, BROKER_STOP_SECONDS = 7.0, 1.5
# A program that fails this often before the service was ever up will not come up by itself.
MAX_CRASHES_AT_START = 3


class Service:
    def __init__(
        self,
        options: Options,
        *,
        directory: DataDirectory,
        guard: Guard,
        signals: Signals,
        listener: socket.socket,
    ) -> None:
        self._options = options
        self._directory = directory
        self._guard = guard
        self._signals = signals
        self._listener = listener
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}
        self._is_up = False

    def run(self) -> None:
        """Serve until somebody asks us to stop. Raise StartError when the service cannot start."""
        began = time.monotonic()
        try:
            self._start_broker()
            self._prepare()
            if not self._signals.ask_to_stop:
                self._start_programs()
                self._wait_until_up(began)
            self._watch()
        finally:
            self._stop()

    def _start_broker(self) -> None:
        socket_path = None if self._options.redis_url else self._directory.socket_path()
        self._environment = programs.environment(self._options, socket=socket_path)
        if socket_path is None:
            return
        if not socket_path.is_relative_to(self._directory.path):
            say(f"The data directory's path is long, so the broker's socket is {socket_path}.")
        self._start(programs.broker(socket_path))

    def _prepare(self) -> None:
        """Bring the database up to date and, on the first start, put in the demo project."""
        if self._options.on_sqlite and sqlite3.sqlite_version_info < FIXED_SQLITE:
            say(
                f"SQLite {sqlite3.sqlite_version} is older than "
                f"{'.'.join(map(str, FIXED_SQLITE))}, which fixes a rare loss of commits. "
                "EvalHub keeps clear of its known cause; DATABASE_URL switches to PostgreSQL."
            )
        self._run_step(programs.command("prepare", *(["--demo"] if self._options.demo else [])))

    def _run_step(self, program: Program) -> None:
        """Run a command to its end; whoever started us sees what it prints."""
        step = self._child(program)
        step.start(output=sys.stdout.fileno())
        while (code := step.exit_code()) is None:
            self._signals.wait(LOOK_SECONDS)
            if self._signals.ask_to_stop:
                step.kill()
        if code and not self._signals.ask_to_stop:
            raise StartError(f"The command {program.name} failed ({described(code)}).")

    def _start_programs(self) -> None:
        self._start(programs.web(self._options, listener=self._listener.fileno()))
        self._start(programs.worker(self._options))
        self._start(programs.beat())

    def _wait_until_up(self, began: float) -> None:
        answer = FirstAnswer(self._listener)
        while not self._is_up and not self._signals.ask_to_stop:
            self._signals.wait(LOOK_SECONDS, answer.source())
            self._is_up = answer.has_come()
            self._look_after(self._children)
        answer.close()
        if self._is_up:
            say(
                f"EvalHub runs at {self._options.address} "
                f"(up after {time.monotonic() - began:.1f} s). Stop it with Ctrl-C."
            )

    def _watch(self) -> None:
        trimmed_at = time.monotonic()
        while not self._signals.ask_to_stop:
            self._signals.wait(LOOK_SECONDS)
            self._guard.keep()
            self._look_after(self._children)
            if time.monotonic() - trimmed_at > TRIM_SECONDS:
                trimmed_at = time.monotonic()
                self._directory.trim_logs()

    def _look_after(self, children: list[Child]) -> None:
        for child in children:
            if (code := child.exit_code()) is not None:
                self._note_crash(child, code)
            elif child.is_due:
                child.start()

    def _note_crash(self, child: Child, code: int) -> None:
        if self._signals.ask_to_stop:
            return
        seconds = child.pause()
        name = child.program.name
        if not self._is_up and child.crashes >= MAX_CRASHES_AT_START:
            raise StartError(
                f"{tail(child.log)}\nThe {name} process does not start ({described(code)}). "
                f"Its log is {child.log}."
            )
        say(
            f"The {name} process ended ({described(code)}); it starts again in {seconds:g} s. "
            f"Its log is {child.log}."
        )

    def _stop(self) -> None:
        """End everything: the broker last, so that the others can still say good-bye to it."""
        broker = [child for child in self._children if child.program.name == "broker"]
        others = [child for child in self._children if child.program.name != "broker"]
        self._end(others, seconds=STOP_SECONDS)
        self._end(broker, seconds=BROKER_STOP_SECONDS)
        self._directory.leave()

    def _end(self, children: list[Child], *, seconds: float) -> None:
        for child in children:
            child.ask_to_end()
        self._wait_for(lambda: not _running(children), seconds=seconds)
        for child in _running(children):
            child.kill()
        self._wait_for(lambda: not _running(children), seconds=1.0)

    def _wait_for(self, done: Callable[[], bool], *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self._signals.wait(0.05)

    def _start(self, program: Program) -> None:
        child = self._child(program)
        self._children.append(child)
        child.start()

    def _child(self, program: Program) -> Child:
        return Child(
            program,
            guard=self._guard,
            environment=self._environment,
            log=self._directory.log(program.name),
        )


def _running(children: list[Child]) -> list[Child]:
    for child in children:
        child.exit_code()
    return [child for child in children if child.is_running]


def tail(log: Path, *, lines: int = 12) -> str:
    """Return the last lines of a log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def say(sentence: str) -> None:
    """Tell whoever started the service. A closed terminal is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        os.write(sys.stdout.fileno(), f"{sentence}\n".encode())
