# ruff: noqa: E501  whole messages are compared, as a person reads them
from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from etl import mapping as language
from etl import tables
from etl.errors import MappingInvalid
from etl.mapping.cases import cases_beside, run_cases
from etl.mapping.preview import previews, trace
from etl.mapping.scaffold import propose
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import read_metadata
from tests.mapping.conftest import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.mapping import Rules
    from etl.schema import Schema

TEXT = (
    "entity: Tool\nkey: number\nrows: {where: \"row.A != 'gone'\"}\nfields:\n  number: No\n  name: {constant: Hammer}\n"
    "  price: {column: P, trim: true, number: {decimal: ','}}\n  tags: {column: A, split: ',', values: {n: new, s: sale}, else: keep}\n"
    "  brand: {column: B, link: {by: name}}\n  categories: {each: {column: G, split: ','}, link: {by: code}, with: {sorting: {expr: item.index}}}\n"
    "attributes: {size: {column: P, type: float, number: {decimal: ','}}}\n"
)
COLUMNS = {
    "No": ["1", "2", "3"],
    "P": [" 1,5", "x", "2"],
    "A": ["n,s", "n", "gone"],
    "B": ["Acme", None, None],
    "G": ["a,b", None, None],
}


def test_a_preview_shows_what_would_be_sent(rules: Callable[..., Rules]) -> None:
    sent, invalid, skipped = previews(rules(TEXT, COLUMNS), frame(COLUMNS))
    assert sent.payload == {
        "number": "1",
        "name": "Hammer",
        "price": 1.5,
        "tags": ["new", "sale"],
        "brandId": {"look up": "Maker.name", "text": "Acme"},
    }
    assert sent.relations == (
        ("ToolGroup", {"groupId": {"look up": "Group.code", "text": "a"}, "sorting": 1}),
        ("ToolGroup", {"groupId": {"look up": "Group.code", "text": "b"}, "sorting": 2}),
    )
    assert sent.attributes == {"size": 1.5}
    assert (invalid.row, invalid.state, invalid.problems[0]) == (
        3,
        "invalid",
        'column "P": "x" is not a number. Correct the cell.',
    )
    assert (skipped.row, skipped.state) == (4, "skipped")


def test_a_trace_shows_each_conversion(rules: Callable[..., Rules]) -> None:
    bound = rules(TEXT, COLUMNS)
    (price,) = trace(bound, frame(COLUMNS), 2, name="price")
    assert price.steps == (("cell of P", '" 1,5"'), ("trim", '"1,5"'), ("float", "1.5"))
    (tags,) = trace(bound, frame(COLUMNS), 2, name="tags")
    assert tags.steps == (
        ("cell of A", '"n,s"'), ('split at ","', '["n","s"]'), ("values", '["new","sale"]'), ("multiEnum", '["new","sale"]'),
    )  # fmt: skip
    (wrong,) = trace(bound, frame(COLUMNS), 3, name="price")
    assert wrong.steps[-1] == ("problem", "not_a_number")
    assert trace(bound, frame(COLUMNS), 99) == []


CASES = """
cases:
  - name: a German price
    row: {No: 1, P: "1,5", A: "n,s", B: Acme, G: a}
    expect:
      number: "1"
      price: 1.5
      tags: [new, sale]
      brandId: Acme
      size: 1.5
      categories: [{groupId: a, sorting: 1}]
    absent: [text]
  - name: what is gone is skipped
    row: {No: 1, A: gone}
    skipped: true
  - name: a wrong price
    row: {No: 1, P: x}
    problems: [not_a_number, not_a_number]
  - name: this one fails
    row: {No: 1, P: "2"}
    expect: {price: 3, brandId: Acme}
    absent: [number]
"""


def test_cases_say_what_differs(write: Callable[..., Path], schema: Schema) -> None:
    mapping = language.load(write(TEXT))
    write(CASES, "m.cases.yaml")
    (path,) = cases_beside(mapping)
    results = run_cases(mapping, path, schema=schema)
    assert [one.differences for one in results] == [
        (), (), (),
        ("price: expected 3, found 2.0", "brandId: expected 'Acme', not sent", "number: expected not to be sent, found '1'"),
    ]  # fmt: skip
    assert results[3].line == 19


