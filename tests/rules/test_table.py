"""The routing table: number -> route, else the default."""

from typing import Any

from app.rules.table import Route, Table

SUPPORT, DEFAULT = Route("support", ()), Route("default", ())


def test_number_has_its_route_and_every_other_the_default() -> None:
    """The route of the number, else that of `to = "*"`."""
    table = Table({"33644600000": SUPPORT}, {"support": SUPPORT, "default": DEFAULT}, DEFAULT)
    assert table.route("33644600000") is SUPPORT
    assert [table.route(other) for other in ("33644600001", "3364460000", "SHOP", "")] == [DEFAULT] * 4


def test_without_a_default_other_numbers_have_none() -> None:
    """Nobody is answered by accident."""
    table = Table({"33644600000": SUPPORT}, {"support": SUPPORT})
    assert table.route("33644600001") is None


class _Counting(dict[str, Route]):
    """A dict that counts how often it is asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


def test_cost_does_not_grow_with_the_number_of_numbers() -> None:
    """One look-up, for the first number, the last and one that is not there."""
    numbers = _Counting((f"336{index:08d}", SUPPORT) for index in range(50_000))
    table = Table(numbers, {"support": SUPPORT}, DEFAULT)
    for address, route in (("33600000000", SUPPORT), ("33600049999", SUPPORT), ("1", DEFAULT)):
        numbers.asked = 0
        assert table.route(address) is route
        assert numbers.asked == 1
