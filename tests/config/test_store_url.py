"""`[store] url`, before anything is opened."""

import re
from pathlib import Path

import pytest

from app.config.store_url import check_server, located


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:p%40ss@db.example.com:5433/replies",
        "postgresql:///replies?host=/run/postgresql&port=5433",
        "postgresql://[::1]:5432/replies",
        "postgresql://db/replies?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    ],
)
def test_urls_of_operators_are_taken(url: str) -> None:
    """As libpq takes them; a server's URL stays as it is."""
    assert located(url, Path("/etc"), {}) == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://db/replies", "write postgresql://user@host/database"),
        ("postgresql://db:port/replies", "not a URL"),
        ("postgresql://user:sec/ret@db/replies", "special characters of a password percent-encoded"),
        ("postgresql://user:sec@ret@db/replies", "special characters of a password percent-encoded"),
        ("postgresql://user:sec#ret@db/replies", "special characters of a password percent-encoded"),
        ("postgresql://[db/replies", "not a URL"),
        ("postgresql://db:0/replies", "not a port; write one from 1 to 65535"),
        ("postgresql://[::1]:99999/replies", "not a port; write one from 1 to 65535"),
        ("postgresql://db/replies?sslmode=on", "not an sslmode; write one of disable, allow, prefer, require"),
        ("postgresql://db/replies?password=secret", 'unknown parameter "password"'),
        ("postgresql://db/replies?connect_timeout=3", 'unknown parameter "connect_timeout"'),
    ],
)
def test_urls_that_cannot_be(url: str, said: str) -> None:
    """A fault of the file, found before anything is dialled; it repeats no value."""
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        check_server(url)
    assert not any(part in str(refused.value) for part in ("secret", "sec/", "sec#", "sec@", "ret@"))
