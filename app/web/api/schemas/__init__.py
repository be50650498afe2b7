"""JSON Schemas of the documents in `app.operations.documents`, and the words to write them with.

Every member of an object is there in each document, so all of them are required. More may come in later versions.
"""

from typing import Any

from app.web.api.kinds import Schema

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
PHONE: Schema = {"type": "string", "description": "E.164 with +; short codes and names as they are."}


def said(schema: Schema, description: str) -> Schema:
    """Return a schema with a description."""
    return {**schema, "description": description}


def some(schema: Schema) -> Schema:
    """Return a list of these."""
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    """Return one of these words."""
    return {"type": "string", "enum": list(words)}


def nullable(schema: Schema) -> Schema:
    """Return a schema that null passes too."""
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **words}


def an_object(**members: Schema) -> Schema:
    """Return an object with these members; a name ends in "_" where it is a word of Python."""
    names = {name.removesuffix("_"): schema for name, schema in members.items()}
    return {"type": "object", "properties": names, "required": list(names)}


def ref(name: str) -> Schema:
    """Return a reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(name: str) -> Schema:
    """Return a page of a list."""
    following = said(nullable(STRING), "The `cursor` of the next page; null after the last one.")
    return an_object(items=some(ref(name)), next=following)


def page(*items: Any, following: str | None = None) -> Any:
    """Return an example of a page."""
    return {"items": list(items), "next": following}
