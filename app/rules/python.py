"""Kind `python`: an async function of yours says what to answer.

    async def reply(message: Message, context: Context) -> str | Reply | None: ...

A text is the reply, None passes, a `Reply` can hold several messages or none (silence). An exception is
a failure of the rule, never of the service. The module is found beside the config file, after
everything that is installed, so that it can take no other module's name.
"""

import importlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import httpx

from app.plivo.numbers import show
from app.rules.rule import Ask, Fails, Passes, Verdict
from app.rules.workshop import Workshop
from app.telemetry import Logger, get_logger, place_of

BLOCKED = 0.1  # seconds; asyncio's own debug mode complains of as much

log = get_logger("rules")


@dataclass(frozen=True, slots=True)
class Message:
    """What came. Numbers in E.164."""

    sender: str
    to: str
    text: str
    type: str
    message_uuid: str
    media: tuple[str, ...]
    units: int | None


@dataclass(frozen=True, slots=True)
class Context:
    """What a function may use."""

    http: httpx.AsyncClient
    deadline: float  # `time.monotonic()` of the end of the rule's life
    logger: Logger  # bound to message, route and rule; do not log texts or numbers
    route: str
    rule: str
    vars: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sms:
    """One message; `to` must be the sender or in `allow_to`."""

    text: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Several messages, or none for silence."""

    messages: Sequence[str | Sms] = ()


Function = Callable[[Message, Context], Coroutine[Any, Any, str | Reply | None]]


@dataclass(frozen=True, slots=True)
class Options:
    """`python = "module:function"`"""

    KEY: ClassVar[str] = "python"
    python: str
    allow_to: tuple[str, ...] = ()

    def build(self, workshop: Workshop) -> "Python":
        """The action; a module that cannot be imported is a fault of the file."""
        allowed = frozenset(workshop.number("allow_to", number) for number in self.allow_to)
        try:
            return Python(self.python, _find(self.python, workshop.folder), allowed)
        except BadFunction as error:
            workshop.fault("python", str(error))
            return Python(self.python, _nothing, allowed)


class BadFunction(ValueError):
    """The message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Python:
    """Asks one function."""

    name: str
    function: Function
    allowed: frozenset[str]
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, ask: Ask) -> Verdict:
        """Its verdict; the chain bounds how long it may take."""
        if ask.tools.client is None:
            return Fails("nothing is called here")
        said = await _Watched(self.function(_message(ask), _context(ask, ask.tools.client.client)), self.name)
        match said:
            case None:
                return Passes("python: None")
            case str():
                return ask.reply(said, "python: text")
            case Reply(messages):
                parts = [messages] if isinstance(messages, str) else messages
                texts = [(part.text, part.to) if isinstance(part, Sms) else (part, None) for part in parts]
                return ask.replies(texts, self.allowed, "python")
        return Fails(f"python: it returned {type(said).__name__}; it must be str, Reply or None")


@dataclass(frozen=True, slots=True)
class _Watched:
    """Awaits a coroutine and tells who held the loop, for everybody waits while it does."""

    coroutine: Coroutine[Any, Any, str | Reply | None]
    name: str

    def __await__(self) -> Generator[Any, Any, str | Reply | None]:
        step: Callable[[], Any] = partial(self.coroutine.send, None)
        while True:
            started = time.perf_counter()
            try:
                waits_for = step()
            except StopIteration as end:
                said: str | Reply | None = end.value
                return said
            finally:
                self._complain(time.perf_counter() - started)
            try:
                step = partial(self.coroutine.send, (yield waits_for))
            except BaseException as error:  # noqa: BLE001 - passed on into the coroutine
                step = partial(self.coroutine.throw, error)

    def _complain(self, seconds: float) -> None:
        if seconds >= BLOCKED:
            log.warning("a function blocked the loop: everybody waited", function=self.name, seconds=round(seconds, 2))


def _find(name: str, folder: Path) -> Function:
    module_name, colon, function_name = name.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), function_name)):
        message = 'write "module:function", as "replies.weather:reply"'
        raise BadFunction(message)
    module = _import(module_name, folder)
    function = getattr(module, function_name, None)
    if function is None:
        message = f"{module_name} has no {function_name}"
        raise BadFunction(message)
    if not inspect.iscoroutinefunction(function):
        message = (
            f"{function_name} must be `async def {function_name}(message, context)`: a sync one would hold everybody up"
        )
        raise BadFunction(message)
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        message = f"{function_name} must take (message, context)"
        raise BadFunction(message) from None
    found: Function = function
    return found


def _import(name: str, folder: Path) -> Any:
    top = name.partition(".")[0]
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: it can take no other module's name
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            message = f"there is no module {name} in {folder}"
            raise BadFunction(message) from None
        message = f"{name} cannot be imported: it needs {error.name}, which is not installed"
        raise BadFunction(message) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module does when imported
        message = f"{name} cannot be imported: {place_of(error)}"
        raise BadFunction(message) from None
    beside = (folder / top).exists() or (folder / f"{top}.py").exists()
    origin = getattr(sys.modules[top], "__file__", None) or next(iter(getattr(sys.modules[top], "__path__", [""])), "")
    if beside and not Path(origin or "").resolve().is_relative_to(folder.resolve()):
        message = f"the name {top} belongs to an installed module; rename yours"
        raise BadFunction(message)
    return module


async def _nothing(_message: Message, _context: Context) -> None:
    """Stands in for a function that was not found."""


def _message(ask: Ask) -> Message:
    message = ask.message
    return Message(
        show(message.sender),
        show(message.to),
        message.text,
        message.type,
        message.message_uuid,
        message.media,
        message.units,
    )


def _context(ask: Ask, http: httpx.AsyncClient) -> Context:
    logger = log.bind(route=ask.route, rule=ask.rule, message_uuid=ask.message.message_uuid)
    return Context(http, ask.deadline, logger, ask.route, ask.rule, ask.vars)
