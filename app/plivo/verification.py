"""Verify that Plivo signed a request (G1), and make the proofs that bind its signature to its content (G2).

Cheap checks come first: V2 covers the URL only and is checked before the parameters are parsed, V3 after.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from app.frozen import frozen
from app.plivo import forms
from app.plivo.diagnosis import checked
from app.plivo.messages import Parameters, Proof, Verified, content_digest
from app.plivo.refusals import Forged
from app.plivo.signature import Request, SignatureHeader, SignatureMatch, Token, matching

MAX_DESTINATIONS = 200_000  # numbers whose token is remembered, about 150 bytes each


@frozen
class RawRequest:
    """A request as it arrived, its parameters not yet parsed."""

    method: str  # GET or POST
    path: str  # below public_url
    base: str  # public_url and path
    query: bytes
    content_type: bytes
    body: bytes
    our_number: bytes  # the parameter that holds our number: To of a message, From of a report

    def read(self) -> tuple[Parameters, Parameters]:
        """Return the query's parameters, and the request's: those of the body for POST, of the query for GET.

        Raises `Unsupported` or `Malformed`.
        """
        parse = forms.parser_of(self.content_type) if self.method == "POST" else None
        query = forms.urlencoded(self.query) if self.query else ()
        return query, parse(self.body) if parse else query

    def destination(self) -> bytes:
        """Return our number as it is on the wire, or b"". It is only a hint, neither decoded nor checked."""
        return forms.peek(self.body if self.method == "POST" else self.query, self.our_number)


class NoMatch(Forged):
    """No token made any of the signatures. Holds what was compared, for a diagnosis."""

    def __init__(self, headers: Sequence[SignatureHeader], request: Request) -> None:
        super().__init__(f"no token matches {checked(headers, request)}" if headers else "no signature header")
        self.compared = headers
        self.request = request


class Tokens:
    """The configured tokens, likeliest first.

    A number belongs to one account. So the token that last verified a request about a number is tried first, then the
    one that last verified any request. A genuine request costs one HMAC, however many tokens there are.
    """

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._positions = {token: position for position, token in enumerate(tokens, 1)}
        self.are_several = len(self._positions) > 1
        self._latest: Token | None = None
        self._by_destination: dict[bytes, Token] = {}

    def in_order(self, destination: bytes = b"") -> Iterator[Token]:
        """Yield every token once, the likeliest first. `destination` is our number, if it is known."""
        first = self._by_destination.get(destination, self._latest)
        if first is not None:
            yield first
        if self._latest is not first and self._latest is not None:
            yield self._latest
        for token in self._positions:
            if token is not first and token is not self._latest:
                yield token

    def remember(self, token: Token, destination: bytes = b"") -> int:
        """Note that a token verified a request about this number.

        Return its position in the configured list, from 1.
        """
        self._latest = token
        if destination and self._by_destination.get(destination) is not token:
            if len(self._by_destination) >= MAX_DESTINATIONS:
                self._by_destination.clear()
            self._by_destination[destination] = token
        return self._positions[token]


def verify(request: RawRequest, headers: Sequence[SignatureHeader], tokens: Tokens) -> Verified:
    """Return the request with its parameters and proofs. One matching signature is enough; V3 is named before V2.

    Raises `NoMatch`, `Unsupported` or `Malformed`.
    """
    destination = request.destination() if tokens.are_several else b""
    early = [header for header in headers if not header.family.covers_parameters]
    unread = Request(request.method, request.base)
    matches = _matches(early, unread, tokens, destination)
    if not matches and len(early) == len(headers):
        raise NoMatch(headers, unread)
    query, parameters = request.read()
    if len(early) < len(headers):
        late = [header for header in headers if header.family.covers_parameters]
        read = Request(request.method, request.base, query, parameters if request.method == "POST" else ())
        matches = _matches(late, read, tokens, destination) + matches
        if not matches:
            raise NoMatch(headers, read)
    best = matches[0]
    position = tokens.remember(best.token, destination)
    digest = content_digest(request.path, parameters)
    proofs = tuple([Proof(sha256(match.text).digest(), digest) for match in matches])
    return Verified(request.path, parameters, proofs, best.header, position)


def _matches(
    headers: Iterable[SignatureHeader], request: Request, tokens: Tokens, destination: bytes
) -> list[SignatureMatch]:
    return [
        match for header in headers if (match := matching(header, header.text(request), tokens.in_order(destination)))
    ]
