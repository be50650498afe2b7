"""Limit the number of connections and the memory of their unfinished requests, and decide which one to close.

Nobody needs a token to open a connection and send half a request. So at a limit a connection that waits for its peer is
closed, never one whose request is being served, and the useful ones last. There are three groups, least trusted first:
addresses that are strangers; addresses that had a signed call served in the last hour; and connections that carried
such a call themselves. A group with more than half of all connections loses one, otherwise the least trusted group
does. Within a group it is the oldest connection. So signed calls find room while strangers hold as many connections as
they can, and so does a new address of Plivo's while old ones are idle. Behind a proxy all connections share one
address. Then age decides, and a request arrives completely long before its connection is the oldest.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

TRUST_SECONDS = 3600.0
MAX_ADDRESSES = 1_000  # remembered as trusted; only signed calls add one

CONNECTIONS, HELD_BYTES = "connections", "held_bytes"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of one server."""

    connections: int = 1_000
    held_bytes: int = 16 << 20  # of all unfinished requests together, heads and bodies


class ClientConnection(Protocol):
    """What `OpenConnections` needs of a connection."""

    address: str  # of the peer
    held: int  # bytes of its unfinished requests, approximately

    def is_waiting(self) -> bool:
        """Return whether it waits for its peer, so that no request of the peer is being served."""

    def give_up(self) -> None:
        """Close it, with a response if a request has begun."""


class OpenConnections:
    """The open connections of one server. `on_limit` is called with the name of a limit each time it is reached."""

    def __init__(
        self, limits: ConnectionLimits, on_limit: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.on_limit = on_limit
        self._limits = limits
        self._clock = clock
        self._groups: tuple[dict[ClientConnection, None], ...] = ({}, {}, {})  # strangers, trusted addresses, proven
        self._group_of: dict[ClientConnection, dict[ClientConnection, None]] = {}
        self._trusted: dict[str, float] = {}  # address: when its last signed call was served, oldest first
        self._held = 0

    def add(self, connection: ClientConnection) -> bool:
        """Add a connection, and close another if needed. Return whether there is room for it."""
        if len(self._group_of) >= self._limits.connections:
            self.on_limit(CONNECTIONS)
            if not self._give_one_up(lambda _: True):
                return False
        self._put(connection, self._groups[self._is_trusted(connection.address)])
        return True

    def remove(self, connection: ClientConnection) -> None:
        """Remove a closed connection. Doing it again has no effect."""
        self.hold(connection, 0)
        if (group := self._group_of.pop(connection, None)) is not None:
            del group[connection]

    def trust(self, connection: ClientConnection) -> None:
        """Note that a signed call of this connection was served."""
        if connection not in self._group_of:
            return
        self._put(connection, self._groups[-1])
        self._trusted.pop(connection.address, None)
        self._trusted[connection.address] = self._clock()
        if len(self._trusted) > MAX_ADDRESSES:
            del self._trusted[next(iter(self._trusted))]

    def hold(self, connection: ClientConnection, size: int) -> None:
        """Note how many bytes its unfinished requests hold now. Close connections while all hold too much."""
        if connection not in self._group_of:
            return
        self._held += size - connection.held
        connection.held = size
        while self._held > self._limits.held_bytes:
            self.on_limit(HELD_BYTES)
            if not self._give_one_up(lambda other: other.held > 0):
                return

    def _put(self, connection: ClientConnection, group: dict[ClientConnection, None]) -> None:
        """Make it the youngest connection of a group."""
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
        """Return the connections in the order in which they would be closed."""
        half = self._limits.connections // 2
        groups = sorted(self._groups, key=lambda group: len(group) <= half)  # stable: of the rest, strangers first
        return itertools.chain(*groups)
