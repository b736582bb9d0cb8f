"""The data directory: who holds it, and where each part of the service keeps its things."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from evalhub.supervisor.errors import StartError

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
MAX_SOCKET_BYTES = 103
MAX_LOG_BYTES = 10 * 1024 * 1024
# After a supervisor was killed, its guard needs a moment to clear away and let go.
LOCK_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class DataDirectory:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "log"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def take(self, *, address: str) -> int:
        """Make the directory, lock it, and return the descriptor that holds the lock."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StartError(
                f"The data directory {self.path} cannot be used: {exc.strerror}. "
                "Set EVALHUB_DATA_DIR to a folder this user can write."
            ) from exc
        if not _locked(descriptor):
            holder = os.pread(descriptor, 1_000, 0).decode("utf-8", "replace").strip()
            raise StartError(
                f"The data directory {self.path} is in use by another EvalHub"
                f"{f' ({holder})' if holder else ''}. "
                "Stop that one, or set EVALHUB_DATA_DIR to another folder."
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {address}\n".encode(), 0)
        return descriptor

    def socket_path(self) -> Path:
        """Return where the broker listens: in the directory, or in a short private one."""
        inside = self.path / "run" / "valkey.sock"
        path = inside if _fits(inside) else _short_directory(self.path) / "valkey.sock"
        _make_private(path.parent)
        path.unlink(missing_ok=True)
        return path

    def leave(self) -> None:
        """Remove what the broker's socket needed outside the directory."""
        if not _fits(self.path / "run" / "valkey.sock"):
            shutil.rmtree(_short_directory(self.path), ignore_errors=True)

    def trim_logs(self) -> None:
        """Keep each log under its limit, with one older file beside it."""
        for log in self.logs.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_size > MAX_LOG_BYTES:
                    shutil.copyfile(log, log.with_suffix(".log.1"))
                    os.truncate(log, 0)


def _locked(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_SOCKET_BYTES


def _short_directory(data_dir: Path) -> Path:
    """Return the same short name for the same data directory, so that nothing piles up."""
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - made private below
        path = base / f"evalhub-{os.getuid()}-{digest}"
        if _fits(path / "valkey.sock"):
            return path
    raise StartError("No path is short enough for the broker's socket; set TMPDIR to a short one.")


def _make_private(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid():
        raise StartError(f"{path} belongs to somebody else; the broker's socket cannot be there.")
    path.chmod(0o700)
