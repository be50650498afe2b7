"""Kind `webhook`: what is posted, how every kind of answer is read, and how a named rule is asked next."""

import asyncio
import codecs
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError
from support import compiler
from support.logs import capture_logs

from app.http_client import HttpClient, Secret
from app.plivo.messages import InboundMessage, Outgoing
from app.rules.chain import walk
from app.rules.conditions import ConditionOptions
from app.rules.kinds import text
from app.rules.kinds.webhook import CAP, WebhookOptions
from app.rules.outcome import Answers, Fails, Outcome, Passes, Redirects, RuleResult, Step
from app.rules.rule import Rule
from app.rules.services import RuleServices
from app.rules.table import Route

OLD, NEW = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==", "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldy1zZWNyZXQ="
FRIEND = "33612345678"
NOW = int(compiler.NINE)
Answer = httpx.Response | Exception | Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Bot:
    """The other side, which keeps what it gets and answers as it is told."""

    answer: Answer
    requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """One POST."""
        self.requests.append(request)
        answer = self.answer
        if isinstance(answer, Exception):
            raise answer
        response = answer if isinstance(answer, httpx.Response) else await answer(request)
        return httpx.Response(response.status_code, headers=response.headers, stream=response.stream)  # unread

    @property
    def request(self) -> httpx.Request:
        """The only one."""
        (request,) = self.requests
        return request


@asynccontextmanager
async def _tools(bot: Bot) -> AsyncIterator[RuleServices]:
    transport = httpx.MockTransport(bot)
    async with HttpClient(connections=4, user_agent="plivo-autoreply/test", transport=transport) as client:
        yield RuleServices(client, clock=lambda: NOW + 0.9)


def _options(**changes: Any) -> WebhookOptions:
    return replace(WebhookOptions("https://bot.example.com/sms?key=hunter2"), **changes)


async def _asked(answer: Answer, **changes: Any) -> tuple[RuleResult, Bot]:
    bot = Bot(answer)
    async with _tools(bot) as services:
        return await compiler.good(_options(**changes))(replace(compiler.context(), services=services)), bot


async def _verdict(answer: Answer, **changes: Any) -> RuleResult:
    return (await _asked(answer, **changes))[0]


def _plain(body: bytes | str = "Hi.", kind: str = "text/plain", status: int = 200) -> httpx.Response:
    content = body.encode() if isinstance(body, str) else body
    return httpx.Response(status, content=content, headers={"content-type": kind} if kind else {})


def _json(value: Any) -> httpx.Response:
    return _plain(json.dumps(value), "application/json")


# What is posted


async def test_body_has_the_fields_of_the_docs() -> None:
    """Numbers with "+", the text as it came, the time in UTC; nothing more."""
    bot = Bot(_plain())
    message = InboundMessage.of(
        "uuid-1", compiler.CUSTOMER, compiler.US, "Ça va? \U0001f600", "mms", "", 2, ("https://media.example.com/1",)
    )
    async with _tools(bot) as services:
        context = replace(compiler.context(), message=message, at=compiler.NINE + 0.25, services=services)
        await compiler.good(_options())(context)
    assert json.loads(bot.request.content) == {
        "from": "+33700000001",
        "to": "+33644600000",
        "text": "Ça va? \U0001f600",
        "type": "mms",
        "message_uuid": "uuid-1",
        "media": ["https://media.example.com/1"],
        "units": 2,
        "route": "support",
        "rule": "x",
        "received_at": "2026-03-02T09:00:00.250Z",
    }
    assert bot.request.method == "POST"
    assert bot.request.headers["content-type"] == "application/json"
    assert str(bot.request.url) == "https://bot.example.com/sms?key=hunter2"


async def test_short_codes_and_names_are_bare_and_unknown_units_are_null() -> None:
    """Only a whole number gets a "+"."""
    bot = Bot(_plain())
    async with _tools(bot) as services:
        await compiler.good(_options())(replace(compiler.context(sender="AMAZON", to="38010"), services=services))
    body = json.loads(bot.request.content)
    assert (body["from"], body["to"], body["units"], body["media"]) == ("AMAZON", "38010", None, [])


async def test_headers_of_the_file_are_sent_and_cannot_replace_ours() -> None:
    """`headers` adds; what signs the request stays ours."""
    _, bot = await _asked(_plain(), headers={"Authorization": "Bearer x", "X-Shop": "Roma"})
    assert (bot.request.headers["authorization"], bot.request.headers["x-shop"]) == ("Bearer x", "Roma")
    assert bot.request.headers["user-agent"] == "plivo-autoreply/test"
    assert bot.request.headers["accept-encoding"] == "identity"


