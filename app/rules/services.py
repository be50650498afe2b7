"""What an action may reach for outside the house. The one door of the rules to the outside."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.http_client import HttpClient


@dataclass(frozen=True, slots=True)
class RuleServices:
    """What an action may reach for. `given` stands in for rules that call out: tests and `explain` call nobody."""

    client: HttpClient | None = None
    clock: Callable[[], float] = time.time
    given: Mapping[str, str] | None = None  # rule -> a text, "pass" or "fail"
