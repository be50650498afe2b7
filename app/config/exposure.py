"""Who can read or reach what the file names: secrets in it, sockets, tokens, addresses."""

import ipaddress
import re
from urllib.parse import urlsplit

from app.config.advice import of_a_shell
from app.config.source import Source
from app.config.tree import is_source, leaves
from app.settings import AdminSettings, PlivoSettings, ServerSettings

_EXPOSED = {"public_url": "messages", "webhook": "messages", "url": "reports", "api_url": "the auth token"}


def warn_of_exposure(source: Source) -> None:
    """Secrets that stand in the file, and addresses that anybody on the way can read."""
    for place, value in leaves(source.data):
        if is_source(value) or place[0] == "tests" or "keywords" in place:
            continue
        key = next(part for part in reversed(place) if isinstance(part, str))
        if place[-2:-1] == ("headers",) and "auth" not in key.lower() and "key" not in key.lower():
            continue
        secret = key in ("auth_tokens", "secrets") or place == ("admin", "token") or place[-2:-1] == ("headers",)
        if isinstance(value, str) and secret:
            source.note(place, 'a secret in the file; better { env = ".." } or { file = ".." }', "warning")
        if place == ("store", "url") and isinstance(value, str) and re.search(r"//[^/@:]*:[^/@]+@", value):
            source.note(place, 'a password in the file; better url = { env = ".." } or { file = ".." }', "warning")
        if isinstance(value, str) and (advice := of_a_shell(value)):
            source.note(place, advice, "warning")
        if place == ("plivo", "signature") and value == "log-only":
            message = (
                "requests that nobody signed are answered too, so strangers can send messages at your cost; use any"
            )
            source.note(place, message, "warning")
        if isinstance(value, str) and (what := _EXPOSED.get(key)) and _is_open_http(value):
            source.note(place, f"http to a public host, anybody on the way can read {what}; use https", "warning")


def check_addresses(source: Source, server: ServerSettings | None, admin: AdminSettings | None) -> None:
    """Two sockets cannot listen on one address."""
    if server is None or admin is None or not server.port or server.port != admin.listen.port:
        return
    hosts = {server.host, admin.listen.host}
    if len(hosts) == 1 or hosts & {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        source.note(("admin", "listen"), "the port of [server] too; choose another one")


def check_tokens(source: Source, plivo: PlivoSettings | None) -> None:
    """Without a token no call can be verified."""
    if plivo and not plivo.auth_tokens:
        message = "no token is left, for each one is optional and missing; set one of them"
        if source.value(("plivo", "auth_tokens")) == []:
            message = 'no token; write auth_tokens = { env = "PLIVO_AUTH_TOKEN" }'
        source.note(("plivo", "auth_tokens"), message)


def warn_of_strangers(source: Source, admin: AdminSettings | None) -> None:
    """Nothing guards the metrics but the address. Private ones, and 0.0.0.0 in a container, are usual."""
    try:
        public = admin is not None and ipaddress.ip_address(admin.listen.host).is_global
    except ValueError:
        public = False
    if public:
        message = "a public address, where anybody can read /metrics and /ready; they hold no texts and no numbers"
        source.note(("admin", "listen"), message, "warning")


def _is_open_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = "." in host and not host.endswith((".localhost", ".local", ".internal"))
    return parts.scheme == "http" and public
