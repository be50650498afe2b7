"""`[[tests]]` of the file: what they name must exist, and they must expect something."""

from collections.abc import Callable, Collection
from typing import Any

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
        _check_names(source, place, test, table, rules)
        for key, text in (("to", test.to), ("from", test.sender)):
            try:
                read_address(text)
            except ValueError as error:
                if key == "to" or not is_name(text.strip()):
                    source.note((*place, key), f'"{text}" is {error}')
    return tuple(tests)


def _check_names(source: Source, place: Place, test: ConfigTest, table: Table, rules: Collection[str]) -> None:
    own = {rule.name for rule in table.rules}  # those of nameless actions too
    calling = {rule.name for rule in table.rules if rule.action.calls_out}
    names, routes = {*rules, *own}, [name for name in table.by_name if name]
    for name in sorted(test.given.keys() - calling):
        if name not in names:
            message = f'no rule is called "{name}"; {did_you_mean(name, names)}'
            source.note((*place, "given", name), message, about="key")
        elif name in own:
            message = "this rule calls nobody, so it is asked itself; leave it out"
            source.note((*place, "given", name), message, "warning", about="key")
    if test.expect.route is not None and test.expect.route not in routes and not source.has_unread(("routes",)):
        message = f'no route is called "{test.expect.route}"; {did_you_mean(test.expect.route, routes)}'
        source.note((*place, "expect", "route"), message)
    if test.expect.rule is not None and test.expect.rule not in {*names, OPT_OUT}:
        message = f'no rule is called "{test.expect.rule}"; {did_you_mean(test.expect.rule, names)}'
        source.note((*place, "expect", "rule"), message)
