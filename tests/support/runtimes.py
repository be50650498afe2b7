"""What a configuration yields, without a file: one route for one number, and whatever else a test needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from app.delivery.fan_out import Subscriptions
from app.operations.explain import LookUp, explain
from app.plivo.markup import Callback
from app.plivo.messages import InboundMessage, Outgoing
from app.policies.policies import Policies, RoutePolicy
from app.policies.usage import Usage, UsageQuery
from app.replies.proposals import Proposal
from app.rules import KindOptions
from app.rules.outcome import Answers, Fails, Passes, RuleResult, Use
from app.rules.rule import Rule, RuleContext
from app.rules.services import RuleServices
from app.rules.table import Route, Table
from app.runtime import Runtime
from support import compiler

UUID, CUSTOMER, US, SHOP, DUTY = compiler.UUID, compiler.CUSTOMER, compiler.US, "33644600001", "33612345678"
NOW = compiler.NINE
CALLBACK = Callback("https://sms.example.com/report", "POST")


@dataclass
class Says:
    """An action with a prepared verdict, which remembers what it was asked; it costs something, as webhooks do."""

    verdict: RuleResult
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False
    asked: list[RuleContext] = field(default_factory=list)

    async def __call__(self, context: RuleContext) -> RuleResult:
        """The verdict."""
        self.asked.append(context)
        return self.verdict


def rule(name: str, action: KindOptions | Answers | Passes | Fails, **changes: Any) -> Rule:
    """A rule of some kind, or one with a prepared verdict."""
    if isinstance(action, Answers | Passes | Fails):
        return Rule(name, (), Says(action), has_effects=True, **changes)
    return replace(compiler.good(action), name=name, **changes)


def bot(words: str = "Hello.", uses: tuple[Use, ...] = ()) -> tuple[Rule, Says]:
    """A rule that calls out, and its action."""
    action = Says(Answers((Outgoing(US, (CUSTOMER,), words),), "said so", uses))
    return Rule("bot", (), action, has_effects=True), action


def runtime(
    *rules: Rule,
    policy: RoutePolicy | None = None,
    by_route: Mapping[str, RoutePolicy] | None = None,
    default: Route | None = None,
    others: Mapping[str, Route] | None = None,
) -> Runtime:
    """Route `support` for US, `others` by number, and perhaps a default route."""
    route = Route("support", rules, {"shop": "Roma"}, ("crm",))
    numbers = {US: route, **(others or {})}
    every = [*numbers.values(), *([default] if default else [])]
    table = Table(numbers, {one.name: one for one in every}, default)
    policies = Policies(policy or RoutePolicy(), by_route or {}, table.route_name)
    subscriptions = Subscriptions({}, table.route_name, {one.name: one.targets for one in every})
    return Runtime(
        "c0ffee", "https://sms.example.com", (), "any", table, policies, CALLBACK, subscriptions, keep_text=True
    )


def message(words: str = "hello", **changes: Any) -> InboundMessage:
    """From the customer to US."""
    fields = {"message_uuid": UUID, "sender": CUSTOMER, "to": US, "text": words, **changes}
    return InboundMessage.of(**fields)


def remembering(usage: Usage) -> LookUp:
    """A look-up that finds this whatever is asked."""

    async def look_up(_query: UsageQuery) -> Usage:
        return usage

    return look_up


async def decided(made: Runtime, one: InboundMessage | None = None, usage: Usage | None = None) -> Proposal:
    """What is sent to a message, with what is remembered."""
    return (await explain(made, one or message(), NOW, RuleServices(), remembering(usage or Usage()))).proposal
