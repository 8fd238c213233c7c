"""What is made from the shape of the language: tables of keys in its reference, and a schema for editors.

`python -m etl.mapping.reference mappings` writes both anew; a test tells when they are old.
"""

from __future__ import annotations

import json
import re
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel

from etl.mapping import document, parts, table_parts
from etl.mapping.fitting import writable

if TYPE_CHECKING:
    from etl.schema import Schema

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MODELS: dict[str, type[BaseModel]] = {
    name: one
    for module in (document, parts, table_parts)
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, BaseModel) and one is not BaseModel
}
TEXT: Json = {"type": ["string", "number"]}
TEXTS: Json = {"type": "array", "items": TEXT}
# What may be written instead of keys and values: see the `before` validators of each part.
SHORTHANDS: dict[str, list[Json]] = {
    "Origin": [TEXT], "ValueDoc": [TEXT], "FieldDoc": [TEXT], "AttributeDoc": [TEXT], "EachDoc": [TEXT],
    "AssociationDoc": [TEXT], "SplitDoc": [TEXT], "UnitDoc": [TEXT], "CommandDoc": [TEXT],
    "DateRule": [TEXT, TEXTS], "ColumnDoc": [TEXT, TEXTS], "GroupDoc": [TEXT, TEXTS],
    "CheckDoc": [{"const": "gtin"}], "FileDoc": [TEXT],
    "ValuesDoc": [{"type": "object"}], "ReplaceDoc": [{"type": "object"}],
}  # fmt: skip
UNWRITTEN = frozenset({("ValuesDoc", "entries"), ("ReplaceDoc", "texts"), ("AttributeDoc", "cells")})
"""Keys that stand for a shorthand and are never written."""
MARKED = re.compile(r"(<!-- keys: (?P<names>[\w,=. ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def key_table(names: str) -> str:
    """Return the keys of some parts of a mapping as a table, in the order of the language.

    Args:
        names: such as `MappingDoc, BlockDoc`: the keys of all of them, each once; or `split=SplitDoc,
            pad=PadDoc`: the keys of each under its own.
    """
    lines = ["| key | what it says | default |", "|---|---|---|"]
    seen: set[str] = set()
    for one in names.split(","):
        above, _, name = one.strip().rpartition("=")
        for field_name, field in MODELS[name].model_fields.items():
            key = f"{above}.{field.alias or field_name}" if above else field.alias or field_name
            is_known = name == "AttributeDoc" and field_name in document.ValueDoc.model_fields
            if key in seen or is_known or (name, field_name) in UNWRITTEN:
                continue
            seen.add(key)
            words = (field.description or "").replace("\n", " ").replace("|", "\\|")
            lines.append(f"| `{key}` | {words} | {_default(field.default, is_needed=field.is_required())} |")
    return "\n".join(lines) + "\n"


def refreshed(reference: str) -> str:
    """Return the reference with its tables of keys as the language is now."""
    return MARKED.sub(lambda found: f"{found[1]}{key_table(found['names'])}{found[3]}", reference)


def editor_schema(schema: Schema | None = None) -> dict[str, Json]:
    """Return a JSON schema of mappings, for editors that complete and check YAML.

    Args:
        schema: of an instance; then names of entities and fields are known too.
    """
    found: dict[str, Json] = document.MappingDoc.model_json_schema(by_alias=True)
    definitions = found.get("$defs")
    if isinstance(definitions, dict):
        for name, shorthands in SHORTHANDS.items():
            if name in definitions:
                definitions[name] = {"anyOf": [*shorthands, definitions[name]]}
    _loosen(found)
    if schema is not None:
        _name_fields(found, schema)
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **found, "title": "A mapping of atro-etl"}


def _loosen(found: dict[str, Json]) -> None:
    """Let a single text stand where a list of texts may, as the language does."""
    queue: deque[Json] = deque([found])
    while queue:
        part = queue.popleft()
        if isinstance(part, list):
            queue.extend(part)
        elif isinstance(part, dict):
            queue.extend(part.values())
            if part.get("type") == "array" and part.get("items") == {"type": "string"}:
                del part["items"]
                part["type"] = ["array", "string", "number"]


def _name_fields(found: dict[str, Json], schema: Schema) -> None:
    names = sorted({name for one in schema.entities.values() for name in writable(one)})
    # Alternatives and languages are no names of fields by themselves: `number|sku`, `name@de_DE`.
    known: Json = {"anyOf": [{"enum": [*names]}, {"pattern": "[|@]"}]}
    definitions = found.get("$defs")
    block = definitions.get("BlockDoc") if isinstance(definitions, dict) else None
    for part in (found, block):
        properties = part.get("properties") if isinstance(part, dict) else None
        if isinstance(properties, dict):
            fields = properties.get("fields")
            if isinstance(fields, dict):
                fields["propertyNames"] = known
            properties["entity"] = {"enum": [*sorted(schema.entities)]}


def _default(value: object, *, is_needed: bool) -> str:
    if is_needed:
        return "needed"
    if value is None or value is False or value == () or type(value).__name__ == "PydanticUndefinedType":
        return ""
    written = json.dumps(value, default=str).replace("|", "\\|")
    return f"`{written}`"


def main() -> None:
    """Write the tables of `README.md` and `schema.json` in the folder that is given."""
    folder = Path(sys.argv[1])
    path = folder / "README.md"
    path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
    text = json.dumps(editor_schema(), ensure_ascii=False, indent=1) + "\n"
    (folder / "schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
