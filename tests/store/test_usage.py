"""What limits, cooldowns and opt-outs remember: paid once, with the entry, and known to whoever comes behind."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import CUSTOMER, DAY, NINE, US, Clock, opened, opted, used

from app.policies import limits
from app.policies.ledger import Case, Fuse, Memory, OptOutChange, Pair, Ruling, Unavailable
from app.policies.limits import LimitOptions, Rate
from app.store import Store
from app.store.schema import cooldowns, messages, opt_outs, replies, spending

ALL = Fuse("", DAY)
OTHER = Pair(US, "33700000002")


async def rows(store: Store, table: sa.Table) -> list[dict[str, Any]]:
    """A table as it stands."""
    async with store.engine.connect() as connection:
        query = sa.select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def paid(store: Store) -> list[list[dict[str, Any]]]:
    """All that was used up."""
    return [await rows(store, table) for table in (replies, spending, cooldowns, opt_outs)]


async def memory(store: Store, number: int = 99, **changes: Any) -> Memory:
    """What a message would be judged on; it pays nothing."""
    seen: list[Memory] = []
    nothing: dict[str, Any] = {"text_key": None, "units": 0, "scopes": frozenset(), "cooldowns": ()}
    await store.ledger.record(used(number, seen, **(nothing | changes)))
    return seen[0]


async def test_answer_pays_with_its_entry(store: Store) -> None:
    """One answer leaves one reply, its units in each of its scopes, its cooldowns and its opt-out."""
    await store.ledger.record(used(1, scopes=frozenset({"", "route support"}), opt_out=opted(out=True)))
    assert await paid(store) == [
        [{"message_uuid": "message-1", "number": US, "person": CUSTOMER, "text_key": "hello", "at": NINE}],
        [{"scope": "", "slot": 2954070, "units": 2}, {"scope": "route support", "slot": 2954070, "units": 2}],
        [{"number": US, "person": CUSTOMER, "key": "menu", "at": NINE, "message_uuid": "message-1"}],
        [
            {
                "number": US,
                "person": CUSTOMER,
                "at": NINE,
                "message_uuid": "message-1",
                "word": "STOP",
                "signed_by": "V3",
                "source": "message",
                "ended_at": None,
                "ended_by": None,
            }
        ],
    ]


async def test_silence_pays_nothing(store: Store) -> None:
    """What says nothing uses up nothing."""
    await memory(store)
    assert await paid(store) == [[], [], [], []]


@pytest.mark.parametrize("together", [True, False])
async def test_repeat_pays_nothing_more(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """The same MessageUUID again, in one group or later, after an hour or at once, pays nothing more."""
    cases = [used(1), used(1, at=NINE + 3600, cooldowns=("other",)), used(1)]
    if together:
        await asyncio.gather(*map(store.ledger.record, cases))
    else:
        for case in cases:
            await store.ledger.record(case)
    first, burnt, cooling, _ = await paid(store)
    assert [row["at"] for row in first] == [NINE]
    assert [row["units"] for row in burnt] == [2]
    assert [(row["key"], row["at"]) for row in cooling] == [("menu", NINE)]


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_all_or_nothing(store: Store) -> None:
    """What an answer uses up and the answer itself are one transaction: neither is there without the other."""
    async with store.engine.begin() as connection:
        await connection.execute(
            sa.text("CREATE TRIGGER broken BEFORE INSERT ON cooldowns BEGIN SELECT RAISE(ABORT, 'broken'); END")
        )
    with pytest.raises(Unavailable):
        await store.ledger.record(used(1, opt_out=opted(out=True)))
    assert await rows(store, messages) == []
    assert await paid(store) == [[], [], [], []]
    assert await store.ledger.record(used(2, cooldowns=())) == b"<answer-2/>"  # the one that broke, broke alone


async def test_those_behind_in_the_group_know(store: Store) -> None:
    """Messages of one person that come in one commit are judged one after the other."""
    seen: list[Memory] = []
    out = opted(out=True)
    cases = [used(1, seen), used(2, seen, text_key="other", opt_out=out), used(3, seen), used(4, seen, pair=OTHER)]
    await asyncio.gather(*map(store.ledger.record, cases))
    pair = frozenset({Pair(US, CUSTOMER)})
    assert seen == [
        Memory(spent={ALL: 0}),
        Memory(replies=((NINE, "hello"),), spent={ALL: 2}, cooldowns={"menu": NINE}),
        Memory(pair, ((NINE, "hello"), (NINE, "other")), {ALL: 4}, {"menu": NINE}),
        Memory(spent={ALL: 6}),  # another person's, but the fuse is everybody's
    ]


async def test_those_in_later_groups_know_the_same(path: Path, clock: Clock) -> None:
    """What one group notes for itself is what the next one reads, also after a restart."""
    async with opened(path, clock) as store:
        await store.ledger.record(used(1))
        await store.ledger.record(used(2, text_key="other", opt_out=opted(out=True)))
    async with opened(path, clock) as store:
        pair = frozenset({Pair(US, CUSTOMER)})
        known = Memory(pair, ((NINE, "hello"), (NINE, "other")), {ALL: 4}, {"menu": NINE})
        assert await memory(store) == known


@pytest.mark.parametrize(
    ("repeated", "then"),
    [
        pytest.param(used(1), Memory(replies=((NINE, "hello"),), spent={ALL: 2}, cooldowns={"menu": NINE}), id="use"),
        pytest.param(
            used(1, opt_out=opted(out=False), text_key=None, units=0, cooldowns=()),
            Memory(frozenset({Pair(US, CUSTOMER)}), spent={ALL: 0}),
            id="START, then STOP, then Plivo repeats START",
        ),
    ],
)
async def test_repeat_counts_for_nobody_behind_it(store: Store, repeated: Case, then: Memory) -> None:
    """G8 and G9: a repeat in front of a message changes nothing of what that message is judged on."""
    await store.ledger.record(repeated)
    stop = used(2, opt_out=opted(out=True), text_key=None, units=0, cooldowns=(), scopes=frozenset())
    if then.opted_out:
        await store.ledger.record(stop)
    seen: list[Memory] = []
    await asyncio.gather(store.ledger.record(repeated), store.ledger.record(used(3, seen)))
    assert seen == [then]


async def test_limit_of_one_holds_within_a_group(store: Store) -> None:
    """G8: of two messages of one sender in one commit, a limit of one answers one."""
    options = LimitOptions(per_sender=(Rate(1, 3600.0),))

    def case(number: int) -> Case:
        made = used(number)

        def judge(memory: Memory) -> Ruling:
            ruling = made.judge(memory)
            if limits.exceeded(options, memory, made.recall, "hello", None, 2):
                return Ruling(replace(ruling.entry, xml=b"<Response/>"))
            return ruling

        return replace(made, judge=judge)

    got = await asyncio.gather(*(store.ledger.record(case(number)) for number in range(5)))
    assert got == [b"<answer-0/>", *[b"<Response/>"] * 4]
    assert [row["message_uuid"] for row in await rows(store, replies)] == ["message-0"]


@pytest.mark.parametrize(
    ("later", "window", "known"),
    [
        pytest.param(0.0, 60.0, 1, id="at once"),
        pytest.param(59.0, 60.0, 1, id="within"),
        pytest.param(60.0, 60.0, 0, id="over"),
        pytest.param(1.0, 0.0, 0, id="exempt: not even read"),
        pytest.param(DAY - 1, DAY, 1, id="a day"),
        pytest.param(DAY, DAY, 0, id="over a day"),
    ],
)
async def test_replies_are_known_for_their_window(store: Store, later: float, window: float, known: int) -> None:
    """A reply counts for exactly as long as the longest limit asks."""
    await store.ledger.record(used(1))
    assert len((await memory(store, at=NINE + later, window=window)).replies) == known


@pytest.mark.parametrize("seconds", [1.0, 60.0, 599.0, 600.0, 3600.0, DAY])
@pytest.mark.parametrize("start", [0.0, 1.0, 300.0, 599.0])
async def test_fuse_never_forgets_too_early(store: Store, seconds: float, start: float) -> None:
    """G8: what was spent within the window is counted, however short it is; and at most ten minutes longer."""
    fuse = Fuse("", seconds)
    await store.ledger.record(used(1, at=NINE + start))
    for later, known in ((0.0, 2), (seconds - 0.5, 2), (seconds + 601.0, 0)):
        got = await memory(store, 100 + int(2 * later), at=NINE + start + later, fuses=(fuse,))
        assert got.spent[fuse] == known, later


async def test_scopes_are_apart(store: Store) -> None:
    """A route's fuse burns by that route's answers only; the common one by all."""
    fuses = (Fuse("route a", DAY), Fuse("route b", 3600.0))
    await store.ledger.record(used(1, scopes=frozenset({"", "route a"}), units=3))
    await store.ledger.record(used(2, scopes=frozenset({"", "route b"}), units=4))
    assert (await memory(store, fuses=fuses)).spent == {ALL: 7, fuses[0]: 3, fuses[1]: 4}


async def test_pairs_are_apart(store: Store) -> None:
    """A person's opt-out, replies and cooldowns count for one of our numbers; another number knows nothing."""
    await store.ledger.record(used(1, opt_out=opted(out=True)))
    assert await memory(store, 2, pair=Pair("33644600001", CUSTOMER)) == Memory(spent={ALL: 2})
    assert await memory(store, 3, pair=OTHER) == Memory(spent={ALL: 2})


