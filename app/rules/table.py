"""The routing table: the route of each number, found by one dict look-up however many numbers there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from app.notation import Doc, Example, RouteName
from app.plivo.numbers import canonical
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The options of one `[[routes]]`: its numbers and its rules.

    It may have one action of its own instead of `rules`.
    """

    to: Annotated[
        tuple[str, ...],
        Example(["+33 6 44 60 00 00", "+33644600001"]),
        Doc("The numbers of the route, or `*` for every other number. A file has one number per line."),
    ]
    name: Annotated[
        RouteName | None,
        Example("support"),
        Doc("The name of the route: lower-case letters, digits and hyphens. Default for the route of `*`: `default`."),
    ] = None
    rules: Annotated[
        tuple[str, ...] | None,
        Example(["menu", "closed", "ack"]),
        Doc("The rules, asked in this order; the first one that answers wins."),
    ] = None
    vars: Annotated[
        Mapping[str, str], Example({"shop": "Roma"}), Doc("Names that texts may use, as `{shop}`, and their values.")
    ] = field(default_factory=dict)
    targets: Annotated[
        tuple[str, ...] | None, Example(["crm"]), Doc("The targets that get the reports of this route. Default: all.")
    ] = None
    limits: Annotated[
        LimitOptions | None,
        Example({"total": "500/1d"}),
        Doc("Limits of this route; what is not set here comes from `[limits]`. `total` is a spending cap of its own."),
    ] = None
    opt_out: Annotated[
        OptOutOptions | None,
        Example({"mode": "self"}),
        Doc("Opt-out of this route; what is not set here comes from `[opt_out]`."),
    ] = None


@dataclass(frozen=True, slots=True)
class Route:
    """The rules of some numbers, asked in this order."""

    name: str
    rules: tuple[Rule, ...]
    vars: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    has_effects: bool = field(init=False)  # whether asking its rules has effects, which must not happen twice

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_effects", any(rule.has_effects for rule in self.rules))


@dataclass(frozen=True, slots=True)
class Table:
    """The routes by normalised number and by name. `default` is the route of `to = "*"`."""

    by_number: Mapping[str, Route]
    by_name: Mapping[str, Route]
    default: Route | None = None
    phones: frozenset[str] = field(init=False)  # the canonical forms of our numbers

    def __post_init__(self) -> None:
        object.__setattr__(self, "phones", frozenset(map(canonical, self.by_number)))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of all routes, each listed once."""
        return tuple({id(rule): rule for route in self.by_name.values() for rule in route.rules}.values())

    def route(self, address: str) -> Route | None:
        """Return the route of one of our numbers, or None."""
        return self.by_number.get(address, self.default)

    def route_name(self, address: str) -> str | None:
        """Return the name of the route of one of our numbers, or None."""
        route = self.by_number.get(address, self.default)
        return route.name if route else None
