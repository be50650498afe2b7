"""The API of a service in this process. Each response is held against the OpenAPI document."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from starlette.routing import Match, Route

from app.operations.reload import FileError, ReloadResult
from app.operations.running_service import RunningService
from app.service import Service
from app.settings import AdminSettings, HostPort
from app.store import Store
from app.telemetry.metrics import Metrics
from app.web.admin import make_admin
from app.web.api.endpoints import ENDPOINTS
from app.web.api.openapi import openapi_document

TOKEN = "an-operators-token"
DOCUMENT = openapi_document(ENDPOINTS)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = AdminSettings(HostPort("127.0.0.1", 0), TOKEN)


def strict(schema: Any) -> Any:
    """The same schema, in which objects have no members but those that it tells of."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(one) for name, one in schema.items()}
    closed = "properties" in found and "allOf" not in found and isinstance(found.get("type"), str)
    return {"additionalProperties": False, **found} if closed else found


STRICT = strict(DOCUMENT["components"]["schemas"])
OPEN = {**STRICT, "Problem": DOCUMENT["components"]["schemas"]["Problem"]}  # others are built on it


def faults(schema: Any, document: Any) -> list[str]:
    """What a document has against a schema of the description."""
    whole = {**strict(schema), "components": {"schemas": OPEN}}
    found = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(document)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the document, or what it refers to."""
    found: Any = DOCUMENT
    for name in part.get("$ref", "#").split("/")[1:]:
        found = found[name]
    return part if found is DOCUMENT else found


def operation_of(method: str, path: str) -> tuple[str, Mapping[str, Any]] | None:
    """The path of the description that a request is for, and its operation."""
    verb = "get" if method == "HEAD" else method.lower()
    for template, item in DOCUMENT["paths"].items():
        scope = {"type": "http", "path": path.removeprefix("/api/v1"), "method": method}
        if verb in item and Route(template, lambda: None, methods=[method]).matches(scope)[0] == Match.FULL:
            return template, item[verb]
    return None


def check(response: httpx.Response) -> tuple[str, str, int] | None:
    """Hold a response against the description; return the operation that it came from, if it is of one."""
    request = response.request
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers
    found = operation_of(request.method, httpx.URL(request.url).path)
    if found is None:
        assert response.status_code in (401, 403, 404, 405), response.text
        assert response.headers["content-type"] == "application/problem+json"
        return None
    template, operation = found
    told = resolved(operation["responses"][str(response.status_code)])
    ((kind, content),) = told["content"].items()
    assert response.headers["content-type"] == kind
    for name in told.get("headers", {}):
        assert name in response.headers
    if request.method != "HEAD":
        assert faults(content["schema"], response.json()) == []
    return template, request.method, response.status_code


@dataclass
class Api:
    """Calls with the token, unless other headers are given. `seen` counts what has been answered how."""

    service: Service
    running: RunningService
    results: list[ReloadResult]
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    @property
    def store(self) -> Store:
        """Its store."""
        return self.service.store

    def but(self, **changes: Any) -> "Api":
        """The same, of a service in which something is different."""
        return replace(self, running=replace(self.running, **changes))

    async def __call__(
        self, method: str, path: str, document: Any = None, headers: Mapping[str, str] = BEARER, **options: Any
    ) -> httpx.Response:
        """One call, below /api/v1."""
        app = make_admin(self.running, SETTINGS, Metrics())
        transport = httpx.ASGITransport(app=app)
        if document is not None:
            options["content"], headers = dumped(document), {**headers, "Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.request(method, f"/api/v1{path}", headers=headers, **options)
        if seen := check(response):
            self.seen[seen] += 1
        return response

    async def get(self, path: str, status: int = 200, /, **query: Any) -> Any:
        """The document of a GET."""
        response = await self("GET", path, params=query)
        assert response.status_code == status, response.text
        return response.json()

    async def post(self, path: str, document: Any = None, status: int = 200) -> Any:
        """The document of a POST."""
        response = await self("POST", path, document)
        assert response.status_code == status, response.text
        return response.json()

    async def items(self, path: str, /, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        page = await self.get(path, **query)
        while True:
            found += page["items"]
            if page["next"] is None:
                return found
            page = await self.get(path, **query, cursor=page["next"])


def api_of(service: Service) -> Api:
    """The API of a service, whose reloads bring what `results` holds."""
    results: list[ReloadResult] = []

    async def reload() -> ReloadResult:
        return results.pop()

    return Api(service, service.running(reload), results)


def refused_file() -> ReloadResult:
    """What a reload of a wrong file brings."""
    return ReloadResult("c0ffee", errors=(FileError("config.toml", 3, None, "rules.x", 'unknown key "txt"'),))


def words(problem: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What is wrong with each member."""
    return [(one["member"], one["message"]) for one in problem["errors"]]


def dumped(document: Any) -> bytes:
    """A document as JSON."""
    return json.dumps(document).encode()
