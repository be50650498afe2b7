"""The services that rules may use: an HTTP client, a clock, and stand-ins for tests and `explain`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.http_client import HttpClient
from app.rules.outcome import RuleResult


@dataclass(frozen=True, slots=True)
class RuleServices:
    """The services that each action gets.

    `given` replaces rules that call out, so that tests, `explain` and `backtest` make no requests: a text, "pass",
    "fail", or a whole result, whose messages are sent from the number that the rule replies from.
    """

    client: HttpClient | None = None
    clock: Callable[[], float] = time.time
    given: Mapping[str, str | RuleResult] | None = None  # by the name of the rule
