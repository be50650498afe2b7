"""A service in this process, called through its public application: no socket, and every part is real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.config import load
from app.operations.reload import ReloadResult
from app.operations.running_service import RunningService
from app.service import Service, open_service
from support import plivo_sdk, scrape
from support.stored import put_store

HEAD = """
[server]
public_url = "https://sms.example.com"
[plivo]
auth_tokens = "test-auth-token-1234"
[store]
url = "sqlite:///{folder}/autoreply.db"
"""
TOKEN = "test-auth-token-1234"


def written(folder: Path, config: str) -> Path:
    """The file of this configuration, after `HEAD`."""
    file = folder / "config.toml"
    file.write_text(HEAD.format(folder=folder) + config)
    return file


@asynccontextmanager
async def serving(folder: Path, config: str) -> AsyncIterator[Service]:
    """A service of this configuration, after `HEAD`."""
    put_store(folder / "autoreply.db")
    async with open_service(load(written(folder, config)), lambda: None) as service:
        yield service


def running(service: Service) -> RunningService:
    """What the console asks of it."""

    async def reload() -> ReloadResult:
        return ReloadResult(service.loaded.runtime.version)

    return service.running(reload)


async def tell(service: Service, fields: plivo_sdk.Pairs, path: str = "/message") -> tuple[int, str]:
    """One signed call of Plivo: its status and its body."""
    url = f"https://sms.example.com{path}"
    headers = plivo_sdk.headers("POST", url, fields, "V3", token=TOKEN)
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
        form = {"content-type": "application/x-www-form-urlencoded"}
        response = await client.post(urlsplit(url).path, content=plivo_sdk.form(fields), headers=headers | form)
    return response.status_code, response.text


def counted(service: Service, name: str, **labels: str) -> float:
    """One series of the metrics; 0 if there is none."""
    found = scrape.series(service.metrics.text()[0].decode())
    try:
        return scrape.value(found, name, **labels)
    except KeyError:
        return 0.0