def test_wrong_cases_are_told_like_wrong_mappings(write: Callable[..., Path], schema: Schema) -> None:
    mapping = language.load(write(TEXT))
    path = write("cases:\n  - {name: x, rwo: {No: 1}}\n", "m.cases.yaml")
    with pytest.raises(MappingInvalid) as caught:
        run_cases(mapping, path, schema=schema)
    assert [one.removeprefix(f"{path.parent}/") for one in caught.value.problems] == [
        'm.cases.yaml:2:15: there is no key "rwo" here. Keys here: name, block, row, rows, expect, absent, problems, skipped.',
    ]


RIGHT = {
    "Artikelnummer": "number", "Name": "name", "Beschreibung": "description", "Marke": "brand", "Kategorien": "categories",
    "Preis": "price", "Menge": "quantity", "EAN": "ean", "Aktiv": "isActive", "Status": "productStatus",
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_the_samples_are_mapped_as_a_person_would(
    request: pytest.FixtureRequest, write: Callable[..., Path], suffix: str
) -> None:
    schema = read_metadata(builtin_metadata(GENERATIONS["2.1"]))
    table = tables.read((request.config.rootpath / "samples" / "products.csv").with_suffix(suffix))
    first = next(table.frames())
    proposal = propose(
        {name: first.column(name) for name in table.header}, schema, entity="Product", file="x.csv"
    )
    found = {one.column: one.field.name for one in proposal.guesses if one.field}
    assert found == RIGHT
    mapping = language.load(write(proposal.text))
    assert language.check(mapping, header=table.header, schema=schema) == []
    assert mapping.key == ("number",)


@pytest.mark.parametrize(
    "header",
    [
        "SKU;Title;Description;Brand;Category;Price;Stock;GTIN;Active;State",
        "Référence;Désignation;Descriptif produit;Marque;Catégorie;Prix;Quantité;Code-barres;Actif;Statut",
        "Código;Nombre;Descripción;Marca;Categoría;Precio;Cantidad;EAN;Activo;Estado",
        "Artikelnummer;Bezeichnung;Langtext;Hersteller;Warengruppe;VK;Bestand;EAN-Nummer;Veröffentlicht;Zustand",
        "Artikelnummer;Naam;Omschrijving;Merk;Categorieën;Prijs;Voorraad;EAN;Actief;Status",
    ],
)
def test_headers_in_other_languages_find_eight_of_ten_fields(header: str) -> None:
    schema = read_metadata(builtin_metadata(GENERATIONS["2.1"]))
    cells = [["A-1", "A-2"], ["Hammer", "Saw"], ["good", "fine, really"], ["Acme", "Zeta"], ["tools", "tools"], ["1,50", "1.200,00"],
             ["5", "7"], ["4006381333931", "96385074"], ["ja", "nein"], ["draft", "ready"]]  # fmt: skip
    columns = {name: pa.array(cells[at], pa.string()) for at, name in enumerate(header.split(";"))}
    found = [
        one.field.name if one.field else "" for one in propose(columns, schema, entity="Product").guesses
    ]
    wanted = [
        ("number",), ("name",), ("description", "longDescription"), ("brand",), ("categories", "productGroup"),
        ("price",), ("quantity",), ("ean",), ("isActive",), ("productStatus",),
    ]  # fmt: skip
    assert sum(name in names for name, names in zip(found, wanted, strict=True)) >= 8, found


def test_what_was_not_matched_stands_in_the_proposal() -> None:
    schema = read_metadata(builtin_metadata(GENERATIONS["2.1"]))
    text = propose(
        {"Frobnication [mm]": pa.array(["x"]), "sku": pa.array(["1"])}, schema, entity="Product"
    ).text
    assert '  - "Frobnication [mm]"  # best: ' in text
    assert "  # name: required, and no column came close" in text
