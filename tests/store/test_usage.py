"""What limits, cooldowns and opt-outs remember: used up once, with the answer, and known to whoever comes behind."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import CUSTOMER, DAY, HELLO, NINE, PAIR, SILENCE, US, Clock, arrival, opened, opted, submission

from app.plivo.markup import EMPTY
from app.plivo.messages import Outgoing
from app.plivo.refusals import Unavailable
from app.policies.limits import LimitOptions, Rate
from app.policies.usage import Budget, Conversation, OptOutChange, Usage, UsageQuery
from app.replies.journal import Submission
from app.replies.proposals import Proposal
from app.rules.outcome import Use
from app.store import Store, usage
from app.store.arrivals import Arrivals
from app.store.driver import Connection
from app.store.schema import cooldowns, messages, opt_outs, spending

ALL = Budget("", DAY)
PERSON = "33700000002"
OTHER = Conversation(US, PERSON)
HOUR = 3600.0


def using(
    number: int,
    *,
    at: float = NINE,
    pair: Conversation = PAIR,
    units: int = 2,
    keys: tuple[str, ...] = ("menu",),
    seconds: float = HOUR,
    change: OptOutChange | None = None,
    limits: LimitOptions | None = None,
    cap: Rate | None = None,
    text: str = "hello",
    route: str = "support",
) -> Submission:
    """A message whose answer uses something up."""
    made = replace(HELLO, messages=(Outgoing(pair.number, (pair.person,), "Hello."),), units=units, change=change)
    made = replace(made, uses=tuple(Use(key, seconds) for key in keys))
    return submission(
        arrival(f"message-{number}", at=at, pair=pair, text=text, route=route), made, limits=limits, cap=cap
    )


async def rows(store: Store, table: sa.Table) -> list[dict[str, Any]]:
    """A table as it stands."""
    async with store.engine.connect() as connection:
        query = sa.select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def used_up(store: Store) -> tuple[list[str], list[Any], list[Any], list[Any]]:
    """Messages that limits count, units by scope, cooldowns, opt-out changes."""
    counted = [row["message_uuid"] for row in await rows(store, messages) if row["counted"]]
    spent = [(row["scope"], row["units"]) for row in await rows(store, spending)]
    cooling = [(row["person"], row["number"], row["key"], row["at"]) for row in await rows(store, cooldowns)]
    changes = [(row["person"], row["number"], row["opted_out"]) for row in await rows(store, opt_outs)]
    return counted, spent, cooling, changes


async def known(
    store: Store,
    *,
    at: float = NINE,
    pair: Conversation = PAIR,
    window: float = DAY,
    people: tuple[str, ...] = (),
    budgets: tuple[Budget, ...] = (ALL,),
) -> Usage:
    """What a message would be admitted on."""
    query = UsageQuery(pair, at, {pair.person, *people}, window, budgets, cooldowns=True)

    async def read(connection: Connection) -> Usage:
        return await usage.read(connection, [query], Arrivals())

    return await store.database.write(read)


async def record(store: Store, *submissions: Submission) -> list[bytes]:
    """Record these in one group; their XML."""
    return [one.xml for one in await asyncio.gather(*map(store.journal.record, submissions))]


async def test_answer_uses_up_with_its_row(store: Store) -> None:
    """One answer is counted once, with its units in each of its scopes, its cooldowns and its opt-out change."""
    await record(store, using(1, cap=Rate(9, HOUR), change=opted(out=False)))
    assert await used_up(store) == (
        ["message-1"],
        [("", 2), ("route support", 2)],
        [(CUSTOMER, US, "menu", NINE)],
        [(CUSTOMER, US, 0)],
    )
    assert [row["slot"] for row in await rows(store, spending)] == [2954070, 2954070]  # of ten minutes


async def test_silence_uses_nothing_up(store: Store) -> None:
    """What says nothing is counted nowhere."""
    await record(store, submission(arrival(), SILENCE))
    assert await used_up(store) == ([], [], [], [])


@pytest.mark.parametrize("together", [True, False])
async def test_repeat_uses_nothing_more_up(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """The same MessageUUID again, in one group or later, after an hour or at once: used up once."""
    cases = [using(1), using(1, at=NINE + HOUR, keys=("other",)), using(1)]
    for group in [cases] if together else [[case] for case in cases]:
        await record(store, *group)
    assert await used_up(store) == (["message-1"], [("", 2)], [(CUSTOMER, US, "menu", NINE)], [])


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_all_or_nothing(store: Store) -> None:
    """What an answer uses up and the answer itself are one transaction: neither is there without the other."""
    async with store.engine.begin() as connection:
        await connection.execute(
            sa.text("CREATE TRIGGER broken BEFORE INSERT ON cooldowns BEGIN SELECT RAISE(ABORT, 'broken'); END")
        )
    with pytest.raises(Unavailable):
        await record(store, using(1, change=opted(out=True)))
    assert await rows(store, messages) == []
    assert await used_up(store) == ([], [], [], [])
    assert await record(store, using(2, keys=())) == [HELLO.xml]  # the one that broke, broke alone


@pytest.mark.parametrize("together", [True, False])
async def test_limit_of_one_sender(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """G8: of five messages of one sender a limit of one answers the first, in one group or one after the other."""
    limits = LimitOptions(per_sender=(Rate(1, HOUR),))
    cases = [using(number, limits=limits, keys=(), text=f"text {number}") for number in range(5)]
    groups = [cases] if together else [[case] for case in cases]
    got = [xml for group in groups for xml in await record(store, *group)]
    assert got == [HELLO.xml] + [EMPTY] * 4
    assert (await used_up(store))[:2] == (["message-0"], [("", 2)])
    assert {row["reason"] for row in await rows(store, messages)} == {"fixed text", "limit: per_sender 1/1h"}


@pytest.mark.parametrize("together", [True, False])
async def test_same_text_is_answered_so_often(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """G8: only a bot repeats itself; another text of the same sender, and the same of another, is answered."""
    limits = LimitOptions(same_text=(Rate(2, HOUR),))
    cases = [
        using(number, limits=limits, keys=(), text=text, pair=pair)
        for number, (text, pair) in enumerate(
            [("hi", PAIR), ("Hi!", PAIR), ("HI", PAIR), ("price", PAIR), ("hi", OTHER)]
        )
    ]
    for group in [cases] if together else [[case] for case in cases]:
        await record(store, *group)
    reasons = [row["reason"] for row in await rows(store, messages)]
    assert reasons == ["fixed text", "fixed text", "limit: same_text 2/1h", "fixed text", "fixed text"]


@pytest.mark.parametrize("together", [True, False])
async def test_spending_cap_is_everybodys(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """G8: units of all senders together; what would pass the cap is silence, what still fits is answered."""
    limits = LimitOptions(total=(Rate(5, DAY),))
    cases = [
        using(number, limits=limits, units=units, pair=Conversation(US, f"3370000000{number}"))
        for number, units in enumerate((2, 2, 2, 1, 1))
    ]
    for group in [cases] if together else [[case] for case in cases]:
        await record(store, *group)
    assert [row["reply_units"] for row in await rows(store, messages)] == [2, 2, 0, 1, 0]
    assert (await used_up(store))[1] == [("", 5)]


@pytest.mark.parametrize("together", [True, False])
async def test_cooldown_answers_once(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """A cooldown that another message of this sender has begun meanwhile silences the second; another key does not."""
    cases = [using(1), using(2), using(3, keys=("prices: PRICE",)), using(4, pair=OTHER)]
    for group in [cases] if together else [[case] for case in cases]:
        await record(store, *group)
    assert (await used_up(store))[0] == ["message-1", "message-3", "message-4"]
    again = [using(5, at=NINE + HOUR - 1), using(6, at=NINE + HOUR)]
    assert await record(store, *again) == [EMPTY, HELLO.xml]


async def test_those_in_later_groups_know_the_same(path: Path, clock: Clock) -> None:
    """What one group notes for itself is what the next one reads, also after a restart."""
    async with opened(path, clock) as store:
        await record(store, using(1), using(2, keys=("prices: PRICE",), at=NINE + 1))
    async with opened(path, clock) as store:
        got = await known(store)
        assert [reply.at for reply in got.replies[PAIR]] == [NINE, NINE + 1]
        assert got.spent == {ALL: 4}
        assert got.cooldowns_of(PAIR) == {"menu": NINE, "prices: PRICE": NINE + 1}


async def test_repeat_counts_for_nobody_behind_it(store: Store) -> None:
    """G9: START, then STOP, then Plivo repeats START in front of another message: the STOP still holds for it."""
    start = Proposal("opt_out", "START", change=opted(out=False))
    stop = Proposal("opt_out", "STOP", change=opted(out=True))
    began = submission(arrival("message-1", text="START"), start, start)
    await record(store, began)
    await record(store, submission(arrival("message-2", text="STOP"), stop))
    assert await record(store, began, using(3)) == [EMPTY, EMPTY]
    assert (await used_up(store))[3] == [(CUSTOMER, US, 0), (CUSTOMER, US, 1)]


async def test_stop_holds_for_those_behind_it_in_the_group(store: Store) -> None:
    """G9: messages of one person that come in one commit are admitted one after the other."""
    stop = submission(arrival("message-2"), Proposal("opt_out", "STOP", change=opted(out=True)))
    cases = [using(1, keys=()), stop, using(3, keys=()), using(4, keys=(), pair=OTHER)]
    assert await record(store, *cases) == [HELLO.xml, EMPTY, EMPTY, HELLO.xml]


async def test_window_begins_when_the_longest_limit_asks(store: Store) -> None:
    """Replies of the window are read, also those between two groups; an exempt sender's are not even read."""
    for number, at in enumerate((NINE, NINE + HOUR, NINE + DAY)):
        await record(store, using(number, at=at, keys=(), text=f"text {number}"))
    for window, count in ((0.0, 0), (HOUR, 1), (DAY, 2), (2 * DAY, 3)):
        got = await known(store, at=NINE + DAY + 1, window=window)
        assert sum(len(replies) for replies in got.replies.values()) == count


