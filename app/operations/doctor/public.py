"""The way that Plivo's calls take: from here to public_url, and through whatever stands there to the service."""

from collections.abc import Callable, Sequence

from app.http_client import USER_AGENT, HttpClient, RequestFailed
from app.operations.doctor.address import check_address
from app.operations.doctor.buffering import check_buffering
from app.operations.doctor.page import Page, check_answer, check_path, fetch_page
from app.operations.doctor.signatures import check_signatures
from app.operations.doctor.values import Check
from app.plivo.signature import Token


async def check_public_url(
    public_url: str, tokens: tuple[Token, ...], mode: str, clock: Callable[[], float]
) -> list[Check]:
    """Walk the way, and stop where it ends: what lies behind cannot be judged. Raises `BadEnvironment`."""
    checks = await check_address(public_url)
    if _ends(checks):
        return checks
    async with HttpClient(connections=2, user_agent=USER_AGENT) as client:
        page = await _fetched(client, public_url)
        checks.append(check_path(public_url, page))
        if isinstance(page, RequestFailed) or _ends(checks):
            return checks
        checks += check_answer(page, clock())
        checks += await check_signatures(client, public_url, tokens, mode)
    if mode != "log-only":  # then a service waits for the body, too
        checks.append(await check_buffering(public_url))
    return checks


def _ends(checks: Sequence[Check]) -> bool:
    return checks[-1].level == "error"


async def _fetched(client: HttpClient, public_url: str) -> Page | RequestFailed:
    try:
        return await fetch_page(client, public_url)
    except RequestFailed as failure:
        return failure
