"""What the instance calls its entities and fields in a language of people.

Scope -> category -> key -> word, where `Global` holds what all have in common. `locale` takes a language in
1.10, and later the id of a Locale, whose `languageCode` is the language. One that is not there is answered in
English, without a word.

Source: atrocore/atrocore, app/Espo/Controllers/I18n.php of 1.10.30; app/Atro/Core/Utils/Language.php,
app/Atro/Core/Utils/Config.php, app/Atro/Listeners/Language.php of 2.2.31;
app/Atro/Handlers/Global/I18nHandler.php of 2.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.api import answers
from etl.api.where import encode
from etl.api.wire import Request
from etl.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from etl.api.client import Client
    from etl.api.wire import Record
    from etl.schema import Schema

LOCALE, LANGUAGE = "Locale", "languageCode"
MOST_LOCALES = 1000


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of one language."""

    words: Record

    def of_field(self, entity: str, name: str) -> str:
        """Return what a field is called, also one that comes of another: `nameDeDe`, `priceUnit`, `sizeFrom`.

        Empty: it has no label.
        """
        for scope in (entity, "Global"):
            if found := self._word(scope, "fields", name):
                return found
        return ""

    def of_text(self, name: str) -> str:
        """Return a word that is no name of a field, such as `From`; empty: there is none."""
        return self._word("Global", "labels", name)

    def _word(self, scope: str, category: str, name: str) -> str:
        words: object = self.words
        for step in (scope, category, name):
            # PHP writes an empty object as a list.
            words = words.get(step) if isinstance(words, dict) else None
        return words.strip() if isinstance(words, str) else ""


async def read_labels(client: Client, schema: Schema, *, language: str) -> Labels:
    """Return the labels in a language; without one those of the user who is signed in.

    Raises:
        ConfigurationInvalid: the instance has no locale in this language.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    described = schema.entities.get(LOCALE)
    locale = language
    if language and described is not None and LANGUAGE in described.fields:
        locale = await _locale(client, language)
    query = encode([("locale", locale)] if locale else [])
    request = Request("GET", client.generation.labels, query=query)
    words = await client.ask(request, answers.read_object)
    return Labels(words or {})


async def _locale(client: Client, language: str) -> str:
    page = await client.list(LOCALE, max_size=MOST_LOCALES)
    known = {str(one.get(LANGUAGE)): str(one["id"]) for one in page.records}
    if language not in known:
        listed = ", ".join(sorted(known)) or "nothing"
        raise ConfigurationInvalid(
            "--locale",
            what=f"the instance has no labels in {language}.",
            advice=f"Its locales are in {listed}. Name one of these, add a Locale, or take --headers names.",
        )
    return known[language]
