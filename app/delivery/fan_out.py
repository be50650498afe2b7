"""Find the route of a delivery report, and the targets that want it. Pure.

The journal knows which route and rule made the message that a report is about. If it has no entry, the route is that of
the report's `From`, one of our numbers, or else the default route. A report without any route goes to all targets: its
message was sent by other means, perhaps from an address that no route has.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.delivery.target import Target
from app.frozen import frozen
from app.plivo.messages import DeliveryReport


class Origin(NamedTuple):
    """The route and rule behind the message that a report is about, and the person whose message it answered."""

    route: str | None
    rule: str | None
    person: str = ""


def always(_number: str) -> bool:
    """Return True for every number."""
    return True


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The targets that want reports, and the numbers for which a report can prove an opt-out.

    Compiled from the configuration.
    """

    targets: Mapping[str, Target]
    route_of: Callable[[str], str | None]  # our number -> the name of its route
    of_route: Mapping[str, tuple[str, ...]]  # the targets of each route
    honours_opt_outs: Callable[[str], bool] = always  # our number -> whether opt-outs bind it
    copies_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the targets of each route that want copies
    test_senders: frozenset[str] = frozenset()  # reports of replies to them reach no target


@frozen
class FanOut:
    """The route of a report, and the targets that get it.

    `for_all` means that it has no route, `for_test` that it is about a reply to a test sender.
    """

    route: str | None
    rule: str | None
    targets: tuple[str, ...]
    for_all: bool = False
    for_test: bool = False


def fan_out(subscriptions: Subscriptions, origin: Origin | None, report: DeliveryReport) -> FanOut:
    """Return the route of a report, and the targets that want it."""
    if origin and origin.person in subscriptions.test_senders:
        return FanOut(origin.route, origin.rule, (), for_test=True)
    named = origin.route if origin else None
    known = named if named in subscriptions.of_route else subscriptions.route_of(report.sender)
    names = tuple(subscriptions.targets) if known is None else subscriptions.of_route[known]
    wanted = tuple([name for name in names if _wants(subscriptions.targets[name], report.status)])
    return FanOut(named or known, origin.rule if origin else None, wanted, for_all=known is None)


def copied(targets: Mapping[str, Target], names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the named targets that want a copy of every message."""
    return tuple(name for name in names if "messages" in targets[name].send)


def _wants(target: Target, status: str) -> bool:
    return "reports" in target.send and (not target.statuses or status in target.statuses)
