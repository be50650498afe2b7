"""A stand-in of Plivo's REST API on loopback, as strict as the documentation is.

Paths end in a slash, credentials are HTTP Basic, bodies are JSON objects with known arguments, lists come in pages of
at most 20. https://docs.plivo.com/docs/account/api/application
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import http_server, plivo_sdk

AUTH_ID = "MA" + "X" * 18
ARGUMENTS: dict[str, type] = {
    "app_name": str,
    "answer_url": str,
    "answer_method": str,
    "hangup_url": str,
    "hangup_method": str,
    "fallback_answer_url": str,
    "fallback_method": str,
    "message_url": str,
    "message_method": str,
    "default_number_app": bool,
    "default_endpoint_app": bool,
    "public_uri": bool,
    "log_incoming_messages": bool,
    "subaccount": str,
}
DEFAULTS: dict[str, Any] = {
    "answer_url": "",
    "answer_method": "POST",
    "hangup_url": "",
    "hangup_method": "POST",
    "fallback_answer_url": "",
    "fallback_method": "POST",
    "message_url": "",
    "message_method": "POST",
    "default_number_app": False,
    "default_endpoint_app": False,
    "public_uri": False,
    "log_incoming_messages": True,
    "sub_account": None,
}
RENAMED = {"default_number_app": "default_app"}  # arguments that a GET shows under another name


class Refused(Exception):
    """A request that Plivo does not take."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


@dataclass
class Failure:
    """An answer that is given instead of the right one, to a matching request, so many times."""

    method: str
    path: str  # a pattern
    status: int  # 0: no answer, the connection breaks off
    times: int = 1
    body: bytes = b'{"error": "as the test says"}'
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False  # it was done, and the caller does not learn it


@dataclass
class PlivoAccount:
    """What the account has, and what was asked of it."""

    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    token: str = plivo_sdk.TOKEN
    calls: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path below the account, body
    failures: list[Failure] = field(default_factory=list)
    resets: bool = False  # an update sets what it does not name to the default, as one reading of the docs has it
    cursors: bool = False  # pages are followed by cursor, not by offset
    shows_log: bool = True  # whether GET tells log_incoming_messages
    wants_answer_url: bool = False  # of a new application, as the documentation says
    trunks: tuple[str, ...] = ()  # what else a number may be linked to
    url: str = ""
    _ids: Iterator[int] = field(default_factory=lambda: count(20_000_000_000_000_001))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add_application(self, name: str, **arguments: Any) -> str:
        """An application that is there; its id."""
        app_id = str(next(self._ids))
        self.applications[app_id] = {**DEFAULTS, "app_name": name, **arguments}
        return app_id

    def add_number(self, number: str, app_id: str | None = None, **attributes: Any) -> None:
        """A number of the account."""
        shown: dict[str, Any] = {"number_type": "local", "sms_enabled": True, "voice_enabled": True}
        self.numbers[number] = shown | {"app_id": app_id} | attributes

    def state(self) -> dict[str, Any]:
        """All that can change, as Plivo shows it, to compare it later."""
        applications = {app_id: self.shown_application(app_id) for app_id in self.applications}
        return {"applications": applications, "numbers": {number: dict(one) for number, one in self.numbers.items()}}

    def writes(self) -> list[tuple[str, str, Any]]:
        """What was asked to be changed."""
        return [call for call in self.calls if call[0] != "GET"]

    def shown_application(self, app_id: str) -> dict[str, Any]:
        """An application as GET shows it."""
        shown = {RENAMED.get(name, name): value for name, value in self.applications[app_id].items()}
        shown["hangup_url"] = shown["hangup_url"] or shown["answer_url"]
        if not self.shows_log:
            del shown["log_incoming_messages"]
        uri = f"/v1/Account/{AUTH_ID}/Application/{app_id}/"
        return {
            **shown,
            "app_id": app_id,
            "enabled": True,
            "resource_uri": uri,
            "sip_uri": f"sip:{app_id}@app.plivo.com",
        }

    def shown_number(self, number: str) -> dict[str, Any]:
        """A number as GET shows it."""
        attributes = dict(self.numbers[number])
        app_id = attributes.pop("app_id")
        application = f"/v1/Account/{AUTH_ID}/Application/{app_id}/" if app_id else None
        return {"number": number, "application": application, "alias": None, "sub_account": None, **attributes}


@dataclass(frozen=True)
class Call:
    """A request whose credentials and form are right."""

    key: str  # of the application or number, else empty
    query: dict[str, str]
    body: Any