async def test_webhook_id_is_the_same_whenever_the_message_is_asked_again() -> None:
    """A receiver can know a repeat: id = MessageUUID.rule, whatever the attempt and the time."""
    bot, now = Bot(_plain()), [float(NOW)]
    async with _tools(bot) as services:
        rule = compiler.good(_options())
        for seconds in (0.0, 60.0):
            now[0] += seconds
            await rule(replace(compiler.context(), services=replace(services, clock=lambda: now[0])))
        await rule(replace(compiler.context(), services=services, rule="other"))
    assert [request.headers["webhook-id"] for request in bot.requests] == [
        f"{compiler.UUID}.x",
        f"{compiler.UUID}.x",
        f"{compiler.UUID}.other",
    ]
    assert [int(request.headers["webhook-timestamp"]) - NOW for request in bot.requests] == [0, 60, 0]


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_either_secret_verifies_during_rotation(secret: str) -> None:
    """Standard Webhooks, judged by its own library: with two secrets both receivers, old and new, are content."""
    bot = Bot(_plain())
    async with _tools(bot) as services:
        rule = compiler.good(_options(secrets=(Secret(OLD), Secret(NEW))))
        await rule(replace(compiler.context(), services=replace(services, clock=time.time)))  # the library's clock
    headers = dict(bot.request.headers)
    verified: Any = Verifier(secret).verify(bot.request.content.decode(), headers)
    assert verified["text"] == "hello"
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(bot.request.content.decode().replace("hello", "hallo"), headers)
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "c3RyYW5nZXI" * 4).verify(bot.request.content.decode(), headers)


async def test_without_secrets_nothing_is_signed() -> None:
    """An id and a time all the same; no signature that means nothing."""
    _, bot = await _asked(_plain())
    assert bot.request.headers["webhook-id"] == f"{compiler.UUID}.x"
    assert "webhook-signature" not in bot.request.headers


# How an answer is read


def _says(*words: str) -> RuleResult:
    messages = tuple(Outgoing(compiler.US, (compiler.CUSTOMER,), one) for one in words)
    return Answers(messages, "webhook: text")


