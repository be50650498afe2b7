"""Deliveries and targets as callers of the API list and change them."""

from typing import Any

import pytest
import sqlalchemy as sa
from support.api import Api

from app.store.schema import actions


async def ids_of(api: Api, **query: Any) -> list[int]:
    """The ids of all pages."""
    return [one["id"] for one in await api.items("/deliveries", **query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"target": "sink"}, [5, 3, 2]),
        ({"state": "dead"}, [1]),
        ({"target": "audit", "state": "dead"}, [1]),
        ({"state": "done"}, [4]),
        ({"ids": "2,1"}, [2, 1]),
        ({"ids": ["2", "1"]}, [2, 1]),
        ({"ids": "99"}, []),
        ({"status": "delivered", "limit": 2}, [5, 4, 3, 2, 1]),
        ({"status": "failed"}, []),
        ({"older_than": "1h"}, [4, 3, 2, 1]),
        ({"newer_than": "1h"}, []),
    ],
)
async def test_filters(shared: Api, query: dict[str, Any], expected: list[int]) -> None:
    """Newest first, in pages of any size."""
    found = await ids_of(shared, **query)
    assert found == expected or ("_than" in str(query) and len(found) <= 5)
    for limit in (1, 2):
        assert await ids_of(shared, **{**query, "limit": limit}) == found


async def test_a_dead_delivery_tells_what_the_target_said(shared: Api) -> None:
    """Each attempt with its status and response."""
    (one,) = await shared.items("/deliveries", state="dead")
    assert [(each["status"], each["error"], each["response"]) for each in one["tries"]] == [
        (500, "status 500", "<b>no</b>")
    ]


async def test_replay_by_id(told: Api) -> None:
    """What exists is due again, the rest is told."""
    done = await told.post("/deliveries/replay", {"ids": [1, 99]})
    assert done == {"changed": 1, "missing": [99], "last_due_in": None}
    (one,) = await told.items("/deliveries", ids="1")
    assert (one["state"], one["attempts"]) == ("due", 0)
    assert await _made(told) == [("api", "replay ids 1, 99: 1 deliveries")]


async def test_replay_by_target(told: Api) -> None:
    """The dead ones, unless another state is asked for."""
    assert (await told.post("/deliveries/replay", {"target": "sink"}))["changed"] == 0
    assert (await told.post("/deliveries/replay", {"target": "audit"}))["changed"] == 1
    done = await told.post("/deliveries/replay", {"target": "sink", "state": "due", "rate": 0.1})
    assert done == {"changed": 3, "missing": [], "last_due_in": 30.0}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 422),
        ({"ids": [1], "target": "crm"}, 422),
        ({"target": "crmm"}, 422),
        ({"ids": []}, 400),
        ({"ids": [0]}, 400),
        ({"ids": [1.5]}, 400),
        ({"ids": ["1"]}, 400),
        ({"ids": [True]}, 400),
        ({"ids": [1 << 63]}, 400),
        ({"ids": 1}, 400),
        ({"target": "crm", "rate": 0}, 400),
        ({"target": "crm", "rate": "20"}, 400),
        ({"target": "crm", "state": "Dead"}, 400),
        ({"target": "crm", "older_than": 3600}, 400),
        ({"target": "crm", "older_than": "1 hour"}, 400),
    ],
)
async def test_replays_that_are_refused(shared: Api, document: Any, status: int) -> None:
    """Nothing has changed then."""
    before = await _made(shared)
    await shared.post("/deliveries/replay", document, status)
    assert (await ids_of(shared, state="dead")) == [1]
    assert await _made(shared) == before or status == 422


async def test_pause_and_resume(told: Api) -> None:
    """At once, and told by whom."""
    assert await told.post("/targets/crm/pause") == {"target": "crm", "paused": True, "changed": True}
    assert await told.post("/targets/crm/pause") == {"target": "crm", "paused": True, "changed": False}
    states = {one["name"]: one["state"] for one in await told.items("/targets")}
    assert states["crm"] == "paused"
    assert await told.post("/targets/crm/resume") == {
        "target": "crm",
        "paused": False,
        "changed": True,
        "held_back_by": "operator",
    }
    assert await _made(told) == [("api", "pause crm"), ("api", "pause crm"), ("api", "resume crm")]


async def test_no_such_target(shared: Api) -> None:
    """404, with the name that was meant."""
    for verb in ("pause", "resume"):
        problem = await shared.post(f"/targets/crmm/{verb}", None, 404)
        assert problem["detail"] == 'no target is called "crmm"; did you mean "crm"?'


async def test_targets(shared: Api) -> None:
    """Every target that is known, with its queue."""
    found = {one["name"]: (one["state"], one["due"], one["dead"]) for one in await shared.items("/targets")}
    assert found["audit"] == ("unknown", 0, 1)
    assert found["sink"] == ("unknown", 3, 0)


async def _made(api: Api) -> list[tuple[str, str]]:
    """Who did what, as the store has it."""
    query = sa.select(actions.c.who, actions.c.what).where(actions.c.who == "api").order_by(actions.c.id)
    async with api.store.engine.connect() as connection:
        return [(row.who, row.what) for row in await connection.execute(query)]
