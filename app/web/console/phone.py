"""The phone: text the rules in a chat, with the reasons beside each bubble."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.operations import phone
from app.operations.addresses import any_address
from app.operations.errors import OperationFailed, OperationRefused
from app.operations.phone import CHARACTERS, Incoming, Turn
from app.plivo.numbers import show
from app.web.console.console import console_of
from app.web.console.forms import Form, post
from app.web.console.phone_form import pack, read_incoming, unpack
from app.web.console.views import zone_of

LIVE, WHAT_IF = "live", "what-if"
KNOWN, UNDO = "known", "undo"  # fields: count what the store knows; take the last message back
SOMEBODY = "+33700000001"

Fields = Mapping[str, str]


async def _show(request: Request) -> Response:
    return await PhonePage(request).show()


async def _say(request: Request, form: Form) -> Response:
    return await PhonePage(request).say(form)


class PhonePage:
    """The page of the phone, for one request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._service = console_of(request).service

    async def show(self) -> Response:
        """Show the phone: the stored conversation of a test sender, or an empty one, or what a link asks."""
        fields = dict(self._request.query_params)
        if fields.get("mode") == LIVE:
            return await self._show_live(fields)
        if fields.get("text"):
            return await self._what_if(fields)
        return self._page(WHAT_IF, fields)

    async def say(self, form: Form) -> Response:
        """Say what a form says."""
        fields = dict(form)
        return await (self._live if fields.get("mode") == LIVE else self._what_if)(fields)

    async def _what_if(self, fields: Fields) -> Response:
        conversation: Sequence[Incoming] = ()
        turns: Sequence[Turn] = ()
        fault = ""
        try:
            before = unpack(fields.get("conversation", ""))
            turns, conversation = await self._rehearse(before, fields), before
            longer = before[:-1] if UNDO in fields else [*before, self._read(fields)]
            turns, conversation = await self._rehearse(longer, fields), longer
        except OperationRefused as refusal:
            fault = str(refusal)
        kept = fields if fault else {**fields, "text": ""}
        return self._page(WHAT_IF, kept, fault, turns, pack(conversation))

    async def _rehearse(self, conversation: Sequence[Incoming], fields: Fields) -> Sequence[Turn]:
        return await phone.rehearse(
            self._service.runtime(), conversation, self._service.store if KNOWN in fields else None
        )

    def _read(self, fields: Fields) -> Incoming:
        return read_incoming(fields, self._service.read_address, zone_of(self._request))

    async def _live(self, fields: Fields) -> Response:
        try:
            incoming = self._read({**fields, "at": ""})
            await phone.text_live(self._service, incoming)
        except (OperationRefused, OperationFailed) as refusal:
            return await self._show_live(fields, str(refusal))
        query = urlencode({"mode": LIVE, "from": show(incoming.sender), "to": show(incoming.to)})
        return RedirectResponse(f"/console/phone?{query}#say", 303)

    async def _show_live(self, fields: Fields, fault: str = "") -> Response:
        turns: Sequence[Turn] = ()
        sender, to = (any_address(fields.get(name, ""), self._service.read_address) for name in ("from", "to"))
        try:
            if sender and to:
                turns = await phone.live_conversation(self._service, sender, to)
        except OperationRefused as refusal:
            fault = fault or str(refusal)
        return self._page(LIVE, fields, fault, turns)

    def _page(
        self, mode: str, fields: Fields, fault: str = "", turns: Sequence[Turn] = (), conversation: str = ""
    ) -> Response:
        runtime = self._service.runtime()
        numbers = [show(one) for one in phone.own_numbers(runtime)]
        to = fields.get("to") or next(iter(numbers), "")
        return console_of(self._request).views.page(
            self._request,
            "phone.html",
            422 if fault else 200,
            mode=mode,
            fields={"from": SOMEBODY, **fields, "to": to},
            fault=fault,
            turns=turns,
            conversation=conversation,
            numbers=numbers,
            takes_any=phone.takes_any_number(runtime),
            senders=[show(one) for one in phone.live_senders(runtime)],
            calling=phone.calling_rules_of(runtime, any_address(to, self._service.read_address)),
            characters=CHARACTERS,
            units_in_words=phone.units_in_words,
        )


ROUTES = [Route("/phone", _show), post("/phone", _say)]