def answer(account: PlivoAccount, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    """Status and JSON of an answer; the path begins below the account, without its last slash."""
    for pattern, methods in ROUTES.items():
        if found := re.fullmatch(pattern, path):
            if method not in methods:
                raise Refused(405, "method not allowed")
            with account.lock:
                return methods[method](account, Call("".join(found.groups()), query, body))
    raise Refused(404, "not found")


def _list_applications(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    return _page(account, "Application", [account.shown_application(one) for one in account.applications], call.query)


def _list_numbers(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    return _page(account, "Number", [account.shown_number(one) for one in account.numbers], call.query)


def _get_application(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    _known(account.applications, call.key)
    return 200, {"api_id": "1", **account.shown_application(call.key)}


def _get_number(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    _known(account.numbers, call.key)
    return 200, {"api_id": "1", **account.shown_number(call.key)}


def _create_application(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    arguments = _arguments(call.body)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", arguments.get("app_name", "")):
        raise Refused(400, "app_name is missing or invalid")
    if account.wants_answer_url and not arguments.get("answer_url"):
        raise Refused(400, "answer_url is missing")
    app_id = account.add_application(arguments.pop("app_name"), **arguments)
    return 201, {"message": "created", "app_id": app_id, "api_id": "1"}


def _update_application(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    application, arguments = _known(account.applications, call.key), _arguments(call.body)
    unnamed = {**DEFAULTS, "app_name": application["app_name"]} if account.resets else application
    account.applications[call.key] = unnamed | arguments
    return 202, {"message": "changed", "api_id": "1"}


def _delete_application(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    _known(account.applications, call.key)
    if call.query.get("cascade") != "false" or call.body != {"cascade": False}:
        raise Refused(400, "this would delete the endpoints")
    del account.applications[call.key]
    for number in account.numbers.values():
        number["app_id"] = None if number["app_id"] == call.key else number["app_id"]
    return 204, None


def _update_number(account: PlivoAccount, call: Call) -> tuple[int, Any]:
    number = _known(account.numbers, call.key)
    if not call.body.keys() <= {"app_id", "alias", "subaccount"}:
        raise Refused(400, f"unknown argument among {sorted(call.body)}")
    app_id = call.body.get("app_id")
    if app_id is not None and app_id not in account.applications and app_id not in account.trunks:
        raise Refused(400, "app_id is invalid")
    default = next((one for one, found in account.applications.items() if found["default_number_app"]), None)
    number["app_id"] = app_id or default
    return 202, {"message": "changed", "api_id": "1"}


def _page(account: PlivoAccount, resource: str, objects: list[Any], query: dict[str, str]) -> tuple[int, Any]:
    limit, offset = int(query.get("limit", "20")), int(query.get("cursor", query.get("offset", "0")))
    if not 0 < limit <= 20:
        raise Refused(400, "limit is 1 to 20")
    after, name = offset + limit, "cursor" if account.cursors else "offset"
    following = f"/v1/Account/{AUTH_ID}/{resource}/?limit={limit}&{name}={after}" if after < len(objects) else None
    meta = {"limit": limit, "offset": offset, "next": following, "previous": None, "total_count": len(objects)}
    return 200, {"api_id": "1", "meta": meta, "objects": objects[offset:after]}


def _known(known: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    if key not in known:
        raise Refused(404, "not found")
    return known[key]


def _arguments(body: dict[str, Any]) -> dict[str, Any]:
    for name, value in body.items():
        if name not in ARGUMENTS or not isinstance(value, ARGUMENTS[name]):
            raise Refused(400, f"{name} is no argument, or of the wrong type")
        if name.endswith("_method") and value not in ("GET", "POST"):
            raise Refused(400, f"{name} is invalid")
        if name.endswith("_url") and value and not str(value).startswith(("http://", "https://")):
            raise Refused(400, f"{name} is invalid")
    return dict(body)


Method = Callable[[PlivoAccount, Call], tuple[int, Any]]
ROUTES: dict[str, dict[str, Method]] = {
    "Application": {"GET": _list_applications, "POST": _create_application},
    r"Application/([^/]+)": {"GET": _get_application, "POST": _update_application, "DELETE": _delete_application},
    "Number": {"GET": _list_numbers},
    r"Number/(\d+)": {"GET": _get_number, "POST": _update_number},
}


class _Handler(http_server.Handler):
    account: PlivoAccount

    def respond(self) -> None:
        body = self.body()
        parts = urlsplit(self.path)
        failure = self._failure(parts.path)
        if failure and not failure.after:
            self._fail(failure)
            return
        try:
            status, found = self._answer(parts.path, parts.query, body)
        except Refused as refused:
            status, found = refused.status, {"api_id": "1", "error": str(refused)}
        if failure:
            self._fail(failure)
        else:
            self._say(status, b"" if found is None else json.dumps(found).encode(), {})

    def _answer(self, path: str, query: str, body: bytes) -> tuple[int, Any]:
        pair = base64.b64encode(f"{AUTH_ID}:{self.account.token}".encode()).decode()
        if self.headers.get("authorization") != f"Basic {pair}":
            raise Refused(401, "could not verify your access level for that URL")
        prefix = f"/v1/Account/{AUTH_ID}/"
        if not path.startswith(prefix) or not path.endswith("/") or "//" in path:
            raise Refused(404, "not found")
        data = self._json(body)
        below = path.removeprefix(prefix).rstrip("/")
        self.account.calls.append((self.command, below, data))
        pairs = {name: values[0] for name, values in parse_qs(query).items()}
        return answer(self.account, self.command, below, pairs, data)

    def _json(self, body: bytes) -> Any:
        if self.command == "GET" or (self.command == "DELETE" and not body):
            return None
        if self.headers.get("content-type") != "application/json":
            raise Refused(415, "send application/json")
        try:
            data = json.loads(body)
        except ValueError:
            raise Refused(400, "no JSON") from None
        if not isinstance(data, dict):
            raise Refused(400, "no JSON object")
        return data

    def _failure(self, path: str) -> Failure | None:
        with self.account.lock:
            for failure in self.account.failures:
                if failure.times and failure.method == self.command and re.search(failure.path, path):
                    failure.times -= 1
                    return failure
        return None

    def _fail(self, failure: Failure) -> None:
        if failure.status:
            self._say(failure.status, failure.body, failure.headers)
        else:
            self.close_connection = True

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def plivo_api() -> Iterator[PlivoAccount]:
    """An empty account behind a server on a free port."""
    account = PlivoAccount()
    handler = type("Handler", (_Handler,), {"account": account})
    with http_server.running(http_server.Server(handler)) as port:
        account.url = f"http://127.0.0.1:{port}/v1"
        yield account
