"""Pydantic types of single values: texts that may stand elsewhere, days, durations, sizes, URLs, one or many."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ValidationInfo

from app.config import text_checks
from app.config.numbers import read_country
from app.config.tree import is_source
from app.http_client import Secret
from app.notation import Notation
from app.plivo.signature import Token
from app.policies.limits import Rate
from app.settings import HostPort

if TYPE_CHECKING:
    from app.config.source import Source

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):(\d{1,5})", re.ASCII)
_LAST_PORT = 65535
_WAYS_OUT: Mapping[type[Exception], str] = {
    PermissionError: "let the user that runs the service read it",
    IsADirectoryError: "name a file in it",
}


def resolve(value: Any, info: ValidationInfo) -> Any:
    """The text that a value stands for; None if it is optional and missing. Raises `ValueError`."""
    if not is_source(value):
        return value
    types = (isinstance(part, bool if key == "optional" else str) for key, part in value.items())
    if value.keys() >= {"env", "file"} or not all(types) or "" in (value.get("env"), value.get("file")):
        raise ValueError(
            'neither an env nor a file; write { env = "NAME" } or { file = "path" }, with optional = true or '
            'default = ".." if it may be missing'
        )
    source: Source = (info.context or {})["source"]
    try:
        if "env" in value:
            return source.environment[value["env"]]
        return source.read(value["file"])
    except KeyError:
        missing = f"environment variable {value['env']} is not set; set it"
    except UnicodeDecodeError:
        raise ValueError(f"file {value['file']} is not UTF-8; save it as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or "no such file"
        way_out = _WAYS_OUT.get(type(error), "create it")
        missing = f"file {value['file']} cannot be read: {reason}; {way_out}"
    if "default" in value:
        return value["default"]
    if value.get("optional") is True:
        return None
    raise ValueError(f"{missing}, or say optional = true")


def one_or_many(value: Any, info: ValidationInfo) -> Any:
    """A tuple of the texts that a list, or a single value, stands for; without those that are missing."""
    values = value if isinstance(value, list) else [value]
    return tuple(found for one in values if (found := resolve(one, info)) is not None)


def present(value: Any, info: ValidationInfo) -> Any:
    """A table without the texts that are optional and missing."""
    if not isinstance(value, dict):
        return value
    optional = {key for key, one in value.items() if is_source(one) and one.get("optional") is True}
    return {key: one for key, one in value.items() if key not in optional or resolve(one, info) is not None}


def needed(value: Any, info: ValidationInfo) -> Any:
    """The text that a value stands for. Raises `ValueError` if there is none."""
    found = resolve(value, info)
    if found is None:
        raise ValueError('a value is needed here, and the optional one is missing; give it a default = ".."')
    return found


def _duration(value: Any, info: ValidationInfo) -> float:
    found = needed(value, info)
    return read_duration(found if isinstance(found, str) else "")


def read_duration(text: str) -> float:
    """Seconds. Raises `ValueError`."""
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        raise ValueError('not a duration; write it as "500ms", "6s", "10m", "12h" or "30d"')
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def _size(value: Any, info: ValidationInfo) -> int:
    text = needed(value, info)
    found = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError('not a size; write it as "64KiB" or "1MiB"')
    return int(found[1]) * BYTES[found[2]]


def _rate(value: Any, info: ValidationInfo) -> Rate:
    count, slash, span = str(resolve(value, info) or "").partition("/")
    number = count.strip()
    if not slash or not number.isascii() or not number.isdigit() or not int(number):
        raise ValueError('not a limit; write it as "30/1h": so many, in any such span of time')
    try:
        seconds = read_duration(span)
    except ValueError:
        raise ValueError('not a limit; write its span with a number and a unit, as "30/1h"') from None
    if seconds < 1:
        raise ValueError("a limit in less than a second; write a longer span, as 30/1h")
    return Rate(int(number), seconds)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text in quotes")  # noqa: TRY004 - pydantic tells ValueErrors to the user
    return value


def _day(value: Any, info: ValidationInfo) -> date:
    found = resolve(value, info)
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    message = 'not a day; write it as "2026-12-24"'
    if not isinstance(found, str) or not _DATE.fullmatch(found):
        raise ValueError(message)
    try:
        return date.fromisoformat(found)
    except ValueError:
        raise ValueError('there is no such day; write it as "2026-12-24"') from None


def _host_and_port(value: Any, info: ValidationInfo) -> HostPort:
    text = needed(value, info)
    found = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found or int(found[3]) > _LAST_PORT:
        raise ValueError('not a host and a port; write them as "127.0.0.1:9090" or "[::1]:9090"')
    return HostPort(found[1] or found[2], int(found[3]))


def _token(value: str) -> Token:
    token = value.strip()
    if not token:
        raise ValueError("the auth token is empty; copy it from the home page of Plivo's console")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            "the auth token holds a blank or a character that no token has; copy it again from Plivo's console"
        )
    return Token(token)


def _text_that(check: Callable[[str], Any]) -> Any:
    """The type of a text that may stand elsewhere, and that passes a check."""
    return Annotated[str, BeforeValidator(needed), AfterValidator(check)]


TEXT = Annotated[str, BeforeValidator(needed)]
VALUES: Mapping[Any, Any] = {  # what a model has where a dataclass has this notation or type
    Notation.DURATION: Annotated[float, BeforeValidator(_duration)],
    Notation.SIZE: Annotated[int, BeforeValidator(_size)],
    Notation.HTTP_URL: _text_that(text_checks.http_url),
    Notation.PUBLIC_URL: _text_that(text_checks.public_url),
    Notation.HEADERS: Annotated[
        dict[
            Annotated[str, AfterValidator(text_checks.header_name)],
            Annotated[TEXT, AfterValidator(text_checks.header_value)],
        ],
        BeforeValidator(present),
    ],
    Notation.ACCESS_TOKEN: _text_that(text_checks.access_token),
    Notation.COUNTRY: _text_that(read_country),
    Notation.ROUTE_NAME: _text_that(text_checks.route_name),
    Notation.APPLICATION_NAME: _text_that(text_checks.application_name),
    Notation.HOST_NAME: _text_that(text_checks.host_name),
    Notation.LISTEN_HOST: _text_that(text_checks.listen_host),
    Notation.STATUS: _text_that(text_checks.status),
    HostPort: Annotated[Any, BeforeValidator(_host_and_port)],
    Rate: Annotated[Any, BeforeValidator(_rate)],
    Secret: Annotated[Any, AfterValidator(_text), AfterValidator(Secret)],
    Token: Annotated[Any, AfterValidator(_text), AfterValidator(_token)],
    str: TEXT,
    date: Annotated[date, BeforeValidator(_day)],
    datetime: AwareDatetime,
    bool: bool,
    int: int,
}
