"""`[[tests]]` of the file: what they name must exist, and they must expect something."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Self

from app.config.source import Source
from app.config.validation import check
from app.plivo.numbers import Reading, is_name
from app.rules.compiler import Place
from app.rules.expectations import ConfigTest, Expectation
from app.rules.table import Table
from app.suggestions import did_you_mean

OPT_OUT = "opt_out"  # what the journal calls the rule that comes before all others


def read_tests(
    source: Source, data: Any, table: Table, rules: Collection[str], read_address: Callable[[str], Reading]
) -> tuple[ConfigTest, ...]:
    """Every `[[tests]]`. `rules`: the names of all of them, also of those that could not be read."""
    known = _Names.of(table, rules)
    tests = []
    for index, one in enumerate(data if isinstance(data, list) else [data]):
        place: Place = ("tests", index)
        test = check(ConfigTest, source, place, one)
        if test is None:
            continue
        tests.append(test)
        if test.expect == Expectation() and not source.has_unread((*place, "expect")):
            message = "a test that expects nothing; say rule, route, text, text_has, silent or units"
            source.note((*place, "expect"), message)
        known.check(source, place, test)
        for key, text in (("to", test.to), ("from", test.sender)):
            try:
                read_address(text)
            except ValueError as error:
                if key == "to" or not is_name(text.strip()):
                    source.note((*place, key), f'"{text}" is {error}')
    return tuple(tests)


@dataclass(frozen=True, slots=True)
class _Names:
    """What tests may name, found once for all of them."""

    own: frozenset[str]  # of rules that routes ask, those of nameless actions too
    calling: frozenset[str]  # of rules that make calls
    rules: frozenset[str]
    routes: frozenset[str]

    @classmethod
    def of(cls, table: Table, rules: Collection[str]) -> Self:
        """Take them from the routing table, and from the rules that could not be read."""
        own = frozenset(rule.name for rule in table.rules)
        calling = frozenset(rule.name for rule in table.rules if rule.action.calls_out)
        return cls(own, calling, own | frozenset(rules), frozenset(filter(None, table.by_name)))

    def check(self, source: Source, place: Place, test: ConfigTest) -> None:
        """Note what does not exist."""
        for name in sorted(test.given.keys() - self.calling):
            if name not in self.rules:
                message = f'no rule is called "{name}"; {did_you_mean(name, self.rules)}'
                source.note((*place, "given", name), message, about="key")
            elif name in self.own:
                message = "this rule calls nobody, so it is asked itself; leave it out"
                source.note((*place, "given", name), message, "warning", about="key")
        route, rule = test.expect.route, test.expect.rule
        if route is not None and route not in self.routes and not source.has_unread(("routes",)):
            source.note(
                (*place, "expect", "route"), f'no route is called "{route}"; {did_you_mean(route, self.routes)}'
            )
        if rule is not None and rule != OPT_OUT and rule not in self.rules:
            message = f'no rule is called "{rule}"; {did_you_mean(rule, self.rules)}'
            source.note((*place, "expect", "rule"), message)
