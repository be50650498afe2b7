"""The services that rules may use: an HTTP client, a clock, and stand-ins for tests and `explain`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.http_client import HttpClient


@dataclass(frozen=True, slots=True)
class RuleServices:
    """The services that each action gets.

    `given` replaces rules that call out, so that tests and `explain` make no requests.
    """

    client: HttpClient | None = None
    clock: Callable[[], float] = time.time
    given: Mapping[str, str] | None = None  # rule -> a text, "pass" or "fail"
