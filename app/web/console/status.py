"""The status page: what is wrong first, then servers, limits, and charts over an hour, a day or a week."""

import time
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations.statistics import SPANS, SpanName, Statistics, statistics
from app.operations.status import Problem, status
from app.web.console.console import console_of
from app.web.console.status_charts import status_charts
from app.web.console.views import zone_of

SHOWN = 20  # problems; a thousand targets may have one each
DEFAULT: SpanName = "hour"


async def _page(request: Request) -> Response:
    console = console_of(request)
    at, zone = time.time(), zone_of(request)
    span = next((one for one in SPANS if one == request.query_params.get("span")), DEFAULT)
    report = await status(console.service.store, at)
    found = await statistics(console.service.store, at, span, console.service.runtime().policies.test_senders)
    local = await console.service.status.local_trouble()
    return console.views.page(
        request,
        "status.html",
        report=report,
        problems=[(one.sentence, *_help(one)) for one in report.problems[:SHOWN]],
        more=len(report.problems) - SHOWN,
        local=local,
        span=span,
        spans=tuple(SPANS),
        charts=status_charts(found, zone),
        since=_since(found, zone),
    )


def _help(problem: Problem) -> tuple[str, str]:
    """Return the page or the command that helps with a problem: its URL, or "", and what to call it."""
    if problem.target is not None:
        name = quote(problem.target, safe="")
        return {
            "target": (f"/console/targets?name={name}", "See this target"),
            "dead": (f"/console/deliveries?target={name}", "See them, replay or drop them"),
        }[problem.kind]
    return HELP[problem.kind]


HELP = {
    "servers": ("", "plivo-autoreply serve"),
    "configs": ("#servers", "See the servers"),
    "reload": ("", "plivo-autoreply check"),
    "signature": ("", 'set [plivo] signature = "any"'),
    "spending": ("#spending", "See the spending caps"),
    "refused": ("#refused", "See the reasons, and what to do"),
}


def _since(found: Statistics, zone: tzinfo) -> str:
    """Return the start of a span as the filter of the messages page reads it."""
    return datetime.fromtimestamp(found.slots.start, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M")


ROUTES = [Route("/status", _page)]