NONE_OF_THREE = 'webhook: JSON must be {"text"}, {"messages"} or {"rule"}'
NO_MESSAGE = 'webhook: each message must be {"text": "..", "to": ".."}'
WRONG_KIND = "the content type must be text/plain or application/json"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (_plain("Hi."), _says("Hi.")),
        (_plain(" Hi.\n"), _says(" Hi.")),  # echo and println end lines
        (_plain("Hi.\r\n\n"), _says("Hi.")),
        (_plain("One.\nTwo. \n"), _says("One.\nTwo. ")),
        (_json({"text": "Hi.\n"}), _says("Hi.\n")),  # JSON says what it means
        (_plain(codecs.BOM_UTF8 + b"x" * 100), _says("x" * 100)),
        (_plain(codecs.BOM_UTF8 + b"Hi.\n", "text/plain; charset=latin-1"), _says("Hi.")),
        (_plain("\ufeffHi.".encode("utf-16-le"), "text/plain; charset=utf-16le"), _says("Hi.")),
        (_plain(codecs.BOM_UTF8 + b'{"text": "Hi."}', "application/json"), _says("Hi.")),
        (_plain(codecs.BOM_UTF8 + b"\r\n"), Answers((), "webhook: text; the text is empty")),
        (_plain("\n"), Answers((), "webhook: text; the text is empty")),
        (_plain("{text} {shop}"), _says("{text} {shop}")),  # a bot's words are no template
        (_plain("Hi.", "Text/Plain; charset=UTF-8"), _says("Hi.")),
        (_plain("Hi.", 'text/plain; format=flowed; Charset="utf-8"'), _says("Hi.")),
        (_plain("Ça".encode("latin-1"), "text/plain; charset=latin-1"), _says("Ça")),
        (_plain("Ça".encode("utf-16"), "text/plain;charset=utf-16"), _says("Ça")),
        (_json({"text": "Hi."}), _says("Hi.")),
        (_plain('{"text": "Ça"}'.encode("latin-1"), "application/json; charset=latin-1"), _says("Ça")),
        (_plain('{"text": "\\ud83d\\ude00"}', "application/json"), _says("\U0001f600")),
        (_plain(""), Answers((), "webhook: text; the text is empty")),
        (_plain(" \n"), Answers((), "webhook: text; the text is empty")),
        (_json({"text": ""}), Answers((), "webhook: text; the text is empty")),
        (_json({"messages": []}), Answers((), "webhook: 0 messages")),
        (_json({"messages": [{"text": " "}]}), Answers((), "webhook: 0 messages")),
        (_json({"rule": "ack"}), Redirects("ack", "webhook: redirects to another rule")),
        (_plain("", "", 204), Passes("webhook: status 204")),
        (_plain("ignored", "text/html", 204), Passes("webhook: status 204")),
    ],
)
async def test_what_a_bot_may_say(answer: httpx.Response, verdict: RuleResult) -> None:
    """Text, silence, messages, another rule, or 204 for the next one; a BOM and final newlines are not sent."""
    assert await _verdict(answer) == verdict


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_plain("Hi.", status=201), "webhook: status 201"),
        (_plain("Hi.", status=202), "webhook: status 202"),
        (httpx.Response(302, headers={"location": "https://evil.example.com"}), "webhook: status 302"),
        (_plain("no", status=404), "webhook: status 404"),
        (_plain("no", status=429), "webhook: status 429"),
        (_plain("oops", status=500), "webhook: status 500"),
        (_plain("Hi.", ""), f"webhook: no content type; {WRONG_KIND}"),
        (_plain("<h1>Login</h1>", "text/html"), f"webhook: text/html; {WRONG_KIND}"),
        (_plain("<h1>Login</h1>", "text/html; charset=utf-8"), f"webhook: text/html; {WRONG_KIND}"),
        (_plain("{}", "application/problem+json"), f"webhook: application/problem+json; {WRONG_KIND}"),
        (_plain(b"\xff\xfe"), "webhook: the body is not in the charset of its content type"),
        (_plain("Ça".encode("latin-1")), "webhook: the body is not in the charset of its content type"),
        (_plain("Hi.", "text/plain; charset=klingon"), "webhook: the body is not in the charset of its content type"),
        (_plain("SGk=", "text/plain; charset=base64"), "webhook: the body is not in the charset of its content type"),
        (_plain("x" * (CAP + 1)), "webhook: a response of over 16384 bytes"),
        (_plain("", "application/json"), "webhook: invalid JSON"),
        (_plain('{"text": "Hi."', "application/json"), "webhook: invalid JSON"),
        (_plain("[" * CAP, "application/json"), "webhook: invalid JSON"),
        (_plain('{"text":' * 2000, "application/json"), "webhook: invalid JSON"),
        (_plain("1" * 5000, "application/json"), "webhook: invalid JSON"),
        (_json(None), NONE_OF_THREE),
        (_json("Hi."), NONE_OF_THREE),
        (_json(["Hi."]), NONE_OF_THREE),
        (_json({}), NONE_OF_THREE),
        (_json({"txet": "Hi."}), NONE_OF_THREE),
        (_json({"text": "Hi.", "to": "+33612345678"}), NONE_OF_THREE),
        (_json({"text": "Hi.", "rule": "ack"}), NONE_OF_THREE),
        (_json({"text": None}), NONE_OF_THREE),
        (_json({"text": 5}), NONE_OF_THREE),
        (_json({"rule": 5}), NONE_OF_THREE),
        (_json({"messages": "Hi."}), NONE_OF_THREE),
        (_json({"messages": {"text": "Hi."}}), NONE_OF_THREE),
        (_json({"messages": ["Hi."]}), NO_MESSAGE),
        (_json({"messages": [{"to": "+33700000001"}]}), NO_MESSAGE),
        (_json({"messages": [{"text": "Hi.", "cc": "x"}]}), NO_MESSAGE),
        (_json({"messages": [{"text": "Hi.", "to": 33700000001}]}), NO_MESSAGE),
        (_json({"messages": [{"text": "Hi.", "to": None}]}), NO_MESSAGE),
        (_json({"messages": [{"text": "Hi."}] * 11}), "webhook: more than 10 messages"),
    ],
)
async def test_anything_else_is_a_failure_of_the_rule(answer: httpx.Response, reason: str) -> None:
    """Another status, another type, too much, or what cannot be read: the next rule is asked, and Plivo calls again."""
    assert await _verdict(answer) == Fails(reason)


def _cut(status: int) -> httpx.Response:
    """An answer whose body breaks off."""

    async def body() -> AsyncIterator[bytes]:
        yield b"Hi"
        raise httpx.ReadError("hunter2")

    return httpx.Response(status, content=body(), headers={"content-type": "text/plain"})


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (204, Passes("webhook: status 204")),
        (200, Fails("the connection failed")),
        (500, Fails("webhook: status 500")),
    ],
)
async def test_a_status_counts_although_the_rest_broke_off(status: int, verdict: RuleResult) -> None:
    """A 204 passes whatever follows it; half a text is not sent."""
    assert await _verdict(_cut(status)) == verdict


