"""G6 and G7 at work: a real queue on a real file, a clock that is driven, receivers that misbehave."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest
from plivo.utils import validate_signature
from plivo.utils.signature_v3 import validate_v3_signature
from standardwebhooks import Webhook
from support import receiver
from support.stored import NINE, Clock, backlog, incoming, opened

from app.delivery import worker
from app.delivery.dispatcher import Dispatcher
from app.delivery.monitor import Monitor
from app.delivery.queue import Accepted, Delivery, IncomingReport, Settlement, TargetStatus, Unavailable
from app.delivery.target import Target
from app.delivery.worker import Clocks, TargetWorker
from app.http_client import HttpClient, Secret
from app.plivo.signature import Token
from app.store import Store
from app.store import delivery_commands as commands
from app.store.instances import StoredInstances
from app.store.queries import list_deliveries
from app.store.records import DeliveryRecord
from app.store.selection import Selection

Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Bell:
    """Wakes a test when anything has happened, so that none has to sleep."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, enough: Callable[[], bool]) -> None:
        """Returns once it is so; fails after ten seconds."""
        async with asyncio.timeout(10):
            while not enough():
                self.rung.clear()
                await self.rung.wait()


@dataclass
class Watched:
    """The real queue, watched; it may be told to fail, or to be slow to lease."""

    store: Store
    bell: Bell
    leased: list[tuple[str, int]] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)  # of the next calls
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, incoming: IncomingReport) -> Accepted:
        """As it is."""
        return await self.store.queue.accept(incoming)

    async def lease(
        self, target: str, count: int, seconds: float, *, longest_due: bool = False, last: int | None = None
    ) -> Sequence[Delivery]:
        """As it is, then waits for `open`."""
        self._refuse()
        got = await self.store.queue.lease(target, count, seconds, longest_due=longest_due, last=last)
        self.leased.append((target, len(got)))
        self.bell.rung.set()
        await self.open.wait()
        return got

    async def settle(self, settlement: Settlement) -> None:
        """As it is."""
        self._refuse()
        await self.store.queue.settle(settlement)
        self.settled.append(settlement)
        self.bell.rung.set()

    def _refuse(self) -> None:
        if self.refusals:
            self.bell.rung.set()
            raise self.refusals.pop()


@dataclass
class Work:
    """A dispatcher at work, seen from outside."""

    clock: Clock
    bell: Bell
    queue: Watched
    workers: dict[str, TargetWorker]
    dispatcher: Dispatcher
    monitor: Monitor
    running: asyncio.Task[None]
    turns: list[float]  # each look at the clock of any worker
    posts: list[tuple[float, httpx.Request]]

    async def put(self, *reports: IncomingReport) -> None:
        """Reports come in."""
        for one in reports:
            await self.queue.accept(one)
        self.dispatcher.wake(tuple(self.workers))

    async def settled(self, count: int) -> None:
        """So many outcomes are written."""
        await self.bell.until(lambda: len(self.queue.settled) >= count)

    async def posted(self, count: int) -> None:
        """So many posts have arrived."""
        await self.bell.until(lambda: len(self.posts) >= count)

    def later(self, seconds: float) -> None:
        """Time goes by, and the workers look again."""
        self.clock.advance(seconds)
        self.dispatcher.wake(tuple(self.workers))

    async def leases_nothing(self) -> None:
        """The one worker looks, and finds nothing that is due."""
        (name,) = self.workers
        looks = len(self.queue.leased)
        self.workers[name].wake()
        await self.bell.until(lambda: len(self.queue.leased) > looks)
        assert self.queue.leased[looks:] == [(name, 0)]

    async def asks_for_nothing(self) -> None:
        """The one worker looks at the clock, and does not even ask the store."""
        (worker,) = self.workers.values()
        turns, looks = len(self.turns), len(self.queue.leased)
        worker.wake()
        await self.bell.until(lambda: len(self.turns) > turns)
        assert len(self.queue.leased) == looks

    async def rows(self, target: str = "crm") -> list[DeliveryRecord]:
        """Its deliveries, oldest first."""
        return (await list_deliveries(self.queue.store.engine, Selection(target=target), 100))[::-1]


