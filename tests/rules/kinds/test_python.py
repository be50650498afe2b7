"""Kind `python`: a function beside the config file. Its faults are told at load, its failures harm no other."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import compiler, modules
from support.logs import capture_logs

from app.http_client import HttpClient
from app.plivo.messages import InboundMessage, Outgoing
from app.rules.chain import walk
from app.rules.kinds.python import Context, Message, Python, PythonOptions, Reply, Sms
from app.rules.outcome import Answers, Fails, Outcome, Passes, RuleResult
from app.rules.rule import Rule
from app.rules.services import RuleServices
from app.rules.table import Route

FRIEND = "33612345678"
_names = (f"replies_{number}" for number in itertools.count(1))


@dataclass
class Folder:
    """Where a config file stands, with modules beside it."""

    path: Path

    def write(self, source: str, name: str | None = None) -> str:
        """A module; its name, which no other test uses."""
        name = name or next(_names)
        file = self.path / (name.replace(".", "/") + ".py")
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(source)
        return name

    def build(self, function: str, *allow_to: str) -> tuple[Rule, list[tuple[Any, str]]]:
        """The rule, and what is wrong with it."""
        built = compiler.Bench(folder=self.path)
        return built.build(PythonOptions(function, allow_to)), built.told()

    def good(self, body: str, *allow_to: str, head: str = "") -> Rule:
        """A rule whose `reply(message, context)` has this body."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        name = self.write(
            f"from app.rules.kinds.python import Reply, Sms\n{head}\nasync def reply(message, context):\n{lines}\n"
        )
        rule, faults = self.build(f"{name}:reply", *allow_to)
        assert faults == []
        return rule

    def fault(self, function: str) -> str:
        """The one thing wrong."""
        rule, faults = self.build(function)
        assert isinstance(rule.action, Python)
        ((place, message),) = faults
        assert place == ("python",)
        return message


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A folder of its own; what was imported from it is forgotten."""
    with modules.forgotten():
        yield Folder(tmp_path)


@asynccontextmanager
async def _tools() -> AsyncIterator[RuleServices]:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f"sunny in {request.url.host}")

    async with HttpClient(connections=1, user_agent="test", transport=httpx.MockTransport(answer)) as client:
        yield RuleServices(client)


async def _asked(rule: Rule, text: str = "hello") -> RuleResult:
    async with _tools() as services:
        return await rule(replace(compiler.context(text), services=services, deadline=time.monotonic() + 5.0))


async def _walk(rule: Rule, lifetime: float = 5.0) -> Outcome:
    message = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, "my-secret words")
    async with _tools() as services:
        return await walk(Route("support", (replace(rule, lifetime=lifetime),)), message, compiler.NINE, {}, services)


def _failure(outcome: Outcome) -> str:
    (step,) = outcome.steps
    assert step.verdict == "fails", step
    return step.reason


# What a function may return


async def test_text_is_the_reply(folder: Folder) -> None:
    """A str goes to the sender, as it is: no name in it is filled in."""
    assert await _asked(folder.good("return 'Hi {shop}.'")) == Answers(
        (Outgoing(compiler.US, (compiler.CUSTOMER,), "Hi {shop}."),), "python: returned a text"
    )


async def test_none_passes(folder: Folder) -> None:
    """The next rule is asked."""
    assert await _asked(folder.good("return None")) == Passes("python: returned None")
    assert await _asked(folder.good("pass")) == Passes("python: returned None")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return ''", "python: returned a text; the text is empty"),
        ("return ' \\n'", "python: returned a text; the text is empty"),
        ("return Reply()", "python: 0 messages"),
        ("return Reply([])", "python: 0 messages"),
        ("return Reply(['', Sms(' ')])", "python: 0 messages"),
    ],
)
async def test_empty_answer_is_silence(folder: Folder, body: str, reason: str) -> None:
    """Silence on purpose, and not the next rule."""
    assert await _asked(folder.good(body)) == Answers((), reason)


async def test_reply_holds_several_messages(folder: Folder) -> None:
    """Texts and `Sms`, in order; to the sender, or to whom the file allows, however the number is written."""
    body = "return Reply(['One.', Sms('Two.'), Sms('Three.', '+33 6 12 34 56 78'), Sms('Four.', message.sender)])"
    me, friend = (compiler.CUSTOMER,), (FRIEND,)
    assert await _asked(folder.good(body, "+33612345678")) == Answers(
        (
            Outgoing(compiler.US, me, "One."),
            Outgoing(compiler.US, me, "Two."),
            Outgoing(compiler.US, friend, "Three."),
            Outgoing(compiler.US, me, "Four."),
        ),
        "python: 4 messages",
    )


async def test_reply_of_one_text_is_one_message(folder: Folder) -> None:
    """`Reply("Hello")` is not five messages of a letter each, though a str is a sequence of str."""
    assert compiler.texts(await _asked(folder.good("return Reply('Hello')"))) == ["Hello"]


@pytest.mark.parametrize("to", ["'+33612345679'", "''", "'AMAZON'", "'33612345678<33612345679'"])
async def test_nobody_else_is_texted(folder: Folder, to: str) -> None:
    """One message to a stranger, and none is sent."""
    rule = folder.good(f"return Reply(['Hi.', Sms('Hi.', {to})])", "+33612345678")
    assert await _asked(rule) == Fails("python: a recipient is not in allow_to")


@pytest.mark.parametrize(("value", "kind"), [("5", "int"), ("['Hi.']", "list"), ("b'Hi.'", "bytes"), ("True", "bool")])
async def test_anything_else_is_a_failure(folder: Folder, value: str, kind: str) -> None:
    """The reason names the type, not the value."""
    assert await _asked(folder.good(f"return {value}")) == Fails(f"python: returned {kind}; must be str, Reply or None")


@pytest.mark.parametrize("value", ["Reply([5])", "Reply(5)", "Reply([Sms('Hi.', 33612345678)])", "Reply([Sms(5)])"])
async def test_reply_of_something_else_is_a_failure_of_the_rule(folder: Folder, value: str) -> None:
    """What only a type checker would have seen harms nobody but the rule."""
    with capture_logs():
        assert "Error at " in _failure(await _walk(folder.good(f"return {value}")))


# What a function gets


async def test_message_and_context(folder: Folder) -> None:
    """The message with numbers in E.164, and what a function may use; the client really posts."""
    body = """
