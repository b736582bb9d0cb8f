"""Worker processes: what they are called, whether they live, and when to stop."""

from __future__ import annotations

import hashlib
import mmap
import os
import socket
from functools import lru_cache
from pathlib import Path

from django.db.models.functions import Now

from evalhub.runs.models import Worker

PROC = Path("/proc")
# One byte shared by a worker's parent and the children it forks: the parent alone is told to stop.
_stopping = mmap.mmap(-1, 1)


def ask_to_stop() -> None:
    """Let every child end its work after the chunk in hand."""
    _stopping[0] = 1


def is_stopping() -> bool:
    return bool(_stopping[0])


@lru_cache(maxsize=1)
def host_name() -> str:
    """Return what the process ids of this host belong to: a machine since its start, a container.

    Two containers may share a name and two machines a network: neither may take the other's
    processes for dead.
    """
    parts = [socket.gethostname(), _read(PROC / "sys/kernel/random/boot_id"), _pid_namespace()]
    return f"{parts[0][:40]}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"


def process_name(pid: int | None = None) -> str:
    """Return the name of this process, or another of this host; no later one will have it."""
    number = os.getpid() if pid is None else pid
    return f"{host_name()}:{number}:{_started(number)}"


def is_known_dead(name: str) -> bool:
    """Say whether the process of this name certainly runs no more; of other hosts nobody knows."""
    host, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    if host != host_name() or not pid.isdigit():
        return False
    return not _is_running(int(pid)) or process_name(int(pid)) != name


def beat(name: str) -> None:
    """Note on the database's clock that a worker lives."""
    if not Worker.objects.filter(name=name).update(seen_at=Now()):
        host, pid, _ = name.split(":")
        Worker.objects.get_or_create(
            name=name, defaults={"host": host, "pid": pid, "started_at": Now(), "seen_at": Now()}
        )


def forget(name: str) -> None:
    Worker.objects.filter(name=name).delete()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[:1] != ["Z"]


def _started(pid: int) -> str:
    """Return when a process started, in ticks since the machine did; 0 where nobody says."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else "0"


def _stat(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on; the name before it may hold anything."""
    return _read(PROC / str(pid) / "stat").rpartition(")")[2].split()


def _pid_namespace() -> str:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
