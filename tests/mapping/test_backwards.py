# ruff: noqa: E501  tables of cells and whole messages are read across
from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import mapping as language
from etl.mapping.backwards import back_columns, no_way_back
from etl.mapping.convert.booleans import Booleans
from etl.mapping.convert.dates import Days, Moments
from etl.mapping.convert.faults import Faults
from etl.mapping.convert.numbers import Decimals, Integers, Marks
from etl.mapping.convert.pieces import joined, split
from etl.mapping.convert.texts import Json, Options, Texts
from etl.mapping.convert.values import value_table
from etl.mapping.parts import SplitDoc
from tests.mapping.conftest import frame, metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.mapping import Rules
    from etl.mapping.convert.converters import Converter

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda one: round(one, 4) + 0.0)
WHOLE = st.integers(-(2**31), 2**31 - 1)
GERMAN = Marks(",", ".", is_said=True)


def canonical(number: float, mark: str) -> str:
    text = f"{number:.4f}".rstrip("0").rstrip(".")
    return ("0" if text in ("", "-0") else text).replace(".", mark)


CASES: list[tuple[Converter, st.SearchStrategy[str]]] = [
    (Texts(), TEXT),
    (Integers(), WHOLE.map(str)),
    (Decimals(), NUMBERS.map(lambda one: canonical(one, "."))),
    (Decimals(GERMAN), NUMBERS.map(lambda one: canonical(one, ","))),
    (Booleans(), st.sampled_from(["true", "false"])),
    (Days(), st.dates().map(lambda one: f"{one:%Y}".zfill(4) + f"{one:-%m-%d}")),
    (Days(("DD.MM.YYYY",)), st.dates().map(lambda one: f"{one:%d.%m.}" + f"{one.year:04d}")),
    (Moments(), st.datetimes().map(lambda one: f"{one.year:04d}{one:-%m-%d %H:%M:%S}")),
    (Options(("a", "b c")), st.sampled_from(["a", "b c"])),
    (Json(), st.sampled_from(['{"a":[1,2.5,null]}', "[]", '"x"', "true"])),
]


@pytest.mark.parametrize(("converter", "cells"), CASES, ids=[type(one).__name__ for one, _ in CASES])
def test_canonical_cells_come_back_as_they_were(converter: Converter, cells: st.SearchStrategy[str]) -> None:
    @FEW
    @given(st.lists(st.none() | cells, max_size=5))
    def there_and_back(texts: list[str | None]) -> None:
        faults = Faults()
        values = converter.to_value(pa.array(texts, pa.string()), faults)
        assert faults.found == []
        assert converter.to_cell(values).to_pylist() == texts

    there_and_back()


@settings(max_examples=300, deadline=None)
@given(
    st.text("0123456789.,-+e ", max_size=6).filter(str.strip),
    st.sampled_from([GERMAN, Marks(",", is_said=True), Marks(".", ",", is_said=True), Marks(is_said=True)]),
)
def test_a_cell_is_the_same_number_or_none_whatever_stands_beside_it(text: str, marks: Marks) -> None:
    alone, beside = Faults(), Faults()
    (value,) = Decimals(marks).to_value(pa.array([text]), alone).to_pylist()
    assert Decimals(marks).to_value(pa.array([text, "many"]), beside).to_pylist() == [value, None]
    assert len(beside.found) == len(alone.found) + 1


MAPPING = """
entity: Tool
key: number
source: {number: {decimal: ",", thousands: "."}, date: DD.MM.YYYY}
fields:
  number: {column: No, strip_prefix: "SKU-"}
  name: {column: Name, prefix: "* "}
  price: {column: Price, divide_by: 100, measure: {}}
  stock: Stock
  size: {column: Size, range: "-"}
  isActive: {column: Active, values: {ja: true, nein: false}}
  since: Since
  tags: {column: Tags, split: {by: ",", escape: "\\\\"}}
  labels: {column: Labels, split: {by: "|", escape: "\\\\"}}
  brand: {column: Brand, link: {by: [name, code], delimiter: "/"}}
  categories: {column: Groups, split: ",", link: {by: code}}
"""
COLUMNS = {
    "No": ["SKU-1", "SKU-2"],
    "Name": ["a", "b"],
    "Price": ["1250 EUR", None],
    "Stock": ["5", None],
    "Size": ["1,5-2", None],
    "Active": ["ja", "nein"],
    "Since": ["31.12.2025", None],
    "Tags": ["new,sale", None],
    "Labels": [r"a\|b|c\\", None],
    "Brand": ["Acme/AC", None],
    "Groups": ["x,y", None],
}


