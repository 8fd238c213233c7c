"""Words of headers in some languages and what they mean: for proposals only, never for an import."""

from __future__ import annotations

import re
import unicodedata

# English words that field names are made of -> words of headers, simplified as `simplified` does.
MEANINGS: dict[str, str] = {
    "number": (
        "no sku artikelnummer artikelnr artnr artikel nr nummer produktnummer bestellnummer "
        "reference referenz ref numero codigo articulo codice articolo artikelkod kod "
        "cikkszam itemno itemnumber productcode handelsnummer varenummer"
    ),
    "name": (
        "bezeichnung titel title produktname artikelname artikelbezeichnung nom designation "
        "libelle nombre titulo nome naam benaming benamning produkt produit producto nazwa "
        "nazev navn"
    ),
    "description": (
        "beschreibung kurzbeschreibung produktbeschreibung descripcion descrizione "
        "omschrijving beskrivning opis popis beskrivelse bodyhtml text"
    ),
    "long description": "langbeschreibung langtext descriptionlongue detailbeschreibung longtext",
    "price": (
        "preis verkaufspreis listenpreis vk nettopreis prix tarif precio prezzo prijs pris cena unitprice"
    ),
    "rrp": "uvp msrp unverbindlichepreisempfehlung prixconseille pvp adviesprijs",
    "quantity": (
        "menge bestand lagerbestand stueckzahl anzahl quantite cantidad stock quantita "
        "giacenza aantal voorraad lager ilosc mnozstvi qty inventory"
    ),
    "ean": "gtin barcode strichcode codebarre codigobarras eannummer gtin13 ean13 upc",
    "mpn": "herstellernummer herstellerartikelnummer manufacturerpartnumber referencefabricant",
    "brand": (
        "marke hersteller vendor manufacturer marque fabricant marca fabricante produttore "
        "merk fabrikant varumarke marka znacka maerke"
    ),
    "categories": (
        "kategorie kategorien warengruppe produktkategorie category categorie rubrique "
        "categoria categorias categorieen kategori kategoria rubrik"
    ),
    "product group": "produktgruppe artikelgruppe famille familia gruppo productgroep",
    "is active": (
        "aktiv active actif activo attivo actief aktivt aktywny published veroeffentlicht sichtbar enabled"
    ),
    "status": "zustand statut estado stato etat produktstatus",
    "code": "kennung kuerzel kode codigo codice schluessel",
    "parent": "elternartikel vaterartikel oberkategorie hauptartikel parentsku uebergeordnet padre",
    "weight": "gewicht poids peso gewicht vikt waga",
    "country of origin": "ursprungsland herkunftsland paysdorigine paisdeorigen land origin",
    "customs number": "zolltarifnummer warennummer codedouanier hscode taric",
    "note": "notiz bemerkung hinweis anmerkung remarque nota opmerking kommentar",
    "tag": "schlagwort schlagworte stichwort tags etiquettes etiquetas",
    "channels": "kanal kanaele vertriebskanal canal canali kanalen",
    "sort order": "sortierung reihenfolge position ordre orden volgorde rang",
}
UMLAUTS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("Ä", "ae"), ("Ö", "oe"), ("Ü", "ue"))


def simplified(text: str) -> str:
    """Return a header as small letters and digits alone: `Größe (mm)` -> `groessemm`."""
    for letter, plain in (
        ("ä", "ae"),
        ("ö", "oe"),
        ("ü", "ue"),
        ("ß", "ss"),
        ("Ä", "ae"),
        ("Ö", "oe"),
        ("Ü", "ue"),
    ):
        text = text.replace(letter, plain)
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]", "", bare)


def words(name: str) -> str:
    """Return the name of a field as English words: `countryOfOrigin` -> `country of origin`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-]+", " ", name).lower().strip()


KNOWN: dict[str, str] = {
    simplified(word): meaning for meaning, every in MEANINGS.items() for word in every.split()
} | {simplified(meaning): meaning for meaning in MEANINGS}


def meaning_of(header: str) -> str | None:
    """Return what a header means in English, where the glossary knows it."""
    return KNOWN.get(simplified(header))
