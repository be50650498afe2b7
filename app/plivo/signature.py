"""Plivo's request signatures: what is signed, and whether a configured token signed it.

G1: one value of one of four headers must match one token, compared in constant time. Every signature is
Base64(HMAC-SHA256(auth token, text)). The header families differ in the text:

    V2  scheme://host[:port]/path + nonce                  (neither query nor body nor method)
    V3  ...path ? sorted query [. ] sorted body . nonce    (names and values of the body unseparated)

The Ma- variant of each is made with the main account's token. Plivo's documentation leaves out the "?" and "." rules of
V3; here its SDK (plivo-python) is followed.

https://docs.plivo.com/docs/messaging/concepts/signature-validation
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from app.frozen import frozen
from app.plivo.messages import IDENTIFIER, Parameters

MAX_VALUES = 10  # signatures of one header that are compared; Plivo sends one for each active token of an account
MAX_PARTS = 64  # parts of a comma-separated list that are read; 32 KiB of headers could hold 16,000

_SIGNATURE = re.compile(rb"[A-Za-z0-9+/]{43}=")  # 32 bytes in Base64


@frozen
class Request:
    """The parts of a request that a signature may cover.

    `base` is the public URL without query, as Plivo requested it.
    """

    method: str
    base: str
    query: Parameters = ()
    body: Parameters = ()

    @classmethod
    def of(cls, method: str, uri: str, body: Parameters = ()) -> "Request":
        """Create a request from a whole URI. Blank values of the query are kept, because Plivo signs them."""
        parts = urlsplit(uri)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method.upper(), uri.partition("#")[0].partition("?")[0], query, body)


def v2_text(request: Request, nonce: str) -> bytes:
    """Return what V2 and Ma-V2 sign: URL and nonce, without a separator."""
    return f"{request.base}{nonce}".encode()


def v3_text(request: Request, nonce: str) -> bytes:
    """Return what V3 and Ma-V3 sign. For GET all parameters are the query's; for POST the body follows the query."""
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
    """The signature headers that share a nonce and a signed text."""

    name: str
    nonce: str
    headers: Mapping[str, str]  # short name -> header
    text: Callable[[Request, str], bytes]
    covers_parameters: bool  # whether the parameters must be parsed before a signature can be checked


V2 = Family(
    "V2",
    "X-Plivo-Signature-V2-Nonce",
    {"V2": "X-Plivo-Signature-V2", "Ma-V2": "X-Plivo-Signature-Ma-V2"},
    v2_text,
    covers_parameters=False,
)
V3 = Family(
    "V3",
    "X-Plivo-Signature-V3-Nonce",
    {"V3": "X-Plivo-Signature-V3", "Ma-V3": "X-Plivo-Signature-Ma-V3"},
    v3_text,
    covers_parameters=True,
)
FAMILIES = (V3, V2)  # V3 first: it covers the parameters

# The headers of each family as ASGI spells them: its nonce, and its signatures by short name.
_FIELDS = {
    family: (
        family.nonce.lower().encode(),
        tuple((name, header.lower().encode()) for name, header in family.headers.items()),
    )
    for family in FAMILIES
}


class Token:
    """One auth token. Its HMAC state is prepared once, so that a signature takes 1.9 us instead of 2.9."""

    __slots__ = ("_state", "secret")

    def __init__(self, secret: str) -> None:
        self.secret = secret  # the token itself, the password of Plivo's REST API
        self._state = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def __repr__(self) -> str:
        return "Token(..)"

    def sign(self, text: bytes) -> bytes:
        """Return the signature of `text` as a header holds it, in Base64."""
        state = self._state.copy()
        state.update(text)
        return base64.b64encode(state.digest())


@frozen
class SignatureHeader:
    """The headers of one family: a nonce, and the signatures that each header offers.

    A header whose values cannot be signatures (not 44 characters of Base64) offers none.
    """

    family: Family
    nonce: str
    offered: tuple[tuple[str, tuple[bytes, ...]], ...]  # ("Ma-V3", (signature, ..))

    def text(self, request: Request) -> bytes:
        """Return the exact bytes that must have been signed."""
        return self.family.text(request, self.nonce)

    @property
    def is_comparable(self) -> bool:
        """Whether any signature is offered that a token could match."""
        return any(signatures for _, signatures in self.offered)


@frozen
class SignatureMatch:
    """A signature that a token made: the header that held it, the token, and the signed text."""

    header: str
    token: Token
    text: bytes


def header_fields(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Return raw ASGI headers by name. Values of a repeated field are joined by commas (RFC 9110, section 5.3)."""
    fields = dict(headers)
    if len(fields) < len(headers):
        fields = {}
        for name, value in headers:
            fields[name] = b"%s,%s" % (fields[name], value) if name in fields else value
    return fields


def signature_headers(
    fields: Mapping[bytes, bytes], families: Iterable[Family] = FAMILIES
) -> tuple[SignatureHeader, ...]:
    """Return the signatures that a request offers, from its `header_fields`.

    A family without a signature or without a valid nonce is left out.
    """
    headers = []
    for family in families:
        nonces, signature_fields = _FIELDS[family]
        if nonces in fields and (nonce := _nonce(fields[nonces])):
            lists = [(name, fields[field]) for name, field in signature_fields if field in fields]
            if offered := [(name, _signatures(values)) for name, values in lists if values.strip(b", \t")]:
                headers.append(SignatureHeader(family, nonce, tuple(offered)))
    return tuple(headers)


def is_offered(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request carries one of Plivo's signature headers, valid or not."""
    return any(name.startswith(b"x-plivo-signature") for name, _ in headers)


def _nonce(values: bytes) -> str | None:
    """Return the nonce, or None if it is malformed or repeated with different values."""
    if IDENTIFIER.fullmatch(nonce := values.decode("latin-1")):
        return nonce  # nearly always
    nonces = {value.strip() for value in values.split(b",")}
    nonce = nonces.pop().decode("latin-1")
    return nonce if not nonces and IDENTIFIER.fullmatch(nonce) else None


def _signatures(values: bytes) -> tuple[bytes, ...]:
    """Return the signatures of a comma-separated list (one for each active token), `MAX_VALUES` at most."""
    if _SIGNATURE.fullmatch(values):
        return (values,)  # nearly always
    parts = [part.strip() for part in values.split(b",", MAX_PARTS)]
    return tuple([part for part in parts if _SIGNATURE.fullmatch(part)][:MAX_VALUES])


def matching(header: SignatureHeader, text: bytes, tokens: Iterable[Token]) -> SignatureMatch | None:
    """Return the first signature that a token made over `text`, or None. Comparison takes constant time.

    Tokens are not tried if there is nothing to compare.
    """
    offered = [(name, signature) for name, signatures in header.offered for signature in signatures]
    for token in tokens if offered else ():
        expected = token.sign(text)
        for name, signature in offered:
            if hmac.compare_digest(signature, expected):
                return SignatureMatch(name, token, text)
    return None


def signed_headers(request: Request, family: Family, name: str, token: Token, nonce: str) -> dict[str, str]:
    """Return the headers that Plivo would send with this request: the signature called `name`, and its nonce."""
    return {family.nonce: nonce, family.headers[name]: token.sign(family.text(request, nonce)).decode()}
