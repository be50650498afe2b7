"""The check of the Host header, so that no page of a stranger reaches the console by a name of its own.

A browser lets a page read what its own host name returns, and a stranger may point a name at 127.0.0.1 (DNS rebinding).
So only the names of `[admin] hosts`, the address of `listen`, and the address that the connection came in on are
accepted. The port does not matter: it differs behind a tunnel or a proxy.
"""

import re
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import AdminSettings
from app.web.api.problems import problem

LOCALHOST = "localhost"
HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


class HostCheck:
    """Respond with 403 to a request whose Host header names none of our hosts."""

    def __init__(self, app: ASGIApp, settings: AdminSettings) -> None:
        self._app = app
        self._names = {*(name.strip("[]") for name in settings.hosts), settings.listen.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if self._is_ours(scope):
            await self._app(scope, receive, send)
            return
        await problem(403, "this Host is not accepted; add the name to [admin] hosts")(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        given = HOST.fullmatch(dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower())
        if given is None:
            return False
        name = given["name"].strip("[]").removesuffix(".")
        arrived_at = str((scope.get("server") or ("",))[0])
        return name in (*self._names, arrived_at) or (name == LOCALHOST and _is_loopback(arrived_at))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
