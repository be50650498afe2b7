"""Run the `[[tests]]` of a configuration through the functions that answer Plivo, each at the time that it gives."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.operations.addresses import ReadAddress, any_address
from app.operations.explain import Explanation, explain
from app.plivo.messages import InboundMessage
from app.rules.expectations import ConfigTest, Expectation
from app.rules.services import RuleServices
from app.runtime import Runtime


@dataclass(frozen=True, slots=True)
class ConfigTestResult:
    """The name of a test, and one sentence for each expectation that was not met."""

    name: str
    faults: tuple[str, ...]


async def run_tests(runtime: Runtime, tests: Iterable[ConfigTest], read: ReadAddress) -> tuple[ConfigTestResult, ...]:
    """Run tests, each as if nothing had come before it. Calls nobody and stores nothing."""
    return tuple([await _run(runtime, test, read) for test in tests])


async def _run(runtime: Runtime, test: ConfigTest, read: ReadAddress) -> ConfigTestResult:
    sender, to = any_address(test.sender, read), any_address(test.to, read)
    message = InboundMessage.of("test", sender, to, test.text, test.type, test.intent)
    at = test.at.timestamp() if test.at else time.time()
    found = await explain(runtime, message, at, RuleServices(given=test.given))
    return ConfigTestResult(test.name, tuple(_faults(test.expect, found)))


def _faults(expect: Expectation, found: Explanation) -> Iterator[str]:
    answer, texts = found.proposal, [message.text for message in found.proposal.messages]
    got = f"got {texts!r} ({answer.reason})"
    if expect.rule is not None and answer.rule != expect.rule:
        asked = "; ".join(f"{step.rule} {step.verdict}: {step.reason}" for step in found.steps)
        yield f"expected rule {expect.rule}, {answer.rule or 'none'} answered ({answer.reason}; {asked})"
    if expect.route is not None and found.route != expect.route:
        yield f"expected route {expect.route}, got {found.route or 'none'}"
    if expect.text is not None and expect.text not in texts:
        yield f"expected text {expect.text!r}, {got}"
    if expect.text_has is not None and not any(expect.text_has in text for text in texts):
        yield f"expected a text with {expect.text_has!r}, {got}"
    if expect.silent is not None and expect.silent != (not texts):
        yield f"expected {'silence' if expect.silent else 'an answer'}, {got}"
    if expect.units is not None and expect.units != answer.units:
        yield f"expected {expect.units} units, got {answer.units}"
