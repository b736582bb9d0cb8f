"""Processes that start in a moment: one loads Django, and its forks are the workers of a test.

Each runs the product's own settings, as a worker does, and may be killed like one. Starting them
one by one would take two seconds of a core for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn

from django.db import connections

from tests.databases import BASE_DIR, clean_environment


def run_beside(script: str, *, settings: Mapping[str, str]) -> str:
    """Run a few lines in a process of their own with Django loaded; return what they printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", script],
        cwd=BASE_DIR,
        env={
            **clean_environment(),
            "DJANGO_SETTINGS_MODULE": "evalhub.settings",
            "EVALHUB_ROLE": "worker",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def forked(work: Callable[[], object]) -> int:
    """Do the work in a fork of this process, and return its process id."""
    # A connection carried over a fork would be shared.
    connections.close_all()
    sys.stdout.flush()
    return os.fork() or _do(work)


def _do(work: Callable[[], object]) -> NoReturn:
    code = 1
    try:
        work()
        connections.close_all()
        sys.stdout.flush()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may return into the code of the parent
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a fork, and return its exit code: below zero the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
