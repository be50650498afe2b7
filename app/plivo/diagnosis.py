"""Why a signature did not match: the usual mistakes, each tried, the one that would have matched named.

Only ever run for the log, after a refusal, and within a `Budget`: anybody can make us refuse.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from app.plivo.signature import Request, SignatureHeader, Token, matching

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SWAPPED = {"http": "https", "https": "http"}

NOTHING_TO_COMPARE = "no value is a signature, which is 44 characters of Base64"
ASK = (
    "is [plivo] auth_tokens the token of the account, or subaccount, that owns the number? "
    "Was the request changed on the way, or is it forged?"
)
SLASH = "message_url in Plivo's console and the path that arrives differ in the last slash; look at the proxy"


@dataclass(frozen=True, slots=True)
class Seen:
    """What arrived, which may differ from what Plivo dialled."""

    scheme: str
    host: str  # the Host header
    port: int | None  # that we listen on
    raw_path: str


@dataclass(slots=True)
class DiagnosisBudget:
    """What a diagnosis may cost: so many HMACs, and time until `until` of `clock`."""

    hmacs: int
    until: float
    clock: Callable[[], float]

    def spend(self, hmacs: int) -> bool:
        """Whether so many more are allowed; counts them."""
        self.hmacs -= hmacs
        return self.hmacs >= 0 and self.clock() < self.until


def checked(signature_headers: Iterable[SignatureHeader], request: Request) -> str:
    """Which headers were compared over which URL."""
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
    """What to change so that the signature matches, as well as can be told from here. `request` is for `public_url`."""
    comparable = [header for header in signature_headers if header.is_comparable]
    if not comparable:
        return NOTHING_TO_COMPARE
    path = request.base.removeprefix(public_url)
    for tried in _attempts(request, seen):
        for header in comparable:
            if not budget.spend(len(tokens)):
                return f"the likeliest variants of the URL do not match: {ASK}"
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
    """The host of a URL without its port; an IPv6 address keeps its brackets."""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _other_slash(path: str) -> str:
    return path.rstrip("/") if path.endswith("/") else f"{path}/"


def _what_differs(request: Request, tried: Request, public_url: str, path: str) -> str:
    """What matched, and what to change. `path` is what stands behind `public_url`, such as /message."""
    if tried.method != request.method:
        return f"as {tried.method}: the method was changed on the way"
    changes = []
    if not tried.base.endswith(path):
        path = _other_slash(path)
        changes.append(SLASH)
    if (wanted := tried.base.removesuffix(path)) != public_url:
        changes.insert(0, f"set public_url to {wanted}{_in_words(urlsplit(public_url), urlsplit(wanted))}")
    return f"{tried.base}: {'; '.join(changes)}"


def _in_words(ours: SplitResult, theirs: SplitResult) -> str:
    """What is easily overlooked in two URLs."""
    if ours.hostname != theirs.hostname:
        return ""
    if ours.port != theirs.port:
        return " (with the port)" if theirs.port else " (without the port)"
    if ours.netloc != theirs.netloc:
        return " (capital letters count)"
    return ""