async def test_opt_outs_of_all_who_get_a_message_are_known(store: Store) -> None:
    """G9 holds for forwards: the opt-outs of everybody who would get a message are read, and nobody else's."""
    await store.ledger.record(used(1, opt_out=opted(out=True, pair=OTHER), pair=OTHER))
    out = Pair(US, "33700000003")
    await store.ledger.record(used(2, opt_out=opted(out=True, pair=out), pair=out))
    got = await memory(store, people=frozenset({Pair(US, CUSTOMER), OTHER}))
    assert got.opted_out == {OTHER}


async def test_later_cooldown_replaces_an_earlier_one(store: Store) -> None:
    """Each answer starts its cooldown anew; those of other rules stay."""
    await store.ledger.record(used(1))
    await store.ledger.record(used(2, at=NINE + 60))
    await store.ledger.record(used(3, at=NINE + 30, cooldowns=("prices: PRICE",)))
    assert (await memory(store)).cooldowns == {"menu": NINE + 60, "prices: PRICE": NINE + 30}


async def test_opt_out_comes_and_goes(store: Store) -> None:
    """STOP, START and STOP again: one row, the proof of the newest STOP; a second STOP does not touch the first's."""
    pair = frozenset({Pair(US, CUSTOMER)})
    steps: tuple[tuple[OptOutChange, float, float | None, frozenset[Pair]], ...] = (
        (opted(out=True), NINE, None, pair),
        (opted(out=True, at=NINE + 1, message_uuid="message-2"), NINE, None, pair),
        (opted(out=False, at=NINE + 2), NINE, NINE + 2, frozenset()),
        (opted(out=False, at=NINE + 3), NINE, NINE + 2, frozenset()),
        (opted(out=True, at=NINE + 4, message_uuid="message-5"), NINE + 4, None, pair),
    )
    for number, (change, at, ended, known) in enumerate(steps):
        await store.ledger.record(used(number, opt_out=change))
        (row,) = await rows(store, opt_outs)
        assert (row["at"], row["ended_at"]) == (at, ended)
        assert (await memory(store, 100 + number)).opted_out == known
    assert row["message_uuid"] == "message-5"


async def test_large_group_is_judged_and_paid_whole(store: Store) -> None:
    """Two thousand people in one group: each row is there."""
    cases = [used(number, pair=Pair(US, f"337{number:08d}")) for number in range(2000)]
    await asyncio.gather(*map(store.ledger.record, cases))
    assert len(await rows(store, replies)) == len(await rows(store, cooldowns)) == 2000
    assert [row["units"] for row in await rows(store, spending)] == [4000]
    seen: list[Memory] = []
    again = [used(2000 + number, seen, pair=case.recall.pair) for number, case in enumerate(cases)]
    await asyncio.gather(*map(store.ledger.record, again))
    assert [len(one.replies) for one in seen] == [1] * 2000


async def test_repeat_after_a_stop_is_silence(store: Store) -> None:
    """G9 before G3: what was answered before a STOP is not sent again after it; the STOP's own answer is."""
    await store.ledger.record(used(1))
    stop = used(2, at=NINE + 1, opt_out=opted(out=True, at=NINE + 1))
    assert await store.ledger.record(stop) == b"<answer-2/>"
    assert await store.ledger.record(used(1)) == b""
    assert await store.ledger.record(stop) == b"<answer-2/>"
