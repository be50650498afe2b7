"""Kind `webhook`: an HTTP service decides what to reply.

The service gets JSON, signed as Standard Webhooks ask. The `webhook-id` is MessageUUID.rule, and the same whenever the
rule is asked again about the same message. The service responds with

    200 text/plain          the reply; empty: silence
    200 application/json    {"text": ".."}, {"messages": [{"text": "..", "to": ".."}]}, {"rule": "name"}
    204                     pass: the next rule is asked

Anything else is a failure of the rule. The status line alone decides that a rule passes or fails, whatever follows it.
A reply goes only to the sender, or to the numbers in `allow_to`.
"""

import codecs
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from app.http_client import (
    BadTlsFile,
    HttpClient,
    ReceivedResponse,
    ReceiverOptions,
    RequestFailed,
    Secret,
    webhook_headers,
)
from app.notation import Doc, Example, HttpUrl
from app.plivo.numbers import canonical, show
from app.rules.compiler import RuleCompiler
from app.rules.outcome import Fails, Passes, Redirects, RuleResult
from app.rules.rule import ALLOW_TO, RuleContext
from app.tracing import traceparent

CAP = 16 * 1024  # bytes of a response; the longest SMS has 1,600 characters

_OK, _NO_CONTENT = 200, 204


@dataclass(frozen=True, slots=True)
class WebhookOptions(ReceiverOptions):
    """The options of a `webhook` rule: the service, and whom it may text."""

    KEY: ClassVar[str] = "webhook"
    webhook: Annotated[
        HttpUrl, Example("https://bot.example.com/sms"), Doc("The URL that the message is posted to, as JSON.")
    ] = field(repr=False)
    allow_to: Annotated[tuple[str, ...], Example(["+33612345678"]), Doc(ALLOW_TO)] = ()

    def build(self, compiler: RuleCompiler) -> "Webhook":
        """Build the action."""
        allowed = frozenset(map(canonical, compiler.numbers("allow_to", self.allow_to)))
        return Webhook(self.webhook, self.secrets, self.headers, allowed, self._tls(compiler))

    def _tls(self, compiler: RuleCompiler) -> ssl.SSLContext | None:
        try:
            return self.ssl_context(self.webhook, compiler.folder)
        except BadTlsFile as error:
            compiler.fault(error.option, str(error))
            return None


@dataclass(frozen=True, slots=True)
class Webhook:
    """The action of a `webhook` rule, which sends a request to one service."""

    url: str = field(repr=False)  # its query may contain a key
    secrets: tuple[Secret, ...]
    headers: Mapping[str, str] = field(repr=False)
    allowed: frozenset[str]
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, context: RuleContext) -> RuleResult:
        """Return the service's decision. The chain limits how long it may take."""
        if context.services.client is None:
            return Fails("no HTTP client: rules that call out are not run here")
        try:
            response = await self._post(context, context.services.client)
        except RequestFailed as error:
            return Fails(str(error))
        return self._read(context, response)

    async def _post(self, context: RuleContext, client: HttpClient) -> ReceivedResponse:
        body = json.dumps(_request_body(context), ensure_ascii=False).encode()
        identifier = f"{context.message.message_uuid}.{context.rule}"
        signed = webhook_headers(identifier, int(context.services.clock()), body, self.secrets)
        signed["traceparent"] = traceparent(context.message.message_uuid, identifier)
        headers = {"content-type": "application/json", **self.headers, **signed}
        return await client.post(self.url, body, headers, cap=CAP, tls=self.tls)

    def _read(self, context: RuleContext, response: ReceivedResponse) -> RuleResult:
        if response.status == _NO_CONTENT:
            return Passes("webhook: status 204")
        if response.status != _OK:
            return Fails(f"webhook: status {response.status}")
        if response.broken:
            return Fails(response.broken)
        if response.truncated:
            return Fails(f"webhook: a response of over {CAP} bytes")
        if response.compressed:
            return Fails("webhook: a compressed response, although the request accepts none")
        kind, _, parameters = response.content_type.partition(";")
        reader = _READERS.get(kind.strip().lower())
        if reader is None:
            given = kind.strip()[:50] or "no content type"
            return Fails(f"webhook: {given}; the content type must be text/plain or application/json")
        try:
            return reader(self, context, _decoded(response.body, _charset(parameters)))
        except (UnicodeDecodeError, LookupError):
            return Fails("webhook: the body is not in the charset of its content type")

    def read_text(self, context: RuleContext, text: str) -> RuleResult:
        """Read a text/plain response, without the newline at its end that `echo` and println write."""
        return context.reply(text.rstrip("\r\n"), "webhook: text")

    def read_json(self, context: RuleContext, text: str) -> RuleResult:
        """Read an application/json response, which must have exactly one of the three forms."""
        try:
            response = json.loads(text)
        except (ValueError, RecursionError):
            return Fails("webhook: invalid JSON")
        match response:
            case {"text": str(reply), **others} if not others:
                return context.reply(reply, "webhook: text")
            case {"rule": str(rule), **others} if not others:
                return Redirects(rule, "webhook: redirects to another rule")
            case {"messages": list(messages), **others} if not others:
                return self._messages(context, messages)
        return Fails('webhook: JSON must be {"text"}, {"messages"} or {"rule"}')

    def _messages(self, context: RuleContext, messages: list[Any]) -> RuleResult:
        texts: list[tuple[str, str | None]] = []
        for message in messages:
            match message:
                case {"text": str(text), "to": str(to), **others} if not others:
                    texts.append((text, to))
                case {"text": str(text), **others} if not others:
                    texts.append((text, None))
                case _:
                    return Fails('webhook: each message must be {"text": "..", "to": ".."}')
        return context.replies(texts, self.allowed, "webhook")


_READERS: Mapping[str, Callable[[Webhook, RuleContext, str], RuleResult]] = {
    "text/plain": Webhook.read_text,
    "application/json": Webhook.read_json,
}


def _request_body(context: RuleContext) -> dict[str, Any]:
    message = context.message
    received = datetime.fromtimestamp(context.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "from": show(message.sender),
        "to": show(message.to),
        "text": message.text,
        "type": message.type,
        "message_uuid": message.message_uuid,
        "media": list(message.media),
        "units": message.units,
        "route": context.route,
        "rule": context.rule,
        "received_at": received,
    }


def _decoded(body: bytes, charset: str) -> str:
    """Decode a body. A byte order mark is not part of the text, and takes precedence over the charset.

    https://encoding.spec.whatwg.org/#decode
    """
    return body.decode("utf-8-sig" if body.startswith(codecs.BOM_UTF8) else charset).removeprefix("\ufeff")


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return "utf-8"
