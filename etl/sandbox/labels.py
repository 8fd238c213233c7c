"""What entities and fields are called in the languages of people: `GET /I18n`.

Scope -> category -> key -> word. `locale` is a language in 1.10 and the id of a Locale record later; what
neither names is told in English.

Source: atrocore/atrocore, app/Espo/Controllers/I18n.php and app/Espo/Core/Utils/Language.php of 1.10.30;
app/Atro/Core/Utils/Language.php and Config.php, app/Atro/Listeners/Language.php of 2.2.31;
app/Atro/Handlers/Global/I18nHandler.php of 2.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.sandbox.attribute_types import language_suffix
from etl.sandbox.builtin.words import LANGUAGES, builtin_words
from etl.sandbox.calls import text_parameter

if TYPE_CHECKING:
    from etl.sandbox.calls import Call
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

MAIN = LANGUAGES[0]
_RANGES = {"rangeInt", "rangeFloat"}


def labels(session: Session, call: Call) -> JsonObject:
    """Return the words of one language, those that the server puts together among them."""
    language = _language(session, call)
    words = _Words(builtin_words(language if language in LANGUAGES else MAIN))
    definitions = _object(session.instance.schema.raw.get("entityDefs"))
    for name, definition in definitions.items():
        links = _object(_object(definition).get("links"))
        for field, settings in _object(_object(definition).get("fields")).items():
            target = str(_object(links.get(field)).get("entity", ""))
            words.put_together(name, field, settings=_object(settings), target=target)
    main, others = _content_languages(session)
    if others:
        for name in list(words.scopes):
            defined = _object(_object(definitions.get(name)).get("fields"))
            words.tell_languages(name, defined, reader=language, main=main, others=others)
    return words.scopes


def _language(session: Session, call: Call) -> str:
    asked = text_parameter(call.query.get("locale"))
    if call.query.get("default"):
        return MAIN
    if session.generation.labels_by_language:
        return asked or MAIN
    wanted = asked or call.headers.get("Locale-Id", "") or "main"
    if not _has(session, "Locale", "languageCode"):
        return MAIN
    row = session.row('SELECT "languageCode" FROM "Locale" WHERE id = ? AND deleted = 0', (wanted,))
    return str(row[0]) if row else MAIN


def _content_languages(session: Session) -> tuple[str, dict[str, str]]:
    """Return the name of the main language, and code -> name of the others; 1.10 has no names."""
    if session.generation.labels_by_language:
        return "", {one: one for one in session.instance.languages}
    if not _has(session, "Language", "role"):
        return "", {}
    rows = session.rows('SELECT code, name, role FROM "Language" WHERE deleted = 0')
    main = next((str(name) for _, name, role in rows if role == "main"), "")
    return main, {str(code): str(name) for code, name, role in rows if role == "additional"}


def _has(session: Session, name: str, column: str) -> bool:
    entity = session.instance.schema.entities.get(name)
    return entity is not None and entity.has(column)


@dataclass(slots=True)
class _Words:
    """Scope -> category -> key -> word."""

    scopes: JsonObject

    def word(self, scope: str, category: str, key: str) -> str:
        """Return a word of a scope, else that of all; "" where there is none."""
        for one in (scope, "Global"):
            found = _object(_object(self.scopes.get(one)).get(category)).get(key)
            if isinstance(found, str):
                return found
        return ""

    def own(self, scope: str) -> JsonObject:
        """Return the words of the fields of a scope, to be added to."""
        fields = _object(self.scopes.setdefault(scope, {})).setdefault("fields", {})
        return _object(fields)

    def put_together(self, entity: str, field: str, *, settings: JsonObject, target: str) -> None:
        """Add what the server makes of other words: for links, ranges, and numbers with a unit."""
        kind = settings.get("type")
        label = self.word(entity, "fields", field)
        if kind == "link" and (found := label or self.word("Global", "scopeNames", target)):
            self.own(entity).setdefault(field, found)
        if kind in _RANGES:
            for end in ("From", "To"):
                self.own(entity)[f"{field}{end}"] = f"{label or field} {self.word('Global', 'labels', end)}"
        elif settings.get("unitField"):
            main = str(settings.get("mainField", field))
            label = self.word(entity, "fields", main) or main
            # The number of a field with a unit is always a float here.
            number, unit = (self.word("Global", "labels", part) for part in ("floatPart", "unitPart"))
            self.own(entity)[main] = f"{label} {number}"
            self.own(entity)[f"unit{main[0].upper()}{main[1:]}"] = label
            self.own(entity)[f"{main}Unit"] = f"{label} {unit}"

    def tell_languages(
        self, scope: str, defined: JsonObject, *, reader: str, main: str, others: dict[str, str]
    ) -> None:
        """Add the words of fields in several languages: with the name of each that is not the reader's."""
        fields = self.own(scope)
        if "name" in defined:
            fields.setdefault("name", self.word("Global", "fields", "name"))
        for field, label in list(fields.items()):
            if scope != "Global" and not _object(defined.get(field)).get("isMultilang"):
                continue
            if scope != "Global" and reader in others and main:
                fields[field] = f"{label} / {main}"
            for code, name in others.items():
                variant = label if code == reader and main else f"{label} / {name}"
                fields.setdefault(f"{field}{language_suffix(code)}", variant)


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
