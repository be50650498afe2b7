"""Endpoints: a handler for each method of each path, by which requests are routed and the API is described.

    @endpoints.add("GET", "/messages/{uuid}", "getMessage", "Show a message", Success("The message.", schema, example))
    async def _show(service: RunningService, path: MessagePath) -> Answer:

A handler takes what of `path`, `query` and `body` it needs; their types are dataclasses that `parameters.py` reads.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from starlette.requests import Request
from starlette.responses import Response

from app.operations.errors import OperationRefused
from app.operations.escape import escaped_json
from app.operations.running_service import RunningService
from app.web.api.body import read_json
from app.web.api.kinds import Schema
from app.web.api.parameters import from_json, from_query
from app.web.api.problems import NO_STORE, BadInput, problem

Method = Literal["GET", "POST", "DELETE"]
WHO = "api"  # who made a change


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, and its status where this is not 200."""

    document: Any
    status: int = 200


Handler = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Success:
    """The response of an endpoint that did what it was asked for."""

    description: str
    schema: Schema
    example: Any
    status: int = 200


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of a path. `inputs` are the dataclasses that its handler takes as `path`, `query` and `body`."""

    method: Method
    path: str
    name: str  # the operationId
    tag: str
    summary: str
    successes: tuple[Success, ...]
    handle: Handler
    inputs: Mapping[str, type[Any]]
    description: str = ""
    body_example: Any = None  # made of the examples of the members, if it is None
    not_found: str = ""  # of a 404: what the path names does not exist; without it a refusal is a 422
    refused: str = ""  # words of a 422, where `openapi.REFUSED` does not say enough
    refused_schema: str = "Problem"
    uses_store: bool = True

    async def respond(self, service: RunningService, request: Request) -> Response:
        """Read the request, call the operation, and return its document. Raises what `problems.HANDLERS` handles."""
        try:
            found = await self.handle(service, **await self._read(request))
        except OperationRefused as error:
            return problem(404 if self.not_found else 422, str(error))
        content = escaped_json(json.dumps(found.document, ensure_ascii=False))  # for those who read it in a terminal
        return Response(content, found.status, NO_STORE, "application/json")

    async def _read(self, request: Request) -> dict[str, Any]:
        """Return the values for the handler. Raises as `respond`."""
        values: dict[str, Any] = {}
        if "path" in self.inputs:
            values["path"] = from_query(self.inputs["path"], request.path_params.items())
        if "query" in self.inputs:
            values["query"] = from_query(self.inputs["query"], request.query_params.multi_items())
        elif request.query_params:
            raise BadInput("this takes no query", dict.fromkeys(request.query_params, "is not known"))
        if "body" in self.inputs:
            values["body"] = from_json(self.inputs["body"], await read_json(request))
        return values


class Endpoints(list[Endpoint]):
    """The endpoints of one tag, added by their handlers."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self._tag = tag

    def add(
        self, method: Method, path: str, name: str, summary: str, *successes: Success, **more: Any
    ) -> Callable[[Handler], Handler]:
        """Return a decorator of the handler. `more`: members of `Endpoint`."""

        def decorate(handle: Handler) -> Handler:
            hints = get_type_hints(handle)
            inputs: dict[str, Any] = {part: hints[part] for part in ("path", "query", "body") if part in hints}
            self.append(Endpoint(method, path, name, self._tag, summary, successes, handle, inputs, **more))
            return handle

        return decorate
