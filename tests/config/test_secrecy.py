"""What is secret, by the name of its key; and that everything that the declarations hide is."""

import dataclasses
from typing import Any

import pytest

from app.config.models import declarations
from app.config.secrecy import is_secret, is_url, masked, masked_line, masked_url
from app.config.tables import TABLES
from app.rules import KINDS
from app.rules.compiler import Place

NAMED = ("schedules", "targets")


@pytest.mark.parametrize(
    ("place", "hidden"),
    [
        (("plivo", "auth_tokens", 0), True),
        (("plivo", "auth_id"), True),
        (("plivo", "atuh_tokens"), True),
        (("plivo", "country"), False),
        (("admin", "token"), True),
        (("targets", "crm", "secrets"), True),
        (("targets", "crm", "headers", "X-Shop"), True),
        (("targets", "crm", "secret"), True),
        (("targets", "token-sink", "timeout"), False),
        (("rules", "auth-code", "text"), False),
        (("rules", "bot", "headers", "Authorization"), True),
        (("rules", "menu", "keywords", "TOKEN"), False),
        (("routes", 0, "vars", "password"), False),
        (("tests", 0, "text"), False),
        (("server", "public_url"), False),
    ],
)
def test_secrets_are_known_by_their_keys(place: Place, *, hidden: bool) -> None:
    """A misspelt key too; names that the owner of the file chose do not count."""
    assert is_secret(place) is hidden


def test_what_the_declarations_hide_is_secret() -> None:
    """A field without a place in `repr` is one whose value no error may show, or a URL."""
    hidden = []
    for name, options in TABLES.items():
        for one in [options] if options else KINDS.values():
            place: Place = (name, "x") if name in NAMED or options is None else (name,)
            hidden += [(*place, key) for key, field, _ in declarations(one) if not field.repr]
    assert len(hidden) >= 5
    assert [place for place in hidden if not is_secret(place) and not is_url(place)] == []
    assert dataclasses.is_dataclass(TABLES["plivo"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://sms.example.com/path", "https://sms.example.com/path"),
        ("https://me:hunter2@example.com/x", "https://***@example.com/x"),
        ("https://me:hun/ter2@example.com/x", "https://***@example.com/x"),
        ("https://example.com/x?key=hunter2", "https://example.com/x?***"),
        ("https://example.com/x#hunter2", "https://example.com/x#***"),
        ("me:hunter2@example.com", "***@example.com"),
        ("postgresql://me:hunter2@db/x?sslmode=on", "postgresql://***@db/x?***"),
    ],
)
def test_urls_lose_what_may_be_secret(url: str, shown: str) -> None:
    """Users, passwords, queries and fragments."""
    assert masked_url(url) == shown


def test_values_of_a_table_are_masked() -> None:
    """Whatever their type; names of variables and files are no secrets."""
    table: dict[str, Any] = {
        "auth_tokens": ["hunter2", {"env": "TOKEN"}, {"file": "/run/x", "default": "hunter2"}, 5],
        "country": "FR",
    }
    assert masked(("plivo",), table) == {
        "auth_tokens": ["***", {"env": "TOKEN"}, {"file": "/run/x", "default": "***"}, "***"],
        "country": "FR",
    }


@pytest.mark.parametrize(
    ("lines", "number", "shown"),
    [
        (["[plivo]", "auth_tokens = hunter2"], 2, "auth_tokens = ***"),
        (["[plivo]", "auth_tokens = [", '  "hunter2', "]"], 3, "  ***"),
        (["[targets.crm.headers]", 'X-Shop = "hunter2'], 2, "X-Shop = ***"),
        (["[targets.crm]", 'url = "https://me:hunter2@crm.example.com'], 2, 'url = "https://***@crm.example.com'),
        (["[rules.a]", "text = Hello"], 2, "text = Hello"),
        (["[[routes]]", "text = Hello"], 2, "text = Hello"),
        (["crm = { url = 'x', secrets = 'hunter2 }"], 1, "crm = ***"),
    ],
)
def test_lines_of_a_broken_file_are_masked(lines: list[str], number: int, shown: str) -> None:
    """Where no tree can be trusted, the nearest key above decides."""
    assert masked_line(lines, number).rstrip('"') == shown
