"""Queries of the ORM: put into SQL once, and asked again with other values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

from evalhub.prepared.cursors import prepared

M = TypeVar("M", bound=models.Model)
Value: TypeAlias = int | str

# Stand-ins, which are nothing that a query says of itself, and fit into every column.
_NUMBERS: Final = range(32_701, 32_761)
_WORDS: Final = "stand-in {}"


class Prepared(Generic[M]):
    """Rows of one model, asked for by values of the types `takes`.

    `build` is called once for each kind of database, with stand-ins for the values. The statement
    has to be the same whatever they are: they are compared with columns, and are neither lists
    nor None nor bounds of a slice.
    """

    def __init__(
        self, build: Callable[..., models.QuerySet[M]], *takes: type[int] | type[str]
    ) -> None:
        self._build, self._takes = build, takes
        self._statements: dict[str, _Statement[M]] = {}

    def rows(self, *values: Value) -> list[M]:
        """Return all rows, as the ORM would."""
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = self._prepared()
        return self._statements[connection.vendor].rows(values)

    def first(self, *values: Value) -> M | None:
        """Return the first row, if there is one."""
        return next(iter(self.rows(*values)), None)

    def _prepared(self) -> _Statement[M]:
        stand_ins: list[Value] = [
            _NUMBERS[at] if kind is int else _WORDS.format(at)
            for at, kind in enumerate(self._takes)
        ]
        built = self._build(*stand_ins)
        compiler = built.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        marked = [_Place(stand_ins.index(one)) if one in stand_ins else one for one in params]
        missing = {*range(len(stand_ins))} - {one.at for one in marked if isinstance(one, _Place)}
        if missing:
            raise ValueError(f"The statement does not compare the values {sorted(missing)}: {sql}")
        columns = [column for column, *_ in compiler.select]
        own = compiler.klass_info["select_fields"]
        return _Statement(
            model=built.model,
            sql=sql,
            params=marked,
            fields=[columns[at].target.attname for at in own],
            related=get_related_populators(  # type: ignore[call-arg]  # of a later Django
                compiler.klass_info, compiler.select, built.db
            ),
            converters=list(compiler.get_converters(columns).items()),
        )


@dataclass(frozen=True, kw_only=True)
class _Statement(Generic[M]):
    """A statement with places for values, and how its rows become those of a model."""

    model: type[M]
    sql: str
    params: Sequence[Any]
    fields: Sequence[str]
    related: Sequence[Any]
    converters: Sequence[tuple[int, tuple[Sequence[Callable[..., Any]], Any]]]

    def rows(self, values: Sequence[Value]) -> list[M]:
        given = [values[one.at] if isinstance(one, _Place) else one for one in self.params]
        with prepared() as cursor:
            cursor.execute(self.sql, given)
            return [self._one(list(row)) for row in cursor.fetchall()]

    def _one(self, row: list[Any]) -> M:
        for at, (converters, column) in self.converters:
            for convert in converters:
                row[at] = convert(row[at], column, connection)
        one = self.model.from_db(connection.alias, self.fields, row[: len(self.fields)])
        for related in self.related:
            related.populate(row, one)
        return one


class _Place:
    """Where a value goes."""

    def __init__(self, at: int) -> None:
        self.at = at
