"""The proxies of the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in upper or lower case.

As in Go and curl, the scheme of the URL selects the variable, and lower case wins. NO_PROXY lists names (with all names
below them), addresses and networks (10.0.0.0/8), each with an optional port, or `*`. As in Go, loopback is always
reached directly.

https://pkg.go.dev/golang.org/x/net/http/httpproxy
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import httpx

from app.http_client.values import BadEnvironment

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy, reached over plain HTTP."""

    url: str  # without user and password
    authorization: str | None = field(default=None, repr=False)  # the value of Proxy-Authorization


@dataclass(frozen=True, slots=True)
class Proxies:
    """The configured proxies, and what bypasses them."""

    by_scheme: Mapping[str, Proxy]
    bypass: tuple[str, ...] = ()  # entries of NO_PROXY, in lower case

    def route(self, url: httpx.URL) -> Proxy | None:
        """Return the proxy for this URL; None means a direct connection."""
        proxy = self.by_scheme.get(url.scheme)
        if proxy is None:
            return None
        host, port = url.host.rstrip("."), url.port or PORTS[url.scheme]
        direct = _is_loopback(host) or any(_matches(entry, host, port) for entry in self.bypass)
        return None if direct else proxy


def read_proxies() -> Proxies:
    """Return the proxies of the environment. Raises `BadEnvironment`."""
    found = getproxies_environment()
    chosen = {scheme: name for scheme in PORTS if (name := scheme if found.get(scheme) else "all") in found}
    entries = (entry.strip().lower() for entry in found.get("no", "").split(","))
    return Proxies(
        {scheme: _proxy(name, found[name]) for scheme, name in chosen.items() if found[name]},
        tuple(entry for entry in entries if entry),
    )


def _proxy(name: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port or PORTS["http"]
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "http" or not parts.hostname:
        message = (
            f"{name.upper()}_PROXY: write http://host:port; SOCKS proxies and proxies behind TLS are not supported"
        )
        raise BadEnvironment(message)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Proxy(f"http://{host}:{port}", _authorization(parts.username, parts.password))


def _authorization(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host == "localhost"


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    address, network = _address(host), _network(entry)
    if network is None:  # with an optional port: name:8080, 10.0.0.1:8080, [::1]:8080
        entry, colon, wanted = entry.rpartition(":") if ":" in entry else (entry, "", "")
        if colon and wanted != str(port):
            return False
        network = _network(entry.strip("[]"))
    if network or address:
        return network is not None and address is not None and address in network
    name = entry.removeprefix("*").removeprefix(".")
    return host == name or host.endswith(f".{name}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
