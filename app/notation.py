"""Types of settings: how the file writes a value, and how a dataclass declares a key. Pure.

A dataclass declares the keys of a table: a field with a `Doc` is a key of the file, every other field is not. Type,
default, bounds (annotated_types) and description are in that one place:

    timeout: Annotated[Seconds, Interval(gt=0, le=60), Doc("The longest time for one attempt.")] = 10.0

`app.config` reads the file by these declarations. A key that is an identifier of Python's own has a `Key` beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any

from annotated_types import Interval, Len
from typing_extensions import Doc

__all__ = [
    "AccessToken",
    "ApplicationName",
    "Bytes",
    "Country",
    "Doc",
    "Example",
    "Headers",
    "HostName",
    "HttpUrl",
    "Interval",
    "Key",
    "Len",
    "ListenHost",
    "Notation",
    "PublicUrl",
    "RouteName",
    "Seconds",
    "Status",
]


class Notation(Enum):
    """How the file writes a value whose type alone does not say so."""

    DURATION = auto()  # "500ms", "6s", "10m", "12h", "30d"
    SIZE = auto()  # "64KiB", "1MiB"
    HTTP_URL = auto()
    PUBLIC_URL = auto()
    HEADERS = auto()
    ACCESS_TOKEN = auto()
    COUNTRY = auto()  # two letters
    ROUTE_NAME = auto()
    APPLICATION_NAME = auto()  # of a Plivo application
    HOST_NAME = auto()  # of a Host header, without a port
    LISTEN_HOST = auto()  # an IP address or a name, without a port
    STATUS = auto()  # of a delivery report


Seconds = Annotated[float, Notation.DURATION]
Bytes = Annotated[int, Notation.SIZE]
HttpUrl = Annotated[str, Notation.HTTP_URL]  # http or https, whole
PublicUrl = Annotated[str, Notation.PUBLIC_URL]  # without a slash at the end
Headers = Annotated[Mapping[str, str], Notation.HEADERS]  # none that the service sets itself
AccessToken = Annotated[str, Notation.ACCESS_TOKEN]  # not empty
Country = Annotated[str, Notation.COUNTRY]
ApplicationName = Annotated[str, Notation.APPLICATION_NAME]
HostName = Annotated[str, Notation.HOST_NAME]
ListenHost = Annotated[str, Notation.LISTEN_HOST]
RouteName = Annotated[str, Notation.ROUTE_NAME]
Status = Annotated[str, Notation.STATUS]


@dataclass(frozen=True, slots=True)
class Key:
    """The key in the file, where it is not the name of the field."""

    name: str


@dataclass(frozen=True, slots=True)
class Example:
    """A value as the file writes it, for the reference. A key without one shows its default."""

    value: Any
