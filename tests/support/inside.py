"""A service in this process, called through its public application: no socket, and every part is real."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.config import load
from app.operations.reload import ReloadResult
from app.operations.running_service import RunningService
from app.service import Service, open_service
from support import plivo_sdk, process, scrape, wire
from support.stored import put_store

HEAD = process.HEAD.replace('{ env = "PLIVO_AUTH_TOKEN" }', f'"{plivo_sdk.TOKEN}"')  # needs no environment


def written(folder: Path, config: str) -> Path:
    """The file of this configuration, after `HEAD`, with a store in the same folder."""
    file = folder / "config.toml"
    file.write_text(f'[store]\nurl = "sqlite:///{folder}/autoreply.db"\n{HEAD}{config}')
    return file


@asynccontextmanager
async def serving(
    folder: Path, config: str = process.THANKS, on_fault: Callable[[], None] = lambda: None, **options: Any
) -> AsyncIterator[Service]:
    """A service of this configuration, after `HEAD`; `options` are those of `open_service`."""
    put_store(folder / "autoreply.db")
    async with open_service(load(written(folder, config)), on_fault, **options) as service:
        yield service


def running(service: Service) -> RunningService:
    """What the console asks of it."""

    async def reload() -> ReloadResult:
        return ReloadResult(service.loaded.runtime.version)

    return service.running(reload)


async def call(service: Service, fields: plivo_sdk.Pairs, path: str = "/message") -> httpx.Response:
    """One signed call of Plivo."""
    url = f"{wire.PUBLIC}{path}"
    headers = plivo_sdk.headers("POST", url, fields) | {"content-type": "application/x-www-form-urlencoded"}
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
        return await client.post(urlsplit(url).path, content=plivo_sdk.form(fields), headers=headers)


async def tell(service: Service, fields: plivo_sdk.Pairs, path: str = "/message") -> tuple[int, str]:
    """One signed call of Plivo: its status and its body."""
    response = await call(service, fields, path)
    return response.status_code, response.text


def counted(service: Service, name: str, **labels: str) -> float:
    """One series of the metrics; 0 if there is none."""
    found = scrape.series(service.metrics.text()[0].decode())
    try:
        return scrape.value(found, name, **labels)
    except KeyError:
        return 0.0
