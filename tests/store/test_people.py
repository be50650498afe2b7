"""What the operator does about a person: each change is done whole, leaves a trace, and forgetting forgets all."""

from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import CUSTOMER, NINE, US, arrival, claim, incoming, opted, used

from app.policies.limits import Rate
from app.policies.usage import Conversation, OptOutChange
from app.replies.journal import FailedCall, MessageCopy
from app.store import Store, people, queries
from app.store.people import Changes, Forget, Reset
from app.store.schema import actions, metadata

OTHER = "33700000002"


async def every_row(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every table as it stands."""
    async with store.engine.connect() as connection:
        return {
            table.name: [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]
            for table in metadata.sorted_tables
        }


async def traces(store: Store) -> list[tuple[str, str]]:
    """Who did what."""
    async with store.engine.connect() as connection:
        return [(row.who, row.what) for row in await connection.execute(sa.select(actions).order_by("id"))]


async def change(store: Store, *changes: OptOutChange) -> int:
    """As `optout` does it."""
    return await store.change(people.change, Changes("anna", changes))


async def live(store: Store, person: str, number: int) -> None:
    """A person who does everything that leaves a row: writes, waits for a rule, gets reports, opts out."""
    pair = Conversation(US, person)
    copy = MessageCopy(f"copy-{number}", ("crm",), frozenset(), (("From", person), ("To", US), ("Text", "STOP")))
    await store.journal.record(used(number, pair=pair, change=opted(out=True, pair=pair), copy=copy))
    failed = FailedCall(arrival(f"failed-{number}", pair=pair), 503, "a rule failed", rules_failed=True)
    await store.journal.fail(failed)
    await store.journal.claim(claim(arrival(f"claimed-{number}", pair=pair)))
    fields = (("From", US), ("To", person), ("Status", "delivered"))
    await store.queue.accept(incoming(number, "crm", "audit", to=person, parameters=fields))
    await store.queue.accept(incoming(100 + number, sender=person, to=US, parameters=fields))


def naming(rows: dict[str, list[dict[str, Any]]], person: str) -> set[str]:
    """The tables in which the number stands, in whatever column."""

    def holds(value: Any) -> bool:
        return person.encode() in value if isinstance(value, bytes) else person in str(value)

    return {name for name, table in rows.items() if any(holds(value) for row in table for value in row.values())}


async def test_known_addresses(store: Store) -> None:
    """Ours and a person's are known while some row names them, and no others are."""
    await live(store, CUSTOMER, 1)
    await change(store, opted(out=True, pair=Conversation("38010", "SHOP")))
    asked = (US, CUSTOMER, "38010", "SHOP", OTHER, "", "%")
    assert await people.known(store.engine, asked) == {US, CUSTOMER, "38010", "SHOP"}
    await store.change(people.forget, Forget("anna", CUSTOMER, True))
    assert await people.known(store.engine, asked) == {"38010", "SHOP"}


def test_every_column_with_an_address_is_asked() -> None:
    """A table that is new must be known here."""
    names = {"number", "person", "sender", "recipient"}
    assert set(people.ADDRESSES) == {
        column for table in metadata.sorted_tables for column in table.c if column.name in names
    }


KEPT = {"opt_outs"}
PERSONAL = {"messages", "reports", "cooldowns", "opt_outs"}
IMPERSONAL = {
    "proofs",
    "pauses",
    "actions",
    "heartbeat",
    "instances",
    "probe_requests",
    "spending",
    "sweeps",
    "deliveries",
    "tries",
}  # deliveries go with their report


def test_every_table_is_known_here() -> None:
    """A new table must say whether it holds people; then `forget` has to know it."""
    assert {table.name for table in metadata.sorted_tables} == PERSONAL | IMPERSONAL


@pytest.mark.parametrize(("also_opt_out", "left"), [(False, KEPT), (True, set())])
async def test_forget_erases_every_row_of_a_number(
    store: Store,
    also_opt_out: bool,  # noqa: FBT001 - a parameter
    left: set[str],
) -> None:
    """Afterwards no table names the person, but for the opt-out, which protects them; others keep all of theirs."""
    await live(store, CUSTOMER, 1)
    before = await every_row(store)
    assert naming(before, CUSTOMER) == PERSONAL
    await live(store, OTHER, 2)
    theirs = naming(await every_row(store), OTHER)
    # 3 messages, a copy with 1 delivery, 2 reports with 3 deliveries, 1 cooldown, and the opt-out
    assert await store.change(people.forget, Forget("anna", CUSTOMER, also_opt_out)) == 11 + also_opt_out
    after = await every_row(store)
    assert naming(after, CUSTOMER) == left
    assert naming(after, OTHER) == theirs == PERSONAL
    assert {row["report_id"] for row in after["deliveries"]} == {"copy-2", "report-2", "report-102"}
    assert {row["message_uuid"] for row in after["messages"]} == {"message-2", "failed-2", "claimed-2"}
    assert await traces(store) == [("anna", f"forget: {11 + also_opt_out} rows")]


async def test_forgotten_number_stays_opted_out(store: Store) -> None:
    """G9: whoever is forgotten and has opted out still gets nothing; with the opt-out forgotten too they do."""
    await live(store, CUSTOMER, 1)
    await store.change(people.forget, Forget("anna", CUSTOMER, also_opt_out=False))
    assert [row["person"] for row in await people.list_opt_outs(store.engine, None, ended=False)] == [CUSTOMER]
    await store.change(people.forget, Forget("anna", CUSTOMER, also_opt_out=True))
    assert await people.list_opt_outs(store.engine, None, ended=True) == []


async def test_forget_nobody(store: Store) -> None:
    """A number that never wrote: no row goes, and that it was asked is on record."""
    await live(store, CUSTOMER, 1)
    before = await every_row(store)
    assert await store.change(people.forget, Forget("anna", OTHER, also_opt_out=True)) == 0
    assert await traces(store) == [("anna", "forget: 0 rows")]
    assert (await every_row(store)) | {"actions": []} == before


async def test_opt_outs_are_added_and_removed(store: Store) -> None:
    """What changes nothing is not counted; one order leaves one trace, however many it changes."""
    other = Conversation(US, OTHER)
    assert await change(store, opted(out=True), opted(out=True, pair=other), opted(out=True)) == 2
    assert await change(store, opted(out=True, at=NINE + 1)) == 0
    assert (
        await change(store, opted(out=False, at=NINE + 2), opted(out=False, pair=Conversation(US, "33700000003"))) == 1
    )
    assert await traces(store) == [
        ("anna", "opt-out: 2 added, 0 removed"),
        ("anna", "opt-out: 0 added, 0 removed"),
        ("anna", "opt-out: 0 added, 1 removed"),
    ]


async def test_opt_outs_are_listed_with_their_proof(store: Store) -> None:
    """Those in force, oldest first; of a person or a number of ours; with `ended` those that are over too."""
    one, two = opted(out=True, at=NINE + 5), opted(out=True, pair=Conversation("33644600001", OTHER), word="ARRET")
    await change(store, one, two)
    await change(store, opted(out=False, at=NINE + 9, word="START", pair=two.conversation))

    async def listed(who: str | None, *, ended: bool) -> list[str]:
        return [row["person"] for row in await people.list_opt_outs(store.engine, who, ended=ended)]

    assert await listed(None, ended=False) == [CUSTOMER]
    assert await listed(None, ended=True) == [OTHER, CUSTOMER]
    assert await listed("33644600001", ended=True) == await listed(OTHER, ended=True) == [OTHER]
    assert await listed(OTHER, ended=False) == await listed("3370000000", ended=True) == []
    (row,) = await people.list_opt_outs(store.engine, OTHER, ended=True)
    assert row == {
        "id": 2,
        "number": "33644600001",
        "person": OTHER,
        "at": NINE,
        "message_uuid": "message-1",
        "word": "ARRET",
        "signed_by": "V3",
        "source": "message",
        "ended_at": NINE + 9,
        "ended_by": "START",
    }


async def test_reset_forgets_what_was_counted_against_one_person(store: Store) -> None:
    """Replies and cooldowns of that person, on all our numbers; not spending, not others', not what was said."""
    await store.journal.record(used(1))
    await store.journal.record(used(2, pair=Conversation("33644600001", CUSTOMER), cooldowns=("menu", "ack")))
    await store.journal.record(used(3, pair=Conversation(US, OTHER), change=opted(out=True)))
    assert await store.change(people.reset, Reset("anna", CUSTOMER)) == 5
    rows = await every_row(store)
    assert [row["person"] for row in rows["messages"] if row["counted"]] == [OTHER]
    assert [row["person"] for row in rows["cooldowns"]] == [OTHER]
    assert ([row["units"] for row in rows["spending"]], len(rows["messages"]), len(rows["opt_outs"])) == ([6], 3, 1)
    assert await traces(store) == [("anna", "limits reset: one person")]


async def test_reset_of_the_spending_caps(store: Store) -> None:
    """Every scope starts from nothing again; what was counted against people stays."""
    await store.journal.record(used(1, cap=Rate(100, 3600.0)))
    assert await store.change(people.reset, Reset("anna", None)) == 2
    rows = await every_row(store)
    assert (rows["spending"], [row["counted"] for row in rows["messages"]], len(rows["cooldowns"])) == ([], [1], 1)
    assert await traces(store) == [("anna", "limits reset: the spending caps")]


async def test_counts_name_the_busiest_first(store: Store) -> None:
    """Answers since then, by pair, the most first, no more than asked for."""
    for number, person in enumerate((CUSTOMER, OTHER, OTHER, "33700000003")):
        await store.journal.record(used(number, at=NINE + number, pair=Conversation(US, person)))
    counted = await people.list_counts(store.engine, NINE, 2)
    assert counted == [
        {"number": US, "person": OTHER, "replies": 2, "last": NINE + 2},
        {"number": US, "person": "33700000003", "replies": 1, "last": NINE + 3},
    ]


async def test_history_of_the_forgotten_is_empty(store: Store) -> None:
    """Nothing of a forgotten person can be asked for; a message of theirs that comes again is new."""
    await live(store, CUSTOMER, 1)
    await store.change(people.forget, Forget("anna", CUSTOMER, also_opt_out=False))
    for who in (CUSTOMER, "message-1", "reply-1"):
        assert await queries.history(store.engine, who, 10) == ([], [])
