"""Whether the running service verifies what Plivo would sign, and refuses what Plivo did not sign.

A probe is a POST without fields to message_url. The service checks its signature first, so 400 means that it was
verified and 403 that it was not. Either way nothing is stored and no rule runs.
"""

import secrets
from dataclasses import dataclass

from app.http_client import HttpClient, RequestFailed
from app.operations.doctor.page import CAP, REDIRECT, TIMEOUT
from app.operations.doctor.values import Check, error, ok, warning
from app.plivo.refusals import Forged, Malformed
from app.plivo.signature import FAMILIES, V2, V3, Family, Request, Token, signed_headers

_STRANGER = Token(secrets.token_hex(20))
_REDIRECTS = range(300, 400)
_SCHEMES = tuple((family, name) for family in reversed(FAMILIES) for name in family.headers)
_SAME_FILE = (
    "does the service run with this file and the same tokens? Reload or restart it; the log line of its refusal names "
    "the URL or the token that would match"
)
_IN_BETWEEN = "something between Plivo and the service changes or refuses requests: look at the proxy or its firewall"


@dataclass(frozen=True, slots=True)
class Prober:
    """Sends probes to message_url."""

    client: HttpClient
    public_url: str

    async def probe(self, family: Family, name: str, token: Token) -> str | Check:
        """Return "verified" or "refused"; a `Check` says what else happened."""
        url = f"{self.public_url}/message"
        signed = signed_headers(Request.of("POST", url), family, name, token, secrets.token_hex(10))
        headers = {"content-type": "application/x-www-form-urlencoded", **signed}
        check = f"signature {name}"
        try:
            answer = await self.client.request("POST", url, headers=headers, cap=CAP, timeout=TIMEOUT)
        except RequestFailed as failure:
            return error(check, f"a POST to {url} gives no answer: {failure}", _IN_BETWEEN)
        for verdict, refusal in (("verified", Malformed), ("refused", Forged)):
            if answer.status == refusal.status and answer.body.strip() == refusal.public.encode():
                return verdict
        what = f"a POST to {url} gets status {answer.status}, which is not the service's answer"
        return error(check, what, REDIRECT if answer.status in _REDIRECTS else _IN_BETWEEN)


async def check_signatures(client: HttpClient, public_url: str, tokens: tuple[Token, ...], mode: str) -> list[Check]:
    """Probe with a wrong token, with each header, and with each further token."""
    prober = Prober(client, public_url)
    control = await prober.probe(V3, "V3", _STRANGER)
    if isinstance(control, Check):
        return [control]
    if control == "verified":
        return [_unguarded(mode)]
    if mode == "log-only":
        advice = "the running service is stricter than this file: was the file changed since it was loaded?"
        return [warning("signature", "a wrong signature is refused, although the file says log-only", advice)]
    checks = [ok("signature", "a wrong signature is refused")]
    for family, name in _SCHEMES:
        checks.append(_of_scheme(family, name, mode, await prober.probe(family, name, tokens[0])))
    for position, token in enumerate(tokens[1:], 2):
        checks.append(_of_token(position, await prober.probe(V3, "V3", token)))
    return checks


def _unguarded(mode: str) -> Check:
    what = "a wrong signature is accepted"
    if mode == "log-only":
        return warning("signature", f"{what}: signature = log-only", "remove it once all signatures match")
    return error(
        "signature", what, "the running service verifies nothing (log-only): reload or restart it with this file"
    )


def _of_scheme(family: Family, name: str, mode: str, verdict: str | Check) -> Check:
    check = f"signature {name}"
    if isinstance(verdict, Check):
        return verdict
    if mode == "v3" and family is V2:
        if verdict == "refused":
            return ok(check, 'is not read, as [plivo] signature = "v3" says')
        return warning(check, 'is verified, although [plivo] signature = "v3"', _SAME_FILE)
    if verdict == "verified":
        return ok(check, "is verified")
    return error(check, "is not verified", _SAME_FILE)


def _of_token(position: int, verdict: str | Check) -> Check:
    if isinstance(verdict, Check):
        return verdict
    check = f"token {position}"
    return ok(check, "is verified") if verdict == "verified" else error(check, "is not verified", _SAME_FILE)
