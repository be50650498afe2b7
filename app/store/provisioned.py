"""What Plivo had before `provision apply` changed it, of each account. Nothing here is ever swept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.database import insert_or
from app.store.delivery_commands import leave_trace
from app.store.reading import reading
from app.store.schema import provisioned_applications, provisioned_numbers


@dataclass(frozen=True, slots=True)
class ProvisionedApplication:
    """An application that was created, or changed."""

    name: str
    app_id: str | None  # None: its creation was begun
    fields: Mapping[str, Any] | None  # what the changed fields were; None: it was created


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What was remembered of an account."""

    applications: tuple[ProvisionedApplication, ...] = ()
    numbers: Mapping[str, str | None] = field(default_factory=dict)  # our number -> the id of what it was linked to


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep these, instead of what was kept of the same applications and numbers."""

    who: str
    account: str
    rows: Provisioned


@dataclass(frozen=True, slots=True)
class ForgetProvisioned:
    """Keep no more of these, for Plivo has them back, or nothing can be given back."""

    who: str
    account: str
    applications: Sequence[str] = ()  # names
    numbers: Sequence[str] = ()


async def provisioned(engine: AsyncEngine, account: str) -> Provisioned:
    """Return what was remembered of an account. Raises `Unavailable`."""
    applications, numbers = (
        sa.select(table).where(table.c.account == account).order_by(*table.primary_key)
        for table in (provisioned_applications, provisioned_numbers)
    )
    async with reading(engine) as connection:
        return Provisioned(
            tuple(
                ProvisionedApplication(row.name, row.app_id, None if row.fields is None else json.loads(row.fields))
                for row in await connection.execute(applications)
            ),
            {row.our_number: row.app_id for row in await connection.execute(numbers)},
        )


def remember(connection: sa.Connection, orders: Sequence[Remember]) -> list[None]:
    """Write rows; `apply` does so before each change."""
    for order in orders:
        applications = [
            {"name": one.name, "app_id": one.app_id, "fields": None if one.fields is None else json.dumps(one.fields)}
            for one in order.rows.applications
        ]
        numbers = [{"our_number": number, "app_id": app_id} for number, app_id in order.rows.numbers.items()]
        _put(connection, provisioned_applications, order.account, applications, ("app_id", "fields"))
        _put(connection, provisioned_numbers, order.account, numbers, ("app_id",))
        leave_trace(connection, order.who, f"provision: {_shown(applications, numbers)} to be changed at Plivo")
    return [None for _ in orders]


def forget(connection: sa.Connection, orders: Sequence[ForgetProvisioned]) -> list[None]:
    """Take rows away."""
    for order in orders:
        _delete(connection, provisioned_applications.c.name, order.account, order.applications)
        _delete(connection, provisioned_numbers.c.our_number, order.account, order.numbers)
        leave_trace(connection, order.who, f"provision: {_shown(order.applications, order.numbers)} undone")
    return [None for _ in orders]


def _put(
    connection: sa.Connection, table: sa.Table, account: str, rows: Sequence[dict[str, Any]], changed: Sequence[str]
) -> None:
    if rows:
        statement = insert_or(table, lambda new: {name: new[name] for name in changed})
        connection.execute(statement, [{"account": account, **row} for row in rows])


def _delete(connection: sa.Connection, key: sa.Column[Any], account: str, values: Sequence[str]) -> None:
    if values:
        table = key.table
        statement = sa.delete(table).where(table.c.account == account, key == sa.bindparam("value"))
        connection.execute(statement, [{"value": value} for value in values])


def _shown(applications: Sequence[Any], numbers: Sequence[Any]) -> str:
    return f"{len(applications)} applications, {len(numbers)} numbers"
