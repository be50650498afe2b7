"""The status, targets and deliveries pages in a real browser."""

import pytest
from playwright.sync_api import Browser
from support.browser import PHONE, WIDE, Scheme, visiting
from support.conversation import Served

BOTH = ("light", "dark")
PAGES = {
    "status": "/console/status",
    "status-day": "/console/status?span=day",
    "status-week": "/console/status?span=week",
    "targets": "/console/targets",
    "no-target": "/console/targets?name=nobody",
    "deliveries": "/console/deliveries",
    "every-delivery": "/console/deliveries?state=any",
    "no-delivery": "/console/deliveries?state=dropped",
}
DEAD = "/console/deliveries?target=crm&state=dead"


@pytest.fixture(scope="module")
def died(served: Served) -> Served:
    """The same service, once the first delivery to its broken target is dead."""
    served.service.wait_for("delivery marked dead", target="crm")
    return served


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("scheme", BOTH)
def test_every_page_is_accessible_and_fits(died: Served, browser: Browser, scheme: Scheme, width: int) -> None:
    """In light and dark, on a desk and on a phone, with every detail open."""
    with visiting(browser, died.url, scheme, width) as visit:
        for name, path in PAGES.items():
            page = visit.open(path)
            if name in ("status", "targets", "deliveries"):
                visit.picture(f"{name}-{'phone-' if width == PHONE else ''}{scheme}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            visit.check()


@pytest.mark.parametrize("scheme", BOTH)
def test_charts_can_be_told_apart(died: Served, browser: Browser, scheme: Scheme) -> None:
    """Each colour of a chart has 3:1 on its background (WCAG 1.4.11)."""
    with visiting(browser, died.url, scheme) as visit:
        page = visit.open("/console/status")
        colours = page.evaluate(
            """() => {
            const style = getComputedStyle(document.documentElement);
            return ["--raised", ...[0, 1, 2, 3].map(n => `--series-${n}`)].map(name => style.getPropertyValue(name));
            }"""
        )
        back, *series = map(_luminance, colours)
        assert all(_contrast(back, one) >= 3 for one in series)


def _luminance(colour: str) -> float:
    parts = [int(colour.strip()[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_the_chart_is_a_picture_with_a_sentence(died: Served, browser: Browser) -> None:
    """A screen reader gets the sums in words; the table has the same figures."""
    with visiting(browser, died.url) as visit:
        page = visit.open("/console/status")
        chart = page.locator("#chart-messages")
        label = chart.get_by_role("img").get_attribute("aria-label") or ""
        answered = chart.locator("tfoot td").nth(0).text_content()
        assert f"{answered} answered" in label
        assert chart.locator("svg rect").count() > 2


@pytest.mark.parametrize("scripts", [True, False])
def test_pause_and_resume(died: Served, browser: Browser, scripts: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """By its buttons, with JavaScript and without."""
    with visiting(browser, died.url, scripts=scripts) as visit:
        page = visit.open("/console/targets?name=archive")
        page.click("main button:has-text('Pause')")
        assert "archive is paused: its reports are kept." in page.inner_text("[role=status] >> nth=0")
        page.click("main button:has-text('Resume')")
        assert "archive is resumed." in page.inner_text("main")
        assert visit.faults == []


@pytest.mark.parametrize("scripts", [True, False])
def test_replay_by_the_keyboard(died: Served, browser: Browser, scripts: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """A delivery is ticked and replayed by keys alone, after a page that says what will be done."""
    with visiting(browser, died.url, scripts=scripts) as visit:
        page = visit.open(DEAD)
        page.locator("tbody input[type=checkbox]").first.focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Replay ticked").press("Enter")
        page.wait_for_url("**/confirm")
        assert "Replay 1 delivery?" in page.inner_text("h1")
        page.get_by_role("button", name="Replay", exact=True).press("Enter")
        page.wait_for_url("**/deliveries?*")
        assert "1 delivery due again." in page.inner_text("main")
        assert visit.faults == []