assert message == Message("+33700000001", "+33644600000", "Rome", "mms", "uuid-1", ("https://m.example.com/1",), 2)
assert (context.route, context.rule, dict(context.vars)) == ("support", "x", {"shop": "Roma"})
assert 4.0 < context.deadline - time.monotonic() <= 5.0
context.logger.info("asked", city="x")
return (await context.http.get("https://weather.example.com")).text
"""
    rule = folder.good(body.strip(), head="import time\nfrom app.rules.kinds.python import Message")
    message = InboundMessage.of(
        "uuid-1", compiler.CUSTOMER, compiler.US, "Rome", "mms", "", 2, ("https://m.example.com/1",)
    )
    async with _tools() as services:
        with capture_logs() as lines:
            verdict = await rule(
                replace(compiler.context(), message=message, services=services, deadline=time.monotonic() + 5.0)
            )
    assert compiler.texts(verdict) == ["sunny in weather.example.com"]
    (line,) = lines
    assert {key: line[key] for key in ("event", "route", "rule", "message_uuid")} == {
        "event": "asked",
        "route": "support",
        "rule": "x",
        "message_uuid": "uuid-1",
    }


async def test_nobody_is_called_without_a_client(folder: Folder) -> None:
    """Where tools have no client the function is not even begun."""
    rule = folder.good("raise AssertionError")
    assert await rule(compiler.context()) == Fails("no HTTP client: rules that call out are not run here")


async def test_given_stands_in(folder: Folder) -> None:
    """Tests and `explain` do not run the function."""
    rule = folder.good("raise AssertionError")
    message = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, "hello")
    outcome = await walk(Route("support", (rule,)), message, compiler.NINE, {}, RuleServices(given={"x": "Sunny."}))
    assert [one.text for one in compiler.said(outcome)] == ["Sunny."]


async def test_two_functions_of_one_module_and_packages(folder: Folder) -> None:
    """`replies.weather:reply`: a module in a folder beside the file, with or without __init__.py."""
    package = next(_names)
    folder.write("async def one(message, context): return 'One.'\nasync def two(message, context): return 'Two.'",
                 f"{package}.weather")  # fmt: skip
    said = []
    for function in ("one", "two"):
        rule, faults = folder.build(f"{package}.weather:{function}")
        assert faults == []
        said += compiler.texts(await _asked(rule))
    assert said == ["One.", "Two."]


# What is wrong at load


@pytest.mark.parametrize(
    "function",
    [
        "",
        "replies",
        "replies:",
        ":reply",
        "replies.py",
        "replies/weather:reply",
        "a b:c",
        "a:b:c",
        "a..b:c",
        "a:b.c",
        ".a:b",
    ],
)
def test_anything_but_module_and_function_is_a_fault(folder: Folder, function: str) -> None:
    """The form is told with an example."""
    assert (
        folder.fault(function) == 'not a function; write it as "module:function", for example "replies.weather:reply"'
    )


def test_missing_module_is_told_with_the_folder_that_was_searched(folder: Folder) -> None:
    """Also below a package that is there."""
    assert (
        folder.fault("no_such_module:reply") == f"there is no module no_such_module in {folder.path}; create it there"
    )
    package = next(_names)
    folder.write("", f"{package}.weather")
    assert (
        folder.fault(f"{package}.wether:reply")
        == f"there is no module {package}.wether in {folder.path}; create it there"
    )


def test_missing_function_is_told(folder: Folder) -> None:
    """The module is there, the name is not."""
    name = folder.write("async def reply(message, context): ...")
    assert folder.fault(f"{name}:repyl") == f"{name} has no repyl; write async def repyl(message, context) there"


@pytest.mark.parametrize(
    "source", ["def reply(message, context): ...", "reply = 5", "reply = lambda m, c: None", "class reply: ..."]
)
def test_sync_function_is_refused(folder: Folder, source: str) -> None:
    """It would block the event loop, so the file is refused with the line to write."""
    name = folder.write(source)
    assert folder.fault(f"{name}:reply").startswith("reply is not async; write async def reply(message, context)")


@pytest.mark.parametrize("parameters", ["", "message", "message, context, more", "*, message, context", "**more"])
def test_wrong_signature_is_refused(folder: Folder, parameters: str) -> None:
    """A function that could not be called is known at load, not at the first message."""
    name = folder.write(f"async def reply({parameters}): ...")
    assert folder.fault(f"{name}:reply") == "reply takes other arguments; write async def reply(message, context)"


@pytest.mark.parametrize(
    "parameters", ["message, context", "a, b", "m, c, more=1", "*both", "m, c, *, more=1", "m, /, c"]
)
async def test_other_names_and_defaults_are_fine(folder: Folder, parameters: str) -> None:
    """Two positional arguments are all that is asked for."""
    name = folder.write(f"async def reply({parameters}): return 'Hi.'")
    rule, faults = folder.build(f"{name}:reply")
    assert (faults, compiler.texts(await _asked(rule))) == ([], ["Hi."])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('hunter2')", "ValueError at "),
        ("import os\nos.environ['NOT_SET_hunter2']", "KeyError at "),
        ("async def reply(:", "SyntaxError at "),
        ("import sys\nsys.exit('hunter2')", "SystemExit at "),
    ],
)
def test_module_that_cannot_be_imported_is_a_fault_of_the_file(folder: Folder, source: str, reason: str) -> None:
    """Told with type and line; what it says may be a secret. A script that exits does not take the service with it."""
    name = folder.write(source)
    message = folder.fault(f"{name}:reply")
    assert message.startswith(f"{name} cannot be imported: {reason}")
    assert "hunter2" not in message


@pytest.mark.parametrize("prefix", [False, True])
def test_import_of_something_that_is_not_installed_is_told(folder: Folder, *, prefix: bool) -> None:
    """The module is there; what it needs is not, whatever that is called."""
    name = next(_names)
    needed = name[:-1] if prefix else "no_such_library"
    folder.write(f"import {needed}", name)
    assert (
        folder.fault(f"{name}:reply")
        == f"{name} cannot be imported: it needs {needed}, which is not installed; install it"
    )


@pytest.mark.parametrize("name", ["json", "httpx", "app", "email.weather"])
def test_name_of_an_installed_module_is_refused(folder: Folder, name: str) -> None:
    """A module beside the file can take no other's name, ours neither; its owner hears of it instead of wondering."""
    folder.write("async def reply(message, context): ...", name)
    before = sys.modules.get(name)
    message = folder.fault(f"{name}:reply")
    top = name.partition(".")[0]
    assert message in (
        f"the name {top} belongs to an installed module; rename yours",
        f"there is no module {name} in {folder.path}; create it there",
    )
    assert sys.modules.get(name) is before


