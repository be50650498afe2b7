"""Which route a number has: one dict look-up, whatever the number of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Route:
    """The rules of some numbers, asked in this order."""

    name: str
    rules: tuple[Rule, ...]
    vars: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    has_effects: bool = field(init=False)  # whether asking its rules costs something that must not be paid twice

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_effects", any(rule.has_effects for rule in self.rules))


@dataclass(frozen=True, slots=True)
class Table:
    """Normalised number -> route; `default` is the route of `to = "*"`."""

    by_number: Mapping[str, Route]
    by_name: Mapping[str, Route]
    default: Route | None = None

    def route(self, address: str) -> Route | None:
        """The route of one of our numbers."""
        return self.by_number.get(address, self.default)

    def route_name(self, address: str) -> str | None:
        """The name of the route of one of our numbers."""
        route = self.by_number.get(address, self.default)
        return route.name if route else None
