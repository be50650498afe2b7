"""The policies of every route, prepared at load, and which opt-outs bind which of our numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.policies.limits import ALL_ROUTES, LimitOptions, Rate, RouteLimits, for_route
from app.policies.opt_out import RouteOptOut
from app.policies.usage import Budget, OptOutState, Usage


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """The policies that apply before and after the rules of one route."""

    opt_out: RouteOptOut = field(default_factory=RouteOptOut)
    limits: RouteLimits = field(default_factory=lambda: for_route(LimitOptions()))

    def for_test(self) -> "RoutePolicy":
        """Return the policy for a test sender, whose replies use up no spending cap."""
        return replace(self, limits=replace(self.limits, scopes=frozenset()))


def _no_route(_number: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies by route. `default` is for routes without options of their own, and for numbers without a route."""

    default: RoutePolicy = field(default_factory=RoutePolicy)
    by_route: Mapping[str, RoutePolicy] = field(default_factory=dict)
    route_of: Callable[[str], str | None] = _no_route  # our number -> the name of its route
    test_senders: frozenset[str] = frozenset()  # people whose messages count for nobody else: `[admin] test_senders`

    def of(self, route: str | None) -> RoutePolicy:
        """Return the policy of a route; None is for numbers without a route."""
        return self.by_route.get(route, self.default) if route else self.default

    def for_person(self, route: str | None, person: str) -> RoutePolicy:
        """Return the policy of a route for messages of this person."""
        policy = self.of(route)
        return policy.for_test() if person in self.test_senders else policy

    @property
    def caps(self) -> Mapping[Budget, tuple[str | None, Rate]]:
        """Every spending cap, with the route that it is for (None: all routes) and its rate."""
        every = ((None, self.default), *self.by_route.items())
        return {
            budget: (None if budget.scope == ALL_ROUTES else route, rate)
            for route, policy in every
            for budget, rate in policy.limits.caps
        }

    def honours_opt_outs(self, number: str) -> bool:
        """Return whether opt-outs bind this number of ours. In mode "off" none does."""
        return self.of(self.route_of(number)).opt_out.mode != "off"

    def opt_out_in_force(self, usage: Usage, number: str, person: str) -> OptOutState | None:
        """Return the opt-out that forbids this number of ours to text this person, or None (G9).

        The route of the number that would text decides. By its mode: nothing binds it in mode "off". By its scope: an
        opt-out sent to another number counts if both numbers share a scope. The newest change within the scope wins.
        """
        states = usage.opt_outs.get(person)
        if not states or not self.honours_opt_outs(number):
            return None
        scope = self._scope(number)
        shared = [state for other, state in states.items() if self._scope(other) == scope]
        newest = max(shared, key=lambda state: state.order, default=None)
        return newest if newest and newest.opted_out else None

    def _scope(self, number: str) -> tuple[str, str]:
        route = self.route_of(number)
        match self.of(route).opt_out.scope:
            case "all":
                return "all", ""
            case "route" if route:
                return "route", route
            case _:
                return "number", number
