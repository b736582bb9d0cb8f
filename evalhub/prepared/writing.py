"""Single rows, written, changed and removed: the ORM would ask first what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from django.db import connection, models

from evalhub.prepared.cursors import prepared

Kind: TypeAlias = type[models.Model]


def insert(row: models.Model) -> None:
    """Write a new row, as `save` does, and learn its key."""
    table = _table(type(row), connection.vendor)
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in table.fields.values()
    ]
    with prepared() as cursor:
        cursor.execute(table.insertion, values)
        if connection.features.can_return_columns_from_insert:
            [[row.pk]] = cursor.fetchall()
        else:
            row.pk = cursor.lastrowid
    row._state.adding, row._state.db = False, connection.alias


def update(kind: Kind, pk: int, changed: Mapping[str, Any]) -> None:
    """Write some columns of a row, each named as its attribute is."""
    table = _table(kind, connection.vendor)
    values = [
        table.fields[name].get_db_prep_save(value, connection) for name, value in changed.items()
    ]
    changes = ", ".join(f"{table.columns[name]} = %s" for name in changed)
    sql = f"UPDATE {table.name} SET {changes} {table.where}"  # noqa: S608 - names of a model
    with prepared() as cursor:
        cursor.execute(sql, [*values, pk])


def delete(kind: Kind, pk: int) -> None:
    """Remove a row to which no other points."""
    table = _table(kind, connection.vendor)
    sql = f"DELETE FROM {table.name} {table.where}"  # noqa: S608 - names of a model
    with prepared() as cursor:
        cursor.execute(sql, [pk])


class _Table(NamedTuple):
    """A table in SQL, by the names of the attributes."""

    name: str
    fields: Mapping[str, models.Field[Any, Any]]  # without the key
    columns: Mapping[str, str]
    insertion: str
    where: str


@lru_cache(maxsize=64)
def _table(kind: Kind, vendor: str) -> _Table:
    quoted, key = connection.ops.quote_name, kind._meta.pk
    name = quoted(kind._meta.db_table)
    fields = {one.attname: one for one in kind._meta.local_concrete_fields if one is not key}
    columns = {attname: quoted(one.column or "") for attname, one in fields.items()}
    places = ", ".join(["%s"] * len(columns))
    insertion = f"INSERT INTO {name} ({', '.join(columns.values())}) VALUES ({places})"  # noqa: S608
    own = quoted(key.column or "")
    if connection.features.can_return_columns_from_insert:
        insertion += f" RETURNING {own}"
    return _Table(name, fields, columns, insertion, f"WHERE {own} = %s")
