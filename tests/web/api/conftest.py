"""A service in this process with a store that holds a bit of everything, and its API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import inside
from support.api import Api, api_of
from support.stored import HELLO, SILENCE, arrival, claim, entry, incoming, opted

from app.delivery.queue import Settlement
from app.policies.usage import Conversation
from app.replies.journal import FailedCall
from app.service import Service
from app.store import Store, people
from app.store.people import Changes

SHOP, BAR, ANN, BOB = "33644600000", "33644600001", "33612345671", "33612345672"
CONFIG = f"""
country = "FR"
[[routes]]
name = "shop"
to = ["+{SHOP}", "+{BAR}"]
rules = ["hours", "bot", "ack"]
[rules.hours.keywords]
HOURS = "Open Mon-Fri 9:00-18:00."
[rules.bot]
webhook = "http://127.0.0.1:9/"
[rules.ack]
text = "Thanks, we got your message."
[targets.crm]
url = "http://127.0.0.1:9/"
statuses = ["read"]
"""


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """A service whose target wants nothing that is stored here."""
    monkeypatch.setattr("app.operations.steps.PAUSE", 0.0)
    async with inside.serving(tmp_path, CONFIG) as service:
        yield service


@pytest.fixture
async def api(service: Service) -> Api:
    """Its API, over an empty store."""
    return api_of(service)


@pytest.fixture
async def told(api: Api) -> Api:
    """Its API, over a store that holds a bit of everything."""
    await _tell(api.store)
    return api


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """The same, one for all tests of a module: they must not change it."""
    async with inside.serving(tmp_path_factory.mktemp("shared"), CONFIG) as service:
        await _tell(service.store)
        yield api_of(service)


async def _tell(store: Store) -> None:
    """Messages with every outcome, reports, deliveries in every state, and an opt-out."""
    pair = Conversation(SHOP, ANN)
    await store.journal.record(entry("message-1", pair=pair, at=1_772_442_000.0))
    await store.journal.record(entry("message-2", SILENCE, pair=Conversation(BAR, BOB), at=1_772_442_060.0))
    await store.journal.record(entry("message-3", HELLO, pair=pair, route="bar", at=1_772_442_120.0, text="x"))
    failed = arrival("message-4", pair=pair, at=1_772_442_180.0)
    await store.journal.claim(claim(failed))
    await store.journal.fail(FailedCall(failed, 503, "bot failed: status 500", rules_failed=True))
    for number, target in ((1, "audit"), (2, "sink"), (3, "sink"), (4, "other")):
        await store.queue.accept(incoming(number, target, at=1_772_442_000.0 + number))
    (leased,) = await store.queue.lease("audit", 1, 60.0)
    dead = Settlement(leased.id, leased.lease, "dead", 9, 0.0, 500, "status 500", 0.25, "<b>no</b>")
    await store.queue.settle(dead)
    (leased,) = await store.queue.lease("other", 1, 60.0)
    await store.queue.settle(Settlement(leased.id, leased.lease, "done", 1, 0.0, 200, None, 0.01, "ok"))
    await store.queue.accept(incoming(9, "sink", to=ANN, in_reply_to=None, message_uuid="campaign-1"))
    await store.change(people.change, Changes("test", (opted(out=True, pair=Conversation(SHOP, BOB)),)))
    await store.change(people.change, Changes("test", (opted(out=True, pair=Conversation(BAR, ANN)),)))
    await store.change(people.change, Changes("test", (opted(out=False, pair=Conversation(BAR, ANN)),)))
