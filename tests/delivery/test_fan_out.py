"""Where a report goes: the route of the message that it speaks of, else of our number, else every target."""

import pytest
from support.stored import US, report

from app.delivery.fan_out import FanOut, Origin, Subscriptions, fan_out
from app.delivery.target import Target

TARGETS = {
    "crm": Target("crm", "https://crm.example.com"),
    "audit": Target("audit", "https://audit.example.com", statuses=("failed",)),
    "copies": Target("copies", "https://copies.example.com", send=("messages",)),
}
OURS = {US: "support"}
OF_ROUTE = {"support": ("crm", "audit", "copies"), "sales": ("audit",), "quiet": ()}


def subscriptions(default: str | None = None) -> Subscriptions:
    """Routes with some targets each; one of our numbers has a route, the others the default, if there is one."""
    return Subscriptions(TARGETS, lambda number: OURS.get(number, default), OF_ROUTE)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param(Origin("support", "ack"), FanOut("support", "ack", ("crm", "audit")), id="of an answer"),
        pytest.param(Origin("sales", "ack"), FanOut("sales", "ack", ("audit",)), id="the journal beats the number"),
        pytest.param(Origin("quiet", "ack"), FanOut("quiet", "ack", ()), id="a route without targets"),
        pytest.param(None, FanOut("support", None, ("crm", "audit")), id="sent by other means, from our number"),
        pytest.param(
            Origin("removed", "ack"),
            FanOut("removed", "ack", ("crm", "audit")),
            id="a route that is gone: the number tells the targets, the report still names the route",
        ),
        pytest.param(
            Origin(None, None), FanOut("support", None, ("crm", "audit")), id="answered before the number had a route"
        ),
    ],
)
def test_route_of_a_report(origin: Origin | None, expected: FanOut) -> None:
    """The journal's entry, else our number; each target still gets only what it wants."""
    assert fan_out(subscriptions(), origin, report(status="failed")) == expected


def test_number_without_a_route_has_the_default() -> None:
    """As a message to it would."""
    got = fan_out(subscriptions("sales"), None, report(sender="33644600099", status="failed"))
    assert got == FanOut("sales", None, ("audit",))


@pytest.mark.parametrize(("status", "targets"), [("failed", ("crm", "audit")), ("delivered", ("crm",))])
def test_report_without_any_route_is_for_all(status: str, targets: tuple[str, ...]) -> None:
    """It was sent by other means, perhaps from an alphanumeric sender; `send` and `statuses` still count."""
    got = fan_out(subscriptions(), None, report(sender="SHOP", status=status))
    assert got == FanOut(None, None, targets, for_all=True)
