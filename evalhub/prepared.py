"""Queries that many requests ask: put into SQL once, and asked again with other values.

The ORM takes several times as long to put a statement together as a database to answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeAlias, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)
Value: TypeAlias = int | str

# Stand-ins, which are nothing that a query says of itself, and fit into every column.
_NUMBERS: Final = range(32_701, 32_761)
_WORDS: Final = "stand-in {}"


class Prepared(Generic[M]):
    """Rows of one model, asked for by values of the types `takes`.

    `build` is called once for each kind of database, with stand-ins for the values. The statement
    has to be the same whatever they are: they are compared with columns, and are neither lists
    nor None nor bounds of a slice. Related rows are not followed (`select_related`).
    """

    def __init__(
        self, build: Callable[..., models.QuerySet[M]], *takes: type[int] | type[str]
    ) -> None:
        self._build, self._takes = build, takes
        self._statements: dict[str, tuple[str, list[Any], type[M]]] = {}

    def rows(self, *values: Value) -> list[M]:
        """Return all rows, as the ORM would."""
        sql, params, model = self._statement()
        given = [values[one.at] if isinstance(one, _Place) else one for one in params]
        return list(model._default_manager.raw(sql, given))  # noqa: SLF001 - what Django calls it

    def first(self, *values: Value) -> M | None:
        """Return the first row, if there is one."""
        return next(iter(self.rows(*values)), None)

    def _statement(self) -> tuple[str, list[Any], type[M]]:
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = self._prepared()
        return self._statements[connection.vendor]

    def _prepared(self) -> tuple[str, list[Any], type[M]]:
        stand_ins: list[Value] = [
            _NUMBERS[at] if kind is int else _WORDS.format(at)
            for at, kind in enumerate(self._takes)
        ]
        built = self._build(*stand_ins)
        sql, params = built.query.get_compiler(connection=connection).as_sql()
        marked = [_Place(stand_ins.index(one)) if one in stand_ins else one for one in params]
        missing = {*range(len(stand_ins))} - {one.at for one in marked if isinstance(one, _Place)}
        if missing:
            raise ValueError(f"The statement does not compare the values {sorted(missing)}: {sql}")
        return sql, marked, built.model


class _Place:
    """Where a value goes."""

    def __init__(self, at: int) -> None:
        self.at = at
