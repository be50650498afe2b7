"""The OpenAPI document: valid, whole, and true of every response."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.routing import Route
from support.api import BEARER, DOCUMENT, Api, faults, refused_file, resolved

from app.operations.reload import ReloadResult
from app.operations.running_service import RunningService
from app.web.api import make_api

OPERATIONS = [(path, method, one) for path, item in DOCUMENT["paths"].items() for method, one in item.items()]
HOOKS = [(name, item["post"]) for name, item in DOCUMENT["webhooks"].items()]


def test_the_document_is_openapi() -> None:
    """As the specification's own validator judges it, and nothing in it points elsewhere."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert {one for one in _refs(DOCUMENT) if not one.startswith("#/components/")} == set()


def _refs(part: Any) -> Iterator[str]:
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _refs(one)
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"]


def test_every_schema_is_used() -> None:
    """No schema is told of that nothing has."""
    used = {one.rpartition("/")[2] for one in _refs(DOCUMENT)}
    assert used >= DOCUMENT["components"]["schemas"].keys()


async def test_every_route_is_described_and_nothing_else(api: Api) -> None:
    """The paths and methods that are served are those of the document."""
    app: Any = make_api(api.running, "token")
    served = {
        (route.path, method.lower())
        for route in app._app.routes  # noqa: SLF001 - what it serves is the point
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert served == {(path, method) for path, method, _ in OPERATIONS}


@pytest.mark.parametrize(("path", "method", "one"), OPERATIONS)
def test_every_operation_is_described_in_full(path: str, method: str, one: dict[str, Any]) -> None:
    """A summary, a tag that is described, parameters and bodies with examples that fit, and errors."""
    assert one["summary"]
    assert {tag["name"] for tag in DOCUMENT["tags"]} >= set(one["tags"])
    assert {name for name in path.split("/") if name.startswith("{")} == {
        f"{{{parameter['name']}}}" for parameter in one.get("parameters", ()) if parameter["in"] == "path"
    }
    for parameter in one.get("parameters", ()):
        assert parameter["description"]
        assert faults(parameter["schema"], parameter["example"]) == []
    assert {"200", "401", "403"} <= one["responses"].keys()
    assert ("requestBody" in one) == (method == "post" and "415" in one["responses"])
    for content in _contents(one):
        if content["schema"] != {"type": "object"}:
            assert faults(content["schema"], content["example"]) == []


@pytest.mark.parametrize(("name", "one"), HOOKS)
def test_every_request_of_ours_is_described(name: str, one: dict[str, Any]) -> None:
    """With headers, and examples that fit; ours need no token."""
    assert name
    assert one["security"] == []
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= {each["name"] for each in one["parameters"]}
    for content in _contents(one):
        for example in [each["value"] for each in content.get("examples", {}).values()] or [content["example"]]:
            assert faults(content["schema"], example) == []


def _contents(one: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [one.get("requestBody", {}), *(resolved(each) for each in one["responses"].values())]
    return [content for part in parts for content in part.get("content", {}).values()]


async def test_the_document_is_served(api: Api) -> None:
    """With the token, as it is here."""
    assert await api.get("/openapi.json") == json.loads(json.dumps(DOCUMENT))
    assert (await api("GET", "/openapi.json", headers={})).status_code == 401


async def _slowly() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.sleep(5)


async def test_every_status_can_be_met(told: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation, with each status that the document tells of; each response fits."""
    monkeypatch.setattr("app.web.api.body.SECONDS", 0.3)
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/status", None),
        ("GET", "/messages", None),
        ("GET", "/messages/message-1", None),
        ("GET", "/people/+33612345671", None),
        ("GET", "/opt-outs?ended=true", None),
        ("POST", "/opt-outs", {"person": "+33700000003", "number": "+33644600000"}),
        ("POST", "/opt-outs", {"person": "+33700000003", "number": "+33644600000"}),
        ("DELETE", "/opt-outs?person=%2B33700000003&number=%2B33644600000", None),
        ("GET", "/deliveries", None),
        ("POST", "/deliveries/replay", {"target": "audit"}),
        ("GET", "/targets", None),
        ("POST", "/targets/crm/pause", None),
        ("POST", "/targets/crm/resume", None),
        ("POST", "/explain", {"to": "+33644600000", "from": "+33612345671", "text": "hours"}),
        ("POST", "/reload", None),
        ("GET", "/openapi.json", None),
        ("DELETE", "/people/+33612345672", None),
    ]
    refused: list[tuple[str, str, Any]] = [
        ("GET", "/messages?number=what%20happened%3F", None),
        ("GET", "/messages/nobody", None),
        ("GET", "/people/what%20happened%3F", None),
        ("DELETE", "/people/what%20happened%3F", None),
        ("GET", "/opt-outs?cursor=x", None),
        ("POST", "/opt-outs", {"person": "what happened?", "number": "+33644600000"}),
        ("DELETE", "/opt-outs?person=what%20happened%3F&number=%2B33644600000", None),
        ("GET", "/deliveries?target=crmm", None),
        ("POST", "/deliveries/replay", {}),
        ("POST", "/targets/crmm/pause", None),
        ("POST", "/targets/crmm/resume", None),
        ("POST", "/explain", {"to": "what happened?", "from": "+33612345671"}),
        ("POST", "/reload", None),
    ]
    told.results += [refused_file(), ReloadResult("c0ffee", ("admin",))]
    broken = _broken(told.running)
    for method, path, document in calls + refused:
        assert (await told(method, path, document)).status_code < 500
        assert (await told(method, path, document, headers={})).status_code == 401
        assert (await told(method, path, document, {**BEARER, "Host": "evil.example"})).status_code == 403
        sep = "&" if "?" in path else "?"
        assert (await told(method, f"{path}{sep}color=red", document)).status_code in (200, 400)
        if document is not None:
            for content, headers in (
                (b"{}", {}),
                (b"[" * 70_000, {"Content-Type": "application/json"}),
                (_slowly(), {"Content-Type": "application/json"}),
            ):
                await told(method, path, headers={**BEARER, **headers}, content=content)
    for method, path, document in calls:
        for other in (replace(told, running=broken), replace(told, running=_worse(broken))):
            await other(method, path, document)
    wanted = {(path, method.upper(), int(status)) for path, method, one in OPERATIONS for status in one["responses"]}
    assert wanted - set(told.seen) == set()


def _broken(running: RunningService) -> RunningService:
    """A service whose store has no file."""
    return replace(
        running, store=replace(running.store, engine=create_async_engine("sqlite+aiosqlite:////no/such/file"))
    )


def _raise(*_: Any) -> Any:
    raise RuntimeError("a secret")


def _worse(running: RunningService) -> RunningService:
    """A service in which everything raises."""
    return replace(running, store=None, runtime=_raise, read_address=_raise, reload=_raise)  # type: ignore[arg-type]
