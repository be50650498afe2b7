"""`[limits]`, `[opt_out]` and `[schedules]` as the policies' and rules' own values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.config import models as sections
from app.config.diagnostics import Diagnostics
from app.config.routes import Reader
from app.config.validation import check
from app.plivo.numbers import Reading, doubtful
from app.policies.limits import LimitOptions, Rate, for_route
from app.policies.opt_out import KINDS, Kind, OptOutOptions, fold_words
from app.policies.policies import Policies, RoutePolicy
from app.rules import schedules
from app.rules.compiler import Place
from app.rules.schedules import Schedule, ScheduleOptions
from app.rules.table import Table


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
        model = check(sections.ScheduleTable, table, ("schedules", name), folder, faults)
        if model is None:
            continue
        options = ScheduleOptions(**dict(model))
        try:
            found[name] = schedules.build(name, options)
        except schedules.BadSchedule as error:
            faults.note(("schedules", name, error.key), str(error))
            continue
        for key, message in schedules.warnings(options):
            faults.note(("schedules", name, key), message, "warning")
    return found


def limit_options(
    model: sections.LimitsTable,
    base: LimitOptions,
    place: Place,
    read_address: Callable[[str], Reading],
    faults: Diagnostics,
) -> LimitOptions:
    """What the file sets, the rest from `base`. A route's `total` is in `route_totals`."""
    exempt = set(base.exempt)
    for index, source in enumerate(model.exempt):
        try:
            reading = read_address(source)
        except ValueError as error:
            faults.note((*place, "exempt", index), str(error))
            continue
        exempt.add(reading.address)
        if reading.doubt:
            faults.note((*place, "exempt", index), doubtful(reading), "warning")
    given = model.model_fields_set
    return LimitOptions(
        per_sender=model.per_sender if "per_sender" in given else base.per_sender,
        same_text=model.same_text if "same_text" in given else base.same_text,
        total=model.total if "total" in given and len(place) == 1 else base.total,
        max_units=model.max_units if "max_units" in given else base.max_units,
        exempt=frozenset(exempt),
        route_totals=base.route_totals,
        reactions=model.reactions if "reactions" in given else base.reactions,
    )


def opt_out_options(model: sections.OptOut, base: sections.OptOut | None = None) -> OptOutOptions:
    """What the file sets, the rest from `base`."""
    base = base or sections.OptOut()
    mode = model.mode if "mode" in model.model_fields_set else base.mode
    words = model.words if "words" in model.model_fields_set else base.words
    given = model.reply.model_fields_set
    replies: dict[Kind, str] = {kind: getattr(model.reply if kind in given else base.reply, kind) for kind in KINDS}
    more: dict[Kind, tuple[str, ...]] = {"stop": words.stop, "start": words.start, "help": words.help}
    scope = model.scope if "scope" in model.model_fields_set else base.scope
    return OptOutOptions(mode, scope, fold_words(more, words.without), replies)


def read_limits(data: Any, folder: Path, read_address: Callable[[str], Reading], faults: Diagnostics) -> LimitOptions:
    """`[limits]`."""
    model = check(sections.LimitsTable, data, ("limits",), folder, faults) or sections.LimitsTable()
    return limit_options(model, LimitOptions(), ("limits",), read_address, faults)


def route_options(
    reader: Reader, opt_out: sections.OptOut, limits: LimitOptions, faults: Diagnostics
) -> dict[str, tuple[OptOutOptions, LimitOptions]]:
    """The options of the routes that set some of their own."""
    found = {}
    for draft in reader.drafts:
        if draft.model.limits or draft.model.opt_out:
            place = (*draft.place, "limits")
            model = draft.model.limits or sections.LimitsTable()
            own_limits = limit_options(model, limits, place, reader.read_address, faults)
            found[draft.name] = opt_out_options(draft.model.opt_out or opt_out, opt_out), own_limits
    return found


def route_totals(reader: Reader) -> dict[str, tuple[Rate, ...]]:
    """The spending caps that routes have of their own."""
    models = {draft.name: draft.model.limits for draft in reader.drafts}
    return {name: model.total for name, model in models.items() if model and "total" in model.model_fields_set}


def compile_policies(
    table: Table, opt_out: OptOutOptions, limits: LimitOptions, own: Mapping[str, tuple[OptOutOptions, LimitOptions]]
) -> Policies:
    """What is asked around the rules of each route. Routes without options of their own share one value."""
    default = RoutePolicy(opt_out, for_route(limits, None))
    by_route = {}
    for name in own.keys() | limits.route_totals.keys():
        route_opt_out, route_limits = own.get(name, (opt_out, limits))
        by_route[name] = RoutePolicy(route_opt_out, for_route(route_limits, name))
    return Policies(default, by_route, table.route_name)
