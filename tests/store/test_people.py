"""What operators ask and change about people: opt-outs with their proof, replies counted, addresses known."""

from support.people import live, traces
from support.stored import CUSTOMER, NINE, US, opted, used

from app.policies.usage import Conversation, OptOutChange
from app.store import Store, people
from app.store.people import Changes
from app.store.records import OptOutRecord, ReplyCount
from app.store.schema import metadata

OTHER = "33700000002"


async def change(store: Store, *changes: OptOutChange) -> int:
    """As `optout` does it."""
    return await store.change(people.change, Changes("anna", changes))


async def test_known_addresses(store: Store) -> None:
    """Ours and a person's are known while some row names them, and no others are."""
    await live(store, CUSTOMER, 1)
    await change(store, opted(out=True, pair=Conversation("38010", "SHOP")))
    asked = (US, CUSTOMER, "38010", "SHOP", OTHER, "", "%")
    assert await people.known(store.engine, asked) == {US, CUSTOMER, "38010", "SHOP"}


def test_every_column_with_an_address_is_asked() -> None:
    """A table that is new must be known here."""
    names = {"number", "person", "sender", "recipient"}
    assert set(people.ADDRESSES) == {
        column for table in metadata.sorted_tables for column in table.c if column.name in names
    }


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
        return [record.person for record in await people.list_opt_outs(store.engine, who, ended=ended)]

    assert await listed(None, ended=False) == [CUSTOMER]
    assert await listed(None, ended=True) == [OTHER, CUSTOMER]
    assert await listed("33644600001", ended=True) == await listed(OTHER, ended=True) == [OTHER]
    assert await listed(OTHER, ended=False) == await listed("3370000000", ended=True) == []
    (record,) = await people.list_opt_outs(store.engine, OTHER, ended=True)
    assert record == OptOutRecord(
        number="33644600001",
        person=OTHER,
        at=NINE,
        word="ARRET",
        message_uuid="message-1",
        signed_by="V3",
        source="message",
        ended_at=NINE + 9,
        ended_by="START",
    )


async def test_known_opt_outs_are_those_in_force(store: Store) -> None:
    """Of a list only the pairs whose newest change is an opt-out are known."""
    pairs = [Conversation(US, f"3370000000{number}") for number in range(4)]
    await change(store, *(opted(out=True, pair=pair) for pair in pairs[:3]))
    await change(store, opted(out=False, at=NINE + 1, pair=pairs[1]))
    wanted = [opted(out=True, pair=pair) for pair in (*pairs, Conversation("33644600001", pairs[0].person))]
    assert await people.known_opt_outs(store.engine, wanted) == {pairs[0], pairs[2]}


async def test_counts_name_the_busiest_first(store: Store) -> None:
    """Answers since then, by pair, the most first, no more than asked for."""
    for number, person in enumerate((CUSTOMER, OTHER, OTHER, "33700000003")):
        await store.journal.record(used(number, at=NINE + number, pair=Conversation(US, person)))
    counted = await people.list_counts(store.engine, NINE, 2)
    assert counted == [ReplyCount(US, OTHER, 2, NINE + 2), ReplyCount(US, "33700000003", 1, NINE + 3)]
