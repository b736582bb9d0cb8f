"""The longest write transaction of a service, seen from outside its processes.

On SQLite the write lock is asked for every two milliseconds, and given back at once: the longest
time it was refused is the longest transaction, or several that followed within that time. On
PostgreSQL the server says every 20 ms how long the transactions of others that wrote have lasted.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

SQLITE_SECONDS, POSTGRES_SECONDS = 0.002, 0.02
_OLDEST = (
    "SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity "
    "WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database() "
    "AND backend_type = 'client backend'"
)


class Watch:
    """Looks until it is told to stop; `longest` are seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.stopped = threading.Event()

    def lock_of(self, file: Path) -> None:
        """Look at the write lock of a SQLite file."""
        refused_since: float | None = None
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as database:
            while not self.stopped.wait(SQLITE_SECONDS):
                now = time.perf_counter()
                try:
                    database.execute("BEGIN IMMEDIATE")
                    database.execute("ROLLBACK")
                    refused_since = None
                except sqlite3.OperationalError:
                    refused_since = refused_since or now
                    self.longest = max(self.longest, now - refused_since)

    def server(self, url: str) -> None:
        """Look at the transactions of a PostgreSQL server."""
        with psycopg.connect(url, autocommit=True) as database:
            while not self.stopped.wait(POSTGRES_SECONDS):
                [oldest] = database.execute(_OLDEST).fetchone() or [None]
                self.longest = max(self.longest, float(oldest or 0))


@contextmanager
def watching(database: str | Path) -> Iterator[Watch]:
    """Watch a SQLite file, or the server of an address, as long as the context lasts."""
    watch = Watch()
    look = watch.lock_of if isinstance(database, Path) else watch.server
    thread = threading.Thread(target=look, args=(database,), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stopped.set()
        thread.join()


def server_process(url: str) -> int:
    """Return the process of a PostgreSQL server on this machine, the parent of its backends."""
    with psycopg.connect(url) as database:
        [pid] = database.execute("SELECT pg_backend_pid()").fetchone() or [0]
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return int(stat.rpartition(")")[2].split()[1])
