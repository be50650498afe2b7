"""What a service does with its store before it serves: whatever former processes left there."""

from collections.abc import Collection, Mapping

from app.config import Loaded
from app.delivery.retry import JITTER, RETRY_AFTER_CAP
from app.delivery.target import Target
from app.delivery.worker import LEASE_MARGIN
from app.store import Store, due_times, wrong_clock
from app.store.due_times import Longest
from app.store.snapshot import is_empty
from app.telemetry import get_logger

log = get_logger("service")

NEW_STORE = "right for a first start; else opt-outs and reports are in another: see -c, $AUTOREPLY_DATA, [store] url"


async def take_over(loaded: Loaded, store: Store) -> None:
    """Take over the store: release claims of former processes, correct due times that a wrong clock has set, and report
    deliveries that no target takes. A store that is empty belongs to a first start, or is the wrong one.
    """
    targets = loaded.runtime.subscriptions.targets
    if await is_empty(store.engine):
        log.warning("new store", store=loaded.settings.store.shown, advice=NEW_STORE)
    if loaded.settings.store.file:
        await store.journal.release("")  # a sole server: whatever another one held is free
    if drawn_back := await store.change(due_times.draw_back, _longest(targets)):
        log.warning("due times of a clock that was ahead are corrected", deliveries=drawn_back)
    if drawn_back := await store.change(wrong_clock.draw_back, None):
        log.warning("rows of a clock that was ahead are corrected", rows=drawn_back)
    await warn_of_unknown_targets(targets, store)


async def warn_of_unknown_targets(targets: Collection[str], store: Store) -> None:
    """Report deliveries that no target takes: they stay due until `keep` ends. Raises `Unavailable`."""
    for target, count in (await store.queue.waiting()).items():
        if target not in targets:
            advice = f"give the target back, or: plivo-autoreply deliveries drop --target {target} --state due"
            log.error("deliveries of an unknown target", target=target, deliveries=count, advice=advice)


def _longest(targets: Mapping[str, Target]) -> Longest:
    """No delivery that the dispatcher has rescheduled lies further ahead."""
    delays = [delay * (1 + JITTER) for target in targets.values() for delay in target.retry]
    timeouts = [target.timeout for target in targets.values()]
    return Longest(
        tuple(targets),
        delay=max([RETRY_AFTER_CAP, *delays]),
        lease=max(timeouts, default=0.0) + LEASE_MARGIN,
    )
