"""`[[tests]]` of the file: what they name must exist, and they must expect something."""

from pathlib import Path
from typing import Any

from app.config.diagnostics import Diagnostics
from app.config.routes import OPT_OUT
from app.config.validation import check
from app.rules.expectations import ConfigTest, Expectation
from app.rules.table import Table
from app.suggestions import did_you_mean


def read_tests(data: Any, folder: Path, table: Table, faults: Diagnostics) -> tuple[ConfigTest, ...]:
    """Every `[[tests]]`."""
    rules = {rule.name for rule in table.rules}
    calling = {rule.name for rule in table.rules if rule.action.calls_out}
    tests = []
    for index, one in enumerate(data if isinstance(data, list) else [data]):
        test = check(ConfigTest, one, ("tests", index), folder, faults)
        if test is None:
            continue
        if test.expect == Expectation():
            faults.note(("tests", index, "expect"), "expects nothing: say rule, route, text, text_has, silent or units")
        for name in sorted(test.given.keys() - calling):
            if name in rules:
                faults.note(("tests", index, "given", name), "this rule calls nobody, so it is asked itself", "warning")
            else:
                faults.note(("tests", index, "given", name), f"no rule is called that; {did_you_mean(name, rules)}")
        if test.expect.route is not None and test.expect.route not in table.by_name:
            advice = did_you_mean(test.expect.route, table.by_name)
            faults.note(("tests", index, "expect", "route"), f'no route is called "{test.expect.route}"; {advice}')
        if test.expect.rule is not None and test.expect.rule not in rules | {OPT_OUT}:
            advice = did_you_mean(test.expect.rule, rules)
            faults.note(("tests", index, "expect", "rule"), f'no rule is called "{test.expect.rule}"; {advice}')
        tests.append(test)
    return tuple(tests)
