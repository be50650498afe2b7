"""A service with a console in this process, and its pages as a browser without JavaScript sees them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx

from app.service import Service
from app.web.admin import make_admin
from support import inside, plivo_sdk, wire

TOKEN = "let-me-in-please"
HOST = "127.0.0.1:9090"


def browser(app: object, host: str = HOST) -> httpx.AsyncClient:
    """A browser of an ASGI application, with cookies of its own."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@dataclass
class Page(HTMLParser):
    """A page: its visible text, its links, and its form token. Fails on markup that is not balanced."""

    status: int
    source: str
    links: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    VOID = ("meta", "link", "input", "br", "hr", "img", "path", "rect", "line")

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.source)
        assert self._open in ([], ["html"]), f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its link."""
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag, which must be the last one that was opened."""
        if tag not in self.VOID:
            assert self._open.pop() == tag, f"</{tag}> out of order"

    def handle_data(self, data: str) -> None:
        """Note visible text."""
        if self._open and self._open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that can be read, with single blanks."""
        return " ".join("".join(self.words).split())

    @property
    def form_token(self) -> str:
        """The CSRF token of its forms."""
        found = re.search(r'name="form_token" value="([^"]+)"', self.source)
        assert found
        return found[1]


def read(answer: httpx.Response) -> Page:
    """A response as a page."""
    return Page(answer.status_code, answer.text)


ADMIN = f"""
[admin]
listen = "127.0.0.1:9090"
token = "{TOKEN}"
hosts = ["sms-admin.example.com"]
test_senders = ["+33600000001"]
"""
RULES = """
[[routes]]
name = "shop"
to = ["+33644600000", "+33644600001"]
rules = ["menu", "ack"]
[rules.menu.keywords]
"HOURS" = "Open Mon-Fri 9:00-18:00. “See you”."
[rules.ack]
text = "Thanks, we got your message."
cooldown = "1h"
[targets.crm]
url = "http://127.0.0.1:9/"
"""


@dataclass(frozen=True)
class House:
    """A service, a browser of its console, and Plivo."""

    service: Service
    admin: object
    browser: httpx.AsyncClient

    async def text(self, text: str, **fields: str) -> str:
        """A message from a person, signed; returns its MessageUUID."""
        params = wire.message(**{"Text": text, "To": "33644600000", **fields})
        assert (await inside.tell(self.service, params))[0] == 200
        return dict(params)["MessageUUID"]

    async def report(self, inbound: str, **fields: str) -> str:
        """A delivery report for the answer to a message, signed; returns the MessageUUID that Plivo gave the answer."""
        params = plivo_sdk.report(**fields)
        assert (await inside.tell(self.service, params, f"/report/{inbound}"))[0] == 200
        return dict(params)["MessageUUID"]

    async def page(self, path: str, **more: object) -> Page:
        """A page as the browser gets it."""
        return read(await self.browser.get(path, **more))  # type: ignore[arg-type]

    async def post(self, path: str, page: str = "/console/", **fields: str) -> httpx.Response:
        """A form sent as from this page."""
        token = (await self.page(page)).form_token
        return await self.browser.post(path, data={"form_token": token, **fields})


@asynccontextmanager
async def logged_in(admin: object) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who has the token."""
    async with browser(admin) as person:
        answer = await person.post("/console/login", data={"token": TOKEN})
        assert answer.status_code == 303
        yield person


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    """A service of this folder, with a browser that is logged in."""
    async with inside.serving(folder, RULES + ADMIN) as service:
        assert service.loaded.settings.admin
        admin = make_admin(inside.running(service), service.loaded.settings.admin, service.metrics)
        async with logged_in(admin) as person:
            yield House(service, admin, person)
