"""Real Chromium, from Debian's package, and what it says of a page."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from support import console

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
SERIOUS = ("serious", "critical")
PICTURES = os.environ.get("PICTURES")  # the folder that pictures are written to; unset: none are
FOR_DOCS = (
    "message-light",
    "message-dark",
    "messages-light",
    "phone-light",
    "status-light",
)  # `make pictures`

Scheme = Literal["light", "dark"]
WIDE, TABLET, PHONE = 1280, 820, 390  # pixels
SIZES = {WIDE: 800, TABLET: 1180, PHONE: 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Visit:
    """A browser's window on the console of a service, logged in, and everything that went wrong in it."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page, and wait until it is loaded."""
        self.page.goto(self.url + path)
        self.page.wait_for_load_state()
        return self.page

    def check(self) -> None:
        """Assert that the page is accessible, fits its window, and that nothing went wrong in it so far."""
        found = Axe().run(self.page).response["violations"]
        serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in SERIOUS]
        assert serious == [], f"{self.page.url}: {serious}"
        width, window = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= window, f"{self.page.url} is {width} wide in a window of {window}"
        assert self.faults == []

    def picture(self, name: str) -> None:
        """Write a picture, if that is asked for: of pages that the docs show, or, outside of docs/, of every page."""
        if PICTURES and (name in FOR_DOCS or not PICTURES.startswith("docs/")):
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@contextmanager
def visiting(
    browser: Browser, url: str, scheme: Scheme = "light", width: int = WIDE, *, scripts: bool = True
) -> Iterator[Visit]:
    """A window of this width in this colour scheme, logged in at the form."""
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme=scheme,
        java_script_enabled=scripts,
        timezone_id="Europe/Paris",
        locale="en-GB",
    )
    visit = Visit(context.new_page(), url)
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    visit.page.on("console", lambda said: visit.faults.append(said.text) if said.type in ("error", "warning") else None)
    try:
        visit.open("/console/login")
        visit.page.fill("#token", console.TOKEN)
        visit.page.click("main button")
        visit.page.wait_for_url("**/console/**")
        yield visit
    finally:
        context.close()
