"""What Plivo charged for messages, by route, rule and country: the `TotalAmount` of the last report of each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from app.plivo.numbers import kind_of
from app.store import Store
from app.store.costs import LastReport, UnreportedReply, last_reports, unreported_replies

By = Literal["route", "rule", "country"]
KEYS: tuple[By, ...] = ("route", "rule", "country")
Key = tuple[str | None, ...]  # in the order of the keys that were asked for

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,12})?")  # "0.0075": US dollars
_NO_REGION = "ZZ"  # https://unicode.org/reports/tr35/#unicode_region_subtag


@dataclass(slots=True)
class Cost:
    """What some messages cost. `unpriced` are those whose last report names no amount; `unreported` are replies without
    any report yet, and are not in `messages`.
    """

    messages: int = 0
    units: int = 0
    amount: Decimal = Decimal(0)
    unpriced: int = 0
    unreported: int = 0

    def add(self, report: LastReport) -> None:
        """Count a message by its last report."""
        fields = dict(reversed(json.loads(report.parameters)))  # the first value of a repeated field
        amount = str(fields.get("TotalAmount", "")).strip()
        self.messages += 1
        self.units += report.units or 0
        if _AMOUNT.fullmatch(amount):
            self.amount += Decimal(amount)
        else:
            self.unpriced += 1


@dataclass(slots=True)
class CostReport:
    """Costs since a time (seconds since the epoch) by some keys, the dearest first, and their sum. US dollars."""

    since: float
    by: tuple[By, ...]
    groups: dict[Key, Cost] = field(default_factory=dict)
    total: Cost = field(default_factory=Cost)


async def costs(store: Store, by: Sequence[By], since: float) -> CostReport:
    """Add up what is known of messages that were reported since a time, and count replies that are not reported yet.

    Raises `Unavailable`.
    """
    found = CostReport(since, tuple(by))
    async for report in last_reports(store.engine, since):
        for cost in (found.total, found.groups.setdefault(_key(report, by), Cost())):
            cost.add(report)
    async for reply in unreported_replies(store.engine, since):
        for cost in (found.total, found.groups.setdefault(_key(reply, by), Cost())):
            cost.unreported += 1
    found.groups = dict(sorted(found.groups.items(), key=lambda one: (-one[1].amount, -one[1].messages)))
    return found


def _key(one: LastReport | UnreportedReply, by: Sequence[By]) -> Key:
    values: Mapping[By, str | None] = {"route": one.route, "rule": one.rule}
    return tuple(country_of(one.recipient) if key == "country" else values[key] for key in by)


@lru_cache(maxsize=65_536)  # people write more than once
def country_of(address: str) -> str | None:
    """Return the two letters of a number's country; None for short codes and names, and where there is no country."""
    import phonenumbers  # noqa: PLC0415 - 40 ms, for this command only

    if kind_of(address) != "number":
        return None
    try:
        number = phonenumbers.parse(f"+{address}")
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)  # None for a number that is not in use
    region = region or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region == _NO_REGION else str(region)
