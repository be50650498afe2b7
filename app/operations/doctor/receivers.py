"""Whether the hosts of targets and webhooks are reached: name, port and certificate. Nothing is posted to them."""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.delivery.target import Target
from app.http_client import RequestFailed
from app.http_client.reach import reach
from app.operations.doctor.certificates import of_certificate
from app.operations.doctor.values import Check, error
from app.rules.kinds.webhook import Webhook
from app.rules.table import Table

TIMEOUT = 10.0  # seconds
CONCURRENCY = 10  # connections at a time


@dataclass(frozen=True, slots=True)
class Receiver:
    """A target, or a rule with a webhook."""

    name: str
    url: str = field(repr=False)  # its path and query may hold a secret
    tls: ssl.SSLContext | None = field(repr=False)


async def check_receivers(targets: Mapping[str, Target], table: Table) -> list[Check]:
    """Connect to each receiver once. Raises `BadEnvironment`."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def check(receiver: Receiver) -> Check:
        async with places:
            return await _check(receiver)

    return list(await asyncio.gather(*map(check, _receivers(targets, table))))


def _receivers(targets: Mapping[str, Target], table: Table) -> Iterator[Receiver]:
    for name, target in targets.items():
        yield Receiver(f"target {name}", target.url, target.tls)
    seen = set[str]()
    for route in table.by_name.values():
        for rule in route.rules:
            name = f"rule {rule.name}" if rule.name else f"route {route.name}"
            if isinstance(rule.action, Webhook) and name not in seen:
                seen.add(name)
                yield Receiver(name, rule.action.url, rule.action.tls)


async def _check(receiver: Receiver) -> Check:
    host = urlsplit(receiver.url).netloc
    try:
        return of_certificate(receiver.name, host, await reach(receiver.url, timeout=TIMEOUT, tls=receiver.tls))
    except RequestFailed as failure:
        what = f"{host} cannot be reached: {failure}"
        return error(receiver.name, what, "is it running, and may this machine connect to it?")
