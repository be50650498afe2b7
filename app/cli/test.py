"""`test`: the `[[tests]]` of the file, through the engine that answers Plivo, with a frozen clock."""

import time
from pathlib import Path
from typing import Any

import click

from app.cli.addresses import address
from app.cli.common import UsageError, config_option, echo, json_option, load, print_json, run
from app.config import Config
from app.config.models import Test
from app.engine import Decision, Engine
from app.plivo.messages import InboundMessage
from app.rules.services import RuleServices
from app.service import make_engine


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


async def _run(config: Config, tests: list[Test]) -> list[dict[str, Any]]:
    engine = make_engine(config)
    return [{"name": test.name, "faults": await _faults(config, engine, test)} for test in tests]


async def _faults(config: Config, engine: Engine, test: Test) -> list[str]:
    """What differs from what the test expects."""
    sender, to = address(test.sender, config), address(test.to, config)
    message = InboundMessage("test", sender, to, test.text, test.type, test.intent)
    at = test.at.timestamp() if test.at else time.time()
    decision = await engine.decide(message, at, RuleServices(given=test.given))
    return differences(test, decision)


def differences(test: Test, decision: Decision) -> list[str]:
    """One sentence for each expectation that is not met."""
    expect, texts = test.expect, [message.text for message in decision.messages]
    asked = "; ".join(f"{step.rule} {step.verdict}: {step.reason}" for step in decision.steps)
    found = []
    if expect.rule is not None and decision.rule != expect.rule:
        found.append(f"expected rule {expect.rule}, {decision.rule or 'none'} answered ({decision.reason}; {asked})")
    if expect.route is not None and decision.route != expect.route:
        found.append(f"expected route {expect.route}, got {decision.route or 'none'}")
    if expect.text is not None and expect.text not in texts:
        found.append(f"expected text {expect.text!r}, got {texts!r} ({decision.reason})")
    if expect.text_has is not None and not any(expect.text_has in text for text in texts):
        found.append(f"expected a text with {expect.text_has!r}, got {texts!r} ({decision.reason})")
    if expect.silent is not None and expect.silent != (not texts):
        found.append(f"expected {'silence' if expect.silent else 'an answer'}, got {texts!r} ({decision.reason})")
    if expect.units is not None and expect.units != decision.units:
        found.append(f"expected {expect.units} units, got {decision.units}")
    return found
