"""The defaults of a target, and which targets want a report or a copy."""

import pytest
from support.stored import US, report

from app.delivery.fan_out import Subscriptions, copied, fan_out
from app.delivery.retry import RETRY
from app.delivery.target import Target

TARGETS = {
    target.name: target
    for target in (
        Target("all", "https://all.example.com"),
        Target("final", "https://final.example.com", statuses=("delivered", "failed")),
        Target("bad", "https://bad.example.com", statuses=("failed",)),
        Target("both", "https://both.example.com", send=("reports", "messages")),
        Target("words", "https://words.example.com", send=("messages",)),
    )
}


@pytest.mark.parametrize(
    ("names", "status", "expected"),
    [
        (("all", "final", "bad"), "failed", ("all", "final", "bad")),
        (("bad", "final", "all"), "failed", ("bad", "final", "all")),
        (("all", "final", "bad"), "delivered", ("all", "final")),
        (("all", "final", "bad"), "a status that Plivo invents tomorrow", ("all",)),
        (("final",), "sent", ()),
        ((), "failed", ()),
        (("words", "both"), "failed", ("both",)),
    ],
)
def test_statuses_choose_among_the_named(names: tuple[str, ...], status: str, expected: tuple[str, ...]) -> None:
    """No statuses: all; only targets of the route, in its order."""
    subscriptions = Subscriptions(TARGETS, lambda _number: "shop", {"shop": names})
    assert fan_out(subscriptions, None, report(sender=US, status=status)).targets == expected


def test_copies_go_to_those_who_asked() -> None:
    """`send` says which: reports alone, unless the file says otherwise."""
    assert copied(TARGETS, ("words", "all", "both")) == ("words", "both")
    assert copied(TARGETS, ()) == ()


def test_target_needs_a_name_and_a_url() -> None:
    """The defaults are the documented ones: json, unsigned, 10 s, 4 at a time, the default list."""
    target = Target("crm", "https://crm.example.com")
    assert (target.format, target.secrets, dict(target.headers)) == ("json", (), {})
    assert (target.send, target.max_due) == (("reports",), 1_000_000)
    assert (target.statuses, target.timeout, target.concurrency, target.retry) == ((), 10.0, 4, RETRY)
