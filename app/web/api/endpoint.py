"""Endpoints: one entry for each method of each path, by which requests are routed and the API is described."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Success:
    """The response of an endpoint that did what it was asked for."""

    description: str
    schema: Schema
    example: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of a path. `path_values`, `query` and `body` are dataclasses (`parameters.py`).

    `handle` is called with the service and an instance of each that is declared, in this order.
    """

    method: Method
    path: str
    name: str  # the operationId
    tag: str
    summary: str
    handle: Callable[..., Awaitable[Answer]]
    successes: Mapping[int, Success]
    path_values: type[Any] | None = None
    query: type[Any] | None = None
    body: type[Any] | None = None
    body_example: Any = None
    description: str = ""
    errors: Mapping[int, str] = field(default_factory=dict)  # besides those that every endpoint has
    when_refused: int = 422  # 404: what the path names does not exist
    refused_schema: str = "Problem"  # of a 422
    uses_store: bool = True

    async def respond(self, service: RunningService, request: Request) -> Response:
        """Read the request, call the operation, and return its document. Raises what `problems.HANDLERS` handles."""
        values: list[Any] = []
        if self.path_values:
            values.append(from_query(self.path_values, request.path_params.items()))
        if self.query:
            values.append(from_query(self.query, request.query_params.multi_items()))
        elif request.query_params:
            raise BadInput("this takes no query", dict.fromkeys(request.query_params, "is not known"))
        if self.body:
            values.append(from_json(self.body, await read_json(request)))
        try:
            found = await self.handle(service, *values)
        except OperationRefused as error:
            return problem(self.when_refused, str(error))
        content = escaped_json(json.dumps(found.document, ensure_ascii=False))  # for those who read it in a terminal
        return Response(content, found.status, NO_STORE, "application/json")
