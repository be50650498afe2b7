"""What a full queue refuses is counted, each time and for that target only (G7)."""

from collections.abc import Mapping

from app.delivery.backlog import Backlog
from app.delivery.target import Target


async def test_each_delivery_that_a_cap_refuses_is_told() -> None:
    """The counter of the target that is full goes up with each; nobody else's does."""
    refused: list[str] = []
    targets = {name: Target(name, "https://example.com", max_due=cap) for name, cap in (("full", 2), ("free", 9))}

    async def count() -> Mapping[str, int]:
        return {"full": 2, "free": 1}

    backlog = Backlog(targets, count, refused.append)
    await backlog.recount()
    for _ in range(3):
        assert backlog.admit(["full", "free"]) == {"full"}
    assert refused == ["full", "full", "full"]
