"""The connection of `evalhub.fair_sqlite3`: it asks for the write lock every few milliseconds.

SQLite's own waiting backs off to a look every 100 ms. Whoever has waited long looks seldom, finds
the lock taken again by those who have just come, and of eight threads that write all the time one
waits for seconds, until its time is over: "database is locked". Asked every few milliseconds, all
get about as many turns.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any, Final

from django.db.backends.sqlite3 import base

LOOK_MS: Final = 15  # SQLite looks after 1, 3, 8 and 15 ms; then it is asked anew


class PatientConnection(sqlite3.Connection):
    patience = 0.0  # seconds


class PatientCursor(base.SQLiteCursorWrapper):
    """A cursor that waits for the write lock as long as the connection has patience.

    Within a transaction there is nothing to wait for: it holds the lock since BEGIN IMMEDIATE.
    """

    connection: PatientConnection

    def execute(self, query: str, params: Any = None) -> PatientCursor:
        began = time.monotonic()
        while True:
            try:
                super().execute(query, params)
            except sqlite3.OperationalError as exc:
                if not _is_busy(exc) or self.connection.in_transaction:
                    raise
                if time.monotonic() - began >= self.connection.patience:
                    raise
            else:
                return self


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with patient cursors. `timeout` among the options is the patience in seconds."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> PatientConnection:
        connection: PatientConnection = super().get_new_connection(
            {**conn_params, "factory": PatientConnection}
        )
        connection.patience = conn_params["timeout"]
        # From here on; what a connection begins with waits in SQLite's own way.
        connection.execute(f"PRAGMA busy_timeout = {LOOK_MS}")
        return connection

    def create_cursor(self, name: str | None = None) -> PatientCursor:
        cursor: PatientCursor = self.connection.cursor(factory=PatientCursor)
        return cursor


def _is_busy(exc: sqlite3.OperationalError) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
