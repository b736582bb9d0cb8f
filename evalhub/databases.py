"""Trouble of the database that passes, told apart from mistakes of ours."""

from __future__ import annotations

import psycopg
from django.db import InterfaceError, OperationalError

RETRY_AFTER = 2
_BUSY = "The database is busy with another write."
_AWAY = "The database cannot be reached just now."
_FULL = "The database has no room left; whoever runs this service has to make some."
# What SQLite says, and PostgreSQL of locks.
_SIGNS = {
    "locked": _BUSY,
    "deadlock detected": _BUSY,
    "lock timeout": _BUSY,
    "disk is full": _FULL,
    "unable to open database file": _AWAY,
    "disk I/O error": _AWAY,
}
# Classes of PostgreSQL's states: connections, resources, an operator's intervention.
_PASSING = {"08": _AWAY, "53": _FULL, "57": _AWAY}
_TOO_MANY_CONNECTIONS = "53300"


def trouble(exc: BaseException) -> str | None:
    """Return a sentence where the same request may succeed later, None for any other failure."""
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    said = str(exc)
    for sign, sentence in _SIGNS.items():
        if sign in said:
            return sentence
    cause = exc.__cause__
    if not isinstance(cause, psycopg.Error):
        return None
    if cause.sqlstate in (None, _TOO_MANY_CONNECTIONS):
        return _AWAY
    return _PASSING.get(cause.sqlstate[:2])
