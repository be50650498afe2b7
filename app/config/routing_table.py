"""The routing table of a file, from its routes and rules: rules are built, names resolved, numbers assigned once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from app import rules
from app.config.routes import ANY, Draft, Routes
from app.config.source import Source
from app.config.tree import is_source
from app.plivo.numbers import Reading
from app.policies.limits import MOST_UNITS
from app.rules import RuleOptions
from app.rules.compiler import Place, RuleCompiler
from app.rules.number_lists import lines_of
from app.rules.rule import Rule
from app.rules.schedules import Schedule
from app.rules.table import Route, Table
from app.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class TableBuilder:
    """Builds the table; what is wrong is noted in `source`."""

    source: Source
    routes: Routes
    read_number: Callable[[str], str]
    read_address: Callable[[str], Reading]
    targets: tuple[str, ...]
    schedules: Mapping[str, Schedule]
    rules: list[tuple[Place, Rule]] = field(default_factory=list)  # as they were built

    def table(self, named: Mapping[str, RuleOptions | None]) -> Table:
        """The routing table of the routes, with `[rules]` by name. None: a rule that could not be read."""
        users = self._users()
        built = {name: self._build(rule, ("rules", name), users[name]) for name, rule in named.items() if rule}
        self._check_references(frozenset(named))
        return self._assemble(built)

    def _users(self) -> Mapping[str, list[Draft]]:
        users: dict[str, list[Draft]] = defaultdict(list)
        for draft in self.routes.drafts:
            for rule in dict.fromkeys(draft.rules):
                users[rule].append(draft)
        return users

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
            max_units=min(map(self._max_units, users), default=self.routes.limits.max_units),
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

    def _check_references(self, names: frozenset[str]) -> None:
        is_complete = not self.source.has_unread(("rules",)) or bool(names)
        for draft in self.routes.drafts:
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
        self._warn_of_unused(names)

    def _warn_of_unused(self, names: frozenset[str]) -> None:
        used = {rule for draft in self.routes.drafts for rule in draft.rules}
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
        for draft in self.routes.drafts:
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
        origin, is_empty = self.source.value(place), True
        for number, at in lines_of(text, is_file=is_source(origin) and "file" in origin):
            is_empty = False
            try:
                other = by_number.setdefault(self.read_number(number), route)
            except ValueError as error:
                self.source.note(place, f'"{number}" is {error}', at=at)
                continue
            if other is not route:
                message = f'"{number}" is a number of route "{other.name}" already; leave it to one of them'
                self.source.note(place, message, at=at)
        return not is_empty
