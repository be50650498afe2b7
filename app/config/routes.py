"""`[[routes]]` of the file as drafts: the options of each route, before its rules are built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.config.models import keys_of
from app.config.policies import read_exempt
from app.config.rule_options import option_names, read_rule
from app.config.source import Source
from app.config.tree import is_source
from app.config.validation import check, refuse_unknown
from app.plivo.numbers import Reading
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules import KINDS, RuleOptions
from app.rules.compiler import NAMES, Place
from app.rules.table import RouteOptions

ROUTE_KEYS = keys_of(RouteOptions)
ANY = "*"


@dataclass(frozen=True, slots=True)
class Draft:
    """A route whose rules are not built yet."""

    place: Place
    name: str
    options: RouteOptions
    names: frozenset[str] | None  # what its texts may use; None: that could not be read
    action: RuleOptions | None

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of its rules."""
        return self.options.rules or ()


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of the file. `limits` and `opt_out` are for those that set none of their own."""

    limits: LimitOptions
    opt_out: OptOutOptions
    drafts: tuple[Draft, ...]
    own: Mapping[str, Draft]  # the routes that set limits or opt-out of their own, by name


def read_routes(
    source: Source,
    data: Any,
    limits: LimitOptions,
    opt_out: OptOutOptions,
    read_address: Callable[[str], Reading],
) -> Routes:
    """Read every `[[routes]]`; what is wrong is noted in `source`."""
    limits = read_exempt(source, limits, ("limits",), read_address)
    common = RouteOptions((), limits=replace(limits, total=(), exempt=()), opt_out=opt_out)
    reader = _Reader(source, common, read_address)
    read = [reader.route(("routes", index), one) for index, one in enumerate(_as_list(source, data))]
    drafts = tuple(draft for draft in read if draft)
    if not drafts and not source.has_unread(("routes",)):
        source.note(("routes",), 'no route; write at least [[routes]] with to = "*" and text = ".."')
    _check_names(source, drafts)
    own = {
        draft.name: draft
        for draft in drafts
        if draft.options.limits is not common.limits or draft.options.opt_out is not common.opt_out
    }
    return Routes(limits, opt_out, drafts, own)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source
    common: RouteOptions  # what a route has that sets none of its own
    read_address: Callable[[str], Reading]

    def route(self, place: Place, data: Any) -> Draft | None:
        """The draft of one route, or None if its options cannot be read."""
        source = self.source
        own = {key: value for key, value in data.items() if key not in ROUTE_KEYS} if isinstance(data, Mapping) else {}
        table = {key: data[key] for key in data.keys() & ROUTE_KEYS} if isinstance(data, Mapping) else data
        has_action = bool(own.keys() & KINDS.keys())
        if not has_action:
            self._refuse_unknown(place, own)
        options = check(RouteOptions, source, place, table, self.common)
        action = read_rule(source, "", place, own, also=tuple(ROUTE_KEYS)) if has_action else None
        if options is None:
            return None
        if has_action and options.rules is not None:
            source.note((*place, "rules"), "`rules` beside an action of its own; write one or the other", about="key")
        elif not own and not options.rules and not source.has_unread((*place, "rules")):
            source.note(place, f"a route that answers nothing; write rules = [..], or one of {', '.join(KINDS)}")
        self._check_vars((*place, "vars"), options)
        name = options.name or ("default" if ANY in options.to else "")
        if not name and not source.has_unread((*place, "to")):
            message = 'a route without a name; write name = "..": only the route of to = "*" may go without'
            source.note((*place, "name"), message)
        if options.limits and options.limits is not self.common.limits:
            limits = read_exempt(source, options.limits, (*place, "limits"), self.read_address)
            options = replace(options, limits=limits)
        return Draft(place, name, options, self._names(place, options), action)

    def _refuse_unknown(self, place: Place, keys: Mapping[str, Any]) -> None:
        for key in sorted(keys):
            if key in option_names():
                message = f"an option of rules; write it below [rules.x], or beside one of {', '.join(KINDS)}"
                self.source.refuse((*place, key), message, about="key")
            else:
                refuse_unknown(self.source, place, key, ROUTE_KEYS | option_names())

    def _check_vars(self, place: Place, options: RouteOptions) -> None:
        for var in options.vars:
            if var in NAMES:
                self.source.note((*place, var), "every text knows that name already; choose another one", about="key")
            elif not var.isidentifier():
                message = "cannot be the name of a var; write letters, digits and underscores"
                self.source.note((*place, var), message, about="key")

    def _names(self, place: Place, options: RouteOptions) -> frozenset[str] | None:
        if not self.source.has_unread((*place, "vars")):
            return frozenset(options.vars)
        written = self.source.value((*place, "vars"))
        return frozenset(written) if isinstance(written, Mapping) and not is_source(written) else None


def _as_list(source: Source, data: Any) -> list[Any]:
    """The routes as a list, of which a single one may stand alone. `[routes.main]` in their place is refused."""
    if isinstance(data, list) or not _are_named_tables(data):
        return data if isinstance(data, list) else [data]
    name = next(iter(data))
    message = f'[routes.{name}] where a route has [[routes]]; write [[routes]] and name = "{name}" below it'
    source.refuse(("routes", name), message)
    source.forget(("routes",))
    return []


def _check_names(source: Source, drafts: tuple[Draft, ...]) -> None:
    seen: set[str] = set()
    for draft in drafts:
        if draft.name and draft.name in seen:
            message = f'a second route called "{draft.name}"; give it another name'
            source.note((*draft.place, "name"), message)
        seen.add(draft.name)


def _are_named_tables(routes: Any) -> bool:
    """`[routes.main]` for [[routes]]."""
    if not isinstance(routes, Mapping) or not routes:
        return False
    return not routes.keys() & (ROUTE_KEYS | option_names()) and all(
        isinstance(one, Mapping) for one in routes.values()
    )
