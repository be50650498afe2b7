"""The message pages in a real browser: seen, operated by keyboard, with and without JavaScript."""

import pytest
from playwright.sync_api import Browser
from support import process
from support.browser import PHONE, TABLET, WIDE, Scheme, Visit, visiting
from support.conversation import Served

BOTH = ("light", "dark")


def _uuid_of(served: Served, sender: str) -> str:
    """The MessageUUID of the first message of a person."""
    link = process.run("history", sender, "--json", cwd=served.service.folder).stdout
    return link.partition('"message_uuid": "')[2].partition('"')[0]


@pytest.mark.parametrize("width", [WIDE, TABLET, PHONE])
@pytest.mark.parametrize("scheme", BOTH)
def test_every_page_is_accessible_and_fits(served: Served, browser: Browser, scheme: Scheme, width: int) -> None:
    """In light and dark, on a desk, a tablet and a phone: axe finds no serious fault, nothing is cut off, no error
    is logged; the texts of strangers are text.
    """
    uuids = {sender: _uuid_of(served, f"+3370000000{sender}") for sender in (1, 2, 6)}
    pages = {
        "messages": "/console/",
        "filtered": "/console/?outcome=silent&number=%2B33700000005",
        "nothing": "/console/?number=%2B33799999999",
        "message": f"/console/messages/{uuids[1]}",
        "undelivered": f"/console/messages/{uuids[2]}",
        "evil": f"/console/messages/{uuids[6]}",
        "person": "/console/people/+33700000004",
        "forget": "/console/people/+33700000004/forget",
        "nobody": "/console/people/+33799999999",
    }
    with visiting(browser, served.url, scheme, width) as visit:
        for name, path in pages.items():
            visit.open(path)
            visit.check()
            if width == WIDE and name in ("messages", "message", "person"):
                visit.picture(f"{name}-{scheme}")
        if width == PHONE:
            visit.open(pages["message"])
            visit.picture(f"message-phone-{scheme}")
        visit.page.goto(f"{served.url}/console/nothing-here")
        assert "There is no such page" in visit.page.inner_text("main")


def test_three_clicks_to_why_there_was_no_answer(served: Served, browser: Browser) -> None:
    """From the first page: type the number, find, and the reason is there; one more click has every rule's."""
    with visiting(browser, served.url) as visit:
        page = visit.open("/console/")
        page.fill("#q", "+33 7 00 00 00 05")
        page.click("text=Find")
        assert "cooldown: this sender already got this answer" in page.inner_text("main")
        page.click("tr:has-text('hello again') td:first-child a")
        assert "keywords: no keyword in the text" in page.inner_text("main")


def test_the_keyboard_alone_is_enough(served: Served, browser: Browser) -> None:
    """The first Tab is the way to the content; a filter and a link are reached and used by keys."""
    with visiting(browser, served.url) as visit:
        page = visit.open("/console/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("+33700000001")
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/?number=*")
        assert page.locator("#rows tbody tr").count() == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_opt_outs_by_hand(served: Served, browser: Browser, scripts: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """Added and ended on the page of the person, with JavaScript and without."""
    with visiting(browser, served.url, scripts=scripts) as visit:
        page = visit.open("/console/people/+33700000007")
        page.click("button:has-text('Opt out')")
        assert "+33700000007 gets nothing from +33644600000." in page.inner_text("[role=status] >> nth=0")
        page.click("summary:has-text('End this opt-out')")
        page.click("button:has-text('End the opt-out')")
        assert "gets messages from +33644600000." in page.inner_text("main")
        assert "no opt-out is in force" in page.inner_text("main")
        assert visit.faults == []


def test_a_person_is_erased(served: Served, browser: Browser) -> None:
    """After a page that says what goes; the messages are gone from the list."""
    served.text("+33700000009", "forget me")
    with visiting(browser, served.url) as visit:
        page = visit.open("/console/people/+33700000009")
        page.click("text=Erase everything about this person")
        assert "1 message" in page.inner_text("main")
        page.click("button:has-text('Erase')")
        assert "of +33700000009 erased." in page.inner_text("main")
        assert "forget me" not in page.inner_text("main")


def _rows(visit: Visit) -> list[str]:
    return [text.split("\t")[3] for text in visit.page.locator("#rows tbody tr").all_inner_texts()]


def test_what_is_shown_is_what_the_store_holds(served: Served, browser: Browser) -> None:
    """Each message of the store has one row, in order."""
    with visiting(browser, served.url) as visit:
        visit.open("/console/")
        shown = _rows(visit)
    texts = process.run("history", "+33644600000", "--json", cwd=served.service.folder).stdout
    for text in ("Hours?", "STOP", "hello again", "Price of the pizza with four cheeses, please"):
        assert text in shown
        assert text in texts