def test_a_mapping_exports_what_it_imports(rules: Callable[..., Rules]) -> None:
    bound = rules(MAPPING, COLUMNS)
    payloads = bound.translate(frame(COLUMNS))
    assert payloads.problems == ()
    values = {**payloads.columns, **{one.target.key: one.texts for one in payloads.links}}
    columns = back_columns(bound)
    assert [one.name for one in columns] == list(COLUMNS)
    assert {one.name: one.to_cells(values).to_pylist() for one in columns} == COLUMNS
    assert list(no_way_back(bound)) == []


def test_of_files_only_names_have_a_way_back(rules: Callable[..., Rules], tmp_path: Path) -> None:
    text = (
        "entity: Tool\nkey: number\nwrite: update\nfields:\n  number: No\n"
        "  photos:\n    each: {column: A, split: '|'}\n    file: {base: .}\n"
        "    with: {sorting: {expr: item.index}, isMainImage: {expr: row.B}}\n"
    )
    columns = {"No": ["1"], "A": ["a.png"], "B": ["x"]}
    bound = rules(text, columns)
    (files,) = language.file_columns(bound)
    assert files.to_cells(pa.array([["a.png", "b.png"], None])).to_pylist() == ["a.png|b.png", None]
    assert [one.message.partition(". ")[0] for one in no_way_back(bound)] == [
        "photos.isMainImage cannot be exported: cells hold names of files alone"
    ]
    alone = rules(text.replace(", split: '|'", ""), columns)
    assert language.file_columns(alone) == ()
    assert [one.message.partition(". ")[0] for one in no_way_back(alone)] == [
        "photos cannot be exported: its cells hold one file each, and a record may have several"
    ]


def test_what_has_no_way_back_is_told(rules: Callable[..., Rules], tmp_path: Path) -> None:
    text = (
        "entity: Tool\nkey: number\nfields:\n  number: No\n  name: {expr: row.A}\n  text: {columns: [A, B]}\n"
        "  stock: {column: A, divide_by: B}\n  labels: {column: B, slug: true}\n  ean: No\n"
    )
    columns = {"No": ["1"], "A": ["1"], "B": ["2"]}
    told = [str(one).removeprefix(f"{tmp_path}/") for one in no_way_back(rules(text, columns))]
    assert told == [
        "m.yaml:5:3: name cannot be exported: an expression has no way back. The column will be missing or empty.",
        (
            "m.yaml:6:3: text cannot be exported: joined columns cannot be told apart again. "
            "The column will be missing or empty."
        ),
        (
            'm.yaml:7:3: stock cannot be exported: it is calculated with column "B". '
            "The column will be missing or empty."
        ),
        "m.yaml:8:3: labels cannot be exported: slug cannot be undone. The column will be missing or empty.",
        (
            "m.yaml:9:3: ean cannot be exported: another field is exported into its column. "
            "The column will be missing or empty."
        ),
    ]
    assert language.FINDINGS["no_way_back"].severity == "warning"
    assert metadata()


PIECES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
    .map(str.strip)
    .filter(bool),
    min_size=1,
    max_size=4,
)


@FEW
@given(st.lists(PIECES, min_size=1, max_size=3))
def test_pieces_come_back_whatever_marks_stand_in_them(lists: list[list[str]]) -> None:
    rule = SplitDoc.model_validate({"by": ",", "escape": "\\"})
    # A trailing space behind an escaped mark would be trimmed, as blanks around pieces are.
    cells = joined(pa.array(lists, pa.list_(pa.string())), rule)
    assert split(cells, rule).to_pylist() == lists


@FEW
@given(st.dictionaries(TEXT.map(str.strip).filter(bool), WHOLE, min_size=1, max_size=5))
def test_a_value_comes_back_as_the_first_cell_that_stands_for_it(entries: dict[str, int]) -> None:
    table = value_table(entries)
    meant = table.replace(pa.array(list(entries), pa.string()), Faults())
    back = table.restore(meant)
    assert table.replace(back, Faults()).to_pylist() == meant.to_pylist()
