"""The OpenAPI document, https://spec.openapis.org/oas/v3.1.1.html: the API, and the requests that the service makes."""

from collections.abc import Iterator, Sequence
from typing import Any

from app import __version__
from app.web.api.endpoint import Endpoint
from app.web.api.kinds import Schema
from app.web.api.parameters import Parameter, parameters_of
from app.web.api.problems import MEDIA_TYPE, title_of
from app.web.api.schemas import messages, others, ref, webhooks
from app.web.api.webhooks import WEBHOOKS

TAGS = {
    "service": "The service itself.",
    "messages": "Inbound messages, their answers, and what became of them.",
    "people": "Everything about one person.",
    "opt-outs": "Who gets no messages, with the proof.",
    "deliveries": "Delivery reports on their way to your targets.",
    "targets": "Where delivery reports go.",
    "webhooks": "Requests that the service makes.",
}
COMMON = {
    401: "The token is missing or wrong.",
    403: "The Host header names no host of `[admin] hosts`.",
    500: "An unexpected error.",
}
OF_STORE = {503: "The store cannot be read or written; try again after `Retry-After`."}
WITH_BODY = {
    408: "The body was not complete in time.",
    413: "The body is over 64 KiB.",
    415: "The body is not `application/json`.",
}
ERRORS = COMMON | OF_STORE | WITH_BODY
REFUSED = "It cannot be done as asked; `detail` says why."
BAD_INPUT = "The query or the body is not as described; `errors` says what is wrong with which member."


def openapi_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document of these endpoints."""
    paths: dict[str, Any] = {"/openapi.json": {"get": _of_this_document()}}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "plivo-autoreply",
            "version": __version__,
            "description": "Times are ISO 8601 with an offset, numbers E.164 with +. Later versions may add members.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": {**messages.SCHEMAS, **others.SCHEMAS, **webhooks.SCHEMAS},
            "responses": {_name(status): _problem(status, words) for status, words in ERRORS.items()},
            "headers": {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
                "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of `[admin]`."}
            },
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    parameters = [*_parameters(one, "path"), *_parameters(one, "query")]
    found: dict[str, Any] = {"operationId": one.name, "tags": [one.tag], "summary": one.summary}
    found |= {"description": one.description} if one.description else {}
    found |= {"parameters": parameters} if parameters else {}
    found |= {"requestBody": _request_body(one)} if "body" in one.inputs else {}
    return {**found, "responses": dict(_responses(one))}


def _parameters(endpoint: Endpoint, place: str) -> Iterator[dict[str, Any]]:
    for one in parameters_of(endpoint.inputs[place]) if place in endpoint.inputs else ():
        style = {"style": "form", "explode": False} if one.many else {}
        yield {
            "name": one.name,
            "in": place,
            "required": one.required,
            "description": one.doc,
            "schema": one.schema,
            "example": one.example,
            **style,
        }


def _request_body(one: Endpoint) -> dict[str, Any]:
    members = parameters_of(one.inputs["body"])
    example = one.body_example or {member.name: member.example for member in members}
    return {"required": True, "content": _json(body_schema(members), example)}


def body_schema(members: Sequence[Parameter]) -> Schema:
    """Return the schema of a body with these members."""
    return {
        "type": "object",
        "properties": {one.name: {**one.schema, "description": one.doc} for one in members},
        "required": [one.name for one in members if one.required],
        "additionalProperties": False,
    }


def _responses(one: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    for success in one.successes:
        content = _json(success.schema, success.example)
        yield str(success.status), {"description": success.description, "content": content}
    yield "400", _problem(400, BAD_INPUT, "BadInput")
    if one.not_found:
        yield "404", _problem(404, one.not_found)
    elif words := one.refused or (REFUSED if one.inputs else ""):  # an operation may refuse whatever a caller names
        yield "422", _problem(422, words, one.refused_schema)
    for status in (*COMMON, *(OF_STORE if one.uses_store else ()), *(WITH_BODY if "body" in one.inputs else ())):
        yield str(status), {"$ref": f"#/components/responses/{_name(status)}"}


def _problem(status: int, description: str, schema: str = "Problem") -> dict[str, Any]:
    example: dict[str, Any] = {"status": status, "title": title_of(status), "detail": description}
    if schema == "BadInput":
        example["errors"] = [{"member": "limit", "message": "must be from 1 to 200"}]
    if schema == "RefusedFile":
        wrong = {"file": "config.toml", "line": 12, "column": 1, "key": "rules.hours", "message": "unknown key"}
        example["errors"] = [wrong]
    headers = {401: "WWW-Authenticate", 503: "Retry-After"}.get(status)
    named = {"headers": {headers: {"$ref": f"#/components/headers/{headers}"}}} if headers else {}
    return {"description": description, **named, "content": {MEDIA_TYPE: {"schema": ref(schema), "example": example}}}


def _json(schema: Schema, example: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example}}


def _name(status: int) -> str:
    return title_of(status).replace(" ", "")


def _of_this_document() -> dict[str, Any]:
    found = {"description": "The document.", "content": {"application/json": {"schema": {"type": "object"}}}}
    common = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in (401, 403)}
    return {
        "operationId": "getOpenapi",
        "tags": ["service"],
        "summary": "Describe this API",
        "responses": {"200": found, **common},
    }