@asynccontextmanager
async def forwarding(path: Path, handler: Handler | None, *targets: Target, start: float = NINE) -> AsyncIterator[Work]:
    """Workers to these targets, whose posts go to `handler`; without one, to real sockets. Jitter is 1."""
    clock, bell = Clock(start), Bell()
    turns: list[float] = []
    posts: list[tuple[float, httpx.Request]] = []

    def look() -> float:
        turns.append(clock.now)
        bell.rung.set()
        return clock.now

    async def answer(request: httpx.Request) -> httpx.Response:
        posts.append((clock.now, request))
        bell.rung.set()
        assert handler is not None
        return await handler(request)

    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(path / "autoreply.db", clock))
        queue = Watched(store, bell)
        queue.open.set()

        def make(target: Target) -> TargetWorker:
            transport = httpx.MockTransport(answer) if handler else None
            client = HttpClient(connections=4, user_agent="test", transport=transport)
            return TargetWorker(target, queue, client, Clocks(look, look, lambda: 1.0), backlog(*targets))

        workers = {target.name: make(target) for target in targets}
        monitor = Monitor(workers, StoredInstances(store.engine, store.change, "server-1"))
        dispatcher = Dispatcher(workers, backlog(*targets), monitor, make)
        running = asyncio.create_task(dispatcher.run())
        try:
            yield Work(clock, bell, queue, workers, dispatcher, monitor, running, turns, posts)
        finally:
            await dispatcher.stop(1.0)
            await asyncio.wait([running])


CRM = Target("crm", "https://crm.example.com/hook", retry=(5.0, 30.0, 120.0))
AUDIT = Target("audit", "https://audit.example.com/hook")


