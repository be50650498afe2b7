"""Kind `python`: an async function of the user decides what to reply.

    async def reply(message: Message, context: Context) -> str | Reply | None: ...

A string is the reply, None passes, and a `Reply` holds several messages, or none for silence. An exception is a failure
of the rule, never of the service. The module is found beside the configuration file, after everything that is
installed, so that it cannot hide any other module.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from app.notation import Doc, Example
from app.plivo.numbers import canonical, show
from app.rules.compiler import RuleCompiler
from app.rules.kinds.functions import BadFunction, Watched, find
from app.rules.outcome import Fails, Passes, RuleResult
from app.rules.rule import ALLOW_TO, RuleContext
from app.rules.tasks import in_rule
from app.telemetry import Logger, get_logger, place_of
from app.tracing import traceparent

if TYPE_CHECKING:
    import httpx

log = get_logger("rules")


@dataclass(frozen=True, slots=True)
class Message:
    """An inbound message. Its numbers are in E.164."""

    sender: str
    to: str
    text: str
    type: str
    message_uuid: str
    media: tuple[str, ...]
    units: int | None


@dataclass(frozen=True, slots=True)
class Context:
    """What a function may use, besides the message."""

    http: "httpx.AsyncClient"
    deadline: float  # end of the rule's lifetime, by `time.monotonic()`
    logger: Logger  # adds message_uuid, route and rule to each line; do not log texts or numbers
    route: str
    rule: str
    vars: Mapping[str, str]
    traceparent: str  # a header for the function's own requests, so that they join the trace of the message


@dataclass(frozen=True, slots=True)
class Sms:
    """One message. `to` is the sender, unless it names a number in the rule's `allow_to`."""

    text: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Several messages, or none for silence."""

    messages: Sequence[str | Sms] = ()


Function = Callable[[Message, Context], Coroutine[Any, Any, str | Reply | None]]


@dataclass(frozen=True, slots=True)
class PythonOptions:
    """The options of a `python` rule: the function, and whom it may text."""

    KEY: ClassVar[str] = "python"
    python: Annotated[
        str,
        Example("replies.weather:reply"),
        Doc("The function, as `module:function`. The module is in the folder of the configuration file."),
    ]
    allow_to: Annotated[tuple[str, ...], Example(["+33612345678"]), Doc(ALLOW_TO)] = ()

    def build(self, compiler: RuleCompiler) -> "Python":
        """Build the action. A module that cannot be imported is a fault."""
        allowed = frozenset(map(canonical, compiler.numbers("allow_to", self.allow_to)))
        try:
            return Python(self.python, find(self.python, compiler.folder), allowed)
        except BadFunction as error:
            compiler.fault("python", str(error))
            return Python(self.python, _nothing, allowed)


@dataclass(frozen=True, slots=True)
class Python:
    """The action of a `python` rule, which calls one function."""

    name: str
    function: Function
    allowed: frozenset[str]
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, context: RuleContext) -> RuleResult:
        """Return the function's result. The chain limits how long it may take."""
        if context.services.client is None:
            return Fails("no HTTP client: rules that call out are not run here")
        in_rule.set(True)  # for this rule only: the chain gives each rule that calls out its own task
        try:
            returned = await Watched(
                self.function(_message(context), _context(context, context.services.client.client)), self.name
            )
        except KeyboardInterrupt as error:  # raised by the function; asyncio would end the process
            return Fails(f"raised {place_of(error)}")
        match returned:
            case None:
                return Passes("python: returned None")
            case str():
                return context.reply(returned, "python: returned a text")
            case Reply(messages):
                parts = [messages] if isinstance(messages, str) else messages
                texts = [(part.text, part.to) if isinstance(part, Sms) else (part, None) for part in parts]
                return context.replies(texts, self.allowed, "python")
        return Fails(f"python: returned {type(returned).__name__}; must be str, Reply or None")


async def _nothing(_message: Message, _context: Context) -> None:
    """Stand in for a function that was not found."""


def _message(context: RuleContext) -> Message:
    message = context.message
    return Message(
        show(message.sender),
        show(message.to),
        message.text,
        message.type,
        message.message_uuid,
        message.media,
        message.units,
    )


def _context(context: RuleContext, http: "httpx.AsyncClient") -> Context:
    logger = log.bind(route=context.route, rule=context.rule, message_uuid=context.message.message_uuid)
    uuid = context.message.message_uuid
    trace = traceparent(uuid, f"{uuid}.{context.rule}")
    return Context(http, context.deadline, logger, context.route, context.rule, context.vars, trace)
