"""How many connections file descriptors allow."""

import pytest

from app.web.server import connections_within


@pytest.mark.parametrize(
    ("descriptors", "wanted", "allowed"),
    [(1_048_576, 1_000, 1_000), (4_096, 1_000, 1_000), (1_024, 1_000, 320), (1_024, 100, 100), (64, 1_000, 1)],
)
def test_connections_fit_into_the_descriptors(descriptors: int, wanted: int, allowed: int) -> None:
    """Each may need three at times, and some are ours; never fewer than one."""
    assert connections_within(descriptors, wanted) == allowed
