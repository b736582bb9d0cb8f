"""End every process group of the service once the supervising process is gone, however it went.

Usage: guard.py PIPE_FD

Each program writes `+PID` into the pipe before it starts, the supervisor `-PID` once its group
is empty. Only the supervisor keeps the pipe open, so its end is the supervisor's end. The guard
also inherits the lock on the data directory: it is free when the last program is gone.
Run by its path, with the standard library alone.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE_SECONDS = 3.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    with os.fdopen(int(sys.argv[1]), "rb") as pipe:
        for line in pipe:
            change = groups.add if line.startswith(b"+") else groups.discard
            change(int(line[1:]))
    _end(groups)


def _end(groups: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while groups and time.monotonic() < deadline:
        for group in list(groups):
            with contextlib.suppress(PermissionError):
                try:
                    os.killpg(group, signal.SIGKILL)
                except ProcessLookupError:
                    groups.discard(group)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
