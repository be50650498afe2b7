"""What Plivo had is remembered by account, replaced by newer knowledge, and forgotten on request; never otherwise."""

import sqlalchemy as sa

from app.store import Store
from app.store.provisioned import (
    ForgetProvisioned,
    Provisioned,
    ProvisionedApplication,
    Remember,
    forget,
    provisioned,
    remember,
)
from app.store.schema import actions

ACCOUNT = "MAXXXXXXXXXXXXXXXXXX"


async def keep(store: Store, rows: Provisioned, account: str = ACCOUNT) -> None:
    """Remember, as `provision apply` does."""
    await store.change(remember, Remember("anna", account, rows))


async def test_rows_come_back_as_they_were_kept(store: Store) -> None:
    """Applications that were created or changed, and numbers with and without an application, are told apart."""
    changed = ProvisionedApplication("sms", "1", {"message_url": "https://old.example/", "answer_url": None})
    created = ProvisionedApplication("plivo-autoreply", None, None)
    rows = Provisioned((created, changed), {"33644600000": "1", "33644600001": None})
    await keep(store, rows)
    assert await provisioned(store.engine, ACCOUNT) == rows


async def test_newer_knowledge_replaces_older(store: Store) -> None:
    """A number that was linked elsewhere in between has a new former application; other rows stay."""
    await keep(store, Provisioned((ProvisionedApplication("app", None, None),), {"33644600000": "1", "2": "2"}))
    await keep(store, Provisioned((ProvisionedApplication("app", "9", None),), {"33644600000": "3"}))
    found = await provisioned(store.engine, ACCOUNT)
    assert found == Provisioned((ProvisionedApplication("app", "9", None),), {"2": "2", "33644600000": "3"})


async def test_accounts_do_not_mix(store: Store) -> None:
    """What is forgotten of one account stays of another."""
    rows = Provisioned((ProvisionedApplication("app", "9", None),), {"33644600000": "1"})
    await keep(store, rows)
    await keep(store, rows, "SAYYYYYYYYYYYYYYYYYY")
    await store.change(forget, ForgetProvisioned("anna", ACCOUNT, ("app",), ("33644600000",)))
    assert await provisioned(store.engine, ACCOUNT) == Provisioned()
    assert await provisioned(store.engine, "SAYYYYYYYYYYYYYYYYYY") == rows


async def test_changes_leave_a_trace(store: Store) -> None:
    """Who changed Plivo's side, and how much of it, stands among the operator's actions."""
    await keep(store, Provisioned((), {"33644600000": None, "33644600001": "1"}))
    await store.change(forget, ForgetProvisioned("bob", ACCOUNT, (), ("33644600000",)))
    async with store.engine.connect() as connection:
        rows = (await connection.execute(sa.select(actions.c.who, actions.c.what).order_by(actions.c.id))).all()
    assert [tuple(row) for row in rows] == [
        ("anna", "provision: 0 applications, 2 numbers to be changed at Plivo"),
        ("bob", "provision: 0 applications, 1 numbers undone"),
    ]
