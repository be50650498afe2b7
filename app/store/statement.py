"""Statements of the hot path: written with SQLAlchemy Core, compiled once for each driver, executed on the raw driver.

SQLAlchemy's own execution costs more than SQLite's work on these rows. So `record`, `accept`, `lease` and `settle`
bypass it, and everything else does not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.store.clock import now, now_in_sql

Values = Mapping[str, Any]  # by parameter name; a list for `one_of`

NOW = "autoreply_now"  # the parameter of SQLite's statements that is the time of the transaction

_SQLITE = sqlite.dialect(paramstyle="qmark")
_POSTGRES = asyncpg.dialect()  # type: ignore[no-untyped-call]


class _Listed(sa.Text):
    """The type of a list that is passed as JSON."""


class one_of(sa.ColumnElement[bool]):  # noqa: N801 - reads as SQL
    """The condition that a column has one of the values of a list. The list is one parameter, whatever its length."""

    inherit_cache = True
    type = sa.types.NullType()  # type: ignore[assignment] # a Boolean would be compared with 1 on SQLite

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values = sa.bindparam(name, type_=postgresql.ARRAY(column.type))


@compiles(one_of, "sqlite")
def _json_list(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    values = compiler.process(sa.bindparam(element.values.key, type_=_Listed()), **options)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - rendered SQL, no values


@compiles(one_of, "postgresql")
def _array(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY({compiler.process(element.values, **options)})"


@compiles(now, "sqlite")
def _time_of_transaction(element: now, compiler: SQLCompiler, **options: Any) -> str:
    """A parameter, because to call Python's clock for each row costs as much as to write the row."""
    if compiler.dialect is not _SQLITE:
        return now_in_sql(element, compiler, **options)
    return compiler.process(sa.bindparam(NOW, type_=sa.Double()), **options)


class Compiled(NamedTuple):
    """The text of a statement, and a function that returns its parameters in order from values by name.

    If it is `timed`, `NOW` must be among the values.
    """

    sql: str
    parameters: Callable[[Values], tuple[Any, ...]]
    timed: bool = False


class Statement:
    """One statement. If `counted`, it is executed for many rows, and the number of rows that it changed is needed."""

    def __init__(self, core: Any, *, counted: bool = False) -> None:
        self.core = core
        self._counted = counted

    def named(self, row: Sequence[Any]) -> SimpleNamespace:
        """Return a row with the names of its columns."""
        return SimpleNamespace(**dict(zip(self._names, row, strict=True)))

    @cached_property
    def _names(self) -> list[str]:
        names: list[str] = self.core.exported_columns.keys()
        return names

    @cached_property
    def sqlite(self) -> Compiled:
        """The statement for sqlite3. The list of `one_of` is passed as JSON."""
        compiled = self.core.compile(dialect=_SQLITE)
        lists = {name for name, bind in compiled.binds.items() if isinstance(bind.type, _Listed)}
        take, timed = _taking(compiled), NOW in compiled.binds
        if not lists:
            return Compiled(str(compiled), take, timed)
        return Compiled(
            str(compiled), lambda values: take({**values, **{one: json.dumps(values[one]) for one in lists}}), timed
        )

    @cached_property
    def postgres(self) -> Compiled:
        """The statement for asyncpg. Its `executemany` returns no counts, so a counted statement returns a row for each
        change.
        """
        core = self.core.returning(sa.literal_column("1")) if self._counted else self.core
        compiled = core.compile(dialect=_POSTGRES)
        take = _taking(compiled)
        return Compiled(str(compiled), lambda values: tuple(map(_without_nul, take(values))))


def values_of(table: sa.Table) -> dict[str, sa.BindParameter[Any]]:
    """Return a parameter for each column of a row, except for an id that the database assigns."""
    return {column.name: sa.bindparam(column.name) for column in table.c if column is not table.autoincrement_column}


def _taking(compiled: Any) -> Callable[[Values], tuple[Any, ...]]:
    """Return a function that takes the parameters of a compiled statement, in order, out of values by name."""
    names: list[str] = compiled.positiontup or []
    defaults = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
    if len(names) > 1 and not defaults:
        return itemgetter(*names)
    return lambda values: tuple([values[name] if name in values else defaults[name] for name in names])


def _without_nul(value: Any) -> Any:
    """Return the value without NUL characters, which PostgreSQL's texts cannot contain."""
    if type(value) is str:
        return value.replace("\0", "") if "\0" in value else value
    return [_without_nul(one) for one in value] if type(value) is list else value
