"""Running programs: started under the guard, ended with their whole group, started again."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from evalhub.supervisor.options import BASE_DIR
from evalhub.supervisor.programs import Program

HERE = Path(__file__).resolve().parent
# A program that ran this long is healthy: what happened before is forgotten.
HEALTHY_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


class Guard:
    """The process that outlives the supervisor just long enough to end everything else."""

    def __init__(self, *, lock: int) -> None:
        self._lock = lock
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def start(self) -> None:
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "guard.py"), str(reading)],
            pass_fds=(reading, self._lock),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)
        for group in self._groups:
            self._write("+", group)

    def keep(self) -> None:
        """Replace a guard that somebody killed."""
        if self._process is not None and self._process.poll() is not None:
            os.close(self._pipe)
            self.start()

    def launch(
        self, program: Program, *, environment: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        self.keep()
        launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py")]
        process = subprocess.Popen(
            [*launcher, str(os.getpid()), str(self._pipe), *program.argv],
            pass_fds=(self._pipe, *program.descriptors),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=BASE_DIR,
            env={**environment, **program.environment},
            start_new_session=True,
        )
        self._groups.add(process.pid)
        return process

    def forget(self, group: int) -> None:
        self._groups.discard(group)
        self._write("-", group)

    def stop(self) -> None:
        if self._process is not None:
            os.close(self._pipe)
            self._process.wait()

    def _write(self, sign: str, group: int) -> None:
        # A guard killed just now is replaced, and told everything, at the next look.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, f"{sign}{group}\n".encode())


class Child:
    """One program: running, or waiting to be started again."""

    def __init__(
        self, program: Program, *, guard: Guard, environment: Mapping[str, str], log: Path
    ) -> None:
        self.program = program
        self.log = log
        self.crashes = 0
        self._guard = guard
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def is_due(self) -> bool:
        return self._process is None and time.monotonic() >= self._due_at

    def start(self, *, output: int | None = None) -> None:
        """Start it; what it prints goes to its log, or to `output` where one is given."""
        if output is None:
            with self.log.open("ab") as log:
                self._launch(log.fileno())
        else:
            self._launch(output)

    def _launch(self, output: int) -> None:
        self._process = self._guard.launch(
            self.program, environment=self._environment, output=output
        )
        self._started_at = time.monotonic()

    def exit_code(self) -> int | None:
        """Return the exit code once the program has ended; what it left of its group ends too."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self.kill()
        self._guard.forget(self._process.pid)
        self._process = None
        return code

    def pause(self) -> float:
        """Note a crash, and return how many seconds pass before the next start."""
        if time.monotonic() - self._started_at > HEALTHY_SECONDS:
            self.crashes = 0
        seconds = min(math.ldexp(FIRST_PAUSE_SECONDS, self.crashes), LONGEST_PAUSE_SECONDS)
        self.crashes += 1
        self._due_at = time.monotonic() + seconds
        return seconds

    def ask_to_end(self) -> None:
        """Tell the first process alone: it knows how to end its own children."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def described(code: int) -> str:
    """Say in words how a program ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
