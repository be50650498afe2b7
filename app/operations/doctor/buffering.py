"""Whether something in front of the service waits for a whole request before it passes it on.

The service refuses a request without a signature before it reads the body. So such a request whose body does not
come is refused at once, unless a proxy holds it.
"""

from urllib.parse import urlsplit

from app.http_client import USER_AGENT, RequestFailed
from app.http_client.reach import Connected, connected
from app.operations.doctor.page import TIMEOUT
from app.operations.doctor.values import Check, ok

PATIENCE = 1.5  # seconds


async def check_buffering(public_url: str) -> Check:
    """Send the head of a request, and see whether an answer comes. Either is fine; it says who holds slow clients."""
    try:
        async with connected(public_url, timeout=TIMEOUT) as connection:
            answered = await _is_answered(connection, public_url)
    except RequestFailed as failure:
        return ok("buffering", f"is not known: {failure}")
    if answered:
        return ok(
            "buffering", "requests are passed on before they are complete: slow clients hold connections of the service"
        )
    return ok("buffering", "a proxy passes requests on when they are complete: it holds slow clients off the service")


async def _is_answered(connection: Connected, public_url: str) -> bool:
    parts = urlsplit(public_url)
    through_proxy = connection.reached.proxy and parts.scheme == "http"
    target = f"{public_url}/message" if through_proxy else f"{parts.path}/message"
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", f"User-Agent: {USER_AGENT}", "Content-Length: 1"]
    connection.writer.write("\r\n".join([*lines, "", ""]).encode())
    return bool(await connection.read_line(PATIENCE))
