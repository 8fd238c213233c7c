"""What every AtroCore has before anybody stored something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Instance
    from etl.sandbox.metadata import JsonObject

_PIXELS = ("Pixel", "Inch", "Centimeter", "Millimeter", "Point", "Parsec", "Em", "Percentage")
_CURRENCIES = ("EUR", "USD", "GBP", "CHF")
_LANGUAGES = {
    "en_US": "English",
    "de_DE": "German",
    "fr_FR": "French",
    "it_IT": "Italian",
    "es_ES": "Spanish",
}
_LOCALES = {"main": ("Main", "en_US"), "a_german": ("German", "de_DE")}


def _records(languages: tuple[str, ...]) -> list[tuple[str, JsonObject]]:
    found: list[tuple[str, JsonObject]] = [
        ("User", {"id": "1", "name": "Admin", "userName": "admin", "isActive": True, "isAdmin": True}),
        (
            "Storage",
            {"id": "a_base", "name": "Base", "type": "local", "path": "upload/files", "isActive": True},
        ),
        ("FileType", {"id": "a_favicon", "name": "Icon"}),
        ("FileType", {"id": "a_image", "name": "Image"}),
        ("FileType", {"id": "a_document", "name": "Document"}),
        (
            "AttributePanel",
            {"id": "attributeValues", "code": "attributeValues", "name": "Attributes", "entityId": "Product"},
        ),
        ("ExtensibleEnum", {"id": "fileTags", "name": "File tags", "code": "fileTags"}),
        ("ExtensibleEnum", {"id": "contentItemTypes", "name": "Content types", "code": "contentItemTypes"}),
        ("Measure", {"id": "dimension", "name": "Dimension", "code": "dimension"}),
        ("Measure", {"id": "currency", "name": "Currency", "code": "currency"}),
    ]
    found += [("Unit", _unit(name.lower(), name, measure="dimension")) for name in _PIXELS]
    found += [("Unit", _unit(name, name, measure="currency")) for name in _CURRENCIES]
    # The languages of people, which labels are told in, are others than those of the content.
    found += [
        ("Locale", {"id": one, "name": name, "code": one, "language": language, "languageCode": language})
        for one, (name, language) in _LOCALES.items()
    ]
    found += [("Language", _language(code, role="additional")) for code in languages]
    found.append(("Language", _language("en_US", role="main")))
    return found


def _language(code: str, *, role: str) -> JsonObject:
    return {"id": code.lower(), "name": _LANGUAGES.get(code, code), "code": code, "role": role}


def _unit(unit_id: str, name: str, *, measure: str) -> JsonObject:
    main = name in {_PIXELS[0], _CURRENCIES[0]}
    unit: JsonObject = {"id": unit_id, "name": name, "code": unit_id, "measureId": measure, "isMain": main}
    return {**unit, "isActive": True, "multiplier": 1.0}


def store_first_records(instance: Instance) -> None:
    """Store them in an empty database."""
    if "User" not in instance.schema.entities or instance.writer_row('SELECT 1 FROM "User" LIMIT 1', ()):
        return
    instance.writer.execute("BEGIN")
    for name, values in _records(instance.languages):
        entity = instance.schema.entities.get(name)
        if entity is None:
            continue
        plan = instance.plan(name)
        row = [*plan.template]
        for key, value in values.items():
            position = plan.positions.get(key)
            if position is not None:
                row[position] = plan.stores[key](value)
        row[0] = instance.places.next(name)
        instance.writer.execute(plan.insert, row)
    instance.writer.execute("COMMIT")