async def test_answer_at_the_cap_is_read() -> None:
    """16 KiB are still an answer; how much of it is sent is the limits' business."""
    assert compiler.texts(await _verdict(_plain("x" * CAP))) == ["x" * CAP]


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "text/plain; charset=latin-1"])
async def test_gzip_that_nobody_asked_for_is_never_sent_to_a_phone(kind: str) -> None:
    """We accept no encoding, so that no bomb is unpacked; what comes packed all the same is a failure."""
    body = gzip.compress(b'{"text": "Hi."}')
    answer = httpx.Response(200, content=body, headers={"content-type": kind, "content-encoding": "gzip"})
    assert isinstance(await _verdict(answer), Fails)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("hunter2"), "could not connect"),
        (httpx.RemoteProtocolError("hunter2"), "the receiver closed the connection or does not speak HTTP"),
        (httpx.ReadError("hunter2"), "the connection failed"),
    ],
)
async def test_no_answer_is_a_failure_that_shows_no_url(error: Exception, reason: str) -> None:
    """G12: the reason names what happened, never a query string."""
    assert await _verdict(error) == Fails(reason)


async def test_nobody_is_called_without_a_client() -> None:
    """Where rules have no client, as in a test of the file, a webhook fails instead of calling."""
    assert await compiler.good(_options())(compiler.context()) == Fails(
        "no HTTP client: rules that call out are not run here"
    )


# To whom


async def test_messages_go_to_the_sender_or_to_whom_the_file_allows() -> None:
    """`allow_to`: a bot's answer reaches the sender, and listed numbers however they are written; in order."""
    answer = _json(
        {
            "messages": [
                {"text": "One."},
                {"text": "Two.", "to": "+33 6 12 34 56 78"},
                {"text": "Three.", "to": "33700000001"},
            ]
        }
    )
    verdict = await _verdict(answer, allow_to=("+33612345678",))
    assert verdict == Answers(
        (
            Outgoing(compiler.US, (compiler.CUSTOMER,), "One."),
            Outgoing(compiler.US, (FRIEND,), "Two."),
            Outgoing(compiler.US, (compiler.CUSTOMER,), "Three."),
        ),
        "webhook: 3 messages",
    )


@pytest.mark.parametrize(
    ("to", "sent"), [("+525599990000", "525599990000"), ("+5215599990000", "5215599990000"), ("+5255777", None)]
)
async def test_recipient_may_be_written_in_another_form(to: str, sent: str | None) -> None:
    """A network may add a digit to a number of Mexico: the bot that writes back what it was told texts nobody else."""
    verdict = await _verdict(_json({"messages": [{"text": "Hi.", "to": to}]}), allow_to=("+525599990000",))
    assert isinstance(verdict, Answers) == (sent is not None)
    assert [one.dst for one in compiler.sent(verdict)] == [(sent,)] if sent else True


@pytest.mark.parametrize("to", ["+33612345679", "", "AMAZON", "+33612345678<33612345679", "33612345678,33612345679"])
async def test_nobody_else_is_texted(to: str) -> None:
    """A bot that was taken over cannot text strangers: one such message, and none is sent."""
    answer = _json({"messages": [{"text": "Hi."}, {"text": "Spam", "to": to}]})
    reason = "webhook: a recipient is not in allow_to"
    assert await _verdict(answer, allow_to=("+33612345678",)) == Fails(reason)


async def test_bad_number_in_allow_to_is_a_fault() -> None:
    """What is wrong with an option is known when the file is read."""
    built = compiler.Bench()
    built.build(_options(allow_to=("+33612345678", "call me")))
    assert built.told() == [(("allow_to", 1), '"call me" is not a phone number')]


async def test_src_answers_from_another_number() -> None:
    """`src` holds for what a bot says, too."""
    async with _tools(Bot(_plain("Hi."))) as services:
        asked = replace(compiler.context(), services=services, src="33644600009")
        assert compiler.sent(await compiler.good(_options())(asked))[0].src == "33644600009"


# In the chain


async def _walk(answer: Answer, *others: Rule, lifetime: float = 5.0, given: dict[str, str] | None = None) -> Outcome:
    bot = replace(compiler.good(_options()), name="bot", lifetime=lifetime)
    message = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, "my-secret words")
    async with _tools(Bot(answer)) as services:
        return await walk(Route("support", (bot, *others)), message, compiler.NINE, {}, replace(services, given=given))


