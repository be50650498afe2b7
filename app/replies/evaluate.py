"""Route a message and ask its rules. Live traffic, `explain` and `test` all use this."""

from dataclasses import replace

from app.plivo.messages import InboundMessage
from app.policies import opt_out, reactions
from app.policies.usage import Conversation, Usage
from app.replies.decide import quotes_our_reply, refused_early
from app.replies.proposals import Evaluation
from app.replies.reasons import OWN_NUMBER, WHATSAPP
from app.rules.chain import keyword_answers, walk
from app.rules.services import RuleServices
from app.rules.table import Route
from app.runtime import Runtime


async def begin(runtime: Runtime, message: InboundMessage, at: float) -> tuple[Route | None, Evaluation]:
    """Return the route, and an evaluation with what the message says about opting out.

    No rule with effects is asked.
    """
    route = runtime.table.route(message.to)
    name = route.name if route else None
    policy = runtime.policies.of(name)
    if message.person in runtime.policies.test_senders:
        policy = policy.for_test()
    signal = opt_out.read(policy.opt_out, message.intent, message.text)
    if signal and signal.kind == "help" and not signal.by_plivo and route and await keyword_answers(route, message, at):
        signal = None
    reaction = None if signal or policy.limits.reactions == "answer" else reactions.read(message.text)
    unanswerable = _unanswerable(runtime, message)
    if reaction and reaction.quote is None:
        unanswerable = unanswerable or reactions.PICTURE
    return route, Evaluation(at, name, policy, signal, reaction, unanswerable)


def has_effects(route: Route | None, evaluation: Evaluation) -> bool:
    """Return whether asking the rules has effects that must not happen twice.

    Then the message must be claimed first.
    """
    signal = evaluation.signal
    if evaluation.unanswerable or (signal and signal.kind != "start"):
        return False
    return route is not None and route.has_effects


async def ask_rules(
    runtime: Runtime,
    route: Route | None,
    message: InboundMessage,
    evaluation: Evaluation,
    usage: Usage | None,
    services: RuleServices,
) -> Evaluation:
    """Ask the rules and return the evaluation with their outcome.

    They are not asked if `usage` forbids a reply already.

    `usage` is None if nothing was read from the store. Then only the message itself can make the rules unnecessary.
    """
    if route is None or evaluation.unanswerable:
        return evaluation
    if usage or evaluation.signal:
        early = _decided(runtime, message, evaluation, usage or Usage())
        if early is not None:
            return early
    cooldowns = usage.cooldowns_of(Conversation(message.to, message.person)) if usage else {}
    outcome = await walk(route, message, evaluation.received_at, cooldowns, services)
    return evaluation.with_outcome(outcome)


def _decided(runtime: Runtime, message: InboundMessage, evaluation: Evaluation, usage: Usage) -> Evaluation | None:
    """Return the evaluation if an opt-out, a reaction or a limit decides and no rule needs to be asked, else None."""
    conversation = Conversation(message.to, message.person)
    out = runtime.policies.opt_out_in_force(usage, *conversation) is not None
    if opt_out.decide(evaluation.policy.opt_out, evaluation.signal, out=out, verified=True):
        return evaluation
    if quotes_our_reply(evaluation.reaction, conversation, usage):
        return replace(evaluation, unanswerable=reactions.QUOTES_OUR_REPLY)
    if reason := refused_early(message, evaluation, usage):
        return replace(evaluation, forbidden=reason)
    return None


def _unanswerable(runtime: Runtime, message: InboundMessage) -> str | None:
    if message.type == "whatsapp":
        return WHATSAPP
    if message.to in (message.sender, message.person) or message.person in runtime.table.phones:
        return OWN_NUMBER
    return None
