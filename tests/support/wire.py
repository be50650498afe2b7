"""Plivo's calls in one line, and bytes on a socket for those whom no client would help to misbehave."""

import http.client
import itertools
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from support import plivo_sdk, process

PUBLIC = "https://sms.example.com"  # as in process.MINIMAL

_senders = itertools.count(33_700_100_000)


def sender() -> str:
    """A number that has not written before: what is remembered of a sender must not join two tests."""
    return str(next(_senders))


def message(**changes: str) -> list[tuple[str, str]]:
    """An inbound SMS of somebody new."""
    return plivo_sdk.message(**{"From": sender(), **changes})


def tell(
    service: process.Served,
    params: plivo_sdk.Pairs,
    path: str = "/message",
    *,
    method: str = "POST",
    scheme: plivo_sdk.Scheme = "V3",
    public: str = PUBLIC,
) -> tuple[int, bytes]:
    """One signed call."""
    return process.call(service, method, path, params, plivo_sdk.headers(method, f"{public}{path}", params, scheme))


def text_of(xml: bytes) -> str | None:
    """The text of the one message of an answer, None for silence, as an XML parser reads it."""
    messages = ET.fromstring(xml).findall("Message")
    assert len(messages) <= 1
    return messages[0].text or "" if messages else None


def answered(service: process.Served, params: plivo_sdk.Pairs) -> str | None:
    """The text of the answer to a message, which comes with 200; None for silence."""
    status, xml = tell(service, params)
    assert status == 200, xml
    return text_of(xml)


@dataclass(frozen=True)
class Answer:
    """What came back on a socket."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


def dial(service: process.Served) -> socket.socket:
    """A connection to the service."""
    host, port = urlsplit(service.url).hostname, urlsplit(service.url).port
    return socket.create_connection((str(host), port), timeout=30)


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Request line and headers, as they are given."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def signed(path: str, params: plivo_sdk.Pairs, **more: str) -> bytes:
    """A whole signed POST."""
    body = plivo_sdk.form(params).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(body)), **more}
    return head("POST", path, headers | plivo_sdk.headers("POST", f"{PUBLIC}{path}", params)) + body


def read(connection: socket.socket, method: str = "POST") -> Answer:
    """The next answer; what is informational (100 Continue) is skipped."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        response.close()


def exchange(service: process.Served, sent: bytes, method: str = "POST") -> Answer:
    """These bytes, and the answer to them."""
    with dial(service) as connection:
        connection.sendall(sent)
        return read(connection, method)


def post(
    service: process.Served,
    body: bytes,
    path: str = "/message",
    *,
    content_type: str | None = "application/x-www-form-urlencoded",
) -> Answer:
    """A POST of any bytes, signed with V2, which covers no body."""
    headers = plivo_sdk.headers("POST", f"{PUBLIC}{path}", (), "V2")
    if content_type is not None:
        headers["content-type"] = content_type
    return exchange(service, head("POST", path, {**headers, "content-length": str(len(body))}) + body)
