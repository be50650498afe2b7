"""`[limits]`, `[opt_out]` and `[schedules]` as the policies' and rules' own values."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from app.config.source import Source
from app.config.validation import check
from app.plivo.numbers import Reading, canonical, doubtful, show
from app.policies import limits, opt_out
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.policies.policies import Policies, RoutePolicy
from app.rules import schedules
from app.rules.compiler import Place
from app.rules.number_lists import lines_of
from app.rules.schedules import Schedule, ScheduleOptions
from app.rules.table import RouteOptions, Table
from app.settings import AdminSettings


def read_schedules(source: Source, data: Any) -> dict[str, Schedule]:
    """Every `[schedules.x]`; for one that cannot be read something that is never open, so that rules may name it."""
    if not isinstance(data, Mapping):
        source.refuse(("schedules",), "expected tables; write [schedules.office] and its keys below")
        source.forget(("schedules",))
    if source.is_unread(("schedules",)):
        return _Unread()
    return {name: _read_schedule(source, name, table) for name, table in data.items()}


class _Unread(dict[str, Schedule]):
    """Schedules that could not be read: any name may be one of them, so rules may use it."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Schedule:
        return schedules.unknown(name)


def _read_schedule(source: Source, name: str, table: Any) -> Schedule:
    place: Place = ("schedules", name)
    if not name.replace("-", "_").isidentifier():
        message = "not a name for a schedule; write letters, digits, hyphens and underscores"
        source.note(place, message, about="key")
    options = check(ScheduleOptions, source, place, table)
    if options is None or source.has_unread(place):
        return schedules.unknown(name)
    try:
        schedule = schedules.build(name, options)
    except schedules.BadSchedule as error:
        source.note((*place, error.key), str(error), at=error.at)
        return schedules.unknown(name)
    for key, message in schedules.warnings(options):
        source.note((*place, key), message, "warning")
    return schedule


def read_people(
    source: Source,
    texts: Iterable[str],
    place: Place,
    read_address: Callable[[str], Reading],
    ours: Container[str] = (),
) -> tuple[str, ...]:
    """The addresses of a list of people, normalised. None of them may be a number of `ours`."""
    people = []
    for index, number, at in ((index, *one) for index, text in enumerate(texts) for one in lines_of(text)):
        try:
            reading = read_address(number)
        except ValueError as error:
            source.note((*place, index), f'"{number}" is {error}', at=at)
            continue
        people.append(reading.address)
        if reading.address in ours:
            message = f"{show(reading.address)} is your own number; give that of a test phone"
            source.note((*place, index), message, at=at)
        if reading.doubt:
            source.note((*place, index), doubtful(reading), "warning", at=at)
    return tuple(people)


def read_exempt(
    source: Source, options: LimitOptions, place: Place, read_address: Callable[[str], Reading]
) -> LimitOptions:
    """The limits with the addresses of `exempt` normalised."""
    return replace(options, exempt=read_people(source, options.exempt, (*place, "exempt"), read_address))


def read_test_senders(
    source: Source, admin: AdminSettings | None, table: Table, read_address: Callable[[str], Reading]
) -> AdminSettings | None:
    """`[admin]` with the addresses of `test_senders` normalised. None of them may be one of our numbers."""
    if admin is None:
        return None
    place = ("admin", "test_senders")
    senders = read_people(source, admin.test_senders, place, read_address, table.by_number)
    return replace(admin, test_senders=senders)


def compile_policies(
    table: Table,
    common: LimitOptions,
    opt_outs: OptOutOptions,
    own: Mapping[str, RouteOptions],
    admin: AdminSettings | None,
) -> Policies:
    """What is asked around the rules of each route. Routes without options of their own share one value."""
    default = RoutePolicy(opt_out.for_route(opt_outs), limits.for_route(common))
    by_route = {
        name: RoutePolicy(
            opt_out.for_route(options.opt_out or opt_outs), limits.for_route(common, name, options.limits)
        )
        for name, options in own.items()
    }
    test_senders = frozenset(map(canonical, admin.test_senders if admin else ()))
    return Policies(default, by_route, table.route_name, test_senders)
