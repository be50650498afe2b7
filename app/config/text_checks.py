"""Checks of single texts: URLs, names, tokens, HTTP headers. Each returns the text as it is used."""

import ipaddress
import re
from urllib.parse import urlsplit

from app.plivo.messages import STATUSES
from app.suggestions import did_you_mean

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ROUTE_NAME = re.compile(r"[a-z0-9-]+")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_LISTEN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_APPLICATION_NAME = re.compile(r"[A-Za-z0-9_-]+")
_RESERVED_HEADERS = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def http_url(value: str, instead_of_user: str = "use headers") -> str:
    """Return the URL if it is a whole one, without a user. Raises `ValueError` with advice."""
    advice = 'not a whole URL; write it as "https://example.com/path"'
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(advice) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(advice)
    if not value.isascii() or any(character.isspace() for character in value):
        raise ValueError(
            "a URL holds neither blanks nor letters beyond ASCII; write them percent-encoded, host names in punycode"
        )
    if parts.username is not None:
        raise ValueError(f"a user or a password in the URL; {instead_of_user}")
    return value


def public_url(value: str) -> str:
    """Return the base that paths are appended to, without a slash at its end. Raises `ValueError` with advice."""
    if (
        "?" in http_url(value, "leave them out, Plivo's signature replaces them") or "#" in value
    ):  # an empty query would swallow the paths too
        raise ValueError("a query or a fragment in the URL; leave it out, paths are appended to it")
    scheme, colon, rest = value.rstrip("/").partition(":")
    base = f"{scheme.lower()}{colon}{rest}"
    if scheme != scheme.lower():  # signed as it is dialled
        raise ValueError(f"a scheme in capitals; write {base}")
    for path in ("/message", "/report"):
        if base.endswith(path):
            raise ValueError(
                f"the URL ends in {path}, which the service appends itself; write {base.removesuffix(path)}"
            )
    return base


def status(value: str) -> str:
    """Return the status if Plivo reports it. Raises `ValueError` with advice."""
    if value not in STATUSES:
        raise ValueError(f"not a status that Plivo reports; {did_you_mean(value, STATUSES)}")
    return value


def route_name(value: str) -> str:
    """Return the name if a route may have it. Raises `ValueError` with advice."""
    if not _ROUTE_NAME.fullmatch(value):
        raise ValueError("not a name for a route; write lower-case letters, digits and hyphens")
    return value


def application_name(value: str) -> str:
    """Return the name if Plivo accepts it for an application. Raises `ValueError` with advice."""
    if not _APPLICATION_NAME.fullmatch(value):
        raise ValueError(
            "not a name that Plivo takes for an application; write letters, digits, hyphens and underscores"
        )
    return value


def host_name(value: str) -> str:
    """Return the name of a host in lower case. Raises `ValueError` with advice."""
    name = value.strip().lower()
    if not _HOST_NAME.fullmatch(name):
        raise ValueError('not the name of a host; write it without scheme and port: "sms-admin.example.com"')
    return name


def listen_host(value: str) -> str:
    """Return the address or the name to listen on, IPv6 without brackets. Raises `ValueError` with advice."""
    host = value.strip()
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if bare == host and _LISTEN_NAME.fullmatch(host):
            return host
    raise ValueError('not an address to listen on; write it without scheme and port, as "0.0.0.0", and port = 8080')


def access_token(value: str) -> str:
    """Return the token without blanks around it. Raises `ValueError` with advice."""
    if not value.strip():
        raise ValueError("the token is empty; without one leave the key out")
    return value.strip()


def header_name(name: str) -> str:
    """Return the name if the file may set this HTTP header. Raises `ValueError` with advice."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("not a name of an HTTP header; write letters, digits and hyphens")
    if name.lower().startswith("webhook-") or name.lower() in _RESERVED_HEADERS:
        raise ValueError("this header is set by the service; leave it out")
    return name


def header_value(value: str) -> str:
    """Return the value if an HTTP header may hold it. Raises `ValueError` with advice."""
    if not value.isascii() or not value.isprintable():
        raise ValueError("a header holds printable ASCII only; write other characters percent-encoded")
    return value
