"""The deliveries page: what is listed, and what replay and drop do after they were confirmed."""

import re

import pytest
import sqlalchemy as sa
from support import console, troubled
from support.console import House, Page

from app.store.schema import deliveries

HOME = "/console/deliveries"


def rows(page: Page) -> list[int]:
    """The ids of the deliveries that a page lists, from the top down."""
    return [int(one) for one in re.findall(r'<tr id="d-(\d+)"', page.source)]


async def states(house: House, target: str = "erp") -> dict[int, str]:
    """The state of each delivery of a target."""
    query = sa.select(deliveries.c.id, deliveries.c.state).where(deliveries.c.target == target)
    async with house.service.store.engine.begin() as connection:
        return {id_: state for id_, state in await connection.execute(query)}  # noqa: C416 - rows, no pairs


async def test_nothing_is_dead(house: House) -> None:
    """The page says what will appear here; a filter that matches nothing says so."""
    assert "No delivery is dead." in (await house.page(HOME)).text
    assert "No delivery matches this filter." in (await house.page(f"{HOME}?state=done")).text
    assert "no target is called" in (await house.page(f"{HOME}?target=%3Cb%3E")).text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", {"dead"}),
        ("?state=due", {"due"}),
        ("?state=any", {"dead", "due"}),
        ("?state=nonsense", {"dead"}),
        ("?target=erp&state=any", {"dead", "due"}),
        ("?status=delivered", {"dead"}),
        ("?status=failed", set()),
    ],
)
async def test_filters(house: House, query: str, wanted: set[str]) -> None:
    """Dead ones unless another state is asked for; newest first."""
    await troubled.trouble(house.service.store)
    known = await states(house) | (await states(house, troubled.LONG) if "target" not in query else {})
    page = await house.page(f"{HOME}{query}")
    assert rows(page) == sorted((one for one, state in known.items() if state in wanted), reverse=True)


async def test_attempts_and_their_answers(house: House) -> None:
    """Each attempt with when it was, what came back and how long it took."""
    await troubled.trouble(house.service.store)
    page = await house.page(f"{HOME}?state=any")
    for said in ("1 attempt", "status 410, after 213 ms", "Gone. <script>", "held back by failures", "delivered of"):
        assert said in page.text
    assert {"/console/messages/past-0", "/console/people/%2B33700000001"} <= set(page.links)


@pytest.mark.parametrize(("verb", "state"), [("replay", "due"), ("drop", "dropped")])
async def test_some_are_ticked(house: House, verb: str, state: str) -> None:
    """The page in between says what would be done, and only those that were ticked change."""
    await troubled.trouble(house.service.store)
    first, second, third = rows(await house.page(f"{HOME}?target=erp"))
    token = (await house.page(HOME)).form_token
    chosen = {"form_token": token, "id": [str(first), str(third)], "state": "dead", "target": "erp"}
    confirm = console.read(await house.browser.post(f"{HOME}/confirm", data=chosen | {"action": verb}))
    assert f"{verb.capitalize()} 2 deliveries?" in confirm.text
    assert "2 dead of erp" in confirm.text
    before = await states(house)
    assert {before[one] for one in (first, second, third)} == {"dead"}
    answer = await house.browser.post(f"{HOME}/change", data=chosen | {"action": verb})
    assert answer.headers["location"] == f"{HOME}?target=erp&state=dead"
    said = (await house.page(answer.headers["location"])).text
    assert f"2 deliveries {'dropped' if verb == 'drop' else 'due again'}." in said
    after = await states(house)
    assert [after[one] for one in (first, second, third)] == [state, "dead", state]
    assert {one: after[one] for one in after if one not in (first, third)} == {
        one: before[one] for one in before if one not in (first, third)
    }


@pytest.mark.parametrize(("verb", "state"), [("replay", "due"), ("drop", "dropped")])
async def test_all_that_match(house: House, verb: str, state: str) -> None:
    """All of a target in a state, by one form without ids; others stay as they are."""
    await troubled.trouble(house.service.store)
    fields = {"target": "erp", "state": "dead"}
    confirm = console.read(await house.post(f"{HOME}/confirm", HOME, action=f"{verb}-all", **fields))
    assert f"{verb.capitalize()} 3 deliveries?" in confirm.text
    await house.post(f"{HOME}/change", HOME, action=verb, **fields)
    assert sorted((await states(house)).values()) == sorted([*["due"] * 3, *[state] * 3])
    assert sorted((await states(house, troubled.LONG)).values()) == [*["dead"] * 3, *["due"] * 3]


async def test_nothing_is_ticked(house: House) -> None:
    """The browser comes back with a notice, and nothing has changed."""
    await troubled.trouble(house.service.store)
    answer = await house.post(f"{HOME}/confirm", HOME, action="drop", state="dead")
    assert "tick at least one delivery" in (await house.page(answer.headers["location"])).text


async def test_they_are_gone_by_now(house: House) -> None:
    """Somebody else was faster: the page says that there is nothing to do."""
    await troubled.trouble(house.service.store)
    await house.post(f"{HOME}/change", HOME, action="drop", target="erp", state="dead")
    confirm = console.read(await house.post(f"{HOME}/confirm", HOME, action="drop-all", target="erp", state="dead"))
    assert "Nothing to drop" in confirm.text
    assert "danger" not in confirm.source


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "destroy", "id": "1"}, 400),
        ({"action": "drop", "id": "1; DROP TABLE"}, 400),
        ({"action": "drop", "id": "9" * 40}, 400),
        ({"action": "drop", "state": "dead"}, 422),
        ({"action": "drop", "state": "dead", "target": "nobody"}, 422),
    ],
)
async def test_forms_that_are_not_ours(house: House, fields: dict[str, str], status: int) -> None:
    """Refused in words; never more than what was chosen is changed."""
    await troubled.trouble(house.service.store)
    before = await states(house)
    answer = await house.post(f"{HOME}/change", HOME, **fields)
    assert answer.status_code == status
    assert await states(house) == before


async def test_pages_of_deliveries(house: House) -> None:
    """Fifty on a page; all can be ticked without JavaScript; the end is said."""
    await troubled.fail(house.service.store, "erp", 120)
    first = await house.page(HOME)
    (older,) = [link for link in first.links if "cursor=" in link and "ticked" not in link]
    second = await house.page(f"{HOME}{older}")
    assert (len(rows(first)), len(rows(second))) == (50, 10)
    assert not set(rows(first)) & set(rows(second))
    ticked = await house.page(f"{HOME}?state=dead&ticked=all")
    assert (first.source.count(" checked>"), ticked.source.count(" checked>")) == (0, 50)


async def test_many_are_replayed_at_a_pace(house: House) -> None:
    """The page in between says how long it takes, and the notice says so again."""
    await troubled.fail(house.service.store, "erp", 60)
    confirm = console.read(await house.post(f"{HOME}/confirm", HOME, action="replay-all", target="erp", state="dead"))
    assert "They are sent at 20 a second, so the last one is due in 2 s." in confirm.text
    answer = await house.post(f"{HOME}/change", HOME, action="replay", target="erp", state="dead")
    said = (await house.page(answer.headers["location"])).text
    assert "30 deliveries due again. The last one is due in 2 s." in said
