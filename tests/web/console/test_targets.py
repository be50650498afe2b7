"""The targets page: each in a sentence, what its receiver last said, and what an operator can do."""

import sqlalchemy as sa
from support import console, troubled
from support.console import House
from support.troubled import LONG

from app.store.schema import actions, pauses


async def done(house: House) -> list[tuple[str, str]]:
    """Who did what."""
    async with house.service.store.engine.begin() as connection:
        rows = await connection.execute(sa.select(actions.c.who, actions.c.what).order_by(actions.c.id))
        return [(who, what) for who, what in rows]


async def test_no_targets(house: House) -> None:
    """The page says what a target is, and how one is added."""
    page = await house.page("/console/targets?name=nobody")
    assert "No target has nobody in its name" in page.text


async def test_every_state_is_a_sentence(house: House) -> None:
    """The worst first, each with its queue; those in trouble with what their receivers last answered."""
    await troubled.trouble(house.service.store)
    page = await house.page("/console/targets")
    for said in (
        "Paused after 6 failures in a row. Single attempts are made; the next one at",
        "3 deliveries due, the oldest for 0 s. 3 deliveries dead.",
        "Paused by an operator since",
        "Busy: it asked for fewer requests.",
        "status 410, after 213 ms",
        "no response within 10 s, after 10 s",
        "Gone. <script>alert(1)</script>",
    ):
        assert said in page.text, said
    places = [page.text.index(f" {name} ") for name in ("erp", "shop", "warehouse", LONG)]
    assert places == sorted(places)
    assert "/console/deliveries?target=erp" in page.links
    assert "/console/messages/past-4" in page.links


async def test_pause_and_resume(house: House) -> None:
    """Both leave a record of who did it, and say what was done."""
    await troubled.trouble(house.service.store)
    for verb, said in (
        ("pause", "erp is paused: its reports are kept."),
        ("pause", "erp was paused already."),
        ("resume", "erp is tried now, with the delivery that has waited longest."),
    ):
        answer = await house.post(f"/console/targets/{verb}", "/console/targets", target="erp")
        assert answer.headers["location"] == "/console/targets?name=erp"
        assert said in (await house.page(answer.headers["location"])).text
    async with house.service.store.engine.begin() as connection:
        assert list(await connection.scalars(sa.select(pauses.c.target))) == ["warehouse"]
    assert [who for who, what in await done(house) if what in ("pause erp", "resume erp")] == ["console"] * 3


async def test_a_target_that_is_none(house: House) -> None:
    """Refused in words; its name is text."""
    answer = await house.post("/console/targets/pause", "/console/targets", target="<b>x</b>")
    page = console.read(answer)
    assert page.status == 422
    assert 'no target is called "<b>x</b>"' in page.text


async def test_actions_need_the_token_of_the_form(house: House) -> None:
    """A form of another site, or one without the token, changes nothing."""
    await troubled.trouble(house.service.store)
    before = await done(house)
    paths = ("targets/pause", "targets/resume", "deliveries/confirm", "deliveries/change")
    for path in paths:
        data = {"target": "erp", "action": "drop", "state": "dead", "id": "1"}
        answer = await house.browser.post(f"/console/{path}", data=data)
        assert answer.status_code == 403
        token = (await house.page("/console/targets")).form_token
        other = await house.browser.post(
            f"/console/{path}", data=data | {"form_token": token}, headers={"sec-fetch-site": "cross-site"}
        )
        assert other.status_code == 403
        async with console.browser(house.admin) as stranger:
            assert (await stranger.post(f"/console/{path}", data=data)).status_code in (303, 401)
    assert await done(house) == before


async def test_a_thousand_targets(house: House) -> None:
    """Twenty-five on a page; every one is on exactly one of them."""
    names = [f"target-{number:04}" for number in range(60)]
    await troubled.trouble(house.service.store, names)
    shown: list[str] = []
    path = "/console/targets"
    while path:
        page = await house.page(path)
        shown += [name for name in names if f"<bdi>{name}</bdi>" in page.source]
        path = next((link for link in page.links if f'rel="next" href="{link}"' in page.source), "")
    assert sorted(shown) == names
    assert "There is no page 99" in (await house.page("/console/targets?page=99")).text
    assert (await house.page("/console/targets?page=-1")).status == 200
