"""`test`: the `[[tests]]` of the file, through the engine that answers Plivo, with a frozen clock."""

import time
from pathlib import Path
from typing import Any

import click

from app.cli.addresses import address
from app.cli.common import UsageError, config_option, echo, json_option, load, print_json, run
from app.config import Loaded
from app.operations.explain import Explanation, explain
from app.plivo.messages import InboundMessage
from app.rules.expectations import ConfigTest
from app.rules.services import RuleServices


@click.command("test")
@config_option
@click.option("-k", "--only", help="Only tests whose name holds this.")
@json_option
def command(path: Path, only: str | None, *, as_json: bool) -> None:
    """Run the [[tests]] of the file. Nobody is called: `given` says what webhooks and functions answer.

    \b
    Example: plivo-autoreply test -c config.toml -k hours
    """
    config = load(path)
    tests = [test for test in config.tests if not only or only in test.name]
    if only and not tests:
        raise UsageError(f"no test has {only!r} in its name")
    results = run(_run(config, tests))
    failed = [result for result in results if result["faults"]]
    if as_json:
        print_json({"passed": len(results) - len(failed), "failed": len(failed), "tests": results})
    else:
        for result in results:
            echo(f"{'FAILED' if result['faults'] else 'ok':<7} {result['name']}")
            for fault in result["faults"]:
                echo(f"        {fault}")
        echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    raise SystemExit(1 if failed else 0)


async def _run(config: Loaded, tests: list[ConfigTest]) -> list[dict[str, Any]]:
    return [{"name": test.name, "faults": await _faults(config, test)} for test in tests]


async def failures(config: Loaded) -> list[str]:
    """Run every test; one sentence for each expectation that is not met."""
    return [f"{test.name}: {fault}" for test in config.tests for fault in await _faults(config, test)]


async def _faults(config: Loaded, test: ConfigTest) -> list[str]:
    """What differs from what the test expects."""
    sender, to = address(test.sender, config), address(test.to, config)
    message = InboundMessage.of("test", sender, to, test.text, test.type, test.intent)
    at = test.at.timestamp() if test.at else time.time()
    return differences(test, await explain(config.runtime, message, at, RuleServices(given=test.given)))


def differences(test: ConfigTest, found: Explanation) -> list[str]:
    """One sentence for each expectation that is not met."""
    expect, texts = test.expect, [message.text for message in found.proposal.messages]
    asked = "; ".join(f"{step.rule} {step.verdict}: {step.reason}" for step in found.steps)
    faults = []
    if expect.rule is not None and found.proposal.rule != expect.rule:
        faults.append(
            f"expected rule {expect.rule}, {found.proposal.rule or 'none'} answered ({found.proposal.reason}; {asked})"
        )
    if expect.route is not None and found.route != expect.route:
        faults.append(f"expected route {expect.route}, got {found.route or 'none'}")
    if expect.text is not None and expect.text not in texts:
        faults.append(f"expected text {expect.text!r}, got {texts!r} ({found.proposal.reason})")
    if expect.text_has is not None and not any(expect.text_has in text for text in texts):
        faults.append(f"expected a text with {expect.text_has!r}, got {texts!r} ({found.proposal.reason})")
    if expect.silent is not None and expect.silent != (not texts):
        faults.append(
            f"expected {'silence' if expect.silent else 'an answer'}, got {texts!r} ({found.proposal.reason})"
        )
    if expect.units is not None and expect.units != found.proposal.units:
        faults.append(f"expected {expect.units} units, got {found.proposal.units}")
    return faults
