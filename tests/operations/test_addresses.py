"""What an operator writes is found: in the store first, then by its form."""

from functools import partial

import pytest
from support.stored import CUSTOMER, US, opted

from app.config.numbers import read_address
from app.operations.addresses import ReadAddress, any_address, find_address, read_number, read_person, spellings
from app.operations.errors import OperationRefused
from app.plivo.numbers import Reading
from app.policies.usage import Conversation
from app.store import Store, people
from app.store.people import Changes

FRENCH = partial(read_address, country="FR")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("+33 7 00 00 00 01", [CUSTOMER]),
        ("0612345678", ["33612345678", "0612345678"]),  # digits are a national form first
        ("+4402079461111", ["4402079461111", "442079461111"]),  # with "+", as it stands first
        ("MTN", ["MTN"]),
        (" ", []),
    ],
)
def test_spellings(text: str, meant: list[str]) -> None:
    """The likeliest address comes first, and none is empty."""
    assert spellings(text, FRENCH) == meant


def test_any_text_is_an_address_of_a_message_under_test() -> None:
    """What is no number is taken as a sender may write it."""
    assert [any_address(text, FRENCH) for text in ("06 12 34 56 78", "Shop 24", "+33")] == [
        "33612345678",
        "Shop 24",
        "33",
    ]


async def test_an_address_of_the_store_wins(store: Store, read: ReadAddress) -> None:
    """However odd it is, and without a doubt; what is not there is None."""
    odd = ("4402079461111", "A name of many words", "12345678901234567890")
    await store.change(people.change, Changes("a", tuple(opted(out=True, pair=Conversation(US, one)) for one in odd)))
    assert [await find_address(store, f"+{one}" if one.isdigit() else one, read) for one in odd] == [*odd]
    assert [await read_person(store, one, read) for one in odd[1:]] == [Reading(one) for one in odd[1:]]
    assert await find_address(store, "+442079461111", read) is None


@pytest.mark.parametrize("there", [True, False])
async def test_a_person_who_is_not_in_the_store(store: Store, read: ReadAddress, *, there: bool) -> None:
    """A number, perhaps with a doubt, or a name; anything else is refused, with a store and without one."""
    where = store if there else None
    assert await read_person(where, f"+{CUSTOMER}", read) == Reading(CUSTOMER)
    assert (await read_person(where, "5215512345678", read)).doubt
    assert await read_person(where, "MTN", read) == Reading("MTN")
    for text in ("+33", "0612345678", "3364460000O", " "):
        with pytest.raises(OperationRefused, match=r"'.*': "):
            await read_person(where, text, read)


def test_a_number_is_no_name(read: ReadAddress) -> None:
    """Where only a number will do, a name is refused."""
    assert read_number("+33 6 44 60 00 00", read) == Reading(US)
    with pytest.raises(OperationRefused, match="'MTN': not a phone number"):
        read_number("MTN", read)
