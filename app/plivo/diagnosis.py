"""Why a signature did not match: the usual mistakes, each tried, the one that would have matched named.

Only ever run for the log, after a refusal, and not often: it computes some twenty HMACs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from app.plivo.signature import Claim, Request, Token, matching

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SWAPPED = {"http": "https", "https": "http"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What arrived, which may differ from what Plivo dialled."""

    scheme: str
    host: str  # the Host header
    port: int | None  # that we listen on
    raw_path: str


def checked(claims: Iterable[Claim], request: Request) -> str:
    """Which headers were compared over which URL."""
    names = [name for claim in claims for name, _ in claim.offered]
    return f"{', '.join(f'X-Plivo-Signature-{name}' for name in names)} over {request.base}"


def advice(claims: Sequence[Claim], request: Request, tokens: Sequence[Token], seen: Seen) -> str:
    """What to change so that the signature matches, as well as can be told from here."""
    for base in dict.fromkeys(_variants(request.base, seen)):
        tried = replace(request, base=base)
        for claim in claims:
            if name := matching(claim, claim.text(tried), tokens):
                return f"X-Plivo-Signature-{name} matches {base}: {_what_differs(request.base, base)}"
    for claim in claims:
        swapped = replace(request, method="GET" if request.method == "POST" else "POST")
        if name := matching(claim, claim.text(swapped), tokens):
            return f"X-Plivo-Signature-{name} matches as {swapped.method}: the method was changed on the way"
    return (
        "no variant of the URL matches: is [plivo] auth_tokens the token of the account, or subaccount, that owns "
        "the number? Was the request changed on the way, or is it forged?"
    )


def _variants(base: str, seen: Seen) -> Iterator[str]:
    parts = urlsplit(base)
    paths = [parts.path, parts.path.rstrip("/") if parts.path.endswith("/") else parts.path + "/", seen.raw_path]
    hosts = [parts.netloc, parts.hostname or "", seen.host]
    for scheme in (parts.scheme, _SWAPPED[parts.scheme]):
        ports = dict.fromkeys([_DEFAULT_PORTS[scheme], seen.port])
        with_ports = [f"{parts.hostname}:{port}" for port in ports if port]
        for host in dict.fromkeys([*hosts, *with_ports]):
            for path in dict.fromkeys(paths):
                yield f"{scheme}://{host}{path}"


def _what_differs(ours: str, theirs: str) -> str:
    mine, signed = urlsplit(ours), urlsplit(theirs)
    if mine.path.rstrip("/") == signed.path.rstrip("/"):
        if mine.path != signed.path:
            return (
                "message_url in Plivo's console and the path that arrives differ in the last slash; look at the proxy"
            )
        if mine.scheme != signed.scheme and mine.netloc == signed.netloc:
            return f"set public_url to {signed.scheme}://"
        if mine.hostname == signed.hostname:
            return f"set public_url with the port as in {signed.scheme}://{signed.netloc}"
        return f"set public_url to {signed.scheme}://{signed.netloc}"
    return (
        f"set public_url so that it ends in the path that Plivo dials, {signed.scheme}://{signed.netloc}{signed.path}"
    )