def test_folder_comes_last(folder: Folder) -> None:
    """Nothing beside the file hides what is installed."""
    folder.good("pass")
    assert sys.path[-1] == str(folder.path)


def test_bad_number_in_allow_to_is_a_fault(folder: Folder) -> None:
    """As for any option that holds numbers."""
    name = folder.write("async def reply(message, context): ...")
    _, faults = folder.build(f"{name}:reply", "call me")
    assert faults == [(("allow_to", 0), '"call me" is not a phone number')]


# What goes wrong later


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise ValueError(message.text)", "ValueError"),
        ("raise KeyError(message.sender)", "KeyError"),
        ("{}[message.text]", "KeyError"),
        ("raise ExceptionGroup('x', [ValueError(message.text)])", "ExceptionGroup"),
        ("raise TimeoutError(message.text)", "TimeoutError"),
        ("raise SystemExit(message.text)", "SystemExit"),
        ("raise GeneratorExit(message.text)", "GeneratorExit"),
        ("raise KeyboardInterrupt(message.text)", "KeyboardInterrupt"),
        ("raise BaseException(message.text)", "BaseException"),
        ("raise BaseExceptionGroup('x', [GeneratorExit(message.text)])", "BaseExceptionGroup"),
        ("await __import__('asyncio').sleep(0)\nraise GeneratorExit(message.text)", "GeneratorExit"),
        ("raise __import__('asyncio').CancelledError(message.text)", "CancelledError"),
    ],
)
async def test_exception_is_a_failure_and_what_it_says_is_not_told(folder: Folder, body: str, kind: str) -> None:
    """G12: type and line are told, its message is not: it may hold a customer's words."""
    with capture_logs() as lines:
        outcome = await _walk(folder.good(body))
    reason = _failure(outcome)
    assert reason.startswith(f"raised {kind} at ")
    assert reason.partition(" at ")[2].startswith(str(folder.path))
    assert [line["event"] for line in lines] == ["rule failed"]
    assert "my-secret" not in f"{lines}{outcome.steps}"
    assert "33700000001" not in f"{lines}{outcome.steps}"


