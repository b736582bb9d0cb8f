"""What the processes of a service take: CPU seconds and memory, themselves and what they start."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Sequence[int]) -> float:
    """Return the CPU seconds so far of processes and all below them, the ended ones too."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in _family(roots)) / TICKS


def memory_mb(roots: Sequence[int]) -> float:
    """Return the memory of processes and all below them; what several share counts once."""
    return sum(map(_proportional_kb, _family(roots))) / 1024


def workers(roots: Sequence[int]) -> list[int]:
    """Return those of the processes that score outputs: the pool of the worker."""
    pool = [pid for pid in _family(roots) if b"EVALHUB_ROLE=worker" in _environment(pid)]
    parents = {int(_stat(pid)[1]) for pid in pool}
    return [pid for pid in pool if pid not in parents]


def web(roots: Sequence[int]) -> list[int]:
    """Return those of the processes that answer requests."""
    found = [pid for pid in _family(roots) if b"EVALHUB_ROLE=web" in _environment(pid)]
    parents = {int(_stat(pid)[1]) for pid in found}
    return [pid for pid in found if pid not in parents]


def environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with."""
    pairs = (entry.decode(errors="replace").partition("=") for entry in _environment(pid))
    return {name: value for name, _, value in pairs}


def forget_peaks(pids: Sequence[int]) -> None:
    """Let the processes' peaks of memory begin anew."""
    for pid in pids:
        (PROC / str(pid) / "clear_refs").write_text("5")


def peaks_mb(pids: Sequence[int]) -> list[float]:
    """Return each process's peak of resident memory."""
    return _from_status(pids, "VmHWM:")


def resident_mb(pids: Sequence[int]) -> list[float]:
    """Return each process's resident memory."""
    return _from_status(pids, "VmRSS:")


def _from_status(pids: Sequence[int], name: str) -> list[float]:
    found = []
    for pid in pids:
        lines = _read(pid, "status").splitlines()
        found += [int(line.split()[1]) / 1024 for line in lines if line.startswith(name)]
    return found


def own_cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU seconds so far of the processes alone."""
    return sum(sum(map(int, _stat(pid)[11:13])) for pid in pids) / TICKS


def _family(roots: Sequence[int]) -> list[int]:
    children = defaultdict(list)
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return found


def _stat(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on, empty for a process that is gone."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _proportional_kb(pid: int) -> int:
    lines = _read(pid, "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _read(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""