@pytest.mark.parametrize("seconds", [1.0, 60.0, 599.0, 600.0, 3600.0, DAY])
@pytest.mark.parametrize("start", [0.0, 1.0, 300.0, 599.0])
async def test_spending_cap_never_forgets_too_early(store: Store, seconds: float, start: float) -> None:
    """G8: what was spent within the window is counted, however short it is; and at most ten minutes longer."""
    budget = Budget("", seconds)
    await record(store, using(1, at=NINE + start))
    for later, spent in ((0.0, 2), (seconds - 0.5, 2), (seconds + 601.0, 0)):
        got = await known(store, at=NINE + start + later, budgets=(budget,))
        assert got.spent[budget] == spent, later


async def test_scopes_are_apart(store: Store) -> None:
    """A route's cap counts that route's answers only; the common one all."""
    budgets = (ALL, Budget("route a", DAY), Budget("route b", HOUR))
    one, other = (
        using(1, cap=Rate(99, DAY), route="a", units=3),
        using(2, cap=Rate(99, HOUR), route="b", units=4, keys=()),
    )
    await record(store, one, other)
    assert (await known(store, budgets=budgets)).spent == dict(zip(budgets, (7, 3, 4), strict=True))


async def test_conversations_are_apart(store: Store) -> None:
    """Replies and cooldowns count for one of our numbers and one person; another number knows nothing of them."""
    await record(store, using(1))
    for pair in (Conversation("33644600001", CUSTOMER), OTHER):
        got = await known(store, pair=pair)
        assert (got.replies.get(pair), got.cooldowns_of(pair), got.spent) == (None, {}, {ALL: 2})