def said(status: int, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer whose body comes as it does from a socket."""

    async def body() -> AsyncIterator[bytes]:
        yield b"thanks"

    return httpx.Response(status, headers=headers, content=body())


def always(status: int, **headers: str) -> Handler:
    """A receiver with one answer."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        return said(status, headers)

    return answer


def name_of(request: httpx.Request) -> str:
    """Which report a post carries."""
    return request.headers["webhook-id"]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_accepted_once_is_delivered_once(tmp_path: Path, status: int) -> None:
    """Any 2xx is done, whatever comes later; what the receiver said is kept."""
    async with forwarding(tmp_path, always(status), CRM) as work:
        await work.put(incoming(1), incoming(1))
        await work.settled(1)
        work.later(1_000_000)
        await work.leases_nothing()
        (row,) = await work.rows()
        assert (row.state, row.attempts, row.status, row.error) == ("done", 1, status, None)
    assert len(work.posts) == 1


@pytest.mark.parametrize("status", [199, 301, 302, 307, 400, 404, 408, 410, 425, 500, 503])
async def test_anything_else_is_tried_by_the_list_until_dead(tmp_path: Path, status: int) -> None:
    """G6: tried after each delay of the list, not before; after the last try visibly dead, never gone."""
    async with forwarding(tmp_path, always(status, location="https://elsewhere.example.com/"), CRM) as work:
        await work.put(incoming())
        for tries, delay in enumerate((5.0, 30.0, 120.0), start=1):
            await work.settled(tries)
            work.later(delay - 0.1)
            await work.leases_nothing()
            work.later(0.1)
        await work.settled(4)
        work.later(1_000_000)
        await work.leases_nothing()
        (row,) = await work.rows()
        assert (row.state, row.attempts, row.status) == ("dead", 4, status)
        assert row.error == f"status {status}"
    assert [round(at - NINE, 3) for at, _ in work.posts] == [0.0, 5.0, 35.0, 155.0]
    assert {request.url.host for _, request in work.posts} == {"crm.example.com"}  # a redirect is not followed


async def test_rescheduled_delivery_is_attempted_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delay is kept to, not rounded up to the next poll: here no poll comes in time."""
    monkeypatch.setattr(worker, "POLL", 3600.0)
    async with forwarding(tmp_path, always(500), replace(CRM, retry=(1.0, 120.0))) as work:
        await work.put(incoming())
        await work.settled(1)
        work.clock.advance(1)
        await work.settled(2)


@pytest.mark.parametrize(("asked", "times"), [("20", [0, 20, 50, 170]), ("77", [0, 77, 154, 274])])
async def test_longer_of_retry_after_and_the_list(tmp_path: Path, asked: str, times: list[float]) -> None:
    """A receiver that names its time is not asked before; nor before the list says so."""
    async with forwarding(tmp_path, always(500, **{"retry-after": asked}), CRM) as work:
        await work.put(incoming())
        for tries, (before, at) in enumerate(pairwise(times), start=1):
            await work.settled(tries)
            work.later(at - before - 0.1)
            await work.leases_nothing()
            work.later(0.1)
        await work.settled(4)
        assert [row.state for row in await work.rows()] == ["dead"]
    assert [round(at - NINE, 3) for at, _ in work.posts] == times


async def test_refused_connection_is_a_failure_like_any_other(tmp_path: Path) -> None:
    """Nobody listens: put off by the list, delivered when somebody does. Real sockets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port
        target = replace(CRM, url=f"http://127.0.0.1:{taken.getsockname()[1]}/hook")
        async with forwarding(tmp_path, None, target) as work:
            await work.put(incoming())
            await work.settled(1)
            (row,) = await work.rows()
            assert (row.state, row.attempts, row.status) == ("due", 1, None)
            assert row.error
            assert row.error.startswith("could not connect")
            assert row.due_at == NINE + 5


async def test_real_receiver_gets_lowest_sequence_first(tmp_path: Path) -> None:
    """Over a real socket, one at a time: by Sequence, as the JSON that the documents promise."""
    with receiver.receiving() as crm:
        target = replace(CRM, url=f"{crm.url}/hook", concurrency=1, headers={"authorization": "Bearer x"})
        async with forwarding(tmp_path, None) as work:  # without workers, so that all are due when the worker begins
            await work.put(*(incoming(number, sequence=sequence) for number, sequence in ((1, 2), (2, 1), (3, 3))))
        async with forwarding(tmp_path, None, target) as work:
            await work.settled(3)
        got = crm.wait_for(lambda received: len(received) == 3)
    assert [one.headers["webhook-id"] for one in got] == ["report-2", "report-1", "report-3"]
    assert [json.loads(one.body)["data"]["sequence"] for one in got] == [1, 2, 3]
    assert {(one.path, one.headers["authorization"], one.headers["content-type"]) for one in got} == {
        ("/hook", "Bearer x", "application/json")
    }


async def test_hanging_target_delays_no_other(tmp_path: Path) -> None:
    """G7: while one target holds all its places, another gets everything."""
    hanging = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "crm.example.com":
            await hanging.wait()
        return said(204)

    async with forwarding(tmp_path, answer, CRM, AUDIT) as work:
        await work.put(*(incoming(number, "crm", "audit") for number in range(8)))
        await work.settled(8)
        assert [row.state for row in await work.rows("audit")] == ["done"] * 8
        assert [row.state for row in await work.rows("crm")] == ["due"] * 8
        assert sum(request.url.host == "crm.example.com" for _, request in work.posts) == CRM.concurrency
        hanging.set()
        await work.settled(16)


async def test_timeout_is_a_failure(tmp_path: Path) -> None:
    """A whole attempt is bounded: a receiver that never answers costs its timeout, not the worker."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with forwarding(tmp_path, answer, replace(CRM, timeout=0.05)) as work:
        await work.put(incoming())
        await work.settled(1)
        (row,) = await work.rows()
        assert (row.state, row.error) == ("due", "no answer within 0.05 s")


async def test_no_more_at_a_time_than_the_target_allows(tmp_path: Path) -> None:
    """`concurrency` bounds attempts under way; each that ends makes place for the next."""
    under_way = most = 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return said(204)

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=2)) as work:
        await work.put(*(incoming(number) for number in range(7)))
        await work.settled(7)
    assert most == 2


async def test_webhook_id_is_the_report_over_tries_and_targets(tmp_path: Path) -> None:
    """G6: a receiver can tell a repeat by its id; the body is the same, too."""
    async with forwarding(tmp_path, always(500), CRM, AUDIT) as work:
        await work.put(incoming(7, "crm", "audit"))
        await work.settled(2)
        work.later(5)
        await work.settled(4)
    assert [name_of(request) for _, request in work.posts] == ["report-7"] * 4
    assert len({request.content for _, request in work.posts}) == 1
    stamps = [request.headers["webhook-timestamp"] for _, request in work.posts]
    assert stamps == ["1772442000", "1772442000", "1772442005", "1772442005"]


async def test_signature_is_that_of_standard_webhooks(tmp_path: Path) -> None:
    """The reference library accepts each post with the new secret and with the old one."""
    secrets = [f"whsec_{base64.b64encode(bytes([number] * 24)).decode()}" for number in (1, 2)]
    target = replace(CRM, secrets=tuple(Secret(secret) for secret in secrets))
    async with forwarding(tmp_path, always(204), target, start=time.time()) as work:
        await work.put(incoming())
        await work.settled(1)
    ((_, request),) = work.posts
    for secret in secrets:
        told = Webhook(secret).verify(request.content.decode(), dict(request.headers))
        assert told["data"]["message_uuid"] == "reply-1"


async def test_plivo_signature_is_accepted_by_plivos_sdk(tmp_path: Path) -> None:
    """`plivo_signature`: a handler that validates with the SDK takes a forwarded report as if Plivo had sent it."""
    url = "https://crm.example.com/hook?shop=roma"
    target = replace(CRM, url=url, format="plivo", plivo_token=Token("a-token"))
    async with forwarding(tmp_path, always(204), target) as work:
        await work.put(incoming())
        await work.settled(1)
    ((_, request),) = work.posts
    fields = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    nonce, signature = request.headers["X-Plivo-Signature-V2-Nonce"], request.headers["X-Plivo-Signature-V2"]
    assert validate_signature(url, nonce, signature, "a-token")
    nonce, signature = request.headers["X-Plivo-Signature-V3-Nonce"], request.headers["X-Plivo-Signature-V3"]
    assert validate_v3_signature("POST", url, nonce, "a-token", signature, fields)
    assert not validate_v3_signature("POST", url, nonce, "a-token", signature, fields | {"Status": "failed"})


async def test_unsigned_post_says_so(tmp_path: Path) -> None:
    """Without secrets there is an id and a timestamp, and no signature to be trusted by mistake."""
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.put(incoming())
        await work.settled(1)
    assert "webhook-signature" not in work.posts[0][1].headers


async def test_paused_target_gets_nothing_until_resumed(tmp_path: Path) -> None:
    """An operator's pause holds everything back and loses nothing, and uses up no try."""
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.queue.store.change(commands.pause, commands.Pause("ann", "crm"))
        await work.put(incoming())
        await work.leases_nothing()
        await work.queue.store.change(commands.resume, commands.Pause("ann", "crm"))
        work.later(0)
        await work.settled(1)
        assert [(row.state, row.attempts) for row in await work.rows()] == [("done", 1)]


async def test_broken_target_is_probed_and_uses_up_no_try(tmp_path: Path) -> None:
    """Five failures pause; one probe after 2, 5, 10 s; tries are as before; one success resumes all."""
    answers = iter([500] * 7 + [204] * 100)

    async def answer(_request: httpx.Request) -> httpx.Response:
        return said(next(answers))

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=1, retry=(1000.0,))) as work:
        await work.put(*(incoming(number) for number in range(5)))
        await work.settled(5)
        await work.put(*(incoming(number) for number in range(5, 9)))
        for count, wait in ((6, 2.0), (7, 5.0)):
            work.later(wait - 0.1)
            await work.asks_for_nothing()
            work.later(0.1)
            await work.settled(count)
            assert len(work.posts) == count  # one probe, however much waits
        assert [row.attempts for row in await work.rows()] == [1] * 5 + [0] * 4
        work.later(10)
        await work.settled(11)
        rows = await work.rows()
        assert [row.state for row in rows] == ["due"] * 5 + ["done"] * 4


