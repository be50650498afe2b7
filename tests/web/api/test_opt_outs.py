"""Opt-outs as callers of the API list and change them."""

import pytest
from support.api import Api

ANN, BOB, SHOP, BAR = "+33612345671", "+33612345672", "+33644600000", "+33644600001"
PAIR = {"person": "+33 7 00 00 00 03", "number": "0644600000"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [(BOB, SHOP)]),
        ({"ended": "true"}, [(BOB, SHOP), (ANN, BAR)]),
        ({"person": ANN}, []),
        ({"person": ANN, "ended": "true"}, [(ANN, BAR)]),
        ({"number": SHOP}, [(BOB, SHOP)]),
        ({"number": BAR, "ended": "true"}, [(ANN, BAR)]),
        ({"person": BOB, "number": BAR}, []),
        ({"person": "0612345672"}, [(BOB, SHOP)]),
        ({"person": "+33799999999"}, []),
    ],
)
async def test_filters(shared: Api, query: dict[str, str], expected: list[tuple[str, str]]) -> None:
    """Oldest first, in pages of any size."""
    for limit in (1, 100):
        found = await shared.items("/opt-outs", limit=limit, **query)
        assert sorted((one["person"], one["number"]) for one in found) == sorted(expected)


async def test_add_and_end(api: Api) -> None:
    """201 the first time, 200 the second; the change is there at once, and was made by `api`."""
    first, second = await api("POST", "/opt-outs", PAIR), await api("POST", "/opt-outs", PAIR)
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["changed"], second.json()["changed"]) == (True, False)
    assert first.json() | {"changed": None} == {
        "number": SHOP,
        "person": "+33700000003",
        "opted_out": True,
        "changed": None,
        "warnings": [],
    }
    (one,) = await api.items("/opt-outs")
    assert (one["person"], one["word"], one["source"]) == ("+33700000003", "api", "command")
    ended = await api("DELETE", "/opt-outs", params=PAIR)
    assert (ended.status_code, ended.json()["changed"], ended.json()["opted_out"]) == (200, True, False)
    assert (await api("DELETE", "/opt-outs", params=PAIR)).json()["changed"] is False
    assert await api.items("/opt-outs") == []


async def test_an_ended_opt_out_moves_no_page(api: Api) -> None:
    """What ends between two pages takes nobody else off the list."""
    for number in range(4):
        await api.post("/opt-outs", PAIR | {"person": f"+3370000001{number}"}, 201)
    page = await api.get("/opt-outs", limit=2)
    await api("DELETE", "/opt-outs", params=PAIR | {"person": "+33700000010"})
    rest = await api.get("/opt-outs", limit=2, cursor=page["next"])
    assert [one["person"] for one in rest["items"]] == ["+33700000012", "+33700000013"]
    assert rest["next"] is None


async def test_a_doubtful_number_is_told(api: Api) -> None:
    """It is taken as it is written, since Plivo may send it so."""
    change = await api.post("/opt-outs", PAIR | {"person": "+999123456789"}, 201)
    (warning,) = change["warnings"]
    assert "libphonenumber doubts this number" in warning


@pytest.mark.parametrize("person", ["+33", "what happened?", ""])
async def test_nobody(api: Api, person: str) -> None:
    """422, and nothing has changed."""
    assert "detail" in await api.post("/opt-outs", PAIR | {"person": person}, 422)
    assert await api.items("/opt-outs", ended="true") == []
