"""Find out why a signature did not match: try the usual mistakes, and name the one that would have matched.

This runs only for the log, after a refusal and within a `DiagnosisBudget`, because anybody can send requests that are
refused.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from app.plivo.signature import Request, SignatureHeader, Token, matching

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SWAPPED = {"http": "https", "https": "http"}

NOTHING_TO_COMPARE = "none of the values is a signature (44 characters of Base64)"
ASK = (
    "check that [plivo] auth_tokens has the token of the account or subaccount that owns the number; "
    "else a proxy changes requests, or this one is forged"
)
SLASH = "the Message URL in Plivo's console and the path that arrives differ in the trailing slash; check the proxy"


@dataclass(frozen=True, slots=True)
class Seen:
    """The request as it arrived, which may differ from what Plivo sent."""

    scheme: str
    host: str  # the Host header
    port: int | None  # the port that the service listens on
    raw_path: str


@dataclass(slots=True)
class DiagnosisBudget:
    """The most that one diagnosis may cost: a number of HMACs, and the time until `until` on `clock`."""

    hmacs: int
    until: float
    clock: Callable[[], float]

    def spend(self, hmacs: int) -> bool:
        """Deduct `hmacs` from the budget. Return whether it allows them, and still has time."""
        self.hmacs -= hmacs
        return self.hmacs >= 0 and self.clock() < self.until


def checked(signature_headers: Iterable[SignatureHeader], request: Request) -> str:
    """Describe which headers were compared over which URL."""
    names = [name for header in signature_headers for name, _ in header.offered]
    return f"{', '.join(f'X-Plivo-Signature-{name}' for name in names)} over {request.base}"


def advice(
    signature_headers: Iterable[SignatureHeader],
    request: Request,
    public_url: str,
    tokens: Sequence[Token],
    seen: Seen,
    budget: DiagnosisBudget,
) -> str:
    """Return what to change so that the signature matches, as far as the request shows it.

    `request` is the request as it would be signed for `public_url`.
    """
    comparable = [header for header in signature_headers if header.is_comparable]
    if not comparable:
        return NOTHING_TO_COMPARE
    path = request.base.removeprefix(public_url)
    for tried in _attempts(request, seen):
        for header in comparable:
            if not budget.spend(len(tokens)):
                return f"the usual variants of the URL do not match: {ASK}"
            if match := matching(header, header.text(tried), tokens):
                return f"X-Plivo-Signature-{match.header} matches {_what_differs(request, tried, public_url, path)}"
    return f"no variant of the URL matches: {ASK}"


def _attempts(request: Request, seen: Seen) -> Iterator[Request]:
    yield replace(request, method="GET" if request.method == "POST" else "POST")
    for base in dict.fromkeys(_variants(request.base, seen)):
        if base != request.base:
            yield replace(request, base=base)


def _variants(base: str, seen: Seen) -> Iterator[str]:
    parts = urlsplit(base)
    name = _host(parts)
    paths = dict.fromkeys([parts.path, _other_slash(parts.path), seen.raw_path])
    for scheme in (parts.scheme, _SWAPPED[parts.scheme]):
        ports = [port for port in (_DEFAULT_PORTS[scheme], seen.port) if port]
        for host in dict.fromkeys([parts.netloc, name, seen.host, *(f"{name}:{port}" for port in ports)]):
            for path in paths:
                yield f"{scheme}://{host}{path}"


def _host(parts: SplitResult) -> str:
    """Return the host of a URL without its port. An IPv6 address keeps its brackets."""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _other_slash(path: str) -> str:
    return path.rstrip("/") if path.endswith("/") else f"{path}/"


def _what_differs(request: Request, tried: Request, public_url: str, path: str) -> str:
    """Return what matched, and what to change. `path` is the part after `public_url`, such as /message."""
    if tried.method != request.method:
        return f"as {tried.method}: a proxy changed the method"
    changes = []
    if not tried.base.endswith(path):
        path = _other_slash(path)
        changes.append(SLASH)
    if (wanted := tried.base.removesuffix(path)) != public_url:
        changes.insert(0, f"set public_url to {wanted}{_in_words(urlsplit(public_url), urlsplit(wanted))}")
    return f"{tried.base}: {'; '.join(changes)}"


def _in_words(ours: SplitResult, theirs: SplitResult) -> str:
    """Return a hint at a difference between two URLs that is easily overlooked, or ""."""
    if ours.hostname != theirs.hostname:
        return ""
    if ours.port != theirs.port:
        return " (with the port)" if theirs.port else " (without the port)"
    if ours.netloc != theirs.netloc:
        return " (case matters)"
    return ""
