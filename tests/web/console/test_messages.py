"""The messages page, its filters, one message and a person: what is shown is what the store holds."""

from urllib.parse import quote

import pytest
from support import console
from support.console import House

EVIL = "<script>alert(1)</script><b>x \"' \u202eevil\u202c \x07 {{ 7919*7907 }} {% raw %}"


async def test_each_message_has_a_row_with_its_result(house: House) -> None:
    """The newest first, with who wrote what, and how it ended in a sentence."""
    first = await house.text("Hours", From="33700000001")
    second = await house.text("hello", From="33700000002")
    await house.text("hello again", From="33700000002")
    page = await house.page("/console/")
    assert page.text.index("+33700000002") < page.text.index("+33700000001")
    assert 'Answered by "menu"; no delivery report yet' in page.text
    assert (
        'Not answered: cooldown: this sender already got this answer; available again in 60 min (rule "ack")'
        in page.text
    )
    assert {f"/console/messages/{first}", f"/console/messages/{second}"} <= set(page.links)


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", {"one", "two", "Hours"}),
        ("number=%2B33700000001", {"one", "Hours"}),
        ("number=33644600001", {"two"}),
        ("rule=menu", {"Hours"}),
        ("outcome=answered", {"one", "two", "Hours"}),
        ("outcome=silent", set()),
        ("route=shop", {"one", "two", "Hours"}),
        ("until=2001-01-01T00:00", set()),
        ("since=2001-01-01T00:00&rule=ack", {"one", "two"}),
    ],
)
async def test_filters(house: House, query: str, texts: set[str]) -> None:
    """Each filter leaves exactly its messages; where none is left the page says that this is the filter's doing."""
    await house.text("one", From="33700000001")
    await house.text("Hours", From="33700000001")
    await house.text("two", From="33700000002", To="33644600001")
    page = await house.page(f"/console/?{query}")
    assert {text for text in ("one", "two", "Hours") if f"<bdi>{text}</bdi>" in page.source} == texts
    assert ("No message matches this filter" in page.text) == (not texts)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "since: 'yesterday' is no time"),
        ("outcome=fine", "no outcome is called 'fine'"),
        ("number=%3Cb%3E%20is%20nobody", "'<b> is nobody'"),
        ("cursor=zzz", "cursor"),
        ("since=9999-12-31T23:59&until=0001-01-01T00:00", ""),
    ],
)
async def test_a_filter_that_cannot_be_read_says_so(house: House, query: str, said: str) -> None:
    """In words on the page, with what was written; nothing breaks."""
    page = await house.page(f"/console/?{query}")
    assert page.status == 200
    assert said in page.text
    assert "<b>" not in page.source


async def test_pages_of_messages(house: House) -> None:
    """Fifty on a page; the older ones are one link away, and none is shown twice or left out."""
    for number in range(60):
        await house.text(f"text {number}", From=f"337000{number:05}")
    first = await house.page("/console/")
    (older,) = [link for link in first.links if "cursor=" in link]
    second = await house.page(older)
    shown = [{n for n in range(60) if f"<bdi>text {n}</bdi>" in page.source} for page in (first, second)]
    assert shown == [set(range(10, 60)), set(range(10))]


async def test_one_message(house: House) -> None:
    """Its texts, units, dear characters, each rule with its reason, and what happened when."""
    uuid = await house.text("Hours", From="33700000001")
    page = await house.page(f"/console/messages/{uuid}")
    assert 'Answered by "menu"' in page.text
    assert '<mark class="costly" title="not in GSM-7: this makes the whole text UCS-2">“</mark>' in page.source
    assert "1 unit" in page.text
    for said in ("keyword 'HOURS'", "an earlier rule answered", "Plivo called, call 1: 200", "Plivo got the answer"):
        assert said in page.text
    assert f"plivo-autoreply history {uuid}" in page.text
    assert "&lt;Response&gt;" in page.source


async def test_an_answer_is_found_by_the_id_that_plivo_gave_it(house: House) -> None:
    """Plivo's log has the MessageUUID of the answer: the search, and the page of it, lead to the inbound message."""
    inbound = await house.text("hours", From="33700000001")
    answer = await house.report(inbound, To="33700000001", Status="delivered")
    for path in (f"/console/search?q={answer}", f"/console/search?q={inbound}", f"/console/messages/{answer}"):
        found = await house.browser.get(path)
        assert (found.status_code, found.headers["location"]) == (303, f"/console/messages/{inbound}")


async def test_a_message_that_was_sent_by_other_means(house: House) -> None:
    """Its reports stand on the page of the person, where a search and the links of deliveries lead."""
    uuid = await house.report("unknown-1", To="33700000001", Status="failed", ErrorCode="30")
    for path in (f"/console/search?q={uuid}", f"/console/messages/{uuid}", "/console/messages/unknown-1"):
        found = await house.browser.get(path)
        assert (found.status_code, found.headers["location"]) == (303, "/console/people/+33700000001")
    page = await house.page("/console/people/+33700000001")
    assert "failed, error 30 spam detected" in page.text
    assert uuid in page.text


@pytest.mark.parametrize("uuid", ["00000000-0000-0000-0000-000000000000", "x", "%3Cb%3E", "a%2Fb"])
async def test_a_message_that_is_not_there(house: House, uuid: str) -> None:
    """404 in words."""
    page = await house.page(f"/console/messages/{uuid}")
    assert page.status == 404
    assert "Not Found" in page.text


