"""`GET /openapi.json`: what the sandbox serves, per entity, in the words of OpenAPI 3.

Source: AtroCore, OpenApiGenerator: attributes with their types, and the paths of every entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import Column, Entity, JsonObject, JsonValue

_TYPES: dict[str, JsonObject] = {
    "text": {"type": "string"},
    "link": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "list": {"type": "array", "items": {"type": "string"}},
    "json": {"type": "object"},
}
_LIST_PARAMETERS = (
    "select",
    "where",
    "offset",
    "maxSize",
    "sortBy",
    "asc",
    "totalOnly",
    "collectionOnly",
    "attributes",
    "allAttributes",
    "completeAttrDefs",
    "textFilter",
)


def describe(session: Session) -> JsonObject:
    """Return the description."""
    generation = session.generation
    entities = [
        one for one in session.instance.schema.entities.values() if not one.name.endswith("AttributeValue")
    ]
    paths: JsonObject = {}
    for path, methods in _fixed(generation.renamed_routes).items():
        paths[path] = {method: _operation(text) for method, text in methods.items()}
    for entity in entities:
        paths |= _entity_paths(entity, renamed=generation.renamed_routes)
    return {
        "openapi": "3.0.0",
        "info": {"title": "AtroCore sandbox", "version": generation.name},
        "servers": [{"url": generation.base}],
        "components": {
            "schemas": {entity.name: _schema(entity) for entity in entities},
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic"},
                "Authorization-Token": {"type": "apiKey", "name": "Authorization-Token", "in": "header"},
            },
        },
        "paths": paths,
    }


def _fixed(renamed: bool) -> dict[str, dict[str, str]]:  # noqa: FBT001  # one of two tables
    if renamed:
        return {
            "/userSession": {"get": "Sign in"},
            "/metadata": {"get": "The schema"},
            "/upsert": {"post": "Create and change records in bulk"},
            "/upsertAsync": {"post": "The same, in a job"},
            "/entityMassUpdate": {"patch": "Change many records"},
            "/entityMassUpdateAsync": {"patch": "The same, in a job"},
            "/entityMassDelete": {"post": "Delete many records"},
            "/entityMassDeleteAsync": {"post": "The same, in a job"},
            "/entityRestore": {"post": "Restore records"},
            "/entityRelation": {"get": "Linked records", "post": "Link", "delete": "Unlink"},
            "/entityRelationBulk": {"post": "Link many", "delete": "Unlink many"},
            "/File/createChunk": {"post": "A piece of a file"},
            "/File/{id}/reupload": {"patch": "Replace a file's content"},
            "/File/{id}/createSharedUrl": {"post": "Share a file"},
            "/Settings": {"get": "Settings"},
        }
    return {
        "/App/user": {"get": "Sign in"},
        "/App/action/destroyAuthToken": {"post": "Sign out"},
        "/Metadata": {"get": "The schema"},
        "/Settings": {"get": "Settings"},
        "/MassActions/action/upsert": {"post": "Create and change records in bulk"},
        "/File/action/reupload": {"put": "Replace a file's content"},
    }


def _operation(summary: str, parameters: tuple[str, ...] = ()) -> JsonObject:
    listed: list[JsonValue] = [
        {"name": name, "in": "query", "schema": {"type": "string"}} for name in parameters
    ]
    return {"summary": summary, "parameters": listed, "responses": {"200": {"description": "OK"}}}


def _entity_paths(entity: Entity, *, renamed: bool) -> JsonObject:
    name = entity.name
    one: JsonObject = {
        "get": _operation(f"Read a record of {name}"),
        "patch": _operation(f"Change a record of {name}"),
    }
    one["delete"] = _operation(f"Delete a record of {name}")
    paths: JsonObject = {
        f"/{name}": {
            "get": _operation(f"List {name}", _LIST_PARAMETERS),
            "post": _operation(f"Create a record of {name}"),
        },
        f"/{name}/{{id}}": one,
    }
    if "hasAttribute" in entity.traits:
        paths[f"/{name}/{{id}}/attributeValues"] = {
            "get": _operation("Values"),
            "delete": _operation("Take attributes away"),
        }
        paths[f"/{name}/{{id}}/addAttributes"] = {"post": _operation("Give attributes")}
        paths[f"/{name}/{{id}}/upsertAttributeValues"] = {"post": _operation("Write values")}
    if not renamed:
        one["put"] = _operation(f"Change a record of {name}")
        for action, method in (
            ("massUpdate", "put"),
            ("massDelete", "post"),
            ("restore", "post"),
            ("massRestore", "post"),
        ):
            paths[f"/{name}/action/{action}"] = {method: _operation(f"{action} of {name}")}
        for link in entity.links.values():
            if link.type in {"hasMany", "manyMany"}:
                linked = {
                    method: _operation(f"{link.name} of {name}") for method in ("get", "post", "delete")
                }
                paths[f"/{name}/{{id}}/{link.name}"] = {**linked}
    return paths


def _schema(entity: Entity) -> JsonObject:
    properties: JsonObject = {column.name: _property(column) for column in entity.stored}
    for link in entity.links.values():
        if link.type == "belongsTo":
            properties[f"{link.name}Name"] = {"type": "string", "readOnly": True}
        elif link.listed:
            properties[f"{link.name}Ids"] = {"type": "array", "items": {"type": "string"}}
    required: list[JsonValue] = [column.name for column in entity.stored if column.required]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _property(column: Column) -> JsonObject:
    made: JsonObject = {**_TYPES[column.kind], "nullable": True}
    if column.read_only:
        made["readOnly"] = True
    if column.options and column.kind == "text":
        made["enum"] = [*column.options]
    if column.max_characters is not None:
        made["maxLength"] = column.max_characters
    return made
