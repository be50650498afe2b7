"""Look at everything that must be right outside the file: the way from Plivo to the service, the store, the receivers,
and Plivo's own view. Nothing is changed but a heartbeat in the store.
"""

import asyncio
import time
from collections.abc import Callable

from app.http_client import BadEnvironment
from app.operations.doctor.account import check_account
from app.operations.doctor.machine import check_store
from app.operations.doctor.public import check_public_url
from app.operations.doctor.receivers import check_receivers
from app.operations.doctor.values import Check
from app.operations.errors import OperationRefused
from app.runtime import Runtime
from app.settings import Settings

__all__ = ["Check", "examine"]


async def examine(settings: Settings, runtime: Runtime, clock: Callable[[], float] = time.time) -> list[Check]:
    """Return all checks, in the order of the way that a message takes. Raises `OperationRefused`."""
    public_url, table = settings.server.public_url, runtime.table
    try:
        groups = await asyncio.gather(
            check_public_url(public_url, runtime.tokens, runtime.signature, clock),
            check_account(public_url, settings.plivo, table, clock),
            check_store(settings.store),
            check_receivers(runtime.subscriptions.targets, table),
        )
    except BadEnvironment as error:
        raise OperationRefused(str(error)) from None
    return [check for group in groups for check in group]
