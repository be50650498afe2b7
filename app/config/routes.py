"""Routes and rules of the file as a routing table: names resolved, numbers taken once, texts compiled."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app import rules
from app.config.models import declarations
from app.config.policies import read_exempt
from app.config.rule_options import option_names, read_rule
from app.config.secrecy import is_source
from app.config.source import Source
from app.config.validation import check, refuse_unknown
from app.plivo.numbers import Reading
from app.policies.limits import MOST_UNITS, LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules import KINDS, RuleOptions
from app.rules.compiler import NAMES, Place, RuleCompiler
from app.rules.rule import Rule
from app.rules.schedules import Schedule
from app.rules.table import Route, RouteOptions, Table
from app.suggestions import did_you_mean

ROUTE_KEYS = frozenset(key for key, _, _ in declarations(RouteOptions))
ANY = "*"


@dataclass(slots=True)
class Draft:
    """A route whose rules are not built yet."""

    place: Place
    name: str
    options: RouteOptions
    names: frozenset[str] | None  # what its texts may use; None: that could not be read
    action: RuleOptions | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of its rules."""
        return self.options.rules or ()


@dataclass(slots=True)
class Reader:
    """Reads routes and rules; what is wrong is noted in `source`."""

    source: Source
    read_number: Callable[[str], str]
    read_address: Callable[[str], Reading]
    targets: tuple[str, ...]
    schedules: Mapping[str, Schedule]
    limits: LimitOptions
    opt_out: OptOutOptions
    drafts: list[Draft] = field(default_factory=list)
    rules: list[tuple[Place, Rule]] = field(default_factory=list)  # as they were built
    common: RouteOptions = field(init=False)  # what a route has that sets none of its own

    def __post_init__(self) -> None:
        self.limits = read_exempt(self.source, self.limits, ("limits",), self.read_address)
        self.common = RouteOptions((), limits=replace(self.limits, total=(), exempt=()), opt_out=self.opt_out)

    def table(self, routes: Any, named: Mapping[str, Any]) -> Table:
        """The routing table of `[[routes]]` and `[rules]`."""
        options = {name: read_rule(self.source, name, ("rules", name), table) for name, table in named.items()}
        if _are_named_tables(routes):
            name = next(iter(routes))
            message = f'[routes.{name}] where a route has [[routes]]; write [[routes]] and name = "{name}" below it'
            self.source.refuse(("routes", name), message)
            self.source.forget(("routes",))
        else:
            for index, data in enumerate(routes if isinstance(routes, list) else [routes]):
                self._route(("routes", index), data)
        if not self.drafts and not self.source.has_unread(("routes",)):
            self.source.note(("routes",), 'no route; write at least [[routes]] with to = "*" and text = ".."')
        self._check_names()
        built = {name: self._build(rule, ("rules", name), self._users(name)) for name, rule in options.items() if rule}
        self._check_references(frozenset(named))
        return self._assemble(built)

    def _route(self, place: Place, data: Any) -> None:
        source = self.source
        own = {key: value for key, value in data.items() if key not in ROUTE_KEYS} if isinstance(data, Mapping) else {}
        table = {key: data[key] for key in data.keys() & ROUTE_KEYS} if isinstance(data, Mapping) else data
        action = own.keys() & KINDS.keys()
        unknown = sorted(own) if not action else []
        for key in unknown:
            if key in option_names():
                message = f"an option of rules; write it below [rules.x], or beside one of {', '.join(KINDS)}"
                source.refuse((*place, key), message, about="key")
            else:
                refuse_unknown(source, place, key, ROUTE_KEYS | option_names())
        options = check(RouteOptions, source, place, table, self.common)
        rule = read_rule(source, "", place, own, also=tuple(ROUTE_KEYS)) if action else None
        if options is None:
            return
        if action and options.rules is not None:
            source.note((*place, "rules"), "`rules` beside an action of its own; write one or the other", about="key")
        elif not action and not options.rules and not unknown and not source.has_unread((*place, "rules")):
            source.note(place, f"a route that answers nothing; write rules = [..], or one of {', '.join(KINDS)}")
        self._check_vars((*place, "vars"), options)
        name = options.name or ("default" if ANY in options.to else "")
        if not name and not source.has_unread((*place, "to")):
            message = 'a route without a name; write name = "..": only the route of to = "*" may go without'
            source.note((*place, "name"), message)
        if options.limits and options.limits is not self.common.limits:
            limits = read_exempt(source, options.limits, (*place, "limits"), self.read_address)
            options = replace(options, limits=limits)
        self.drafts.append(Draft(place, name, options, self._names(place, options), rule))

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

    @property
    def own(self) -> dict[str, Draft]:
        """The routes that set limits or opt-out of their own."""
        common = self.common
        return {
            draft.name: draft
            for draft in self.drafts
            if draft.options.limits is not common.limits or draft.options.opt_out is not common.opt_out
        }

    def _users(self, rule: str) -> list[Draft]:
        return [draft for draft in self.drafts if rule in draft.rules]

    def _build(self, options: RuleOptions, place: Place, users: list[Draft]) -> Rule:
        all_names = self.source.has_unread((*place, "match")) or any(draft.names is None for draft in users)
        compiler = RuleCompiler(
            place,
            self.source.note,
            self.read_number,
            self.read_address,
            {draft.name: draft.names for draft in users if draft.names is not None},
            schedules=self.schedules,
            all_names=all_names,
            max_units=min(map(self._max_units, users), default=self.limits.max_units),
            folder=self.source.folder,
        )
        rule = rules.build(options, compiler)
        self.rules.append((place, rule))
        return rule

    def _max_units(self, draft: Draft) -> int:
        places: tuple[Place, ...] = (("limits", "max_units"), (*draft.place, "limits", "max_units"))
        if any(map(self.source.has_unread, places)) or not draft.options.limits:
            return MOST_UNITS
        return draft.options.limits.max_units

    def _check_names(self) -> None:
        seen: set[str] = set()
        for draft in self.drafts:
            if draft.name and draft.name in seen:
                message = f'a second route called "{draft.name}"; give it another name'
                self.source.note((*draft.place, "name"), message)
            seen.add(draft.name)

    def _check_references(self, names: frozenset[str]) -> None:
        is_complete = not self.source.has_unread(("rules",)) or bool(names)
        for draft in self.drafts:
            for index, rule in enumerate(draft.rules):
                place = (*draft.place, "rules", index)
                if rule in draft.rules[:index]:
                    self.source.note(place, f'"{rule}" stands in this route already; delete one of them')
                elif rule not in names and is_complete:
                    self.source.note(place, f'no rule is called "{rule}"; {did_you_mean(rule, names)}')
            for index, target in enumerate(draft.options.targets or ()):
                if target not in self.targets and not self.source.is_unread(("targets",)):
                    message = f'no target is called "{target}"; {did_you_mean(target, self.targets)}'
                    self.source.note((*draft.place, "targets", index), message)
        used = {rule for draft in self.drafts for rule in draft.rules}
        is_known = used <= names and not any(self.source.has_unread(place) for place in self._rules_of_routes())
        for name in sorted(names - used) if is_known else ():
            message = "no route uses this rule; add it to the rules of a route, or delete it"
            self.source.note(("rules", name), message, "warning")

    def _rules_of_routes(self) -> Iterator[Place]:
        written = self.source.value(("routes",))
        yield from (("routes", index, "rules") for index in range(len(written) if isinstance(written, list) else 1))

    def _assemble(self, built: Mapping[str, Rule]) -> Table:
        by_number: dict[str, Route] = {}
        default: Route | None = None
        for draft in self.drafts:
            route, is_empty = self._finish(draft, built), True
            for index, text in enumerate(draft.options.to):
                place = (*draft.place, "to", index)
                if text.strip() == ANY:
                    if default and default is not route:
                        message = f'route "{default.name}" has "*" already; only one route may have it'
                        self.source.note(place, message)
                    default, is_empty = default or route, False
                else:
                    is_empty &= not self._take(place, text, route, by_number)
            if is_empty:
                message = "no number, so this route is never asked; add one, or delete the route"
                self.source.note((*draft.place, "to"), message, "warning")
        names = {route.name: route for route in (*by_number.values(), *([default] if default else ()))}
        return Table(by_number, names, default)

    def _finish(self, draft: Draft, built: Mapping[str, Rule]) -> Route:
        chain = [(index, built[name]) for index, name in enumerate(draft.rules) if name in built]
        for index, rule in chain:
            others = any(place > index and other is not rule for place, other in chain)
            if others and rule.always_answers and not self.source.has_unread(("rules", rule.name)):
                message = f'"{rule.name}" always answers, so the rules behind it are never asked; move it to the end'
                self.source.note((*draft.place, "rules", index), message, "warning")
                break
        own = [self._build(draft.action, draft.place, [draft])] if draft.action else []
        targets = self.targets if draft.options.targets is None else draft.options.targets
        named = tuple(rule for _, rule in chain)
        return Route(draft.name, (*named, *own), draft.options.vars, tuple(dict.fromkeys(targets)))

    def _take(self, place: Place, text: str, route: Route, by_number: dict[str, Route]) -> bool:
        """Give a number, or each line of a list of numbers, to a route. False: there is none."""
        is_list, offset, is_empty = "\n" in text, 0, True
        from_file = is_list or is_source(self.source.value(place))
        for line in text.splitlines(keepends=True) or [""]:
            written = line.partition("#")[0]
            number = written.strip()
            start, offset = offset + len(written) - len(written.lstrip()), offset + len(line)
            if not number and is_list:
                continue
            is_empty = False
            at = range(start, start + len(number)) if from_file else None
            try:
                other = by_number.setdefault(self.read_number(number), route)
            except ValueError as error:
                self.source.note(place, f'"{number}" is {error}', at=at)
                continue
            if other is not route:
                message = f'"{number}" is a number of route "{other.name}" already; leave it to one of them'
                self.source.note(place, message, at=at)
        return not is_empty


def _are_named_tables(routes: Any) -> bool:
    """`[routes.main]` for [[routes]]."""
    if not isinstance(routes, Mapping) or not routes:
        return False
    return not routes.keys() & (ROUTE_KEYS | option_names()) and all(
        isinstance(one, Mapping) for one in routes.values()
    )
