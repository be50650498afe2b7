"""Routes and rules of the file as a routing table: names resolved, numbers claimed once, texts compiled."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app import rules
from app.config.diagnostics import Diagnostics
from app.config.models import declarations
from app.config.policies import read_exempt
from app.config.rule_options import option_names, read_rule
from app.config.validation import check
from app.plivo.numbers import Reading
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules import KINDS, RuleOptions
from app.rules.compiler import NAMES, Place, RuleCompiler
from app.rules.rule import Rule
from app.rules.schedules import Schedule
from app.rules.table import Route, RouteOptions, Table
from app.suggestions import did_you_mean

ROUTE_KEYS = frozenset(key for key, _, _ in declarations(RouteOptions))
ANY = "*"
OPT_OUT = "opt_out"


@dataclass(slots=True)
class Draft:
    """A route whose rules are not built yet."""

    place: Place
    name: str
    options: RouteOptions
    action: RuleOptions | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of its rules."""
        return self.options.rules or ()


@dataclass(slots=True)
class Reader:
    """Reads routes and rules; every fault goes to `faults`."""

    folder: Path
    faults: Diagnostics
    read_number: Callable[[str], str]
    read_address: Callable[[str], Reading]
    targets: tuple[str, ...]
    schedules: Mapping[str, Schedule]
    limits: LimitOptions
    opt_out: OptOutOptions
    drafts: list[Draft] = field(default_factory=list)
    common: RouteOptions = field(init=False)  # what a route has that sets none of its own

    def __post_init__(self) -> None:
        self.limits = read_exempt(self.limits, ("limits",), self.read_address, self.faults)
        self.common = RouteOptions((), limits=replace(self.limits, total=(), exempt=()), opt_out=self.opt_out)

    def table(self, routes: Any, named: Any) -> Table:
        """The routing table of `[[routes]]` and `[rules]`."""
        options = self._rules(named)
        for index, data in enumerate(routes if isinstance(routes, list) else [routes]):
            self._route(("routes", index), data)
        if not self.drafts and not self.faults.errors:
            self.faults.note(("routes",), 'no route; the smallest is [[routes]] with to = "*" and text = ".."')
        self._check_names()
        built = {name: self._build(rule, ("rules", name), self._users(name)) for name, rule in options.items() if rule}
        self._check_references(options.keys())
        return self._assemble(built)

    def _rules(self, named: Any) -> dict[str, RuleOptions | None]:
        if not isinstance(named, Mapping):
            self.faults.note(("rules",), "expected tables, as [rules.hours]")
            return {}
        for name in named:
            if name == OPT_OUT:
                self.faults.note(("rules", name), "the journal calls opt-out by this name; give the rule another one")
            if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
                self.faults.note(("rules", name), "a rule's name has letters, digits, hyphens and underscores")
        return {
            name: read_rule(name, table, ("rules", name), self.folder, self.faults) for name, table in named.items()
        }

    def _route(self, place: Place, data: Any) -> None:
        own = {key: value for key, value in data.items() if key not in ROUTE_KEYS} if isinstance(data, Mapping) else {}
        table = {key: data[key] for key in data.keys() & ROUTE_KEYS} if isinstance(data, Mapping) else data
        action = own.keys() & KINDS.keys()
        for key in sorted(own) if not action else ():
            unknown = f"unknown key; {did_you_mean(key, ROUTE_KEYS | option_names())}"
            misplaced = f"belongs to a rule: write it below [rules.x], or beside one of {', '.join(KINDS)}"
            self.faults.note((*place, key), misplaced if key in option_names() else unknown)
        options = check(RouteOptions, table, place, self.folder, self.faults, self.common)
        rule = read_rule("", own, place, self.folder, self.faults, also=ROUTE_KEYS) if action else None
        if options is None:
            return
        if action and options.rules is not None:
            self.faults.note(place, "either `rules` or one action of its own, not both")
        elif not action and not options.rules:
            self.faults.note(place, f"what shall it answer? give it rules = [..], or one of {', '.join(KINDS)}")
        for var in options.vars:
            if not var.isidentifier() or var in NAMES:
                taken = "every text knows that name already" if var in NAMES else "letters, digits and underscores"
                self.faults.note((*place, "vars", var), f"cannot be the name of a var: {taken}")
        name = options.name or ("default" if ANY in options.to else "")
        if not name:
            self.faults.note(place, 'required: name = ".."; only the route of to = "*" may go without')
        if options.limits and options.limits is not self.common.limits:
            options = replace(
                options, limits=read_exempt(options.limits, (*place, "limits"), self.read_address, self.faults)
            )
        self.drafts.append(Draft(place, name, options, rule))

    @property
    def own(self) -> dict[str, Draft]:
        """The routes that set limits or opt-out of their own."""
        common = self.common
        return {
            draft.name: draft
            for draft in self.drafts
            if draft.options.limits is not common.limits or draft.options.opt_out is not common.opt_out
        }

    def _users(self, rule: str) -> dict[str, frozenset[str]]:
        return {draft.name: frozenset(draft.options.vars) for draft in self.drafts if rule in draft.rules}

    def _build(self, options: RuleOptions, place: Place, users: Mapping[str, frozenset[str]]) -> Rule:
        compiler = RuleCompiler(
            place,
            self.faults.note,
            self.read_number,
            self.read_address,
            users,
            schedules=self.schedules,
            max_units=min(
                (
                    draft.options.limits.max_units
                    for draft in self.drafts
                    if draft.name in users and draft.options.limits
                ),
                default=self.limits.max_units,
            ),
            folder=self.folder,
        )
        return rules.build(options, compiler)

    def _check_names(self) -> None:
        seen: set[str] = set()
        for draft in self.drafts:
            if draft.name and draft.name in seen:
                self.faults.note((*draft.place, "name"), f'a second route called "{draft.name}"')
            seen.add(draft.name)

    def _check_references(self, known: Iterable[str]) -> None:
        names = set(known)
        for draft in self.drafts:
            for index, rule in enumerate(draft.rules):
                if rule not in names:
                    self.faults.note(
                        (*draft.place, "rules", index), f'no rule is called "{rule}"; {did_you_mean(rule, names)}'
                    )
                elif rule in draft.rules[:index]:
                    self.faults.note((*draft.place, "rules", index), f'"{rule}" stands in this route already')
            for index, target in enumerate(draft.options.targets or ()):
                if target not in self.targets:
                    self.faults.note(
                        (*draft.place, "targets", index),
                        f'no target is called "{target}"; {did_you_mean(target, self.targets)}',
                    )
        unused = () if self.faults.errors else sorted(names - {rule for draft in self.drafts for rule in draft.rules})
        for name in unused:
            self.faults.note(("rules", name), "no route uses this rule", "warning")

    def _assemble(self, built: Mapping[str, Rule]) -> Table:
        by_number: dict[str, Route] = {}
        default: Route | None = None
        for draft in self.drafts:
            route, claimed = self._finish(draft, built), len(by_number)
            for index, source in enumerate(draft.options.to):
                place = (*draft.place, "to", index) if len(draft.options.to) > 1 else (*draft.place, "to")
                if source.strip() == ANY:
                    if default and default is not route:
                        self.faults.note(place, f'route "{default.name}" has "*" already')
                    default = default or route
                else:
                    self._claim(source, place, route, by_number)
            if route is not default and len(by_number) == claimed and not self.faults.errors:
                self.faults.note((*draft.place, "to"), "no number, so this route is never asked", "warning")
        names = {route.name: route for route in (*by_number.values(), *([default] if default else ()))}
        return Table(by_number, names, default)

    def _finish(self, draft: Draft, built: Mapping[str, Rule]) -> Route:
        chain = [built[name] for name in draft.rules if name in built]
        if draft.action:
            chain.append(self._build(draft.action, draft.place, {draft.name: frozenset(draft.options.vars)}))
        self._warn_of_unreachable(draft, chain)
        targets = self.targets if draft.options.targets is None else draft.options.targets
        return Route(draft.name, tuple(chain), draft.options.vars, tuple(dict.fromkeys(targets)))

    def _warn_of_unreachable(self, draft: Draft, chain: list[Rule]) -> None:
        for index, rule in enumerate(chain[:-1]):
            if rule.always_answers:
                message = f'"{rule.name}" always answers, so the rules behind it are never asked'
                self.faults.note((*draft.place, "rules", index), message, "warning")
                return

    def _claim(self, source: str, place: Place, route: Route, by_number: dict[str, Route]) -> None:
        lines = source.splitlines() or [""]
        for position, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if not text and "\n" in source:
                continue
            try:
                number = self.read_number(text)
            except ValueError as error:
                self.faults.note(place, f"line {position}: {error}" if len(lines) > 1 else str(error))
                continue
            other = by_number.setdefault(number, route)
            if other is not route:
                self.faults.note(place, f'route "{other.name}" has this number already (..{number[-4:]})')
