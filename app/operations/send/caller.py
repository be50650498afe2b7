"""Signed requests to a running instance, as Plivo makes them."""

import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from app.operations.errors import OperationFailed, OperationRefused
from app.operations.send.values import Exchange
from app.plivo.messages import Parameters
from app.plivo.signature import V2, V3, Family, Request, Token, signed_headers

MAX_PORT, MAX_LABEL = 65_535, 63
TIMEOUT = 8.0  # seconds: what Plivo waits, https://support.plivo.com/hc/en-us/articles/360041344652
SIGNATURES: dict[str, tuple[tuple[Family, str], ...]] = {
    "v2": ((V2, "V2"),),
    "ma-v2": ((V2, "Ma-V2"),),
    "v3": ((V3, "V3"),),
    "ma-v3": ((V3, "Ma-V3"),),
    "both": ((V2, "V2"), (V3, "Ma-V3")),  # as seen in live traffic
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that signs for the public URL and calls the local one."""

    client: httpx.AsyncClient
    local: str
    token: Token
    signature: str

    async def call(self, method: str, url: str, parameters: Parameters) -> tuple[httpx.Response, Exchange]:
        """Make one signed request. Raises `OperationRefused` for a bad URL, `OperationFailed` if nobody answers."""
        local, asked_at = self.local + urlsplit(url).path, time.time()
        try:
            response = await self._request(method, url, local, parameters)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise OperationRefused(f"{self.local!r} is no URL of an instance; write http://127.0.0.1:8080") from None
        except httpx.HTTPError as error:
            why = f"no answer from {local} within {TIMEOUT:g} s ({type(error).__name__})"
            raise OperationFailed(f"{why}; is `plivo-autoreply serve` running there?") from None
        return response, Exchange(asked_at, time.time(), method, url, response.status_code)

    async def _request(self, method: str, url: str, local: str, parameters: Parameters) -> httpx.Response:
        _check(httpx.URL(local))
        form = urlencode(parameters)
        headers = self._headers(method, url, parameters, form)
        if method == "GET":
            return await self.client.get(f"{local}?{form}", headers=headers)
        headers["content-type"] = "application/x-www-form-urlencoded"
        return await self.client.post(local, content=form, headers=headers)

    def _headers(self, method: str, url: str, parameters: Parameters, form: str) -> dict[str, str]:
        signed = Request.of(method, url, parameters) if method == "POST" else Request.of(method, f"{url}?{form}", ())
        headers: dict[str, str] = {}
        for family, name in SIGNATURES[self.signature]:
            headers |= signed_headers(signed, family, name, self.token, secrets.token_hex(10))
        return headers


def _check(url: httpx.URL) -> None:
    """Raise `httpx.InvalidURL` for a port or a host that cannot be, which httpx finds out too late."""
    if (url.port or 0) > MAX_PORT or any(len(label) > MAX_LABEL for label in url.host.split(".")):
        raise httpx.InvalidURL("no such host or port")