async def test_one_bad_report_does_not_keep_a_target_paused(tmp_path: Path) -> None:
    """Nothing waits for a failing one: each probe is another delivery, so a good one gets its turn."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return said(500 if name_of(request) in {f"report-{number}" for number in range(5)} else 204)

    async with forwarding(tmp_path, answer, replace(CRM, retry=(1.0,) * 9)) as work:
        await work.put(*(incoming(number, sequence=1) for number in range(5)))
        await work.settled(5)
        await work.put(incoming(99, sequence=3))
        for count, wait in enumerate((2.0, 5.0, 10.0, 20.0, 40.0, 60.0), start=6):
            work.later(wait)
            await work.settled(count)
        assert (await work.rows())[-1].state == "done"


async def test_attempts_under_way_finish_in_a_stop(tmp_path: Path) -> None:
    """A stop waits for what is on its way and leases nothing more."""
    finish = asyncio.Event()

    async def answer(_request: httpx.Request) -> httpx.Response:
        await finish.wait()
        return said(204)

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=1)) as work:
        await work.put(incoming(1), incoming(2))
        await work.posted(1)
        stopping = asyncio.create_task(work.dispatcher.stop(10.0))
        await asyncio.wait([work.running])
        finish.set()
        await stopping
        assert [row.state for row in await work.rows()] == ["done", "due"]
        assert [row.attempts for row in await work.rows()] == [1, 0]


async def test_late_attempts_fall_due_at_once(tmp_path: Path) -> None:
    """What a stop cuts off is not left to the end of its lease: the next start posts it."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with forwarding(tmp_path, answer, CRM) as work:
        await work.put(incoming())
        await work.posted(1)
        await work.dispatcher.stop(0.05)
        (row,) = await work.rows()
        assert (row.state, row.due_at, row.leased, row.error) == ("due", NINE, False, "interrupted by a shutdown")
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.settled(1)
        assert [row.state for row in await work.rows()] == ["done"]


