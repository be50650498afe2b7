"""Forget a person: whoever is meant, all of their rows, in as many steps as it takes."""

from pathlib import Path

import pytest
from support.people import every_row, live, naming, traces
from support.stored import CUSTOMER, US, incoming

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.people import forget, plan_forget
from app.store import Store
from app.store.records import PersonalRows

OTHER = "33700000002"


@pytest.mark.parametrize("also_opt_out", [False, True])
async def test_the_plan_says_what_will_go(store: Store, read: ReadAddress, *, also_opt_out: bool) -> None:
    """Its total is what `forget` erases then, reports that name the person as sender included."""
    await live(store, CUSTOMER, 1)
    await store.queue.accept(incoming(7, sender=CUSTOMER, to=OTHER))  # found by no index
    plan = await plan_forget(store, f"+{CUSTOMER}", read, (), also_opt_out=also_opt_out)
    assert plan.rows == PersonalRows(messages=3, reports=2, deliveries=3, cooldowns=1, opt_outs=1)
    assert plan.strays == ("report-101", "report-7")
    assert plan.total == 11 + also_opt_out


@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_nothing_is_left(
    store: Store, read: ReadAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batch: int
) -> None:
    """Whatever the size of a step, the same rows go, from the file too; each step leaves a row of who did it."""
    monkeypatch.setattr("app.store.forgetting.BATCH", batch)
    await live(store, CUSTOMER, 1)
    await live(store, OTHER, 2)
    theirs = naming(await every_row(store), OTHER)
    plan = await plan_forget(store, f"+{CUSTOMER}", read, (), also_opt_out=True)
    assert await forget(store, "anna", plan) == 12
    rows = await every_row(store)
    assert (naming(rows, CUSTOMER), naming(rows, OTHER)) == (set(), theirs)
    told = [int(what.split()[1]) for who, what in await traces(store) if who == "anna"]
    assert sum(told) == 12
    assert (len(told) == 1) is (batch == 500)
    assert CUSTOMER.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("autoreply.db*"))


async def test_our_own_numbers_are_nobodys(store: Store, read: ReadAddress) -> None:
    """Neither one of the configuration, nor one that messages came to: it would erase every customer's messages."""
    await live(store, CUSTOMER, 1)
    for text, own in ((f"+{US}", ()), ("+33644600009", {"33644600009": "route"})):
        with pytest.raises(OperationRefused, match="one of your own numbers: give the number of a person"):
            await plan_forget(store, text, read, own, also_opt_out=False)


async def test_nobody_is_forgotten_by_a_slip(store: Store, read: ReadAddress) -> None:
    """What is no number is refused; a number of which nothing is stored is not."""
    with pytest.raises(OperationRefused):
        await plan_forget(store, "+33", read, (), also_opt_out=False)
    plan = await plan_forget(store, f"+{OTHER}", read, (), also_opt_out=True)
    assert (plan.total, await forget(store, "anna", plan)) == (0, 0)