async def test_stop_iteration_of_a_function_is_no_answer(folder: Folder) -> None:
    """What ends a generator does not end the function as if it had returned."""
    with capture_logs():
        assert _failure(await _walk(folder.good("raise StopIteration('Hi.')"))).startswith("raised RuntimeError at ")


async def test_function_that_hangs_fails_at_its_timeout_and_may_clean_up(folder: Folder) -> None:
    """G4: the rule's life ends; the function is cancelled, its `finally` runs, awaits included."""
    body = "try:\n    await asyncio.Event().wait()\nfinally:\n    await asyncio.sleep(0)\n    done.append(1)"
    rule = folder.good(body, head="import asyncio\ndone = []")
    with capture_logs():
        assert _failure(await _walk(rule, lifetime=0.05)) == "no answer within its timeout of 0.05 s"
    assert isinstance(rule.action, Python)
    assert rule.action.function.__globals__["done"] == [1]


async def test_function_that_holds_the_loop_is_named(folder: Folder) -> None:
    """A sleep that is not awaited holds everybody up: one line says which function it was, and how long."""
    rule = folder.good("time.sleep(0.15)\nreturn 'Hi.'", head="import time")
    with capture_logs() as lines:
        assert compiler.texts(await _asked(rule)) == ["Hi."]
    (line,) = lines
    assert isinstance(rule.action, Python)
    assert (line["event"], line["function"]) == ("function blocked the event loop", rule.action.name)
    assert 0.15 <= line["seconds"] < 5.0