async def test_stop_during_a_lease_begins_nothing(tmp_path: Path) -> None:
    """What the store hands out after the stop goes back at once, untried: no POST begins behind the stop."""
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.leases_nothing()
        work.queue.open.clear()
        await work.put(incoming())
        await work.bell.until(lambda: ("crm", 1) in work.queue.leased)
        await work.dispatcher.stop(10.0)
        work.queue.open.set()
        await asyncio.wait([work.running])
        assert work.posts == []
        (row,) = await work.rows()
        assert (row.state, row.due_at, row.leased, row.attempts) == ("due", NINE, False, 0)


async def test_store_that_cannot_settle_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    """An outcome that is not written would be a second POST."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        work.queue.refusals.append(Unavailable("disk full"))
        return said(204)

    async with forwarding(tmp_path, answer, CRM) as work:
        await work.put(incoming())
        await work.settled(1)
        assert [row.state for row in await work.rows()] == ["done"]
    assert len(work.posts) == 1


async def test_store_that_cannot_lease_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    """A worker outlives a store that is away."""
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.leases_nothing()
        work.queue.refusals.append(Unavailable("disk full"))
        work.later(0)
        await work.bell.until(lambda: not work.queue.refusals)
        await work.put(incoming())
        await work.settled(1)


async def test_delivery_that_breaks_is_tried_and_dies_like_others(tmp_path: Path) -> None:
    """An exception that nobody expected does not make a delivery come back for ever, nor end the worker."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if name_of(request) == "report-1":
            raise LookupError
        return said(204)

    async with forwarding(tmp_path, answer, replace(CRM, retry=(5.0,))) as work:
        await work.put(incoming(1), incoming(2))
        await work.settled(2)
        work.later(5)
        await work.settled(3)
        told = [(row.state, row.error) for row in await work.rows()]
        assert told == [("dead", "cannot be sent: LookupError"), ("done", None)]


