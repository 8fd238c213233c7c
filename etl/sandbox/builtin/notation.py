"""A short notation for entities, written out to the shape of a `GET /Metadata` answer.

Brand Base active                      an entity: name, type, traits
  name varchar required multilang      a field: name, type, settings
  group link ProductGroup.products     a link, and what it is called over there
  files many File.brands BrandFile     a multi-link over a relation entity
  products one Product.brand           records over there that link here
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from etl.sandbox.metadata import JsonObject, JsonValue

_STANDARD = (
    "createdAt datetime readOnly",
    "modifiedAt datetime readOnly",
    "createdBy link User readOnly",
    "modifiedBy link User readOnly",
)
_OWNED = ("ownerUser link User", "assignedUser link User", "teams many Team. EntityTeam")
_UNROUTED = ("sortOrder int", "hierarchyRoute jsonObject notStorable")
_HIERARCHY = (
    "sortOrder int",
    "routes jsonArray protected",
    "routesNames jsonArray notStorable",
    "isRoot bool notStorable",
    "hasChildren bool notStorable",
    "inheritedFields array notStorable",
)
_FLAGS = {
    "required", "unique", "notNull", "readOnly", "protected", "notStorable", "noLoad", "index", "multilang",
    "nullable",
}  # fmt: skip
_NUMBERS = {"min", "max", "maxLength", "len"}
_TRAITS = {
    "attributes": "hasAttribute",
    "classifications": "hasClassification",
    "associates": "hasAssociate",
    "owned": "hasOwner",
    "active": "hasActive",
    "inherit": "relationInheritance",
    "inheritFields": "fieldValueInheritance",
    "multiParents": "multiParents",
    "unrouted": "sandboxUnrouted",
}


def read_notation(lines: str, languages: tuple[str, ...] = ()) -> JsonObject:
    """Return `{"entityDefs": …, "scopes": …}` for text in the notation above, a column per language."""
    definitions: JsonObject = {}
    scopes: JsonObject = {}
    definition: JsonObject = {}
    name = ""
    for line in lines.splitlines():
        words = line.split()
        if not words:
            continue
        if not line.startswith(" "):
            name, type_, *traits = words
            definition = _opened(name, type_, traits)
            definitions[name] = definition
            scopes[name] = _scope(type_, traits)
        elif words[0] == "together":
            _indexes(definition)[f"unique_{len(_indexes(definition))}"] = ["deleted", *words[1:]]
        else:
            _add(definition, words)
    _add_relations(definitions, scopes)
    for language in languages:
        _add_language(definitions, language)
    return {"entityDefs": definitions, "scopes": scopes}


def _opened(name: str, type_: str, traits: list[str]) -> JsonObject:
    definition: JsonObject = {"fields": {"id": {"type": "varchar"}}, "links": {}, "uniqueIndexes": {}}
    lines = [*(_STANDARD if type_ != "Values" else ()), *(_OWNED if "owned" in traits else ())]
    if type_ == "Hierarchy":
        relation = f"{name}Hierarchy"
        lines += [
            *(_UNROUTED if "unrouted" in traits else _HIERARCHY),
            f"parents many {name}.children {relation}",
            f"children many {name}.parents {relation} noLoad",
        ]
    for line in lines:
        _add(definition, line.split())
    if type_ == "Hierarchy":
        _part(definition, "fields")["parent"] = {"type": "link", "notStorable": True, "entity": name}
        for link in ("parents", "children"):
            _settings(_part(definition, "links"), link)["midKeys"] = (
                ["parentId", "entityId"] if link == "parents" else ["entityId", "parentId"]
            )
    return definition


def _scope(type_: str, traits: list[str]) -> JsonObject:
    scope: JsonObject = {
        "entity": True,
        "object": True,
        "disabled": False,
        "module": "Sandbox",
        "importable": True,
    }
    scope["type"] = "Base" if type_ == "Values" else type_
    for trait in traits:
        if trait.startswith("texts="):
            scope["textFilterFields"] = [*trait.removeprefix("texts=").split(",")]
        else:
            scope[_TRAITS[trait]] = True
    return scope


def _part(definition: JsonObject, key: str) -> JsonObject:
    return cast("JsonObject", definition[key])


def _parts(whole: JsonObject) -> list[JsonObject]:
    return [cast("JsonObject", part) for part in whole.values()]


def _indexes(definition: JsonObject) -> JsonObject:
    return _part(definition, "uniqueIndexes")


def _settings(part: JsonObject, name: str) -> JsonObject:
    return cast("JsonObject", part[name])


def _add(definition: JsonObject, words: list[str]) -> None:
    name, type_, *rest = words
    links, fields = _part(definition, "links"), _part(definition, "fields")
    if type_ == "link":
        entity, _, foreign = rest.pop(0).partition(".")
        links[name] = {"type": "belongsTo", "entity": entity, **({"foreign": foreign} if foreign else {})}
        fields[name] = {"type": "link", "entity": entity, **_read_settings(rest)}
    elif type_ in {"many", "one"}:
        entity, _, foreign = rest.pop(0).partition(".")
        link: JsonObject = {"type": "hasMany", "entity": entity, **({"foreign": foreign} if foreign else {})}
        if type_ == "many":
            link["relationName"] = rest.pop(0)
        links[name] = link
        fields[name] = {
            "type": "linkMultiple",
            **({"noLoad": True} if type_ == "one" else {}),
            **_read_settings(rest),
        }
    else:
        settings = {"type": type_, **_read_settings(rest)}
        fields[name] = settings
        if "measureId" in settings:
            _add_unit(definition, name, str(settings["measureId"]))


def _add_unit(definition: JsonObject, name: str, measure: str) -> None:
    of: JsonObject = {"mainField": name, "measureId": measure}
    fields = _part(definition, "fields")
    fields[f"{name}Unit"] = {"type": "link", "entity": "Unit", "unitIdField": True, **of}
    fields[f"unit{name[0].upper()}{name[1:]}"] = {
        "type": "varchar",
        "notStorable": True,
        "unitField": True,
        **of,
    }
    fields[f"{name}AllUnits"] = {"type": "jsonObject", "notStorable": True, **of}
    fields[f"{name}UnitData"] = {"type": "jsonObject", "notStorable": True, **of}
    _part(definition, "links")[f"{name}Unit"] = {"type": "belongsTo", "entity": "Unit"}


def _read_settings(words: list[str]) -> JsonObject:
    settings: JsonObject = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            if key not in _FLAGS:
                raise ValueError(f"unknown setting {word!r}")
            flag = {"multilang": "isMultilang", "nullable": "notNull"}.get(key, key)
            settings[flag] = key != "nullable"
        elif key == "options":
            settings["options"] = [*text.split(",")]
        elif key in {"measure", "list"}:
            settings["measureId" if key == "measure" else "extensibleEnumId"] = text
        elif key in _NUMBERS:
            settings[key] = int(text)
        else:
            settings[key] = _default(text)
    return settings


def _default(text: str) -> JsonValue:
    if text in {"true", "false"}:
        return text == "true"
    if text == "[]":
        return []
    return int(text) if text.lstrip("-").isdigit() else text


def _add_relations(definitions: JsonObject, scopes: JsonObject) -> None:
    """Write out the relation entities that multi-links go over, unless they are described themselves."""
    for name in list(definitions):
        for settings in _parts(_part(_part(definitions, name), "links")):
            relation = settings.get("relationName")
            if (
                not isinstance(relation, str)
                or relation == "EntityTeam"
                or _has_ends(definitions.get(relation), (name, str(settings["entity"])))
            ):
                continue
            other = str(settings["entity"])
            ends = {"parent": name, "entity": name} if relation == f"{name}Hierarchy" else _ends(name, other)
            definitions.setdefault(relation, _opened(relation, "Relation", []))
            made = _part(definitions, relation)
            for end, entity in ends.items():
                _add(made, [end, "link", entity, "required"])
            _indexes(made)["unique_relation"] = ["deleted", *(f"{_snake(end)}_id" for end in ends)]
            scopes.setdefault(relation, _scope("Relation", []))


def _add_language(definitions: JsonObject, language: str) -> None:
    suffix = "".join(part[:1].upper() + part[1:].lower() for part in language.split("_"))
    for definition in _parts(definitions):
        fields = _part(definition, "fields")
        for name, settings in list(fields.items()):
            if isinstance(settings, dict) and settings.get("isMultilang"):
                variant: JsonObject = {
                    "type": settings["type"],
                    "multilangField": name,
                    "multilangLocale": language,
                }
                fields[f"{name}{suffix}"] = variant


def _has_ends(definition: JsonValue, ends: tuple[str, str]) -> bool:
    if not isinstance(definition, dict):
        return False
    # The ends of a relation of an entity with itself have names of their own where it is described.
    own = [str(link.get("entity")) for link in _parts(_part(definition, "links"))]
    is_described = ends[0] == ends[1] and own.count(ends[0]) >= len(ends)
    return is_described or "unique_relation" in _indexes(definition)


def _ends(name: str, other: str) -> dict[str, str]:
    return {f"{entity[0].lower()}{entity[1:]}": entity for entity in (name, other)}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
