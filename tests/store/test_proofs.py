"""G2 in rows: a signature that was accepted for one content vouches for no other."""

from pathlib import Path

import pytest
from support.stored import Clock, opened, proof

from app.policies.ledger import Proof, Reused
from app.store import Store, proofs

Wanted = list[tuple[Proof, ...]]


async def bind(store: Store, wanted: Wanted) -> list[bool]:
    """Whether each item was taken."""
    async with store.engine.begin() as connection:
        verdicts = await connection.run_sync(proofs.bind, wanted)
    assert all(verdict is None or isinstance(verdict, Reused) for verdict in verdicts)
    return [verdict is None for verdict in verdicts]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        pytest.param([()], [True], id="log-only: nothing to bind"),
        pytest.param([(proof("k", "a"),)], [True], id="first"),
        pytest.param([(proof("k", "a"),), (proof("k", "a"),)], [True, True], id="a repeat of the same content"),
        pytest.param([(proof("k", "a"),), (proof("k", "b"),)], [True, False], id="other content in the same group"),
        pytest.param([(proof("z", "a"),), (), (proof("k", "b"),)], [True, True, True], id="other keys"),
        pytest.param(
            [(proof("k2", "a"), proof("k3", "a")), (proof("k2", "a"), proof("k3", "b"))],
            [True, False],
            id="one of two families is enough to refuse",
        ),
    ],
)
async def test_key_stays_bound_to_its_first_value(store: Store, wanted: Wanted, taken: list[bool]) -> None:
    """The same key with another value is refused: in one group, and again in a later one."""
    assert await bind(store, wanted) == taken
    assert await bind(store, wanted) == taken


async def test_binding_outlives_the_process(path: Path, clock: Clock) -> None:
    """G2 holds across restarts."""
    async with opened(path, clock) as store:
        assert await bind(store, [(proof("k", "a"),)]) == [True]
    async with opened(path, clock) as store:
        assert await bind(store, [(proof("k", "b"),)]) == [False]
        assert await bind(store, [(proof("k", "a"),)]) == [True]


async def test_large_group_is_bound_whole(store: Store) -> None:
    """A full group, twice the writer's, fits in one statement set."""
    wanted: Wanted = [(proof(f"v2-{number}", "a"), proof(f"v3-{number}", "a")) for number in range(4000)]
    assert all(await bind(store, wanted))
    assert all(await bind(store, wanted))
    assert not any(await bind(store, [(proof(f"v3-{number}", "b"),) for number in range(4000)]))
