"""What the built-in entities are called, in English and German; the words are ours.

Global                                 a scope
  fields name = Name | Name            a category, a key, and the word in each language
  options status.draft = Draft | Entwurf
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.metadata import JsonObject

LANGUAGES = ("en_US", "de_DE")

_WORDS = """
Global
  labels From = from | von
  labels To = to | bis
  labels intPart = (number) | (Zahl)
  labels floatPart = (number) | (Zahl)
  labels varcharPart = (text) | (Text)
  labels unitPart = (unit) | (Einheit)
  scopeNames Product = Product | Produkt
  scopeNames Brand = Brand | Marke
  scopeNames Category = Category | Kategorie
  scopeNames Channel = Channel | Kanal
  scopeNames Classification = Classification | Klassifikation
  scopeNames ProductGroup = Product group | Produktgruppe
  scopeNames Country = Country | Land
  scopeNames Account = Account | Firma
  scopeNames Catalog = Catalogue | Katalog
  scopeNames Association = Association | Beziehung
  scopeNames Attribute = Attribute | Merkmal
  scopeNames AttributeGroup = Attribute group | Merkmalgruppe
  scopeNames Measure = Measure | Messgröße
  scopeNames Unit = Unit | Einheit
  scopeNames ExtensibleEnum = List | Liste
  scopeNames File = File | Datei
  scopeNames Folder = Folder | Ordner
  scopeNames User = User | Benutzer
  scopeNamesPlural Product = Products | Produkte
  scopeNamesPlural Brand = Brands | Marken
  scopeNamesPlural Category = Categories | Kategorien
  fields id = ID | ID
  fields name = Name | Name
  fields code = Code | Code
  fields description = Description | Beschreibung
  fields isActive = Active | Aktiv
  fields sortOrder = Order | Reihenfolge
  fields createdAt = Created | Angelegt
  fields createdBy = Created by | Angelegt von
  fields modifiedAt = Changed | Geändert
  fields modifiedBy = Changed by | Geändert von
  fields ownerUser = Owner | Eigentümer
  fields assignedUser = Responsible | Zuständig
  fields teams = Teams | Teams
  fields parents = Parents | Übergeordnete
  fields children = Children | Untergeordnete
  fields files = Files | Dateien
  fields mainImage = Main picture | Hauptbild
  fields categories = Categories | Kategorien
  fields channels = Channels | Kanäle
  fields products = Products | Produkte
Product
  fields name = Product name | Produktname
  fields number = Article number | Artikelnummer
  fields sku = SKU | SKU
  fields longDescription = Long description | Langbeschreibung
  fields status = Status | Status
  fields productStatus = Status | Status
  fields price = Price | Preis
  fields rrp = Recommended price | Preisempfehlung
  fields quantity = Quantity | Menge
  fields ean = EAN | EAN
  fields mpn = Maker's number | Herstellernummer
  fields customsNumber = Customs number | Zolltarifnummer
  fields note = Note | Notiz
  fields tag = Tags | Schlagwörter
  fields taskStatus = Tasks | Aufgaben
  fields defaultSupplier = Supplier | Lieferant
  fields countryOfOrigin = Country of origin | Ursprungsland
  fields classifications = Classifications | Klassifikationen
  fields associatedItems = Associated products | Zugehörige Produkte
  options status.draft = Draft | Entwurf
  options status.prepared = Prepared | Vorbereitet
  options status.reviewed = Reviewed | Geprüft
  options status.notReady = Not ready | Nicht fertig
  options status.ready = Ready | Fertig
Brand
  fields name = Brand name | Markenname
Category
  fields name = Category name | Kategoriename
Channel
  fields locales = Languages | Sprachen
  fields type = Kind | Art
Account
  fields number = Account number | Kundennummer
  fields role = Role | Rolle
Attribute
  fields type = Type | Typ
  fields isMultilang = In several languages | Mehrsprachig
  fields isRequired = Required | Pflicht
AssociatedProduct
  fields associatingItem = Product | Produkt
  fields associatedItem = Associated product | Zugehöriges Produkt
  fields amount = Amount | Anzahl
  fields sorting = Order | Reihenfolge
ProductFile
  fields isMainImage = Main picture | Hauptbild
  fields sorting = Order | Reihenfolge
Unit
  fields symbol = Symbol | Zeichen
  fields multiplier = Multiplier | Faktor
File
  fields name = File name | Dateiname
  fields mimeType = Media type | Medientyp
  fields fileSize = Size | Größe
  fields hash = Checksum | Prüfsumme
  fields width = Width | Breite
  fields height = Height | Höhe
  fields tags = Tags | Schlagwörter
"""


def builtin_words(language: str) -> JsonObject:
    """Return scope -> category -> key -> word in one of `LANGUAGES`; options are a level deeper."""
    place = LANGUAGES.index(language)
    scopes: JsonObject = {}
    scope: JsonObject = {}
    for line in filter(None, _WORDS.splitlines()):
        if not line.startswith(" "):
            scope = scopes[line] = {}
            continue
        name, words = line.split(" = ")
        category, key = name.split()
        inner: JsonObject = scope
        *outer, last = [category, *key.split(".")]
        for step in outer:
            found = inner.setdefault(step, {})
            if not isinstance(found, dict):
                raise TypeError(line)
            inner = found
        inner[last] = words.split(" | ")[place]
    return scopes
