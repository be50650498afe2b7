"""How many connections there may be, what their unfinished requests may hold, and who goes first at a limit.

Nobody needs a token to open a connection and say half a request. So at a limit a connection that waits for its peer
is closed: never one whose request is being answered, and those that were of use last. Three groups, least
trusted first: addresses that are strangers; addresses that had a signed call served in the last hour; connections
that carried such a call themselves. A group that has more than half of all connections gives one up, else the least
trusted does, and in a group the one that is there longest. So signed calls find room while strangers hold all the
connections they can get, and a new address of Plivo's does while old ones idle. Behind a proxy, all share one address:
then the age in the group decides, and a whole request is there long before its turn comes.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

TRUST_SECONDS = 3600.0
MAX_ADDRESSES = 1_000  # that are remembered as trusted; only signed calls are

CONNECTIONS, HELD_BYTES = "connections", "held_bytes"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of one server."""

    connections: int = 1_000
    held_bytes: int = 16 << 20  # by unfinished requests together, heads and bodies


class ClientConnection(Protocol):
    """What is asked of a connection."""

    address: str  # of the peer
    held: int  # bytes, roughly, of its unfinished requests

    def is_waiting(self) -> bool:
        """Whether it is the peer's turn: nothing of theirs is being answered."""

    def give_up(self) -> None:
        """Closes it, with an answer if a request had begun."""


class OpenConnections:
    """The open connections of one server. `on_limit` is told the name of a limit each time that it is met."""

    def __init__(
        self, limits: ConnectionLimits, on_limit: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.on_limit = on_limit
        self._limits = limits
        self._clock = clock
        self._groups: tuple[dict[ClientConnection, None], ...] = ({}, {}, {})  # strangers, known addresses, proven
        self._group_of: dict[ClientConnection, dict[ClientConnection, None]] = {}
        self._trusted: dict[str, float] = {}  # address: when a signed call of its was served, oldest first
        self._held = 0

    def add(self, connection: ClientConnection) -> bool:
        """Whether there is room, if need be that of another."""
        if len(self._group_of) >= self._limits.connections:
            self.on_limit(CONNECTIONS)
            if not self._give_one_up(lambda _: True):
                return False
        self._put(connection, self._groups[self._is_trusted(connection.address)])
        return True

    def remove(self, connection: ClientConnection) -> None:
        """It is closed; once is enough."""
        self.hold(connection, 0)
        if (group := self._group_of.pop(connection, None)) is not None:
            del group[connection]

    def trust(self, connection: ClientConnection) -> None:
        """It carried a signed call that was served."""
        if connection not in self._group_of:
            return
        self._put(connection, self._groups[-1])
        self._trusted.pop(connection.address, None)
        self._trusted[connection.address] = self._clock()
        if len(self._trusted) > MAX_ADDRESSES:
            del self._trusted[next(iter(self._trusted))]

    def hold(self, connection: ClientConnection, size: int) -> None:
        """Its unfinished requests hold so much now."""
        if connection not in self._group_of:
            return
        self._held += size - connection.held
        connection.held = size
        while self._held > self._limits.held_bytes:
            self.on_limit(HELD_BYTES)
            if not self._give_one_up(lambda other: other.held > 0):
                return

    def _put(self, connection: ClientConnection, group: dict[ClientConnection, None]) -> None:
        """The youngest of its group."""
        if (old := self._group_of.get(connection)) is not None:
            del old[connection]
        group[connection] = None
        self._group_of[connection] = group

    def _is_trusted(self, address: str) -> bool:
        return self._clock() - self._trusted.get(address, float("-inf")) < TRUST_SECONDS

    def _give_one_up(self, condition: Callable[[ClientConnection], bool]) -> bool:
        victim = next((one for one in self._by_worth() if condition(one) and one.is_waiting()), None)
        if victim is None:
            return False
        self.remove(victim)
        victim.give_up()
        return True

    def _by_worth(self) -> Iterator[ClientConnection]:
        """The one to be given up first comes first."""
        half = self._limits.connections // 2
        groups = sorted(self._groups, key=lambda group: len(group) <= half)  # stable: of the rest, strangers first
        return itertools.chain(*groups)
