"""What people really send: exports of shops and of a German spreadsheet, cut, renamed and broken files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import tables
from etl.errors import EtlError

if TYPE_CHECKING:
    from pathlib import Path

SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    'linen-shirt,Linen shirt,"<p>Soft linen.</p>\n<ul>\n<li>Wash at 30°</li>\n<li>""Slim"" fit</li>\n</ul>",'
    'Nordal,"summer, linen, shirts",Size,S,LS-S,49.00,https://img.example/1.jpg?v=1\n'
    "linen-shirt,,,,,,M,LS-M,49.00,https://img.example/2.jpg\n"
    "linen-shirt,,,,,,,,,https://img.example/3.jpg\n"
    "mug,Mug,<p>Stoneware</p>,Nordal,,Title,Default Title,'00417,12.50,\n"
)
WOO = (
    '\ufeffID,Type,SKU,Name,Published,"Regular price",Categories,Images,Parent,'
    '"Attribute 1 name","Attribute 1 value(s)","Attribute 2 name","Attribute 2 value(s)"\r\n'
    '11,variable,HOODIE,Hoodie,1,,"Clothing > Hoodies, Sale","https://img.example/a.jpg, https://img.example/b.jpg",'
    ',Colour,"Blue, Green, Red",Logo,"Yes, No"\r\n'
    "12,variation,HOODIE-B,Hoodie - Blue,1,45,,https://img.example/c.jpg,HOODIE,Colour,Blue,Logo,\r\n"
    '13,simple,CAP,"Cap, ""winter""\nedition",0,18.05,"Accessories\\, more > Caps",,,,,,\r\n'
)
GERMAN = (
    "Artikelnr.;Bezeichnung;Größe;Preis;Gültig ab;Bestand\r\n"
    '00417;Bügeleisen „Glatt“;12";1.234,56;31.12.2025;1.000\r\n'
    '00418;"Kabel; 3 m";;-0,50;01.01.2026;\r\n'
    "00419;Spätzlepresse;2 €;9,90;;7\r\n"
)  # fmt: skip


def read(
    folder: Path, content: bytes, name: str = "feed.csv"
) -> tuple[tables.Table, dict[int, dict[str, object]]]:
    path = folder / name
    path.write_bytes(content)
    table = tables.read(path)
    found: dict[int, dict[str, object]] = {}
    for frame in table.frames():
        assert not frame.unreadable
        records = tables.table_of(frame).to_pylist()
        found |= dict(zip(frame.numbers.to_pylist(), records, strict=True))
    return table, found


def test_a_shopify_export_is_read_with_its_html_over_several_lines(tmp_path: Path) -> None:
    table, rows = read(tmp_path, SHOPIFY.encode())
    assert list(rows) == [2, 7, 8, 9]
    assert rows[2]["Body (HTML)"] == (
        '<p>Soft linen.</p>\n<ul>\n<li>Wash at 30°</li>\n<li>"Slim" fit</li>\n</ul>'
    )
    assert rows[2]["Tags"] == "summer, linen, shirts"
    assert (rows[7]["Handle"], rows[7]["Title"], rows[7]["Option1 Value"]) == ("linen-shirt", None, "M")
    assert rows[8]["Image Src"] == "https://img.example/3.jpg"
    assert rows[9]["Variant SKU"] == "'00417"
    assert table.dialect.delimiter == ","


def test_a_woocommerce_export_is_read_with_its_attribute_pairs_and_lists(tmp_path: Path) -> None:
    table, rows = read(tmp_path, WOO.encode())
    assert table.header[0] == "ID"
    assert table.header[-4:] == (
        "Attribute 1 name", "Attribute 1 value(s)", "Attribute 2 name", "Attribute 2 value(s)",
    )  # fmt: skip
    assert rows[2]["Attribute 1 value(s)"] == "Blue, Green, Red"
    assert (rows[3]["Parent"], rows[3]["Attribute 2 value(s)"]) == ("HOODIE", None)
    assert (rows[4]["Name"], rows[4]["Categories"]) == (
        'Cap, "winter"\nedition',
        "Accessories\\, more > Caps",
    )


def test_a_german_excel_export_is_read_in_windows_1252_and_no_number_is_touched(tmp_path: Path) -> None:
    table, rows = read(tmp_path, GERMAN.encode("cp1252"))
    assert (table.dialect.encoding, table.dialect.delimiter) == ("cp1252", ";")
    assert list(rows[2].values()) == ["00417", "Bügeleisen „Glatt“", '12"', "1.234,56", "31.12.2025", "1.000"]
    assert (rows[3]["Bezeichnung"], rows[3]["Größe"], rows[3]["Preis"]) == ("Kabel; 3 m", None, "-0,50")
    assert rows[4]["Größe"] == "2 €"


def test_rejected_rows_of_a_german_export_are_written_as_they_came(tmp_path: Path) -> None:
    table, rows = read(tmp_path, GERMAN.encode("cp1252"))
    tables.write(tmp_path / "rejected.csv", table.frames(), header=table.header, dialect=table.dialect)
    again = tables.read(tmp_path / "rejected.csv")
    assert again.dialect == table.dialect
    assert [row for frame in again.frames() for row in tables.table_of(frame).to_pylist()] == list(
        rows.values()
    )


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "feed.csv", "the file is empty"),
        (b"\n\n", "feed.csv", "the file is empty"),
        (b"%PDF-1.7\n" + b"\0" * 600, "feed.xlsx", "It is a PDF"),
        (b"PK\x03\x04\x14\0" + b"\0" * 600, "feed.csv", "no text file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "feed.xlsx", "password"),
        (b"PAR1 and no more", "feed.parquet", "no readable Parquet"),
        (b'{"a": 1}', "feed.json", "no list of records"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence_that_says_what_to_do(
    tmp_path: Path, content: bytes, name: str, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EtlError, match=says) as caught:
        tables.read(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
