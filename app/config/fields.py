"""Pydantic types of single values: texts that may stand elsewhere, days, durations, sizes, URLs, one or many."""

import os
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from app.config.numbers import read_country
from app.http_client import Secret
from app.plivo.messages import STATUSES
from app.plivo.signature import Token
from app.policies.limits import Rate
from app.settings import HostPort
from app.suggestions import did_you_mean
from app.text_files import decoded

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_SOURCES = frozenset({"env", "file", "optional", "default"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ROUTE_NAME = re.compile(r"[a-z0-9-]+")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):(\d{1,5})", re.ASCII)
_LAST_PORT = 65535
_RESERVED_HEADERS = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def is_source(value: Any) -> bool:
    """Whether it is `{ env = ".." }` or `{ file = ".." }`."""
    return (
        isinstance(value, Mapping) and bool(value) and value.keys() <= _SOURCES and bool(value.keys() & {"env", "file"})
    )


def resolve(value: Any, info: ValidationInfo) -> Any:
    """The text that a value stands for; None if it is optional and missing. Raises `ValueError`."""
    if not is_source(value):
        return value
    if value.keys() >= {"env", "file"} or not all(
        isinstance(part, str) for key, part in value.items() if key != "optional"
    ):
        message = (
            'write { env = "NAME" } or { file = "path" }, with optional = true or default = ".." if it may be missing'
        )
        raise ValueError(message)
    found = _from_env(value["env"]) if "env" in value else _from_file(value["file"], info)
    if found is not None:
        return found
    if "default" in value:
        return value["default"]
    if value.get("optional") is True:
        return None
    missing = (
        f"environment variable {value['env']} is not set" if "env" in value else f"file {value['file']} cannot be read"
    )
    message = f"{missing}; set it, or say optional = true"
    raise ValueError(message)


def _from_env(name: str) -> str | None:
    return os.environ.get(name)


def _from_file(name: str, info: ValidationInfo) -> str | None:
    folder: Path = (info.context or {}).get("folder", Path())
    try:
        return decoded((folder / name).read_bytes()).replace("\r\n", "\n").rstrip("\r\n")
    except UnicodeDecodeError:
        message = f"file {name} is not UTF-8"
        raise ValueError(message) from None
    except OSError:
        return None


def one_or_many(value: Any, info: ValidationInfo) -> Any:
    """A tuple of the texts that a list, or a single value, stands for; without those that are missing."""
    values = value if isinstance(value, list) else [value]
    return tuple(found for one in values if (found := resolve(one, info)) is not None)


def needed(value: Any, info: ValidationInfo) -> Any:
    """The text that a value stands for. Raises `ValueError` if there is none."""
    found = resolve(value, info)
    if found is None:
        message = "a value is needed here, and the optional one is missing"
        raise ValueError(message)
    return found


def _duration(value: Any, info: ValidationInfo) -> float:
    found = needed(value, info)
    return read_duration(found if isinstance(found, str) else "")


def read_duration(text: str) -> float:
    """Seconds. Raises `ValueError`."""
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        message = 'write a duration as "500ms", "6s", "10m", "12h" or "30d"'
        raise ValueError(message)
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def _size(value: Any, info: ValidationInfo) -> int:
    text = needed(value, info)
    found = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        message = 'write a size as "64KiB" or "1MiB"'
        raise ValueError(message)
    return int(found[1]) * BYTES[found[2]]


def _rate(value: Any, info: ValidationInfo) -> Rate:
    count, slash, span = str(resolve(value, info) or "").partition("/")
    number = count.strip()
    if not slash or not number.isascii() or not number.isdigit() or not int(number):
        message = 'write a limit as "30/1h": so many, in any such span of time'
        raise ValueError(message)
    if (seconds := _duration(span, info)) < 1:
        message = "the span of a limit is a second at least"
        raise ValueError(message)
    return Rate(int(number), seconds)


def _http_url(value: str) -> str:
    advice = 'write a whole URL, as "https://example.com/path"'
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(advice) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(advice)
    if not value.isascii() or any(character.isspace() for character in value):
        message = "a URL is ASCII without blanks; write other characters percent-encoded, host names in punycode"
        raise ValueError(message)
    if parts.username is not None:
        message = "no user and password in a URL; use headers"
        raise ValueError(message)
    return value


def _public_url(value: str) -> str:
    if "?" in _http_url(value) or "#" in value:  # an empty query would swallow the paths too
        message = "no query and no fragment: Plivo's paths are appended to it"
        raise ValueError(message)
    scheme, colon, rest = value.rstrip("/").partition(":")
    base = f"{scheme.lower()}{colon}{rest}"
    if scheme != scheme.lower():  # signed as it is dialled
        message = f"write {scheme.lower()} in lower case: {base}"
        raise ValueError(message)
    for path in ("/message", "/report"):
        if base.endswith(path):
            message = f"{path} is appended to it: write {base.removesuffix(path)}"
            raise ValueError(message)
    return base


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "expected a text in quotes"
        raise ValueError(message)  # noqa: TRY004 - pydantic tells ValueErrors to the user
    return value


def _day(value: Any, info: ValidationInfo) -> date:
    found = resolve(value, info)
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    message = 'write a day as "2026-12-24"'
    if not isinstance(found, str) or not _DATE.fullmatch(found):
        raise ValueError(message)
    try:
        return date.fromisoformat(found)
    except ValueError:
        message = f'there is no day "{found}"; {message}'
        raise ValueError(message) from None


def _status(value: str) -> str:
    if value not in STATUSES:
        message = f"unknown status; {did_you_mean(value, STATUSES)}"
        raise ValueError(message)
    return value


def _route_name(value: str) -> str:
    if not _ROUTE_NAME.fullmatch(value):
        message = "lower-case letters, digits and hyphens only"
        raise ValueError(message)
    return value


def _host_and_port(value: Any, info: ValidationInfo) -> HostPort:
    text = needed(value, info)
    found = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found or int(found[3]) > _LAST_PORT:
        message = 'write a host and a port as "127.0.0.1:9090" or "[::1]:9090"'
        raise ValueError(message)
    return HostPort(found[1] or found[2], int(found[3]))


def _access_token(value: str) -> str:
    if not value.strip():
        message = "the token is empty"
        raise ValueError(message)
    return value.strip()


def _token(value: str) -> Token:
    token = value.strip()
    if not token:
        message = "the auth token is empty; it stands on the home page of Plivo's console"
        raise ValueError(message)
    if not token.isascii() or not token.isprintable() or " " in token:
        message = "the auth token holds a blank or a character that no token has; copy it again from Plivo's console"
        raise ValueError(message)
    return Token(token)


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            message = f"{name!r} is no name of an HTTP header"
            raise ValueError(message)
        if name.lower().startswith("webhook-") or name.lower() in _RESERVED_HEADERS:
            message = f"{name} is set by the service"
            raise ValueError(message)
        if not text.isascii() or not text.isprintable():
            message = f"the value of {name} must be printable ASCII"
            raise ValueError(message)
    return value


Text = Annotated[str, BeforeValidator(needed)]
Day = Annotated[date, BeforeValidator(_day)]
Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Limit = Annotated[Any, BeforeValidator(_rate)]
HttpUrl = Annotated[str, BeforeValidator(needed), AfterValidator(_http_url)]
PublicUrl = Annotated[str, BeforeValidator(needed), AfterValidator(_public_url)]
HostAndPort = Annotated[Any, BeforeValidator(_host_and_port)]
AccessToken = Annotated[str, BeforeValidator(needed), AfterValidator(_access_token)]
Country = Annotated[str, BeforeValidator(needed), AfterValidator(read_country)]
RouteName = Annotated[str, BeforeValidator(needed), AfterValidator(_route_name)]
Status = Annotated[str, BeforeValidator(needed), AfterValidator(_status)]
AuthToken = Annotated[Any, AfterValidator(_text), AfterValidator(_token)]
WebhookSecret = Annotated[Any, AfterValidator(_text), AfterValidator(Secret)]
HeaderMap = Annotated[dict[str, Text], AfterValidator(_headers)]
