"""What a file wants of Plivo, a memory in a dict, and a sleep that takes no time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.provisioning.options import ProvisioningOptions
from app.provisioning.undo import Former, FormerApplication

NUMBERS = ("33644600000", "33644600001", "33644600002")


def options(**changes: object) -> ProvisioningOptions:
    """What a file wants that has two routes."""
    wanted: dict[str, object] = {
        "public_url": "https://sms.example.com",
        "numbers": NUMBERS[:2],
        "application": "plivo-autoreply",
    }
    return ProvisioningOptions(**{**wanted, **changes})  # type: ignore[arg-type]


@dataclass
class DictMemory:
    """What Plivo had, in memory."""

    applications: dict[str, FormerApplication] = field(default_factory=dict)
    numbers: dict[str, str | None] = field(default_factory=dict)

    @property
    def former(self) -> Former:
        """All of it."""
        return Former(tuple(self.applications.values()), dict(self.numbers))

    async def remember_application(self, one: FormerApplication) -> None:
        """See `Memory`."""
        self.applications[one.name] = one

    async def remember_numbers(self, numbers: Mapping[str, str | None]) -> None:
        """See `Memory`."""
        self.numbers.update(numbers)

    async def forget(self, numbers: Sequence[str], applications: Sequence[str]) -> None:
        """See `Memory`."""
        for number in numbers:
            del self.numbers[number]
        for name in applications:
            del self.applications[name]


@dataclass
class Naps:
    """Seconds that a client wanted to sleep; it is not kept waiting."""

    taken: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Sleep a moment."""
        self.taken.append(seconds)
        await asyncio.sleep(0)