async def test_broken_probe_is_followed_by_another(tmp_path: Path) -> None:
    """A probe that breaks must not keep its target paused for ever."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        if len(work.posts) <= 6:
            raise LookupError
        return said(204)

    async with forwarding(tmp_path, answer, CRM) as work:
        await work.put(*(incoming(number) for number in range(5)))
        await work.settled(5)
        await work.put(incoming(5))
        for count, wait in ((6, 2.0), (7, 5.0)):
            work.later(wait)
            await work.settled(count)
        assert "done" in [row.state for row in await work.rows()]


async def test_fault_of_a_lane_ends_the_forwarder(tmp_path: Path) -> None:
    """A service that takes reports in and no longer forwards them must not look healthy."""
    async with forwarding(tmp_path, always(204), CRM, AUDIT) as work:
        work.queue.refusals.append(LookupError("a fault of ours"))
        work.later(0)
        async with asyncio.timeout(5):
            await asyncio.wait([work.running])
        assert isinstance(work.running.exception(), ExceptionGroup)


async def test_stopped_forwarder_ends_without_error(tmp_path: Path) -> None:
    """`run` returns after `stop`, and a second stop is no harm."""
    async with forwarding(tmp_path, always(204), CRM) as work:
        await work.dispatcher.stop(1.0)
        await work.dispatcher.stop(1.0)
        async with asyncio.timeout(5):
            await work.running


async def test_probe_that_fails_after_the_target_resumed_is_a_common_failure(tmp_path: Path) -> None:
    """An attempt that was under way has resumed the target: the probe's failure counts, and waits by the list."""
    slow, probe = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if name_of(request) == "report-5":
            await slow.wait()
            return said(204)
        if name_of(request) == "report-6":
            await probe.wait()
        return said(500)

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=7)) as work:
        await work.put(incoming(5))
        await work.posted(1)
        await work.put(*(incoming(number) for number in range(5)))
        await work.settled(5)
        await work.put(incoming(6))
        work.later(2)
        await work.posted(7)
        slow.set()
        await work.settled(6)
        probe.set()
        await work.settled(7)
        last = work.queue.settled[-1]
        assert (last.state, last.attempts, last.delay) == ("due", 1, 5.0)


async def test_target_at_429_is_slowed_down(tmp_path: Path) -> None:
    """G7: a target that says 429 gets nothing until it wants more, then half as much at a time."""
    answers = iter([429] * 4 + [204] * 100)
    gate = asyncio.Event()
    under_way: list[int] = [0]

    async def answer(_request: httpx.Request) -> httpx.Response:
        under_way.append(under_way[-1] + 1)
        await gate.wait()
        await asyncio.sleep(0)
        under_way.append(under_way[-1] - 1)
        return said(next(answers), {"retry-after": "7"})

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=4)) as work:
        await work.put(*(incoming(number) for number in range(8)))
        await work.posted(4)
        gate.set()
        await work.settled(4)
        assert max(under_way) == 4
        del under_way[:-1]
        work.later(6.9)
        await work.asks_for_nothing()
        work.later(0.1)
        await work.settled(12)
        assert (under_way[:4], max(under_way) < 4) == ([0, 1, 2, 1], True)  # two, then slowly more
        assert [row.attempts for row in await work.rows()] == [1] * 8