async def test_texts_of_strangers_harm_no_page(house: House) -> None:
    """HTML is text, control and bidi characters are named, and template syntax is nothing special."""
    uuid = await house.text(EVIL, From="33700000001")
    urls = ("/console/", f"/console/messages/{uuid}", "/console/people/+33700000001")
    for url in (
        *urls,
        f"/console/people/{quote(EVIL)}",
        f"/console/?number={quote(EVIL)}",
        f"/console/search?q={quote(EVIL)}",
    ):
        answer = await house.browser.get(url, follow_redirects=True)
        page = console.read(answer)
        assert "<script>alert" not in page.source
        assert "<b>" not in page.source
        assert not any(character in page.source for character in "\u202e\u202c\x07")
        assert str(7919 * 7907) not in page.text
    for url in urls:
        assert "U+202E" in (await house.page(url)).text


async def test_a_person_who_opted_out(house: House) -> None:
    """Why nothing was sent is on the page that a search for the number opens, with the message that said STOP."""
    stop = await house.text("STOP", From="33700000001")
    await house.text("hello?", From="33700000001")
    answer = await house.browser.get("/console/search?q=+33+7+00+00+00+01")
    page = await house.page(answer.headers["location"])
    assert "No texts from +33644600000" in page.text
    assert f"/console/messages/{stop}" in page.links
    assert "Not answered: this person has opted out" in page.text


async def test_opt_outs_from_the_page(house: House) -> None:
    """An opt-out is added and ended with a record of who did it; the page says what was done, once."""
    await house.text("hello", From="33700000001")
    url = "/console/people/+33700000001"
    answer = await house.post(f"{url}/opt-out", url, number="+33644600000", out="yes")
    assert answer.headers["location"] == url
    assert "+33700000001 gets nothing from +33644600000." in (await house.page(url)).text
    page = await house.page(url)
    assert "gets nothing from +33644600000." not in page.text
    assert "No texts from +33644600000" in page.text
    await house.post(f"{url}/opt-out", url, number="+33644600000", out="no")
    page = await house.page(url)
    assert "gets messages from +33644600000." in page.text
    assert "no opt-out is in force" in page.text
    assert "(console)" in page.text


async def test_an_opt_out_that_is_none_says_what_is_wrong(house: House) -> None:
    """A number that cannot be read changes nothing, and the page says so with 422."""
    answer = await house.post("/console/people/+33700000001/opt-out", number="zzzzzzzzzzzzzz", out="yes")
    page = console.read(answer)
    assert page.status == 422
    assert "That is not possible" in page.text
    assert "zzzzzzzzzzzzzz" in page.text


async def test_limits_are_reset(house: House) -> None:
    """After a reset the cooldown is over: the next text is answered."""
    await house.text("hello", From="33700000001")
    url = "/console/people/+33700000001"
    assert "1 reply and 1 cooldown count" in (await house.page(url)).text
    await house.post(f"{url}/reset", url)
    assert "Limits and cooldowns are reset" in (await house.page(url)).text
    uuid = await house.text("hello again", From="33700000001")
    assert 'Answered by "ack"' in (await house.page(f"/console/messages/{uuid}")).text


async def test_a_person_is_forgotten(house: House) -> None:
    """The page says what would be erased; then it is, but for the opt-out."""
    await house.text("STOP", From="33700000001")
    await house.text("hello", From="33700000001")
    url = "/console/people/+33700000001"
    page = await house.page(f"{url}/forget")
    assert "2 messages" in page.text
    answer = await house.post(f"{url}/forget", f"{url}/forget")
    assert answer.headers["location"] == "/console/"
    assert "of +33700000001 erased." in (await house.page("/console/")).text
    page = await house.page(url)
    assert "No message of this person is stored." in page.text
    assert "No texts from +33644600000" in page.text


async def test_one_of_our_numbers_is_not_forgotten(house: House) -> None:
    """422, with the reason."""
    assert "one of your own numbers" in (await house.page("/console/people/+33644600000/forget")).text


async def test_one_of_our_numbers_is_no_person(house: House) -> None:
    """Its page has the messages to it, and nothing to opt out, reset or erase; so has one that only "*" answers."""
    await house.text("hello", From="33700000001")
    await house.text("hello", From="33700000001", To="33655555555")
    for number in ("+33644600000", "+33655555555"):
        page = await house.page(f"/console/people/{number}")
        assert "This is one of your own numbers." in page.text
        assert "hello" in page.text
        assert "Opt out" not in page.text
        assert "Erase" not in page.text


async def test_nobody(house: House) -> None:
    """A number that never wrote gets a page that says so, not an error."""
    page = await house.page("/console/people/+33799999999")
    assert page.status == 200
    assert "Nothing is stored about this number" in page.text


async def test_an_empty_store_says_what_will_appear(house: House) -> None:
    """And how to try it."""
    assert (
        "No messages yet. They appear here as soon as Plivo calls the service." in (await house.page("/console/")).text
    )


async def test_times_are_in_the_zone_of_the_browser(house: House) -> None:
    """A zone that is none is ignored."""
    await house.text("hello")
    house.browser.cookies.set("autoreply_zone", "Asia/Kolkata")
    assert "Asia/Kolkata (+05:30)" in (await house.page("/console/")).text
    for bad in ("../../etc/passwd", "x" * 5_000, "Asia", "%00"):
        house.browser.cookies.set("autoreply_zone", bad)
        assert (await house.page("/console/")).status == 200


async def test_a_store_that_does_not_respond(house: House) -> None:
    """503 and a page that says whose side it is."""
    async with house.service.store.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE messages RENAME TO gone")
    page = await house.page("/console/")
    assert page.status == 503
    assert "The store does not respond" in page.text
