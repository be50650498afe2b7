"""Erase what is stored about a person: nothing of them is left, and a large order goes in steps."""

import pytest
from support.people import every_row, live, naming, traces
from support.stored import CUSTOMER, NINE, US, incoming, opted, used

from app.policies.limits import Rate
from app.policies.usage import Conversation
from app.store import Store, forgetting, people, queries
from app.store.forgetting import Forget, Reset
from app.store.records import PersonalRows
from app.store.schema import metadata

OTHER = "33700000002"


async def forget(store: Store, person: str = CUSTOMER, *, also_opt_out: bool = False, done: int = 0) -> int:
    """Take one step, with the strays found before it."""
    strays = await forgetting.find_strays(store.engine, person)
    return await store.change(forgetting.forget, Forget("anna", person, also_opt_out, tuple(strays), done))


KEPT = {"opt_outs"}
PERSONAL = {"messages", "reports", "tries", "cooldowns", "opt_outs"}
IMPERSONAL = {
    "proofs",
    "pauses",
    "actions",
    "heartbeat",
    "instances",
    "probe_requests",
    "provisioned_applications",
    "provisioned_numbers",
    "spending",
    "sweeps",
    "deliveries",
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
    assert await forget(store, also_opt_out=also_opt_out) == 11 + also_opt_out
    after = await every_row(store)
    assert naming(after, CUSTOMER) == left
    assert naming(after, OTHER) == theirs == PERSONAL
    assert {row["report_id"] for row in after["deliveries"]} == {"copy-2", "report-2", "report-102"}
    assert {row["message_uuid"] for row in after["messages"]} == {"message-2", "failed-2", "claimed-2"}
    assert await traces(store) == [("anna", f"forget: {11 + also_opt_out} rows")]


async def test_forgotten_number_stays_opted_out(store: Store) -> None:
    """G9: whoever is forgotten and has opted out still gets nothing; with the opt-out forgotten too they do."""
    await live(store, CUSTOMER, 1)
    await forget(store)
    assert [record.person for record in await people.list_opt_outs(store.engine, None, ended=False)] == [CUSTOMER]
    await forget(store, also_opt_out=True)
    assert await people.list_opt_outs(store.engine, None, ended=True) == []


async def test_forget_nobody(store: Store) -> None:
    """A number that never wrote: no row goes, and that it was asked is on record."""
    await live(store, CUSTOMER, 1)
    before = await every_row(store)
    assert await forget(store, OTHER, also_opt_out=True) == 0
    assert await traces(store) == [("anna", "forget: 0 rows")]
    assert (await every_row(store)) | {"actions": []} == before


async def test_reset_forgets_what_was_counted_against_one_person(store: Store) -> None:
    """Replies and cooldowns of that person, on all our numbers; not spending, not others', not what was said."""
    await store.journal.record(used(1))
    await store.journal.record(used(2, pair=Conversation("33644600001", CUSTOMER), cooldowns=("menu", "ack")))
    await store.journal.record(used(3, pair=Conversation(US, OTHER), change=opted(out=True)))
    assert await store.change(forgetting.reset, Reset("anna", CUSTOMER)) == 5
    rows = await every_row(store)
    assert [row["person"] for row in rows["messages"] if row["counted"]] == [OTHER]
    assert [row["person"] for row in rows["cooldowns"]] == [OTHER]
    assert ([row["units"] for row in rows["spending"]], len(rows["messages"]), len(rows["opt_outs"])) == ([6], 3, 1)
    assert await traces(store) == [("anna", "limits reset: one person")]


async def test_reset_of_the_spending_caps(store: Store) -> None:
    """Every scope starts from nothing again; what was counted against people stays."""
    await store.journal.record(used(1, cap=Rate(100, 3600.0)))
    assert await store.change(forgetting.reset, Reset("anna", None)) == 2
    rows = await every_row(store)
    assert (rows["spending"], [row["counted"] for row in rows["messages"]], len(rows["cooldowns"])) == ([], [1], 1)
    assert await traces(store) == [("anna", "limits reset: the spending caps")]


async def test_history_of_the_forgotten_is_empty(store: Store) -> None:
    """Nothing of a forgotten person can be asked for; a message of theirs that comes again is new."""
    await live(store, CUSTOMER, 1)
    await forget(store)
    for who in (CUSTOMER, "message-1", "reply-1"):
        assert await queries.history(store.engine, who, 10) == ([], [])


async def test_a_large_order_goes_in_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """G4: no step takes many more rows than a batch; reports go first, so that a copy keeps its words to the end, and
    the opt-out last.
    """
    monkeypatch.setattr("app.store.forgetting.BATCH", 2)
    await live(store, CUSTOMER, 1)
    left, done = [], 0
    while count := await forget(store, also_opt_out=True, done=done):
        done += count
        rows = await every_row(store)
        left.append(tuple(len(rows[name]) for name in ("reports", "messages", "cooldowns", "opt_outs")))
    assert done == 12
    assert left == [(1, 3, 1, 1), (0, 3, 1, 1), (0, 1, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0)]
    assert [what for _, what in await traces(store)][-1] == "forget: 1 rows"


async def test_a_large_reset_goes_in_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """G4: replies that are counted, then cooldowns; spending caps likewise."""
    monkeypatch.setattr("app.store.forgetting.BATCH", 2)
    for number in range(3):
        await store.journal.record(used(number, cap=Rate(100, 3600.0), route=f"r{number}"))
    for person, steps in ((CUSTOMER, [2, 2, 0]), (None, [2, 2, 0])):
        assert [await store.change(forgetting.reset, Reset("anna", person, done)) for done in (0, 2, 4)] == steps


async def test_strays_are_found_on_every_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports that name a person as their sender only are found, also where many came at once."""
    monkeypatch.setattr("app.store.forgetting.PAGE", 2)
    for number in range(9):
        sender = CUSTOMER if number % 2 else OTHER
        await store.queue.accept(incoming(number, sender=sender, to=US, at=NINE + number // 3))
    assert sorted(await forgetting.find_strays(store.engine, CUSTOMER)) == [
        f"report-{number}" for number in (1, 3, 5, 7)
    ]
    assert await forgetting.find_strays(store.engine, US) == []


async def test_what_would_go_is_counted(store: Store) -> None:
    """Rows of each kind, by person; of `reset` only what limits count."""
    await live(store, CUSTOMER, 1)
    await live(store, OTHER, 2)
    counted = PersonalRows(messages=3, reports=2, deliveries=3, cooldowns=1, opt_outs=1)
    assert await forgetting.count_rows(store.engine, CUSTOMER) == counted
    assert await forgetting.count_limits(store.engine, CUSTOMER) == PersonalRows(messages=1, cooldowns=1)
    assert await forgetting.count_rows(store.engine, "33700000009") == PersonalRows()