async def test_function_that_waits_is_not_named(folder: Folder) -> None:
    """Only holding the loop is told; waiting is what async is for."""
    rule = folder.good("await asyncio.sleep(0.15)\nreturn 'Hi.'", head="import asyncio")
    with capture_logs() as lines:
        assert compiler.texts(await _asked(rule)) == ["Hi."]
    assert lines == []


# Watched stands between the loop and the function: everything goes through it unchanged


async def test_exceptions_of_awaited_things_reach_the_function(folder: Folder) -> None:
    """`except` around an await works; the value of a future and of a task arrives."""
    body = """
future = asyncio.get_running_loop().create_future()
asyncio.get_running_loop().call_soon(future.set_exception, ValueError("x"))
try:
    await future
except ValueError:
    caught = "caught"
done = asyncio.get_running_loop().create_future()
asyncio.get_running_loop().call_soon(done.set_result, "value")
async with asyncio.TaskGroup() as group:
    task = group.create_task(asyncio.sleep(0, "task"))
return f"{caught} {await done} {await task}"
"""
    rule = folder.good(body.strip(), head="import asyncio")
    assert compiler.texts(await _asked(rule)) == ["caught value task"]


async def test_timeouts_inside_the_function_are_its_own(folder: Folder) -> None:
    """`asyncio.timeout` of the function ends its own wait, and the function goes on."""
    body = """
try:
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()
except TimeoutError:
    return "late"
"""
    assert compiler.texts(await _asked(folder.good(body.strip(), head="import asyncio"))) == ["late"]


async def test_cancelling_reaches_the_function_and_comes_out_again(folder: Folder) -> None:
    """A walk that is called off cancels the function, and is cancelled itself."""
    body = """
begun.set()
try:
    await asyncio.Event().wait()
except asyncio.CancelledError:
    cancelled.set()
    raise
"""
    rule = folder.good(body.strip(), head="import asyncio\nbegun, cancelled = asyncio.Event(), asyncio.Event()")
    assert isinstance(rule.action, Python)
    names: dict[str, asyncio.Event] = rule.action.function.__globals__
    task = asyncio.create_task(_walk(rule))
    await names["begun"].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names["cancelled"].is_set()


async def test_cancelled_error_of_the_functions_own_making_is_a_failure(folder: Folder) -> None:
    """Awaiting a task that was cancelled raises CancelledError; nobody called off the walk, so only the rule fails."""
    body = "task = asyncio.create_task(asyncio.sleep(9))\ntask.cancel()\nawait task"
    with capture_logs():
        assert _failure(await _walk(folder.good(body, head="import asyncio"))).startswith("raised CancelledError")


def test_values_for_functions_are_plain() -> None:
    """What a user's own tests make by hand: no field is needed that they could not give."""
    message = Message("+33700000001", "+33644600000", "hi", "sms", "uuid", (), None)
    assert message.text == "hi"
    assert Reply(["a", Sms("b", "+33612345678")]).messages[0] == "a"
    assert Context.__doc__
