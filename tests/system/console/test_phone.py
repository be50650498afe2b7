"""The phone and the live list in a real browser."""

import pytest
from playwright.sync_api import Browser, Page
from support.browser import PHONE, WIDE, Scheme, visiting
from support.conversation import Served

BOTH = ("light", "dark")
TEST_SENDER = "+33600000001"
DEAR = "Hours?"  # its answer has curly quotes


def _say(page: Page, text: str) -> None:
    """Write a message, send it, and wait for its answer."""
    turns = page.locator("#chat .bubble.in").count()
    page.fill("#say", text)
    page.click("button:has-text('Send')")
    page.locator("#chat .bubble.in").nth(turns).wait_for()


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("scheme", BOTH)
def test_the_phone_is_accessible_and_fits(served: Served, browser: Browser, scheme: Scheme, width: int) -> None:
    """What-if, with and without a conversation, and live; every detail open."""
    with visiting(browser, served.url, scheme, width) as visit:
        page = visit.open("/console/phone")
        visit.check()
        for text in (DEAR, "order 123456", "STOP", "hello?"):
            _say(page, text)
        visit.check()
        page.evaluate("scrollTo(0, 0)")
        visit.picture(f"phone-{'phone-' if width == PHONE else ''}{scheme}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        visit.check()
        page = visit.open(f"/console/phone?mode=live&from=%2B{TEST_SENDER[1:]}&to=%2B33644600000")
        _say(page, f"Price {scheme} {width}")
        visit.check()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_if_is_a_conversation_that_nobody_stores(served: Served, browser: Browser, *, scripts: bool) -> None:
    """Earlier messages count: after STOP there is silence, after START an answer; the history knows nothing of it."""
    with visiting(browser, served.url, scripts=scripts) as visit:
        page = visit.open("/console/phone")
        page.fill("#from", "+33700000123")
        for text in ("STOP", "hello?", "START", DEAR):
            _say(page, text)
        assert page.locator("#chat .turn").count() == 4
        silence = page.locator("#chat .turn").nth(1).inner_text()
        assert "Silence: this person has opted out" in silence
        last = page.locator("#chat .turn").nth(3)
        assert "Open Mon-Fri 9:00-18:00." in last.inner_text()
        assert last.locator("mark.costly").count() == 2
        assert "menu answered" in last.inner_text()
        page.click("button:has-text('Take the last message back')")
        page.locator("#chat .turn").nth(3).wait_for(state="detached")
        visit.open("/console/people/+33700000123")
        assert "Nothing is stored about this number" in page.inner_text("main")
        assert visit.faults == []


@pytest.mark.parametrize("scripts", [True, False])
def test_live_is_a_real_message_of_a_test_sender(served: Served, browser: Browser, *, scripts: bool) -> None:
    """Its answer is in the store, with the rules' reasons; nobody else can be chosen."""
    with visiting(browser, served.url, scripts=scripts) as visit:
        page = visit.open("/console/phone?mode=live")
        assert page.locator("#from option").all_inner_texts() == [TEST_SENDER]
        _say(page, DEAR)
        assert "Open Mon-Fri 9:00-18:00." in page.locator("#chat .turn").last.inner_text()
        page.locator("#chat .turn").last.locator("text=This message").click()
        page.wait_for_url("**/console/messages/*")
        assert 'Answered by "menu"' in page.inner_text("h1")


def test_enter_sends_and_the_focus_stays(served: Served, browser: Browser) -> None:
    """A conversation needs no mouse."""
    with visiting(browser, served.url) as visit:
        page = visit.open("/console/phone")
        page.focus("#say")
        for count, text in enumerate((DEAR, "hello"), 1):
            page.keyboard.type(text)
            page.keyboard.press("Enter")
            page.locator("#chat .bubble.in").nth(count - 1).wait_for()
        page.wait_for_function("document.activeElement.id === 'say'")
        assert page.input_value("#say") == ""


def test_new_messages_appear_by_themselves(served: Served, browser: Browser) -> None:
    """Without a reload, the newest first; the focus stays, and the page says that it is live."""
    with visiting(browser, served.url) as visit:
        page = visit.open("/console/")
        page.locator("#live:has-text('Live')").wait_for()
        link = page.locator("#rows tbody tr a").first
        link.focus()
        focused = page.evaluate("document.activeElement.href")
        served.text("+33700000077", "somebody new")
        page.locator("#rows tbody tr:has-text('somebody new')").wait_for()
        assert "somebody new" in page.locator("#rows tbody tr").first.inner_text()
        assert page.evaluate("document.activeElement.href") == focused
        assert visit.faults == []
