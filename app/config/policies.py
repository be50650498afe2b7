"""`[limits]`, `[opt_out]` and `[schedules]` as the policies' and rules' own values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config.diagnostics import Diagnostics
from app.config.validation import check
from app.plivo.numbers import Reading, doubtful
from app.policies import limits, opt_out
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.policies.policies import Policies, RoutePolicy
from app.rules import schedules
from app.rules.compiler import Place
from app.rules.schedules import Schedule, ScheduleOptions
from app.rules.table import RouteOptions, Table


def read_schedules(data: Any, folder: Path, faults: Diagnostics) -> dict[str, Schedule]:
    """Every `[schedules.x]`."""
    if not isinstance(data, Mapping):
        faults.note(("schedules",), "expected tables, as [schedules.office]")
        return {}
    found = {}
    for name, table in data.items():
        if not name.isidentifier():
            faults.note(
                ("schedules", name), "a schedule's name is letters, digits and underscores: texts say {name.next_open}"
            )
        options = check(ScheduleOptions, table, ("schedules", name), folder, faults)
        if options is None:
            continue
        try:
            found[name] = schedules.build(name, options)
        except schedules.BadSchedule as error:
            faults.note(("schedules", name, error.key), str(error))
            continue
        for key, message in schedules.warnings(options):
            faults.note(("schedules", name, key), message, "warning")
    return found


def read_exempt(
    options: LimitOptions, place: Place, read_address: Callable[[str], Reading], faults: Diagnostics
) -> LimitOptions:
    """The limits with the addresses of `exempt` normalised."""
    exempt = []
    for index, source in enumerate(options.exempt):
        try:
            reading = read_address(source)
        except ValueError as error:
            faults.note((*place, "exempt", index), str(error))
            continue
        exempt.append(reading.address)
        if reading.doubt:
            faults.note((*place, "exempt", index), doubtful(reading), "warning")
    return replace(options, exempt=tuple(exempt))


def compile_policies(
    table: Table, common: LimitOptions, opt_outs: OptOutOptions, own: Mapping[str, RouteOptions]
) -> Policies:
    """What is asked around the rules of each route. Routes without options of their own share one value."""
    default = RoutePolicy(opt_out.for_route(opt_outs), limits.for_route(common))
    by_route = {
        name: RoutePolicy(
            opt_out.for_route(options.opt_out or opt_outs), limits.for_route(common, name, options.limits)
        )
        for name, options in own.items()
    }
    return Policies(default, by_route, table.route_name)