async def test_opt_outs_of_all_who_get_a_message_are_known(store: Store) -> None:
    """G9 holds for forwards: the newest change of everybody who would get a message is read, and nobody else's."""
    for number, person in enumerate((PERSON, "33700000003", PERSON)):
        change = opted(out=number != 2, pair=Conversation(US, person), message_uuid=f"message-{number}")
        stop = Proposal("opt_out", "STOP", change=change)
        await record(store, submission(arrival(f"message-{number}", pair=change.conversation), stop, stop))
    got = await known(store, people=(PERSON,))
    assert {person: list(states) for person, states in got.opt_outs.items()} == {PERSON: [US]}
    assert (got.opt_outs[PERSON][US].opted_out, got.opt_outs[PERSON][US].message_uuid) == (False, "message-2")


@pytest.mark.parametrize("ahead", [HOUR, 400 * DAY])
async def test_clock_that_was_ahead_silences_nobody(store: Store, ahead: float) -> None:
    """Replies, spending and cooldowns that lie in the future are of a wrong clock: once it is right, answers go out."""
    limits = LimitOptions(per_sender=(Rate(1, HOUR),), total=(Rate(2, DAY),))
    first = [using(number, at=NINE + ahead, limits=limits, text=f"text {number}") for number in range(2)]
    assert await record(store, *first) == [HELLO.xml, EMPTY]
    assert await record(store, using(3, limits=limits), using(4, limits=limits)) == [HELLO.xml, EMPTY]


async def test_clock_of_another_replica_may_be_ahead_a_little(store: Store) -> None:
    """What another replica stamped some seconds ahead counts."""
    limits = LimitOptions(per_sender=(Rate(1, HOUR),))
    await record(store, using(1, at=NINE + 30))
    assert await record(store, using(2, keys=(), limits=limits)) == [EMPTY]
    got = await known(store)
    assert (got.spent, dict(got.cooldowns_of(PAIR))) == ({ALL: 2}, {"menu": NINE + 30})


async def test_large_group_is_known_whole(store: Store) -> None:
    """Two thousand people in one group: each is counted, and remembered by the next group."""
    pairs = [Conversation(US, f"337{number:08d}") for number in range(2000)]
    limits = LimitOptions(per_sender=(Rate(1, HOUR),), total=(Rate(10_000, DAY),))
    await record(store, *(using(number, pair=pair, limits=limits) for number, pair in enumerate(pairs)))
    counted, spent, cooling, _ = await used_up(store)
    assert (len(counted), spent, len(cooling)) == (2000, [("", 4000)], 2000)
    again = (using(2000 + number, pair=pair, limits=limits, keys=()) for number, pair in enumerate(pairs))
    assert set(await record(store, *again)) == {EMPTY}
