"""Plivo's request signatures: what is signed, and whether one of our tokens signed it.

Law 1: one value of one of four headers must match one token, compared in constant time.
Every signature is Base64(HMAC-SHA256(auth token, text)); the families differ in the text:

    V2  scheme://host[:port]/path + nonce                  (neither query nor body nor method)
    V3  ...path ? sorted query [. ] sorted body . nonce    (names and values of the body unseparated)

The Ma- variant of each is made with the main account's token. Plivo's prose leaves out the "?" and
"." rules of V3; its SDKs hold (plivo-python).
https://docs.plivo.com/docs/messaging/concepts/signature-validation
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from app.plivo.messages import IDENTIFIER, Parameters


@dataclass(frozen=True, slots=True)
class Request:
    """What a signature may cover. `base` is the public URL without query, as Plivo dialled it."""

    method: str
    base: str
    query: Parameters
    body: Parameters

    @classmethod
    def of(cls, method: str, uri: str, body: Parameters = ()) -> "Request":
        """From a whole URI; the query's blanks are kept, as Plivo signs them."""
        parts = urlsplit(uri)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method.upper(), uri.partition("#")[0].partition("?")[0], query, body)


def v2_text(request: Request, nonce: str) -> bytes:
    """What V2 and Ma-V2 sign: URL and nonce, without a separator."""
    return f"{request.base}{nonce}".encode()


def v3_text(request: Request, nonce: str) -> bytes:
    """What V3 and Ma-V3 sign. For GET everything is query; for POST the body follows the query."""
    query, body = (request.query, request.body) if request.method == "POST" else (request.query + request.body, ())
    text = request.base
    if query or body:
        text += "?" + "&".join(f"{name}={value}" for name, value in sorted(query))
    if query and body:
        text += "."
    text += "".join(f"{name}{value}" for name, value in sorted(body))
    return f"{text}.{nonce}".encode()


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Headers that share a nonce and a text."""

    name: str
    nonce: str
    headers: Mapping[str, str]  # what we call it -> the header that holds it
    text: Callable[[Request, str], bytes]


V2 = Family(
    "V2",
    "X-Plivo-Signature-V2-Nonce",
    {"V2": "X-Plivo-Signature-V2", "Ma-V2": "X-Plivo-Signature-Ma-V2"},
    v2_text,
)
V3 = Family(
    "V3",
    "X-Plivo-Signature-V3-Nonce",
    {"V3": "X-Plivo-Signature-V3", "Ma-V3": "X-Plivo-Signature-Ma-V3"},
    v3_text,
)
FAMILIES = (V3, V2)  # V3 first: it covers the words


class Token:
    """One auth token; its HMAC state is prepared once (1.9 us a signature instead of 2.9)."""

    __slots__ = ("_state",)

    def __init__(self, secret: str) -> None:
        self._state = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def __repr__(self) -> str:
        return "Token(..)"

    def sign(self, text: bytes) -> bytes:
        """The signature of `text`, as it stands in a header."""
        state = self._state.copy()
        state.update(text)
        return base64.b64encode(state.digest())


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers of one family say: a nonce, and the signatures that each header offers."""

    family: Family
    nonce: str
    offered: tuple[tuple[str, tuple[bytes, ...]], ...]  # ("Ma-V3", (signature, ..))

    def text(self, request: Request) -> bytes:
        """The exact bytes that must have been signed."""
        return self.family.text(request, self.nonce)


def claims(headers: Sequence[tuple[bytes, bytes]], families: Iterable[Family] = FAMILIES) -> tuple[Claim, ...]:
    """The claims of a request, from raw ASGI headers. A family without signature or nonce makes none."""
    found: dict[str, list[bytes]] = {}
    for name, value in headers:
        if name.startswith(b"x-plivo-"):
            found.setdefault(name.decode("latin-1"), []).append(value)
    return tuple(claim for family in families if found and (claim := _claim(family, found)))


def _claim(family: Family, found: Mapping[str, list[bytes]]) -> Claim | None:
    nonces = {value.strip().decode("latin-1") for value in found.get(family.nonce.lower(), ())}
    offered = tuple(
        (name, signatures)
        for name, header in family.headers.items()
        if (signatures := _signatures(found.get(header.lower(), ())))
    )
    if not offered or len(nonces) != 1:
        return None
    nonce = nonces.pop()
    return Claim(family, nonce, offered) if IDENTIFIER.fullmatch(nonce) else None


def _signatures(values: Iterable[bytes]) -> tuple[bytes, ...]:
    """A header may list one signature per active token, with or without blanks after the comma."""
    return tuple(part for value in values for raw in value.split(b",") if (part := raw.strip()))


def matching(claim: Claim, text: bytes, tokens: Iterable[Token]) -> str | None:
    """The header ("V3", "Ma-V2", ..) whose value one of the tokens made over `text`, or None."""
    for token in tokens:
        expected = token.sign(text)
        for name, signatures in claim.offered:
            for signature in signatures:
                if hmac.compare_digest(signature, expected):
                    return name
    return None


def signed_headers(request: Request, family: Family, name: str, token: Token, nonce: str) -> dict[str, str]:
    """The headers that Plivo would send with this request: the signature called `name`, and its nonce."""
    return {family.nonce: nonce, family.headers[name]: token.sign(family.text(request, nonce)).decode()}
