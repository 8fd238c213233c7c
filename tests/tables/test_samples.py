from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from etl import tables

SAMPLES = Path(__file__).parents[2] / "samples"
HEADER = (
    "Artikelnummer", "Name", "Beschreibung", "Marke", "Kategorien", "Preis", "Menge", "EAN", "Aktiv",
    "Status", "Verfügbar ab", "Gewicht",
)  # fmt: skip


def column(table: tables.Table, name: str) -> list[object]:
    return [cell for frame in table.frames() for cell in frame.column(name).to_pylist()]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_products_are_two_hundred_rows_in_every_format(suffix: str) -> None:
    table = tables.read(SAMPLES / f"products.{suffix}")
    assert table.header == HEADER
    assert sum(len(frame) for frame in table.frames()) == 200
    assert not [one for frame in table.frames() for one in frame.unreadable]
    assert not table.problems
    assert len(set(column(table, "Artikelnummer"))) == 200


@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_products_say_the_same_in_every_format(suffix: str) -> None:
    text, other = tables.read(SAMPLES / "products.csv"), tables.read(SAMPLES / f"products.{suffix}")
    for name in (
        "Artikelnummer",
        "Name",
        "Beschreibung",
        "Marke",
        "Kategorien",
        "EAN",
        "Aktiv",
        "Status",
        "Gewicht",
    ):
        assert column(text, name) == column(other, name), name
    quantities = [None if cell is None else int(str(cell)) for cell in column(text, "Menge")]
    assert quantities == column(other, "Menge")
    dates = [None if cell is None else dt.datetime.strptime(str(cell), "%d.%m.%Y").date()  # noqa: DTZ007  a day
             for cell in column(text, "Verfügbar ab")]  # fmt: skip
    assert dates == column(other, "Verfügbar ab")


def test_exactly_two_products_are_broken() -> None:
    table = tables.read(SAMPLES / "products.csv")
    prices, statuses = column(table, "Preis"), column(table, "Status")
    assert [price for price in prices if not str(price).replace(".", "").replace(",", "").isdecimal()] == [
        "auf Anfrage"
    ]
    assert set(statuses) == {"draft", "prepared", "ready", "fertig"}
    assert statuses.count("fertig") == 1
    assert prices.index("auf Anfrage") != statuses.index("fertig")


def test_every_ean_is_a_gtin_and_some_begin_with_zeros() -> None:
    eans = [str(ean) for ean in column(tables.read(SAMPLES / "products.csv"), "EAN") if ean is not None]
    for ean in eans:
        assert len(ean) == 13
        assert sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(ean)) % 10 == 0
    assert sum(ean.startswith("00") for ean in eans) > 10


def test_products_name_categories_and_brands_that_there_are_but_for_two_new_brands() -> None:
    products = tables.read(SAMPLES / "products.csv")
    codes = set(column(tables.read(SAMPLES / "categories.csv"), "Code"))
    used = {code for cell in column(products, "Kategorien") if cell for code in str(cell).split("|")}
    assert used <= codes
    brands = set(column(tables.read(SAMPLES / "brands.csv"), "Name"))
    assert len({brand for brand in column(products, "Marke") if brand} - brands) == 2


def test_one_wrong_price_leaves_the_other_prices_of_the_workbook_numbers() -> None:
    frames = list(tables.read(SAMPLES / "products.xlsx").frames())
    kinds = [frame.column("Preis").type for frame in frames]
    assert kinds == [pa.float64(), pa.string(), pa.float64()]
    assert [number for frame in frames for number in frame.numbers.to_pylist()] == list(range(2, 202))


def test_the_rows_of_the_csv_are_counted_in_physical_lines() -> None:
    numbers = [
        n for frame in tables.read(SAMPLES / "products.csv").frames() for n in frame.numbers.to_pylist()
    ]
    lines = (SAMPLES / "products.csv").read_text(encoding="utf-8").split("\n")
    firsts = [str(cell) for cell in column(tables.read(SAMPLES / "products.csv"), "Artikelnummer")]
    assert all(
        lines[number - 1].startswith(first + ";") for number, first in zip(numbers, firsts, strict=True)
    )
