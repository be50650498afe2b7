"""Whether the host of public_url is found and reached from here: its name, its port, its certificate."""

import ipaddress
from urllib.parse import urlsplit

from app.http_client import RequestFailed
from app.http_client.reach import look_up, reach
from app.operations.doctor.certificates import of_certificate
from app.operations.doctor.values import Check, error, ok, warning

TIMEOUT = 10.0  # seconds

_INSIDE = (
    "Plivo must reach it: look it up from outside, with another resolver. If that shows a public address, all is well"
)


async def check_address(public_url: str) -> list[Check]:
    """Look up the host and connect to it. An error is the last check: nothing behind it can work."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        addresses = await look_up(host, timeout=TIMEOUT)
    except RequestFailed as failure:
        advice = "add an A or AAAA record for it, or correct [server] public_url"
        return [error("dns", f"{host} cannot be looked up: {failure}", advice)]
    checks = [_of_addresses(host, addresses)]
    if parts.scheme == "http":
        advice = "put a proxy with TLS in front, and write public_url with https"
        checks.append(warning("tls", "public_url is http: anybody on the way can read messages", advice))
    name = "tls" if parts.scheme == "https" else "connect"
    try:
        checks.append(of_certificate(name, parts.netloc, await reach(public_url, timeout=TIMEOUT)))
    except RequestFailed as failure:
        checks.append(error(name, f"{parts.netloc} cannot be reached: {failure}", _advice(str(failure))))
    return checks


def _of_addresses(host: str, addresses: tuple[str, ...]) -> Check:
    message = f"{host} is {'an address' if host in addresses else ', '.join(addresses)}"
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
        return warning("dns", f"{message}, but no public one", _INSIDE)
    return ok("dns", message)


def _advice(failure: str) -> str:
    for word, advice in _ADVICE.items():
        if word in failure:
            return advice
    return "is the proxy running, and does the firewall let this port through?"


_ADVICE = {
    "expired": "renew the certificate, and reload the proxy",
    "another host name": "get a certificate for the host of public_url",
    "another IP address": "get a certificate for the address of public_url, or write its name there",
    "intermediate certificate": "let the proxy send the whole chain (fullchain.pem); for an authority of your own, "
    "Plivo would not trust it either",
    "self-signed": "get a certificate from a public authority: Plivo does not trust this one",
    "does not speak TLS": "something without TLS listens at this port: is it the proxy?",
}
