"""Opt-outs of one person: read, changed, listed."""

import pytest
from support.people import every_row
from support.stored import CUSTOMER, NINE, US, opted

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.opt_outs import change_opt_out, list_opt_outs, plan_change
from app.policies.usage import Conversation
from app.store import Store, people
from app.store.people import Changes

OTHER = "33700000002"


async def test_add_and_remove(store: Store, read: ReadAddress) -> None:
    """The plan says what is in force; the change says whether anything changed, and leaves who did it as its word."""
    steps = ((True, False, True), (True, True, False), (False, True, True), (False, False, False))
    for out, is_out, changed in steps:
        plan = await plan_change(store, "+33 6 44 60 00 00", f"+{CUSTOMER}", read, out=out)
        assert (plan.conversation, plan.is_out) == (Conversation(US, CUSTOMER), is_out)
        assert await change_opt_out(store, "anna", plan) is changed
    rows = (await every_row(store))["opt_outs"]
    assert [(row["opted_out"], row["word"], row["source"]) for row in rows] == [
        (1, "anna", "command"),
        (0, "anna", "command"),
    ]


async def test_a_person_has_one_form(store: Store, read: ReadAddress) -> None:
    """The two numbers of one Mexican phone are one person."""
    plan = await plan_change(store, f"+{US}", "+5215512345678", read, out=True)
    await change_opt_out(store, "anna", plan)
    assert (await plan_change(store, f"+{US}", "+525512345678", read, out=True)).is_out
    assert len(await list_opt_outs(store, "+525512345678", read, ended=False)) == 1


async def test_before_there_is_a_store(read: ReadAddress) -> None:
    """A pair can be read, and nothing is in force."""
    plan = await plan_change(None, f"+{US}", "MTN", read, out=True)
    assert (plan.conversation, plan.is_out) == (Conversation(US, "MTN"), False)
    with pytest.raises(OperationRefused):
        await plan_change(None, f"+{US}", "+33", read, out=True)


@pytest.mark.parametrize(
    ("who", "ended", "persons"),
    [
        (None, False, [CUSTOMER]),
        (None, True, [CUSTOMER, OTHER]),
        (f"+{OTHER}", False, []),
        (OTHER, True, [OTHER]),
        (f"+{US}", False, [CUSTOMER]),
        ("+33700000009", True, []),
    ],
)
async def test_list(store: Store, read: ReadAddress, who: str | None, persons: list[str], *, ended: bool) -> None:
    """A person's, those of one of our numbers, or all; with those that have ended, or without."""
    pair = Conversation("33644600001", OTHER)
    changes = (opted(out=True), opted(out=True, pair=pair), opted(out=False, at=NINE + 9, pair=pair))
    await store.change(people.change, Changes("anna", changes))
    assert [record.person for record in await list_opt_outs(store, who, read, ended=ended)] == persons


@pytest.mark.parametrize("who", ["+33", "", " "])
async def test_a_list_of_nobody(store: Store, read: ReadAddress, who: str) -> None:
    """What is no number is refused: an empty list would look like an answer."""
    with pytest.raises(OperationRefused):
        await list_opt_outs(store, who, read, ended=False)
