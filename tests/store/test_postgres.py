"""PostgreSQL: nothing waits for ever, what is lost is replaced, what is refused is told without a password."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import URL
from support import postgres, proxy
from support.postgres import Own
from support.stored import HELLO, US, entry, incoming, stored_at

from app.delivery.queue import StoredReport
from app.plivo.refusals import Unavailable
from app.policies.usage import Conversation
from app.store import BrokenStore, Store, open_store, server_url
from app.store.locks import LOCKS
from app.store.postgres import PROVEN_SECONDS
from app.store.queries import history

READERS = 5  # connections that a pool keeps


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    """A server whose rules a test may change."""
    with postgres.owned() as server:
        yield server


@asynccontextmanager
async def _behind_a_door(template: str) -> AsyncIterator[tuple[Store, proxy.Proxy, str]]:
    """An open store on TCP, the door in front of it, and the way past the door."""
    async with postgres.database(template) as where:
        with proxy.before(postgres.written(where)) as door:
            url = server_url(f"postgresql://postgres@127.0.0.1:{door.port}/{where.database}")
            async with open_store(stored_at(url), serving=True) as store:
                yield store, door, postgres.written(where)


async def _refused(store: Store, message_uuid: str) -> str:
    with pytest.raises(Unavailable) as refused:
        await store.journal.record(entry(message_uuid))
    return str(refused.value)


async def test_a_lock_ends_a_group_once(template: str) -> None:
    """G4: a table that somebody holds costs a group of writes, and a read, some 4 s in all; then all goes on."""
    async with _behind_a_door(template) as (store, _, url):
        other = await asyncpg.connect(url)
        await other.execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        reading = asyncio.create_task(history(store.engine, "held-1", 1))
        said = await asyncio.gather(*(_refused(store, f"held-{number}") for number in range(20)))
        with pytest.raises(Unavailable):
            await reading
        assert time.monotonic() - started < 30  # 4 s, perhaps in two groups; one by one it would take 80
        await other.close()
        await store.journal.record(entry("free"))
    assert set(said) == {"the store cannot write: the database ended the statement or is shutting down"}


async def test_a_silent_server_is_not_waited_for(template: str) -> None:
    """A server that hangs costs seconds; when it speaks again, so does the store, and a stop waits for nobody."""
    async with _behind_a_door(template) as (store, door, _):
        await store.journal.record(entry("before"))
        door.stall()
        started = time.monotonic()
        assert await _refused(store, "silent") == "the store cannot write: the database does not answer"
        assert time.monotonic() - started < 60  # TCP would wait for minutes
        door.go_on()
        async with asyncio.timeout(20):
            await store.journal.record(entry("after"))
        door.stall()
        started = time.monotonic()
    assert time.monotonic() - started < 30


async def test_lost_connections_are_replaced_in_time(template: str) -> None:
    """A server that failed over without a word: the first answer on the new one comes within Plivo's deadline."""
    async with _behind_a_door(template) as (store, door, _):
        await asyncio.gather(*(history(store.engine, "nobody", 1) for _ in range(4 * READERS)))
        door.lose()
        await asyncio.sleep(PROVEN_SECONDS)  # until then a connection is trusted without being asked
        async with asyncio.timeout(8):
            await store.journal.record(entry("first"))


async def test_what_waits_is_bounded_by_the_server(template: str) -> None:
    """Statements end, and so does a transaction whose client is gone."""
    async with (
        postgres.database(template) as where,
        open_store(stored_at(where), serving=False) as store,
        store.engine.connect() as connection,
    ):
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "application_name")
        shown = [(await connection.execute(sa.text(f"SHOW {name}"))).scalar_one() for name in names]
    assert shown == ["4s", "10s", "plivo-autoreply"]


async def test_a_report_with_nul_is_stored(template: str) -> None:
    """A signed report is never refused for what it says; PostgreSQL keeps it without the NUL that it cannot hold."""
    async with postgres.database(template) as where, open_store(stored_at(where), serving=False) as store:
        await asyncio.gather(*(store.queue.accept(incoming(number, status="deli\0vered")) for number in (1, 2)))
        got = await store.queue.lease("crm", 2, 60.0)
    reports = [one.content.report for one in got if isinstance(one.content, StoredReport)]
    assert [report.status for report in reports] == ["delivered", "delivered"]


async def test_more_people_than_locks_write_at_once(template: str) -> None:
    """A group of a thousand people takes one lock for all, so that a server's room for locks is never used up."""
    async with postgres.database(template) as where, open_store(stored_at(where), serving=False) as store:
        people = [f"337{number:08d}" for number in range(2 * LOCKS)]
        given = await asyncio.gather(*(store.journal.record(entry(one, pair=Conversation(US, one))) for one in people))
    assert {one.xml for one in given} == {HELLO.xml}


async def test_a_migration_waits_for_another(template: str) -> None:
    """Several start at once: whoever comes second waits for the first one's migration longer than for any statement."""
    async with postgres.database(template, "template1") as where:
        first = await asyncpg.connect(postgres.written(where))
        await first.execute("BEGIN; SELECT pg_advisory_xact_lock(7201120)")
        opening = asyncio.create_task(_open(where))
        _, waiting = await asyncio.wait([opening], timeout=4.5)
        assert waiting == {opening}
        await first.close()
        await opening


async def _open(where: URL) -> None:
    async with open_store(stored_at(where), serving=False):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:p%40ss@db.example.com:5433/replies",
        "postgresql:///replies?host=/run/postgresql",
        "postgresql://db/replies?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://db/replies?sslmode=disable",
    ],
)
def test_urls_of_operators_are_read(text: str) -> None:
    """As libpq takes them; the driver reads the parameters itself."""
    url = server_url(text)
    assert url.database == "replies"
    assert postgres.written(url).partition("?")[2].replace("%2F", "/") == text.partition("?")[2]


async def test_what_the_server_refuses_is_told(own: Own) -> None:
    """TLS that it has not, a database, a user, a password: a sentence of ours with advice."""
    await postgres.execute(own.url, "CREATE ROLE locked LOGIN PASSWORD 'right'")
    own.let_in("local all locked scram-sha-256")
    with proxy.before(own.url) as door:
        place = f"127.0.0.1:{door.port}"
        assert "does not offer TLS" in await _broken(f"postgresql://postgres@{place}/postgres?sslmode=require")
        assert "there is no database of this name" in await _broken(f"postgresql://postgres@{place}/nowhere")
        for user in ("nobody", "locked:wrong-pass"):
            said = await _broken(f"postgresql://{user}@{place}/postgres")
            assert (
                "the database refuses this user or password; check that the server is running and accepts this user"
                in said
            )
    assert "Connection refused" in await _broken(f"postgresql://locked:wrong-pass@{place}/postgres")


async def _broken(url: str) -> str:
    with pytest.raises(BrokenStore) as broken:
        await _open(server_url(url))
    assert "wrong-pass" not in str(broken.value)
    return str(broken.value)


async def test_a_password_may_stand_in_a_passfile(own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPASSFILE is read as libpq reads it, so that the URL in the config needs no secret."""
    await postgres.execute(own.url, "CREATE ROLE filed LOGIN SUPERUSER PASSWORD 'only-here'")
    own.let_in("local all filed scram-sha-256")
    with proxy.before(own.url) as door:
        file = tmp_path / "pgpass"
        await asyncio.to_thread(file.write_text, f"127.0.0.1:{door.port}:*:filed:only-here\n")
        await asyncio.to_thread(file.chmod, 0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        await _open(server_url(f"postgresql://filed@127.0.0.1:{door.port}/postgres"))
