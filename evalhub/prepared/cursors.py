"""Cursors whose statements a database plans once for each of its connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared() -> Iterator[CursorWrapper]:
    """Give a cursor for statements that are the same text every time, values apart.

    SQLite's driver keeps such statements with every cursor. PostgreSQL's can do so with cursors
    of its own kind only, for Django's write the values into the text; it keeps a hundred of them.
    """
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        bare = psycopg.Cursor(connection.connection)
        is_logged = connection.queries_logged
        wrap: Any = connection.make_debug_cursor if is_logged else connection.make_cursor
        with wrap(bare) as cursor:
            yield cursor
    else:
        with connection.cursor() as cursor:
            yield cursor
