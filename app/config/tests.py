"""`[[tests]]` of the file: what they name must exist, and they must expect something."""

from pathlib import Path
from typing import Any

from app.config import models as sections
from app.config.diagnostics import Diagnostics, did_you_mean
from app.config.routes import OPT_OUT
from app.config.validation import check
from app.rules.table import Table


def read_tests(data: Any, folder: Path, table: Table, faults: Diagnostics) -> tuple[sections.Test, ...]:
    """Every `[[tests]]`."""
    every = [rule for route in table.by_name.values() for rule in route.rules]
    rules, calling = {rule.name for rule in every}, {rule.name for rule in every if rule.action.calls_out}
    tests = []
    for index, one in enumerate(data if isinstance(data, list) else [data]):
        model = check(sections.Test, one, ("tests", index), folder, faults)
        if model is None:
            continue
        if not model.expect.model_fields_set:
            faults.note(("tests", index, "expect"), "expects nothing: say rule, route, text, text_has, silent or units")
        for name in sorted(model.given.keys() - calling):
            if name in rules:
                faults.note(("tests", index, "given", name), "this rule calls nobody, so it is asked itself", "warning")
            else:
                faults.note(("tests", index, "given", name), f"no rule is called that; {did_you_mean(name, rules)}")
        if model.expect.route is not None and model.expect.route not in table.by_name:
            advice = did_you_mean(model.expect.route, table.by_name)
            faults.note(("tests", index, "expect", "route"), f'no route is called "{model.expect.route}"; {advice}')
        if model.expect.rule is not None and model.expect.rule not in rules | {OPT_OUT}:
            advice = did_you_mean(model.expect.rule, rules)
            faults.note(("tests", index, "expect", "rule"), f'no rule is called "{model.expect.rule}"; {advice}')
        tests.append(model)
    return tuple(tests)
