"""Statements of the hot path: the same for both drivers, compiled once, every value a parameter."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import US, entry

import app.store
from app.store import Store
from app.store.driver import Connection, Row
from app.store.schema import messages
from app.store.statement import Statement, one_of, values_of

FIND = Statement(sa.select(messages.c.id, messages.c.message_uuid).where(one_of(messages.c.message_uuid, "uuids")))


def all_statements() -> Iterator[tuple[str, Statement]]:
    """Every statement that a module of the store has made."""
    for module in iter_modules(app.store.__path__):
        for name, value in vars(import_module(f"app.store.{module.name}")).items():
            if isinstance(value, Statement):
                yield f"{module.name}.{name}", value


STATEMENTS = dict(all_statements())


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_holds_no_values(name: str) -> None:
    """Each compiles for both drivers, with placeholders only: nothing is rendered when it is executed."""
    statement = STATEMENTS[name]
    names = [key for key in (*"ab",) if key]
    assert names
    for compiled in (statement.sqlite, statement.postgres):
        assert "__[POSTCOMPILE" not in compiled.sql
        assert ":" not in compiled.sql.replace("::", "")
        assert compiled is not None
    assert statement.sqlite is statement.sqlite  # compiled once
    assert "?" not in statement.postgres.sql
    assert "$1" not in statement.sqlite.sql


async def fetch(store: Store, statement: Statement, **values: Any) -> list[Row]:
    """The rows of a statement."""

    async def work(connection: Connection) -> list[Row]:
        return await connection.fetch(statement, values)

    return await store.database.write(work)


@pytest.mark.parametrize("count", [0, 1, 2, 5_000])
async def test_list_of_any_length_is_one_parameter(store: Store, count: int) -> None:
    """From none to more than SQLite has variables."""
    await store.journal.record(entry("message-1"))
    await store.journal.record(entry("message-2"))
    found = await fetch(store, FIND, uuids=[f"message-{number}" for number in range(1, count + 1)])
    assert sorted(row[1] for row in found) == ["message-1", "message-2"][:count]


async def test_list_of_numbers(store: Store) -> None:
    """Ids are numbers in a list, too."""
    await store.journal.record(entry("message-1"))
    by_id = Statement(sa.select(messages.c.message_uuid).where(one_of(messages.c.id, "ids")))
    assert [tuple(row) for row in await fetch(store, by_id, ids=[1, 7])] == [("message-1",)]


@pytest.mark.parametrize("text", ["O'Neill; DROP TABLE messages", '["a"]', "{}", "%s ? $1 :x", "\\", "ünï\U0001f44d"])
async def test_values_are_never_sql(store: Store, text: str) -> None:
    """Whatever strangers write comes back as it was, alone and in a list."""
    await store.journal.record(entry(text=text))
    stored = Statement(sa.select(messages.c.text).where(one_of(messages.c.text, "texts")))
    same = Statement(sa.select(messages.c.text).where(messages.c.text == sa.bindparam("text")))
    assert [row[0] for row in await fetch(store, stored, texts=[text, "x"])] == [text]
    assert [row[0] for row in await fetch(store, same, text=text)] == [text]


async def test_nul_refuses_nothing(store: Store, engine: str) -> None:
    """A NUL in a text is kept where the database can hold it, and left out where it cannot."""
    await store.journal.record(entry(text="a\0b"))
    ((text,),) = await fetch(store, Statement(sa.select(messages.c.text)))
    assert text == ("a\0b" if engine == "sqlite" else "ab")
    assert await fetch(store, FIND, uuids=["message-1", "nobody\0"]) != []


async def test_row_with_names(store: Store) -> None:
    """A row of many columns is read by their names."""
    await store.journal.record(entry())
    statement = Statement(sa.select(messages, sa.literal_column("7").label("seven")))
    (row,) = await fetch(store, statement)
    named = statement.named(row)
    assert (named.message_uuid, named.recipient, named.seven) == ("message-1", US, 7)


def test_a_parameter_for_each_column() -> None:
    """All but the id that the database gives; a key that we give is there."""
    table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String))
    named = sa.Table("n", sa.MetaData(), sa.Column("key", sa.String, primary_key=True))
    assert (list(values_of(table)), list(values_of(named))) == (["a"], ["key"])


def test_missing_value_is_an_error_and_extra_ones_are_not() -> None:
    """A caller that forgets a value is told, before anything is written."""
    statement = Statement(sa.update(messages).values(reason=sa.bindparam("reason")).where(messages.c.id == 1))
    assert "kept" in statement.sqlite.parameters({"reason": "kept", "other": 1})
    with pytest.raises(KeyError, match="reason"):
        statement.sqlite.parameters({})
