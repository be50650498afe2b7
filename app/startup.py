"""Prepare the store before the service starts serving: clean up what earlier processes left in it."""

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

NEW_STORE = (
    "expected on a first start; otherwise this is the wrong store, without your opt-outs and reports: "
    "check -c, $AUTOREPLY_DATA and [store] url"
)


async def take_over(loaded: Loaded, store: Store) -> None:
    """Take over the store from earlier processes.

    Releases their claims, corrects times that were written by a clock running ahead, and logs deliveries to unknown
    targets. Also warns if the store is empty: this is either a first start, or the wrong store.
    """
    targets = loaded.runtime.subscriptions.targets
    if await is_empty(store.engine):
        log.warning("new store", store=loaded.settings.store.shown, advice=NEW_STORE)
    if loaded.settings.store.file:
        await store.journal.release("")  # only one process serves a SQLite file, so no other holds a claim
    if drawn_back := await store.change(due_times.draw_back, _longest(targets)):
        log.warning("corrected due times written by a clock that was ahead", deliveries=drawn_back)
    if drawn_back := await store.change(wrong_clock.draw_back, None):
        log.warning("corrected rows written by a clock that was ahead", rows=drawn_back)
    await warn_of_unknown_targets(targets, store)


async def warn_of_unknown_targets(targets: Collection[str], store: Store) -> None:
    """Log deliveries to targets that are not configured. They stay due until `keep` ends. Raises `Unavailable`."""
    for target, count in (await store.queue.waiting()).items():
        if target not in targets:
            command = f"plivo-autoreply deliveries drop --target {target} --state due"
            advice = f"add the target to the configuration again, or run: {command}"
            log.error("deliveries to an unknown target", target=target, deliveries=count, advice=advice)


def _longest(targets: Mapping[str, Target]) -> Longest:
    """Return the longest delays that the dispatcher schedules. A due time further ahead came from a wrong clock."""
    delays = [delay * (1 + JITTER) for target in targets.values() for delay in target.retry]
    timeouts = [target.timeout for target in targets.values()]
    return Longest(
        tuple(targets),
        delay=max([RETRY_AFTER_CAP, *delays]),
        lease=max(timeouts, default=0.0) + LEASE_MARGIN,
    )