def _rule(name: str, conditions: ConditionOptions | None = None) -> Rule:
    return replace(compiler.good(text.TextOptions(f"I am {name}."), conditions), name=name)


def _steps(outcome: Outcome) -> list[tuple[str, str]]:
    return [(step.rule, step.verdict if step.verdict == "not asked" else step.reason) for step in outcome.steps]


async def test_named_rule_is_asked_next() -> None:
    """`{"rule": ".."}`: the rules between are not asked; they stand behind it."""
    outcome = await _walk(_json({"rule": "c"}), _rule("b"), _rule("c"), _rule("d"))
    assert (outcome.rule, [one.text for one in compiler.said(outcome)]) == ("c", ["I am c."])
    assert _steps(outcome) == [
        ("bot", "webhook: redirects to another rule"),
        ("c", "fixed text"),
        ("b", "not asked"),
        ("d", "not asked"),
    ]


async def test_named_rule_that_passes_leads_back_to_the_list() -> None:
    """Its own conditions hold; if it passes, the others are asked in their order."""
    outcome = await _walk(_json({"rule": "c"}), _rule("b"), _rule("c", ConditionOptions(match="nothing of it")))
    assert outcome.rule == "b"
    assert [step.rule for step in outcome.steps] == ["bot", "c", "b"]


@pytest.mark.parametrize("name", ["nobody", "bot", "B"])
async def test_rule_that_is_unknown_or_was_asked_is_a_failure(name: str) -> None:
    """No cycle, no rule of another route; the next one in the list is asked."""
    with capture_logs():
        outcome = await _walk(_json({"rule": name}), _rule("b"))
        alone = await _walk(_json({"rule": name}))
    reason = "redirects to a rule that is not in this route or was already asked"
    assert outcome.steps[0] == Step("bot", "fails", reason)
    assert (outcome.rule, outcome.failed, alone.failed) == ("b", False, True)


async def test_bots_cannot_send_each_other_round() -> None:
    """Two webhooks that name each other: each is asked once."""
    first = replace(compiler.good(_options()), name="a")
    second = replace(first, name="b")
    bot = Bot(httpx.Response(500))

    async def answer(request: httpx.Request) -> httpx.Response:
        return _json({"rule": "b" if json.loads(request.content)["rule"] == "a" else "a"})

    bot.answer = answer
    async with _tools(bot) as services:
        message = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, "hello")
        outcome = await walk(Route("support", (first, second)), message, compiler.NINE, {}, services)
    assert (len(bot.requests), outcome.failed, outcome.rule) == (2, True, None)


async def _hangs(_request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def test_bot_that_hangs_fails_at_its_timeout() -> None:
    """G4: a rule's `timeout` is its lifetime; the next rule is asked."""
    with capture_logs() as lines:
        outcome = await _walk(_hangs, _rule("b"), lifetime=0.05)
    assert outcome.steps[0] == Step("bot", "fails", "no answer within its timeout of 0.05 s")
    assert (outcome.rule, [line["event"] for line in lines]) == ("b", ["rule failed"])


async def test_failure_is_logged_without_words_and_url() -> None:
    """G12: one line with route, rule and reason; neither the text nor the query of the URL."""
    with capture_logs() as lines:
        await _walk(_plain("my-secret answer", status=500))
    (line,) = lines
    assert (line["route"], line["rule"], line["reason"]) == ("support", "bot", "webhook: status 500")
    assert "my-secret" not in str(line)
    assert "hunter2" not in str(line)


@pytest.mark.parametrize(
    ("given", "step", "said"),
    [
        ({}, Step("bot", "passes", "given: pass"), []),
        ({"other": "Hi."}, Step("bot", "passes", "given: pass"), []),
        ({"bot": "pass"}, Step("bot", "passes", "given: pass"), []),
        ({"bot": "fail"}, Step("bot", "fails", "given: fail"), []),
        ({"bot": "Hi."}, Step("bot", "answers", "given: a text"), ["Hi."]),
    ],
)
async def test_given_stands_in_and_nobody_is_called(given: dict[str, str], step: Step, said: list[str]) -> None:
    """Tests and `explain` call nobody: `given` says what the bot would, and it passes by default."""
    with capture_logs():
        outcome = await _walk(AssertionError("it was called"), given=given)
    assert outcome.steps == (step,)
    assert [one.text for one in compiler.said(outcome)] == said
