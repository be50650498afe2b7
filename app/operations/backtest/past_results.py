"""What rules that call out said to a message of the past, by its row in the journal: no rule is called again.

The journal keeps what was sent, and for each rule a verdict with a reason. That is enough to repeat a reply, a pass, a
failure and a redirect. A reply that a limit held back is not kept, so `UNKNOWN` stands for it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.plivo.markup import parse
from app.plivo.messages import Outgoing
from app.rules.kinds.python import Python
from app.rules.kinds.webhook import Webhook
from app.rules.outcome import Answers, Fails, Passes, Redirects, RuleResult
from app.rules.rule import Rule
from app.store.replaying import PastMessage

UNKNOWN = "(not known: this reply was not sent then)"

_PART = 153  # characters of one unit of a long text in GSM-7
_OF_A_CALL = ("webhook", "python")  # how the reasons of such rules begin; a condition that is not met has another
_COOLDOWN, _NO_ANSWER = "cooldown", "webhook: 204"
_COUNT = re.compile(r": (\d+) messages")


def past_results(past: PastMessage, rules: Iterable[Rule], max_units: int) -> dict[str, RuleResult]:
    """Return what each of these rules said, by name; a rule that was not asked is missing.

    `max_units`: the most units of a message, which is what a reply that is not known is taken to cost.
    """
    steps = json.loads(past.steps)
    calling = {rule.name: rule for rule in rules}
    found = ((index, step) for index, step in enumerate(steps) if step["rule"] in calling)
    return {
        step["rule"]: result
        for index, step in found
        if (result := _result(past, calling[step["rule"]], steps, index, max_units))
    }


def _result(
    past: PastMessage, rule: Rule, steps: Sequence[dict[str, Any]], index: int, max_units: int
) -> RuleResult | None:
    verdict, reason = steps[index]["verdict"], steps[index]["reason"]
    if verdict == "fails":
        return Fails(reason)
    if verdict == "answers" and not reason.startswith(_COOLDOWN):
        return _answer(past, rule, reason, max_units)
    if verdict == "passes" and reason.startswith(_OF_A_CALL):
        is_redirect = reason.startswith("webhook") and not reason.startswith(_NO_ANSWER)
        named = steps[index + 1]["rule"] if is_redirect and index + 1 < len(steps) else None
        return Redirects(named, reason) if named else Passes(reason)
    return None


def _answer(past: PastMessage, rule: Rule, reason: str, max_units: int) -> RuleResult:
    """Return the reply; a failure if it went to somebody whom the rule may not text any more."""
    if past.rule != rule.name:  # a limit held it back
        return Answers(tuple(_unknown(past, reason, max_units)), reason)
    messages = parse(past.xml)
    action = rule.action
    allowed = action.allowed if isinstance(action, Webhook | Python) else frozenset[str]()
    if {number for one in messages for number in one.dst} - {past.sender} - allowed:
        return Fails("a message to somebody who is not in allow_to")
    return Answers(messages, reason)


def _unknown(past: PastMessage, reason: str, max_units: int) -> Iterator[Outgoing]:
    """Yield as many messages as were held back, as long as they may be: what was too much then must stay too much."""
    counted = _COUNT.search(reason)
    text = UNKNOWN.ljust(_PART * (max_units - 1) + len(UNKNOWN))
    for _ in range(int(counted[1]) if counted else 1):
        yield Outgoing("", (past.sender,), text)
