"""Who makes room for whom, when there are too many connections or their requests hold too much."""

from dataclasses import dataclass, field

from app.web.server.connections import (
    CONNECTIONS,
    HELD_BYTES,
    MAX_ADDRESSES,
    TRUST_SECONDS,
    ConnectionLimits,
    OpenConnections,
)


@dataclass(eq=False)
class Peer:
    """A connection that tells whether it was given up."""

    address: str = "192.0.2.1"
    held: int = 0
    waiting: bool = True
    given_up: bool = False

    def is_waiting(self) -> bool:
        """As it was told."""
        return self.waiting

    def give_up(self) -> None:
        """Notes it."""
        self.given_up = True


@dataclass
class Pool:
    """Connections with a clock of their own, and the limits that they met."""

    limits: ConnectionLimits = ConnectionLimits(connections=10, held_bytes=1_000)  # noqa: RUF009 - frozen
    met: list[str] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.connections = OpenConnections(self.limits, self.met.append, lambda: self.now)

    def open(self, count: int, address: str = "192.0.2.1") -> list[Peer]:
        """So many from one address; there must be room."""
        peers = [Peer(address) for _ in range(count)]
        assert all(self.connections.add(peer) for peer in peers)
        return peers

    def prove(self, peers: list[Peer]) -> list[Peer]:
        """Each carried a signed call."""
        for peer in peers:
            self.connections.trust(peer)
        return peers


def _given_up(peers: list[Peer]) -> list[bool]:
    return [peer.given_up for peer in peers]


def test_the_oldest_stranger_makes_room() -> None:
    """At the limit each new connection costs the one that has been there longest."""
    pool = Pool()
    peers = pool.open(13)
    assert _given_up(peers) == [True] * 3 + [False] * 10
    assert pool.met == [CONNECTIONS] * 3


def test_what_is_being_answered_is_kept() -> None:
    """A connection whose request is with us is not closed; if there is no other, the new one is refused."""
    pool = Pool()
    peers = pool.open(10)
    for peer in peers[:9]:
        peer.waiting = False
    pool.open(1)
    assert _given_up(peers) == [False] * 9 + [True]
    for peer in peers:
        peer.waiting = False
    late = pool.open(1)[0]
    late.waiting = False
    assert not pool.connections.add(Peer())
    assert _given_up(peers) == [False] * 9 + [True]


def test_a_connection_that_is_closed_leaves_room() -> None:
    """Nobody is given up for a place that is free."""
    pool = Pool()
    peers = pool.open(10)
    pool.connections.remove(peers[4])
    pool.connections.remove(peers[4])
    pool.open(1)
    assert not any(_given_up(peers))


def test_proven_connections_outlive_strangers() -> None:
    """A connection that carried a signed call is kept while strangers come and go."""
    pool = Pool()
    proven = pool.prove(pool.open(3, "198.51.100.1"))
    pool.open(100)
    assert not any(_given_up(proven))


def test_a_known_address_outlives_strangers() -> None:
    """A new connection from where a signed call came within the hour is kept longer than those of strangers."""
    pool = Pool()
    pool.connections.remove(pool.prove(pool.open(1, "198.51.100.1"))[0])
    known = pool.open(3, "198.51.100.1")
    pool.open(100)
    assert not any(_given_up(known))
    pool.now += TRUST_SECONDS
    later = pool.open(1, "198.51.100.1")
    pool.open(10)
    assert _given_up(later) == [True]


def test_idle_proven_connections_make_room_for_new_ones() -> None:
    """Those that carried a signed call may have half of all; beyond, the one that was used longest ago is closed."""
    pool = Pool()
    proven = pool.prove(pool.open(10))
    pool.prove(proven[:1])
    pool.open(8, "203.0.113.9")
    assert _given_up(proven) == [False, *[True] * 5, *[False] * 4]


def test_behind_a_proxy_age_decides() -> None:
    """Where all share the address of a proxy, the oldest unfinished request is closed first."""
    pool = Pool()
    pool.prove(pool.open(1))
    peers = pool.open(12)
    assert _given_up(peers) == [True] * 3 + [False] * 9


def test_unfinished_requests_share_their_bytes() -> None:
    """Over the limit of bytes, the oldest that holds some is given up, until the rest fits."""
    pool = Pool()
    idle, *peers = pool.open(5)
    for peer in peers[:3]:
        pool.connections.hold(peer, 300)
    assert pool.met == []
    pool.connections.hold(peers[3], 500)
    assert _given_up([idle, *peers]) == [False, True, True, False, False]
    assert pool.met == [HELD_BYTES] * 2
    pool.connections.hold(peers[2], 0)
    pool.connections.hold(peers[3], 1_000)
    assert not peers[3].given_up


def test_bytes_of_a_closed_connection_are_free() -> None:
    """Nothing is held by who is gone, whatever is said of it later."""
    pool = Pool()
    first, second = pool.open(2)
    pool.connections.hold(first, 900)
    pool.connections.remove(first)
    pool.connections.hold(first, 900)
    pool.connections.hold(second, 900)
    assert (first.given_up, second.given_up, pool.met) == (False, False, [])


def test_one_that_holds_too_much_alone_is_given_up() -> None:
    """Nobody else pays for it."""
    pool = Pool()
    peer, other = pool.open(2)
    pool.connections.hold(peer, 1_001)
    assert (peer.given_up, other.given_up) == (True, False)


def test_addresses_are_remembered_in_number() -> None:
    """Only so many addresses are kept; the one that called longest ago is forgotten."""
    pool = Pool(ConnectionLimits(connections=2 * MAX_ADDRESSES, held_bytes=1))
    for number in range(MAX_ADDRESSES + 1):
        pool.prove(pool.open(1, f"address {number}"))
    assert len(pool.connections._trusted) == MAX_ADDRESSES  # noqa: SLF001 - its size is the point
    assert "address 0" not in pool.connections._trusted  # noqa: SLF001