@pytest.mark.parametrize("asked", ["0", "1", "Thu, 01 Jan 1970 00:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_busy_target_costs_no_attempt_however_often_it_says_so(tmp_path: Path, status: int, asked: str) -> None:
    """Longer than the list has delays, and it is left alone more and more like any target that fails; then it gets
    everything.
    """
    answers = iter([status] * 9)

    async def answer(_request: httpx.Request) -> httpx.Response:
        return said(next(answers, 204), {"retry-after": asked})

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=1)) as work:
        await work.put(incoming(1), incoming(2))
        for count in range(1, 10):
            await work.settled(count)
            work.later(60)
        await work.settled(11)
        assert [(row.state, row.attempts) for row in await work.rows()] == [("done", 1)] * 2


async def test_busy_answers_of_one_moment_are_one_failure(tmp_path: Path) -> None:
    """A target that takes half of what it gets is slowed down, not paused."""
    gate = asyncio.Event()

    async def answer(_request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return said(503 if len(work.posts) <= 8 else 204, {"retry-after": "3"})

    async with forwarding(tmp_path, answer, replace(CRM, concurrency=8)) as work:
        await work.put(*(incoming(number) for number in range(8)))
        await work.posted(8)
        gate.set()
        await work.settled(8)
        status = work.workers["crm"].status
        assert (status.condition, status.failures, status.wait) == ("busy", 1, 3.0)
        assert not work.dispatcher.paused
        work.later(5)
        await work.settled(16)
        assert work.workers["crm"].status.condition == "running"


async def test_lone_report_that_is_refused_uses_up_its_attempts(tmp_path: Path) -> None:
    """A verdict on one report is one, also while its target is paused by it: it dies, and holds nothing up."""
    async with forwarding(tmp_path, always(422), replace(CRM, retry=(1.0,) * 7)) as work:
        await work.put(incoming())
        for count in range(1, 8):
            await work.settled(count)
            work.later(60)
        await work.settled(8)
        ((state, attempts),) = [(row.state, row.attempts) for row in await work.rows()]
        assert (state, attempts) == ("dead", 8)


async def test_next_probe_is_another_report(tmp_path: Path) -> None:
    """The report that failed as a probe comes last, however long it has been due; a good one resumes the target."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return said(204 if name_of(request) == "report-9" else 422)

    async with forwarding(tmp_path, answer, replace(CRM, retry=(1.0,) * 9, concurrency=1)) as work:
        await work.put(incoming())
        for count in range(1, 7):  # five failures, and a probe that fails
            await work.settled(count)
            work.later(2)
        await work.put(incoming(9, sequence=9))
        assert work.dispatcher.paused == {"crm"}
        work.later(60)
        await work.bell.until(lambda: not work.dispatcher.paused)
        assert name_of(work.posts[6][1]) == "report-9"


async def test_operator_asks_for_a_probe_at_once(tmp_path: Path) -> None:
    """`resume` of a target that is paused by failures: an attempt now, though all its deliveries wait for the list."""
    well: list[bool] = []

    async def answer(_request: httpx.Request) -> httpx.Response:
        return said(204 if well else 500)

    async with forwarding(tmp_path, answer, replace(CRM, retry=(3600.0,) * 9)) as work:
        await work.put(*(incoming(number) for number in range(5)))
        await work.settled(5)
        assert work.workers["crm"].status == TargetStatus("failing", 5, 2.0, 0)
        well.append(True)
        work.later(1)
        await work.monitor.look()
        await work.queue.store.change(commands.resume, commands.Pause("ann", "crm", probe=True))
        await work.monitor.look()
        await work.settled(6)
        assert not work.dispatcher.paused
        assert [row.state for row in await work.rows()] == ["done"] + ["due"] * 4


async def test_retry_after_counts_for_a_probe_too(tmp_path: Path) -> None:
    """A paused target that says when to come back is not asked for the same report before."""
    async with forwarding(tmp_path, always(500, **{"retry-after": "3600"}), replace(CRM, concurrency=1)) as work:
        await work.put(*(incoming(number) for number in range(6)))
        await work.settled(5)
        work.later(2)
        await work.settled(6)
        assert (work.queue.settled[5].state, work.queue.settled[5].delay) == ("due", 3600.0)
        assert work.queue.settled[5].attempts == 0
