"""What leaves the house: one POST, bounded in time and size, signed as Standard Webhooks.

Laws kept here: a whole attempt (connect, TLS, send, answer) fits in one timeout; at most `cap` bytes
of an answer are read, undecoded, so that neither a gigabyte nor a gzip bomb can hurt; redirects are
not followed; no message of an error holds a query string.

httpx stands behind this file only: a move to its successor, or another transport, is one line.
"""

import asyncio
import base64
import binascii
import errno
import hashlib
import hmac
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import NewType, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of a secret, not one
SECRET_BYTES = range(24, 65)  # https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"
RECEIVE_BUFFER = 16 * 1024  # bytes; the longest answer that anybody reads

Url = NewType("Url", str)  # http or https, whole
Headers = NewType("Headers", dict[str, str])  # checked: none that the service sets itself


class Undelivered(Exception):
    """The POST got no answer; the message says why, without URL, in a few words."""


class BadAuthorities(Exception):
    """What SSL_CERT_FILE or SSL_CERT_DIR names cannot be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, content type, Retry-After, and the first `cap` bytes of the body, undecoded."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes
    truncated: bool
    packed: bool = False  # in a Content-Encoding, though we accept none


class Secret:
    """A Standard Webhooks signing secret, `whsec_` and Base64. Never printed."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        """Raises `ValueError` saying what is wrong with it, without its value."""
        try:
            self._key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if not text.startswith(SECRET_PREFIX) or len(self._key) not in SECRET_BYTES:
            message = "a secret is whsec_ and the Base64 of 24 to 64 bytes; `plivo-autoreply secret` prints one"
            raise ValueError(message)

    def __repr__(self) -> str:
        return "Secret(..)"

    def sign(self, content: bytes) -> str:
        """The `v1` signature of what Standard Webhooks signs: id.timestamp.body."""
        return "v1," + base64.b64encode(hmac.digest(self._key, content, hashlib.sha256)).decode()


def webhook_headers(identifier: str, timestamp: int, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` and, with secrets, one signature a secret (rotation)."""
    headers = {"webhook-id": identifier, "webhook-timestamp": str(timestamp)}
    if secrets:
        content = f"{identifier}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(secret.sign(content) for secret in secrets)
    return headers


class Outbound:
    """An httpx client for one receiver, so that one receiver's connections never wait for another's.

    It stands on aiohttp's connections: httpx's own pool walks every connection on each request, and is
    slower the more are in flight (`make bench`: three times at 50). Proxies and .netrc of the environment
    are not read, cookies not kept: what is posted goes where the config says, as it says. Whom TLS trusts is the
    environment's to say: see `authorities`.
    """

    def __init__(
        self, *, connections: int | None, user_agent: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Raises `BadAuthorities`."""
        self.client = httpx.AsyncClient(
            transport=transport or AiohttpTransport(client=partial(_session, connections, authorities())),
            headers={"user-agent": user_agent, "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # noqa: S113 - asyncio.timeout bounds the whole attempt
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, cap: int, timeout: float | None = None
    ) -> Answer:
        """One attempt of at most `timeout` seconds; None: the caller bounds it. Raises `Undelivered` without answer."""
        try:
            async with (
                asyncio.timeout(timeout),
                self.client.stream("POST", url, content=body, headers=headers) as response,
            ):
                received, truncated = await _read(response, cap)
        except TimeoutError:
            message = f"no answer within {timeout:g} s"
            raise Undelivered(message) from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise Undelivered(_reason(error)) from None
        return Answer(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            retry_after=response.headers.get("retry-after"),
            body=received,
            truncated=truncated,
            packed=response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"),
        )


@cache  # reading them takes 20 ms, and a house may have a hundred targets
def authorities() -> ssl.SSLContext:
    """Who may vouch for a receiver: the public authorities (certifi's), or instead of them those of SSL_CERT_FILE or
    SSL_CERT_DIR, which OpenSSL's programs read too. Raises `BadAuthorities`.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        message = f"SSL_CERT_FILE or SSL_CERT_DIR: {error.strerror or error}"
        raise BadAuthorities(message) from error


def _session(connections: int | None, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    limit = connections or 0  # 0: no limit of its own
    connector = aiohttp.TCPConnector(limit=limit, ssl=tls, socket_factory=_socket)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that takes in little at a time: uvloop reads on while its 256 KiB are filled, and a receiver that sends
    interim answers as fast as it can held the whole house up for seconds.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return made


async def _read(response: httpx.Response, cap: int) -> tuple[bytes, bool]:
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > cap:
            return bytes(received[:cap]), True
    return bytes(received), False


_BROKE_OFF = "the receiver broke off or does not speak HTTP"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (  # of an error and its causes, the first that fits
    (ssl.SSLCertVerificationError, "its certificate is not to be trusted"),
    (aiohttp.ClientConnectorError, "could not connect"),
    (aiohttp.ServerDisconnectedError, _BROKE_OFF),
    (aiohttp.ClientResponseError, _BROKE_OFF),
    (aiohttp.ClientPayloadError, _BROKE_OFF),
    (aiohttp.ClientOSError, "the connection broke"),
    (httpx.ConnectError, "could not connect"),
    (httpx.RemoteProtocolError, _BROKE_OFF),
    (httpx.NetworkError, "the connection broke"),
    (httpx.UnsupportedProtocol, "the url is neither http nor https"),
    (ValueError, "the url has no host that can be looked up"),
)


def _reason(error: BaseException) -> str:
    causes = [error]
    while (deeper := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(deeper)
    known = (text for kind, text in _REASONS if any(isinstance(cause, kind) for cause in causes))
    text = next(known, type(error).__name__)
    said = [words for cause in causes if isinstance(cause, OSError) and (words := _said(cause))]
    return f"{text} ({said[-1]})" if said else text


def _said(error: OSError) -> str | None:
    """What is wrong with a certificate, which OpenSSL's strerror wraps; or the words of errno, without addresses."""
    if words := getattr(error, "verify_message", None):
        return str(words)
    known = error.errno in errno.errorcode and not isinstance(error, socket.gaierror | ssl.SSLError)
    return os.strerror(error.errno) if known and error.errno else error.strerror
