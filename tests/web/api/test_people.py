"""People as callers of the API get them."""

import time

import pytest
from support.api import Api
from support.stored import CUSTOMER, entry

ANN = "+33612345671"


@pytest.mark.parametrize("number", [ANN, "%2B33612345671", "33612345671", "0612345671", "06%2012%2034%2056%2071"])
async def test_a_person_in_any_notation(shared: Api, number: str) -> None:
    """Opt-outs, those that have ended included; the newest messages first."""
    found = await shared.get(f"/people/{number}")
    assert (found["person"], found["opted_out"]) == (ANN, False)
    assert [one["message_uuid"] for one in found["messages"]] == ["message-4", "message-3", "message-1"]
    assert [(one["number"], one["ended_by"]) for one in found["opt_outs"]] == [("+33644600001", "START")]


async def test_so_many_messages(shared: Api) -> None:
    """The newest."""
    found = await shared.get(f"/people/{ANN}", limit=1)
    assert [one["message_uuid"] for one in found["messages"]] == ["message-4"]


async def test_who_has_opted_out(shared: Api) -> None:
    """Whoever sends by other means asks this first."""
    assert (await shared.get("/people/+33612345672"))["opted_out"] is True


async def test_replies_are_counted(api: Api) -> None:
    """Those of the last day, by our number."""
    for number in range(3):
        await api.store.journal.record(entry(f"message-{number}", at=time.time() - number))
    found = await api.get(f"/people/+{CUSTOMER}")
    assert [(one["number"], one["person"], one["replies"]) for one in found["replies"]] == [
        ("+33644600000", f"+{CUSTOMER}", 3)
    ]


async def test_somebody_of_whom_nothing_is_stored(shared: Api) -> None:
    """No error: that is an answer too."""
    assert await shared.get("/people/+33799999999") == {
        "person": "+33799999999",
        "opted_out": False,
        "opt_outs": [],
        "replies": [],
        "messages": [],
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [("+33644600000", "one of your own numbers"), ("+33", "'+33'"), ("what%20happened%3F", "not a phone number")],
)
async def test_what_is_no_person(shared: Api, number: str, words: str) -> None:
    """One of our numbers, or no number."""
    assert words in (await shared.get(f"/people/{number}", 422))["detail"]


async def test_forget(told: Api) -> None:
    """Everything but the opt-out goes; with `also_opt_out` that too."""
    bob = "/people/+33612345672"
    assert (await told("DELETE", bob)).json()["erased"] > 0
    found = await told.get(bob)
    assert (found["messages"], found["opted_out"]) == ([], True)
    await told("DELETE", f"{bob}?also_opt_out=true")
    assert (await told.get(bob))["opted_out"] is False
    assert (await told("DELETE", "/people/+33644600000")).status_code == 422
