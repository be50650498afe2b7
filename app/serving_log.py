"""The log lines of `serve` about itself: what is on and off at the start, and connections closed at a limit."""

from collections.abc import Callable
from pathlib import Path

from app.config import Loaded
from app.telemetry import get_logger, mask_numbers
from app.telemetry.metrics import Metrics
from app.telemetry.throttle import Throttle

log = get_logger("serve")

LIMIT_LOG_SECONDS = 60.0
ROUTINE = ("head_seconds", "bad_request")  # limits that port scanners and health checks meet every day


def announce(config: Loaded, path: Path, *, with_admin: bool) -> None:
    """Log what an operator needs first: the URL for Plivo's console, what is on, and what is off."""
    for warning in config.warnings:
        log.warning("config warning", file=str(path), fault=mask_numbers(str(warning)))
    log.info(
        "serving",
        message_url=f"{config.settings.server.public_url}/message",
        routes=len(config.runtime.table.by_name),
        rules=len(config.runtime.table.rules),
        targets=len(config.runtime.subscriptions.targets),
        signature=config.runtime.signature,
        store=config.settings.store.shown,
        config=config.runtime.version,
        off=_off(config, with_admin=with_admin),
    )


def _off(config: Loaded, *, with_admin: bool) -> list[str]:
    targets = [] if config.runtime.subscriptions.targets else ["targets: reports are stored, not forwarded"]
    return targets if with_admin else [*targets, "admin: no /metrics"]


def listening(config: Loaded, connections: int) -> Callable[[int], None]:
    """Return a function that logs the port of the public socket once it is open."""
    return lambda port: log.info("listening", host=config.settings.server.host, port=port, connections=connections)


def closed_at_limit(metrics: Metrics) -> Callable[[str], None]:
    """Return a function that counts and logs connections closed at a limit.

    The first one in a minute gets a line, all others share a second one.
    """

    def write(limit: str, count: int) -> None:
        level = log.info if limit in ROUTINE else log.warning
        level("connections closed at a limit", limit=limit, count=count)

    throttle: Throttle[str] = Throttle(1, LIMIT_LOG_SECONDS, write)

    def closed(limit: str) -> None:
        metrics.dropped(limit)
        if throttle.admit(limit):
            write(limit, 1)

    return closed
