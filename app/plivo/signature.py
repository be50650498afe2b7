"""Plivo's request signatures: what is signed, and whether one of our tokens signed it.

G1: one value of one of four headers must match one token, compared in constant time.
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
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from app.plivo.messages import IDENTIFIER, Parameters

MAX_VALUES = 10  # signatures of one header that are compared; Plivo sends one for each active token of the account
MAX_PARTS = 64  # parts of a comma-separated list that are looked at; 32 KiB of header could hold 16,000
MAX_DESTINATIONS = 10_000  # numbers whose token is remembered

_SIGNATURE = re.compile(rb"[A-Za-z0-9+/]{43}=")  # 32 bytes in Base64


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


class Tokens:
    """The configured tokens, in the order in which they are worth trying.

    A number belongs to one account, so the token that last vouched for a number is tried first, then the one that
    last vouched for anything: a genuine request costs one HMAC however many tokens there are.
    """

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = tuple(tokens)
        self._latest: Token | None = None
        self._by_destination: dict[str, Token] = {}

    def in_order(self, destination: str | None = None) -> Iterator[Token]:
        """Every token once. `destination` is one of our numbers, if it is known."""
        first = dict.fromkeys((self._by_destination.get(destination or ""), self._latest))
        yield from (token for token in first if token is not None)
        yield from (token for token in self._tokens if token not in first)

    def remember(self, token: Token, destination: str | None = None) -> None:
        """This token vouched for a request, about this number."""
        self._latest = token
        if destination is not None and self._by_destination.get(destination) is not token:
            if len(self._by_destination) >= MAX_DESTINATIONS:
                self._by_destination.clear()
            self._by_destination[destination] = token


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """What the headers of one family say: a nonce, and the signatures that each header offers.

    A header whose values cannot be signatures (not 44 characters of Base64) offers none.
    """

    family: Family
    nonce: str
    offered: tuple[tuple[str, tuple[bytes, ...]], ...]  # ("Ma-V3", (signature, ..))

    def text(self, request: Request) -> bytes:
        """The exact bytes that must have been signed."""
        return self.family.text(request, self.nonce)

    @property
    def is_comparable(self) -> bool:
        """Whether there is anything that a token could match."""
        return any(signatures for _, signatures in self.offered)

    def header_matching(self, expected: bytes) -> str | None:
        """The header ("V3", "Ma-V2", ..) that offers this signature; compared in constant time."""
        for name, signatures in self.offered:
            for signature in signatures:
                if hmac.compare_digest(signature, expected):
                    return name
        return None


@dataclass(frozen=True, slots=True)
class Match:
    """Which header a token made."""

    header: str
    token: Token


def signature_headers(
    headers: Sequence[tuple[bytes, bytes]], families: Iterable[Family] = FAMILIES
) -> tuple[SignatureHeader, ...]:
    """The claims of a request, from raw ASGI headers. A family without a value or nonce makes none."""
    found: dict[str, list[bytes]] = {}
    for name, value in headers:
        if name.startswith(b"x-plivo-"):
            found.setdefault(name.decode("latin-1"), []).append(value)
    return tuple(header for family in families if found and (header := _header(family, found)))


def is_offered(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request carries one of Plivo's signature headers, whatever it is worth."""
    return any(name.startswith(b"x-plivo-signature") for name, _ in headers)


def _header(family: Family, found: Mapping[str, list[bytes]]) -> SignatureHeader | None:
    nonces = {value.strip().decode("latin-1") for value in found.get(family.nonce.lower(), ())}
    lists = {name: b",".join(found.get(header.lower(), ())) for name, header in family.headers.items()}
    offered = tuple((name, _signatures(values)) for name, values in lists.items() if values.strip(b", \t"))
    if not offered or len(nonces) != 1:
        return None
    nonce = nonces.pop()
    return SignatureHeader(family, nonce, offered) if IDENTIFIER.fullmatch(nonce) else None


def _signatures(values: bytes) -> tuple[bytes, ...]:
    """The signatures of a comma-separated list, one for each active token, blanks trimmed; `MAX_VALUES` at most."""
    parts = (part.strip() for part in values.split(b",", MAX_PARTS))
    return tuple([part for part in parts if _SIGNATURE.fullmatch(part)][:MAX_VALUES])


def matching(header: SignatureHeader, text: bytes, tokens: Iterable[Token]) -> Match | None:
    """The header and the token that made it over `text`. Tokens are not tried if there is nothing to compare."""
    for token in tokens if header.is_comparable else ():
        if name := header.header_matching(token.sign(text)):
            return Match(name, token)
    return None


def signed_headers(request: Request, family: Family, name: str, token: Token, nonce: str) -> dict[str, str]:
    """The headers that Plivo would send with this request: the signature called `name`, and its nonce."""
    return {family.nonce: nonce, family.headers[name]: token.sign(family.text(request, nonce)).decode()}
