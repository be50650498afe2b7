"""What the phone offers to choose from: our numbers, and the rules whose word has to be given."""

from collections.abc import Sequence
from itertools import islice

from app.operations.explain import calling_rules
from app.runtime import Runtime

OFFERED = 1_000  # numbers; any other one can be typed


def own_numbers(runtime: Runtime) -> Sequence[str]:
    """Return the first of our numbers."""
    return list(islice(runtime.table.by_number, OFFERED))


def takes_any_number(runtime: Runtime) -> bool:
    """Return whether a number that is not offered may have a route, too."""
    return runtime.table.default is not None or len(runtime.table.by_number) > OFFERED


def calling_rules_of(runtime: Runtime, number: str | None) -> Sequence[str]:
    """Return the rules that call out on the route of one of our numbers."""
    return [rule.name for rule in calling_rules(runtime.table.route(number) if number else None)]
