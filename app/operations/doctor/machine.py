"""Whether the store opens and takes writes, and whether its disk has room."""

from app.operations.doctor.values import Check, error, ok, warning
from app.operations.maintenance import missing_store
from app.plivo.refusals import Unavailable
from app.settings import StoreSettings
from app.store import BrokenStore, NewerStore, open_store
from app.store.disk import measuring, mib, reserve_of

NEARLY = 4  # times the reserve


async def check_store(options: StoreSettings) -> list[Check]:
    """Open the store beside a server that may be running, and write a heartbeat. Nothing is migrated or created."""
    if file := missing_store(options):
        advice = "serve creates it; if one should be there, look at -c, $AUTOREPLY_DATA and [store] url"
        return [warning("store", f"there is no store at {file} yet", advice)]
    return [await _opened(options), *_disk(options)]


async def _opened(options: StoreSettings) -> Check:
    try:
        async with open_store(options, serving=False, migrate=False) as store:
            await store.check()
    except (BrokenStore, NewerStore, Unavailable) as failure:
        return error("store", f"{options.shown} cannot be used: {failure}", "without the store nothing is answered")
    return ok("store", f"{options.shown} is migrated, and takes writes")


def _disk(options: StoreSettings) -> list[Check]:
    if options.file is None:
        return []
    try:
        space = measuring(options.file)()
    except OSError as failure:
        return [warning("disk", f"cannot be measured: {failure.strerror}", "is the folder of the store there?")]
    reserve = reserve_of(options.reserve, space)
    message = f"{mib(space.free)} are free, {mib(reserve)} are the reserve"
    if space.free < reserve:
        return [error("disk", message, "free some: reports are refused with 503 until then")]
    if space.free < NEARLY * reserve:
        return [warning("disk", message, "free some before reports are refused")]
    return [ok("disk", message)]
