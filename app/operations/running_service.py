"""What the console and the API ask of the service that they run in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.operations.addresses import ReadAddress
from app.operations.readiness import Status
from app.operations.reload import ReloadResult
from app.runtime import Runtime
from app.store import Store


@dataclass(frozen=True, slots=True)
class RunningService:
    """A running service. A reload changes what `runtime` and `read_address` return."""

    store: Store
    runtime: Callable[[], Runtime]
    read_address: ReadAddress
    status: Status
    reload: Callable[[], Awaitable[ReloadResult]]
    app: Any  # the public ASGI application, which Plivo calls
