"""Statements of many requests: put together once, planned once, and asked with other values.

The ORM takes several times as long to put a statement together as a database to answer it, and
PostgreSQL longer to plan one than to carry it out.
"""

from evalhub.prepared.asking import Prepared
from evalhub.prepared.cursors import prepared
from evalhub.prepared.writing import delete, insert, update

__all__ = ["Prepared", "delete", "insert", "prepared", "update"]
