"""From a time to a row: a binary search over rows in order of arrival, whatever the clock did meanwhile."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stored import DAY, NINE, Clock, arrival, entry, proof, submission, swept

from app.settings import StoreSettings
from app.store import Store
from app.store.arrivals import FRESH, Arrivals, first_after
from app.store.driver import Connection, run_in_thread
from app.store.schema import messages, proofs
from app.store.statement import Statement
from app.store.usage import AHEAD


async def fill(store: Store, times: Sequence[float], *, first: int = 1, step: int = 1) -> None:
    """Messages that came at these times."""
    for number, at in enumerate(times):
        await store.journal.record(entry(f"message-{first + number}", at=at))
    if step > 1:
        async with store.engine.begin() as connection:
            await connection.execute(sa.update(messages).values(id=messages.c.id * -step))
            await connection.execute(sa.update(messages).values(id=-messages.c.id))


async def search(store: Store, since: float) -> int:
    """The id of the first message after that."""

    async def work(connection: Connection) -> int:
        return await first_after(connection, messages.c.id, messages.c.received_at, since)

    return await store.database.write(work)


async def test_first_row_after_a_time(store: Store) -> None:
    """Before all, between any two, at one, after all: exactly the rows that came later."""
    await fill(store, [NINE + 10 * number for number in range(7)])
    for tenth in range(-1, 9):
        assert await search(store, NINE + 10 * tenth - 5) == max(1, min(tenth + 1, 8))
        assert await search(store, NINE + 10 * tenth) == max(1, min(tenth + 2, 8))


async def test_ids_may_have_gaps(store: Store) -> None:
    """Replicas' ids, forgotten people, refused groups: whatever is returned lies above all earlier rows."""
    await fill(store, [NINE + 10 * number for number in range(7)], step=1000)
    for tenth in range(7):
        low = await search(store, NINE + 10 * tenth)
        assert 1000 * (tenth + 1) < low <= 1000 * (tenth + 2)


async def test_empty_table_has_no_first_row(store: Store) -> None:
    """Nothing came: any id will do."""
    assert await search(store, NINE) == 0


class Table:
    """Rows as a dict, for the search alone."""

    def __init__(self, times: Sequence[float]) -> None:
        self._times = times
        self.reads = 0

    shared = False

    async def fetch(self, _statement: Statement, values: dict[str, int]) -> list[tuple[float, ...]]:
        """The bounds, or the first row from an id on."""
        self.reads += 1
        if not values:
            return [(1, len(self._times))]
        return [(values["id"], self._times[values["id"] - 1])]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(times=st.lists(st.integers(0, 50), min_size=1, max_size=60), since=st.integers(-1, 51))
def test_search_finds_a_border_in_any_order(times: list[int], since: int) -> None:
    """Clocks jump: what is found is still a row that came later, right behind one that did not (or the ends)."""
    table = Table([float(at) for at in times])
    found = run_in_thread(first_after(table, messages.c.id, messages.c.received_at, since))  # type: ignore[arg-type]
    assert found == 1 or times[found - 2] <= since
    assert found == len(times) + 1 or times[found - 1] > since
    assert table.reads <= 8
    if times == sorted(times):
        assert found == 1 + sum(at <= since for at in times)


async def test_found_row_serves_for_a_minute(store: Store) -> None:
    """A look-up is remembered for each window; what it returns is never too high, also after the clock went back."""
    arrivals = Arrivals()
    await fill(store, [NINE + 100 * number for number in range(5)])

    async def first_id(window: float, now: float) -> int:
        async def work(connection: Connection) -> int:
            return await arrivals.first_id(connection, window, now)

        return await store.database.write(work)

    assert await first_id(100, NINE + 250) == 3
    assert await first_id(200, NINE + 250) == 2
    assert await first_id(100, NINE + 250 + FRESH - 1) == 3  # remembered; too low by a minute at most
    assert await first_id(100, NINE + 250 + FRESH) == 4
    assert await first_id(100, NINE + 150) == 2  # the clock was put back
    assert await first_id(100, NINE + 150 - 3600) == 1


async def test_replies_before_and_after_a_jump_are_in_the_window(store: Store) -> None:
    """The clock was ahead for some messages: those before and behind them are still found."""
    await fill(store, [NINE, NINE + DAY, NINE + 2])
    assert await search(store, NINE - 1) == 1
    assert await search(store, NINE + 1) == 2  # the one of the wrong clock is left out by whoever reads


# --- retention walks over the same rows

TWO_DAYS = StoreSettings(keep=2 * DAY, keep_text=DAY)


async def left(store: Store) -> list[str]:
    """The messages that are still there."""
    async with store.engine.connect() as connection:
        found = await connection.execute(sa.select(messages.c.message_uuid).order_by(messages.c.id))
        return [uuid.removeprefix("message-") for uuid in found.scalars()]


async def sweep(store: Store, keep: StoreSettings = TWO_DAYS) -> None:
    """All steps of a round."""
    while (await swept(store, keep)).more:
        pass


async def test_sweep_takes_no_young_row_with_an_old_one(store: Store, clock: Clock) -> None:
    """A machine that started in 1970 and then learned the time: what came before that is not swept with it."""
    await fill(store, [NINE, NINE + 1, 0.0, NINE + 3, NINE + 4])
    clock.advance(10)
    await sweep(store)
    assert await left(store) == ["1", "2", "3", "4", "5"]
    clock.advance(2 * DAY)
    await sweep(store)
    assert await left(store) == []


@pytest.mark.parametrize("ahead", [3600.0, 400 * DAY])
async def test_sweep_does_not_wait_for_the_future(store: Store, clock: Clock, ahead: float) -> None:
    """What a clock that was ahead has stamped goes with what came before and after it."""
    await fill(store, [NINE, NINE + ahead, NINE + 2, NINE + DAY])
    clock.advance(2 * DAY + 3600 + AHEAD)
    await sweep(store)
    assert await left(store) == ["4"]


async def test_ids_are_not_used_again(store: Store, clock: Clock) -> None:
    """A table that was swept empty: what comes next is swept in its turn, not taken for what was swept before."""
    await fill(store, [NINE] * 3)
    await store.journal.record(entry("message-4", proofs=(proof("k", "a"),)))
    clock.advance(2 * DAY + 1)
    await sweep(store)
    assert await left(store) == []
    await fill(store, [clock.now], first=5)
    await store.journal.record(submission(arrival("message-6", at=clock.now, proofs=(proof("l", "a"),))))
    async with store.engine.connect() as connection:
        assert (await connection.execute(sa.select(sa.func.min(messages.c.id)))).scalar_one() > 4
        assert (await connection.execute(sa.select(sa.func.min(proofs.c.id)))).scalar_one() > 1
    clock.advance(2 * DAY + 1)
    await sweep(store)
    assert await left(store) == []


async def test_texts_go_with_their_time(store: Store, clock: Clock) -> None:
    """G12: after `keep_text` the words are gone although the row is kept; a young row keeps its words."""
    await fill(store, [NINE])
    clock.advance(DAY + 1)
    await fill(store, [clock.now], first=2)
    await sweep(store)
    async with store.engine.connect() as connection:
        found = await connection.execute(sa.select(messages.c.text, messages.c.xml).order_by(messages.c.id))
        assert [(row.text, bool(row.xml)) for row in found] == [(None, False), ("hello", True)]
