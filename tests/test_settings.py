"""Settings: what follows from them."""

from pathlib import Path

import pytest

from app.settings import HostPort, StoreSettings


@pytest.mark.parametrize(
    ("url", "file", "shown"),
    [
        ("sqlite:////data/autoreply.db", Path("/data/autoreply.db"), "/data/autoreply.db"),
        ("postgresql://user:secret@db/replies", None, "postgresql://user:***@db/replies"),
        ("postgres://user@db/replies", None, "postgres://user@db/replies"),
        ("postgresql:///replies?host=/run/postgresql", None, "postgresql:///replies?host=/run/postgresql"),
    ],
)
def test_a_store_is_a_file_or_a_server(url: str, file: Path | None, shown: str) -> None:
    """Where it is can be shown: without a password."""
    settings = StoreSettings(url)
    assert (settings.file, settings.shown) == (file, shown)
    assert "secret" not in repr(settings)


def test_address_is_written_as_in_a_url() -> None:
    """IPv6 in brackets."""
    assert (str(HostPort("127.0.0.1", 9090)), str(HostPort("::1", 9090))) == ("127.0.0.1:9090", "[::1]:9090")
