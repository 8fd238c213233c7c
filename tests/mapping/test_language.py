# ruff: noqa: E501  whole messages and tables of cells are read across
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import mapping as language
from etl.mapping.convert.markdown import markdown_to_html
from etl.problems import say
from etl.schema import FieldSchema
from tests.mapping.conftest import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from etl.mapping import Rules
    from etl.model import Payloads
    from etl.schema import Schema

HEAD = "entity: Tool\nkey: number\n"
FIELDS = "fields:\n  number: No\n  name: {constant: Hammer}\n"


def last(payloads: Payloads) -> list[object]:
    assert [say(one) for one in payloads.problems] == []
    return list(payloads.columns.values())[-1].to_pylist()


@pytest.mark.parametrize(
    ("field", "columns", "values"),
    [
        ("{columns: [A, B], join: '-'}", {"A": ["x", None, None], "B": ["y", "z", None]}, ["x-y", "z", None]),
        ("{first_of: [A, {columns: [B], slug: true}]}", {"A": ["x", None], "B": ["y", "Z Ö"]}, ["x", "z-oe"]),
        ("{expr: \"row.A ~ '/' ~ row['B b']\"}", {"A": ["x"], "B b": [None]}, ["x/"]),
        ("{expr: \"row.A if row.B == 'ja' else none\"}", {"A": ["x", "y"], "B": ["ja", "nein"]}, ["x", None]),
        ("{row_number: true}", {"A": ["x", "y"]}, ["2", "3"]),
        ("{column: A, extract: '[0-9]+'}", {"A": ["ab 12 cd"]}, ["12"]),
        ("{column: A, extract: 'a(.)c'}", {"A": ["xabc"]}, ["b"]),
        ("{column: A, replace: {x: y, ' ': ''}}", {"A": ["x x"]}, ["yy"]),
        ("{column: A, replace: {pattern: '[aeiou]', with: '*'}}", {"A": ["hammer"]}, ["h*mm*r"]),
        ("{column: A, strip_prefix: 'SKU-', case: lower}", {"A": ["SKU-AB", "CD"]}, ["ab", "cd"]),
        ("{column: A, pad: {to: 5, with: '0'}, prefix: X, suffix: Y}", {"A": ["12"]}, ["X00012Y"]),
        ("{column: A, slug: true}", {"A": ['Größe 5 "XL"', "!!"]}, ["groesse-5-xl", None]),
        ("{column: A, html: to_text}", {"A": ["<p>a &amp; b<br>c</p><script>x()</script>"]}, ["a & b\nc"]),
        ("{column: A, html: from_text}", {"A": ["a < b\nc\n\nd"]}, ["<p>a &lt; b<br>c</p><p>d</p>"]),
        ("{column: A, steps: [{prefix: ' x'}, {trim: true}]}", {"A": ["y "]}, ["xy"]),
        ("{column: A, when: \"row.B == 'x'\"}", {"A": ["1", "2"], "B": ["x", "y"]}, ["1", None]),
        ("{column: A, check: gtin}", {"A": ["4006381333931", "96385074"]}, ["4006381333931", "96385074"]),
    ],
)  # fmt: skip
def test_text_is_made_as_the_mapping_says(
    translate: Callable[..., Payloads], field: str, columns: Mapping[str, list[object]], values: list[object]
) -> None:
    assert last(translate(f"{HEAD}{FIELDS}  text: {field}\n", columns)) == values


@pytest.mark.parametrize(
    ("field", "columns", "values"),
    [
        ("price: {column: A, divide_by: 100, unit: EUR}", {"A": ["1250"]}, [12.5]),
        ("price: {column: A, divide_by: B, unit: EUR}", {"A": ["30", "30"], "B": ["10", "3"]}, [3.0, 10.0]),
        ("price: {column: A, multiply_by: 1.19, round: 2}", {"A": ["10.05"]}, [11.96]),
        ("stock: {column: A, divide_by: 2}", {"A": ["10"]}, [5]),
        ("weight: {column: A, measure: {}, number: {decimal: ','}}", {"A": ["12,5 kg", "3 g"]}, [12.5, 3.0]),
    ],
)  # fmt: skip
def test_numbers_are_calculated(
    translate: Callable[..., Payloads], field: str, columns: Mapping[str, list[object]], values: list[object]
) -> None:
    assert last(translate(f"{HEAD}{FIELDS}  {field}\n", columns)) == values


@pytest.mark.parametrize(
    ("field", "columns", "said"),
    [
        ("text: {column: A, extract: '[0-9]+'}", {"A": ["ab"]}, '"ab" has nothing that [0-9]+ finds. Correct the cell, or the pattern.'),
        ("text: {expr: 'row.A + 1'}", {"A": ["ab"]}, 'the expression "row.A + 1" failed: can only concatenate str (not "int") to str. Correct the row, or the expression.'),
        ("text: {column: A, check: gtin}", {"A": ["4006381333932"]}, '"4006381333932" is no GTIN: 8, 12, 13 or 14 digits with a right check digit. Correct the cell.'),
        ("text: {column: A, check: {length: [2, 3]}}", {"A": ["abcd"]}, '"abcd" does not have 2 to 3 characters. Correct the cell.'),
        ("text: {column: A, check: {regex: '^a'}}", {"A": ["b"]}, '"b" does not match ^a. Correct the cell.'),
        ("text: {column: A, check: {one_of: [a, b]}}", {"A": ["c"]}, '"c" is none of a, b. Correct the cell.'),
        ("price: {column: A, check: {min: 1, max: 5}}", {"A": ["0.5"]}, '"0.5" is less than 1. Correct the cell.'),
        ("price: {column: A, divide_by: B}", {"A": ["1"], "B": ["0"]}, '"0" in column "B" is no number to calculate with. Correct the cell.'),
        ("weight: {column: A, measure: {}}", {"A": ["12"]}, '"12" names no unit. Add it, or give "measure" a default.'),
        ("size: {column: A, range: '-'}", {"A": ["12"]}, '"12" is no range like 10-20. Correct the cell.'),
        ("size: {column: A, range: '-'}", {"A": ["20-10"]}, '"20-10" ends before it begins. Correct the cell.'),
        ("stock: {column: A, divide_by: 4}", {"A": ["10"]}, '"10" is not a whole number. Write a whole number, or map to another field.'),
        ("brand: {column: A, link: {by: [name, code]}}", {"A": ["Acme"]}, '"Acme" does not hold name, code, with "|" between them. Correct the cell, or the delimiter.'),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_a_problem(
    translate: Callable[..., Payloads], field: str, columns: Mapping[str, list[object]], said: str
) -> None:
    payloads = translate(f"{HEAD}{FIELDS}  {field}\n", columns)
    assert [say(one) for one in payloads.problems] == [said]
    assert len(payloads) == 0


def test_a_unit_goes_with_its_number_only(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}{FIELDS}  price: {{column: A, unit: {{column: C, by: code, values: {{€: EUR}}}}}}\n  weight: {{column: W, measure: {{default: g}}}}\n",
        {"A": ["1.5", None], "C": ["€", None], "W": ["2 kg", "3"]},
    )
    assert payloads.problems == ()
    price, weight = payloads.links
    assert (price.target.key, price.target.by, dict(price.target.within)) == (
        "priceUnitId",
        "code",
        {"measureId": "currency"},
    )
    assert price.texts.to_pylist() == ["EUR", None]
    assert weight.texts.to_pylist() == ["kg", "g"]


def test_a_range_becomes_its_two_ends(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}{FIELDS}  size: {{column: A, range: '-', unit: mm}}\n", {"A": ["10 - 20", "-5--1", None]}
    )
    assert payloads.columns["sizeFrom"].to_pylist() == [10.0, -5.0, None]
    assert payloads.columns["sizeTo"].to_pylist() == [20.0, -1.0, None]
    assert payloads.links[0].texts.to_pylist() == ["mm", "mm", None]


def test_list_options_are_looked_up_in_their_list(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}{FIELDS}  colour: {{column: A, link: {{by: name, missing: create}}}}\n  materials: {{column: B, split: ',', link: {{by: code}}}}\n",
        {"A": ["red"], "B": ["wood, iron"]},
    )
    colour, materials = payloads.links
    assert (colour.target.entity, colour.target.key, dict(colour.target.within)) == (
        "ExtensibleEnumOption", "colour", {"extensibleEnumsIds": "colours"},
    )  # fmt: skip
    assert materials.texts.to_pylist() == [["wood", "iron"]]


def test_links_are_found_by_several_fields_by_paths_and_in_blocks(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}{FIELDS}  brand: {{column: A, link: {{by: [name, code], delimiter: /}}}}\n"
        "  categories: {column: B, split: '|', link: {by: name, path: ' > ', leaf: warn, where: isActive}}\n"
        "  parents: {column: C, link: {by: number, in: both}}\n",
        {"A": ["Acme / AC"], "B": ["Tools>Hammers | Sale"], "C": ["7"]},
    )
    brand, categories, parents = payloads.links
    assert (brand.target.by, brand.target.also_by, brand.texts.to_pylist()) == (
        "name",
        ("code",),
        ["Acme\x1fAC"],
    )
    assert categories.texts.to_pylist() == [["Tools > Hammers", "Sale"]]
    assert (categories.target.path, categories.target.leaf, categories.target.where) == (
        " > ",
        "warn",
        "isActive",
    )
    assert parents.target.place == "both"


def test_linked_objects_travel_as_json(rules: Callable[..., Rules]) -> None:
    columns = {"No": ["1", "2"], "A": ["Acme", None], "B": ["a, b", None]}
    bound = rules(
        f"{HEAD}{FIELDS}  brand: {{column: A, link: {{by: name, send: object}}}}\n  categories: {{column: B, split: ',', link: {{by: code, send: object}}}}\n",
        columns,
    )
    payloads = bound.translate(frame(columns))
    assert bound.object_keys == ("brand", "categories")
    assert payloads.columns["brand"].storage.to_pylist() == ['{"name":"Acme"}', None]
    assert payloads.columns["categories"].storage.to_pylist() == ['[{"code":"a"},{"code":"b"}]', None]
    assert payloads.links == ()


def test_markers_clear_a_field_or_leave_it_alone(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}markers: {{clear: ['NULL'], skip: ['--']}}\n{FIELDS}  text: {{column: A, default: none}}\n  stock: {{column: B, required: true}}\n",
        {"A": ["x", " NULL", "--", None], "B": ["1", "--", "NULL", "4"]},
    )
    assert payloads.problems == ()
    assert payloads.columns["text"].to_pylist() == ["x", None, None, "none"]
    assert payloads.clears["text"].to_pylist() == [False, True, False, False]
    assert payloads.clears["stock"].to_pylist() == [False, False, True, False]


def test_columns_are_described_once(rules: Callable[..., Rules]) -> None:
    text = (
        "entity: Tool\nkey: number\ncolumns:\n  price: {header: [Preis, 'Preis EUR'], number: {decimal: ','}}\n"
        "  option: {header: Option, blank: [Default Title]}\n  extra: {header: Gone, optional: true}\n"
        "fields: {number: No, name: option, price: price, text: extra, stock: {expr: row.price * 2}}\n"
    )
    columns = {"No": ["1"], "Preis EUR": ["2,50"], "Option": ["Default Title"]}
    payloads = rules(text, columns).translate(frame(columns))
    assert [say(one) for one in payloads.problems] == [
        "the cell is empty, but name is required. Fill it in, or give the field a default."
    ]
    columns["Option"] = ["Blue"]
    payloads = rules(text, columns).translate(frame(columns))
    assert payloads.columns["price"].to_pylist() == [2.5]
    assert payloads.columns["stock"].to_pylist() == [5]
    assert payloads.columns["text"].to_pylist() == [None]


def test_relation_records_have_fields_of_their_own(rules: Callable[..., Rules]) -> None:
    columns = {"No": ["1", "2", "3"], "Groups": ["a|b|a", "c", None], "Stock": ["1", "x", "3"]}
    bound = rules(
        f"{HEAD}{FIELDS}  stock: Stock\n  categories:\n    each: {{column: Groups, split: '|', unique: true}}\n    link: {{by: code}}\n"
        "    with: {sorting: {expr: item.index * 10}, mainGroup: {expr: item.first}}\n",
        columns,
    )
    payloads = bound.translate(frame(columns))
    (records,) = payloads.relations
    assert (records.entity, records.owner_key) == ("ToolGroup", "toolId")
    assert records.owners.to_pylist() == [0, 0]
    assert records.links[0].texts.to_pylist() == ["a", "b"]
    assert records.links[0].target.key == "groupId"
    assert {key: one.to_pylist() for key, one in records.columns.items()} == {
        "sorting": [10, 20], "mainGroup": [True, False],
    }  # fmt: skip
    assert len(payloads.links) == 0


def test_associations_are_records_between_two_of_a_kind(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        f"{HEAD}{FIELDS}associations:\n  upsell: {{column: A, split: ',', by: number}}\n",
        {"A": ["7, 8", None]},
    )
    (records,) = payloads.relations
    assert (records.entity, records.owner_key) == ("AssociatedTool", "associatingItemId")
    assert [one.target.key for one in records.links] == ["associatedItemId", "associationId"]
    assert [one.texts.to_pylist() for one in records.links] == [["7", "8"], ["upsell", "upsell"]]


FACTS = (
    language.AttributeFacts("id1", "screenSize", "Screen size", FieldSchema("x", "float", "float", measure="length")),
    language.AttributeFacts("id2", "color", "Colour", FieldSchema("x", "varchar", "text"), languages=("de_DE",)),
    language.AttributeFacts("id3", "", "Odd one", FieldSchema("x", "bool", "bool")),
)  # fmt: skip


def test_attributes_are_typed_by_what_the_instance_knows(
    write: Callable[[str], Path], schema: Schema
) -> None:
    columns = {"No": ["1", "2"], "D": ["5.5", "N/A"], "F": ["blau", None], "O": ["true", None]}
    text = f"{HEAD}markers: {{unassign: [N/A]}}\n{FIELDS}attributes:\n  screenSize: {{column: D, unit: inch}}\n  color@de_DE: F\n  Odd one: O\n"
    bound = language.bind(language.load(write(text)), header=tuple(columns), schema=schema, attributes=FACTS)
    size, unit, colour, odd = bound.translate(frame(columns)).attributes
    assert (size.target.attribute_id, size.target.key, size.values.to_pylist()) == (
        "id1",
        "screenSize",
        [5.5, None],
    )
    assert size.unassigns.to_pylist() == [False, True]
    assert (unit.part, unit.target.key, unit.values.to_pylist()) == (
        "unit",
        "screenSizeUnitId",
        ["inch", None],
    )
    assert (colour.target.key, colour.values.to_pylist()) == ("colorDeDe", ["blau", None])
    assert (odd.target.key, odd.values.to_pylist()) == ("id3", [True, None])


def test_names_and_values_in_pairs_become_attributes(write: Callable[[str], Path], schema: Schema) -> None:
    columns = {
        "No": ["1", "2", "3"],
        "Attribute 1 name": ["Colour", "screenSize", "What"], "Attribute 1 value(s)": ["red", "7", "x"],
        "Attribute 2 name": [None, "Color", None], "Attribute 2 value(s)": [None, "blue", None],
    }  # fmt: skip
    text = f"{HEAD}{FIELDS}attributes:\n  '{{code}}': {{names: 'Attribute {{n}} name', values: 'Attribute {{n}} value(s)', as: {{Colour: color, Color: color}}}}\n"
    bound = language.bind(language.load(write(text)), header=tuple(columns), schema=schema, attributes=FACTS)
    payloads = bound.translate(frame(columns))
    found = {one.target.name: one.values.to_pylist() for one in payloads.attributes}
    assert found == {"color": ["red", "blue", None], "screenSize": [None, 7.0, None]}
    assert [say(one) for one in payloads.problems] == [
        '"What" is no attribute of Tool; its value was left out. Create it, or name it in "as".'
    ]


def test_patterns_catch_columns_by_their_names(write: Callable[[str], Path], schema: Schema) -> None:
    columns = {"No": ["1"], "color-de_DE": ["blau"], "screenSize-en": ["3"], "name-de_DE": ["Säge"]}
    text = (
        f"{HEAD}{FIELDS}patterns:\n  - {{header: 'name-{{locale}}', field: 'name@{{locale}}', by: {{trim: true}}}}\n"
        "  - {header: '{code}-{locale}', attribute: '{code}@{locale}', let: {locale: [de_DE]}}\n  - {header: '{code}-en', attribute: '{code}'}\n"
    )
    mapping = language.load(write(text))
    payloads = language.bind(mapping, header=tuple(columns), schema=schema, attributes=FACTS).translate(
        frame(columns)
    )
    assert payloads.columns["nameDeDe"].to_pylist() == ["Säge"]
    assert {one.target.address: one.values.to_pylist() for one in payloads.attributes} == {
        "color@de_DE": ["blau"], "screenSize": [3.0],
    }  # fmt: skip
    assert language.check(mapping, header=tuple(columns), schema=schema, attributes=FACTS) == []


BLOCKS = """
source: {file: shop.csv}
blocks:
  - id: variants
    entity: Tool
    key: number
    fields:
      number: Sku
      name: Title
      parents: {column: Handle, link: {by: number, of: products}}
  - id: products
    entity: Tool
    key: number
    rows: {group: Handle}
    fields: {number: Handle, name: Title}
"""


def test_blocks_run_in_the_order_their_links_need(write: Callable[[str], Path], schema: Schema) -> None:
    columns = {"Handle": ["h", "h"], "Sku": ["1", "2"], "Title": ["T", None]}
    mapping = language.load(write(BLOCKS))
    parts = mapping.parts()
    assert [one.block for one in parts] == ["products", "variants"]
    products, variants = (language.bind(one, header=tuple(columns), schema=schema) for one in parts)
    assert products.translate(frame(columns)).keys.to_pylist() == ["h"]
    made = variants.translate(frame(columns))
    assert made.keys.to_pylist() == ["1"]
    assert (made.links[0].target.block, made.links[0].target.place) == ("products", "source")
    with pytest.raises(ValueError, match="block by block"):
        language.bind(mapping, header=tuple(columns), schema=schema)


def test_a_mapping_extends_another(write: Callable[..., Path], schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    write(
        "entity: Tool\nkey: number\nsource: {file: tools.csv, delimiter: ';'}\nfields:\n  number: No\n  name: Title\n  text: Gone\n  stock: {column: A, values: {file: v.csv, from: a, to: b}}\n",
        "base/base.yaml",
    )
    (tmp_path / "base" / "v.csv").write_text("a,b\nviele,9\n")
    own = write("extends: base/base.yaml\nsource: {delimiter: ','}\nfields: {name: Name, text: null}\n")
    mapping = language.load(own)
    assert mapping.source.delimiter == ","
    assert mapping.source_path == tmp_path / "base" / "tools.csv"
    assert list(mapping.fields) == ["number", "name", "stock"]
    columns = {"No": ["1"], "Name": ["x"], "A": ["viele"]}
    assert last(language.bind(mapping, header=tuple(columns), schema=schema).translate(frame(columns))) == [9]
    found = language.check(mapping, header=("Name", "A"), schema=None)
    assert [(one.file, one.line) for one in found] == [(str(tmp_path / "base" / "base.yaml"), 5)]
    assert mapping.digest != language.load(tmp_path / "base" / "base.yaml").digest


def test_a_lookup_in_a_second_table_leaves_unknown_cells_empty(
    write: Callable[..., Path], schema: Schema
) -> None:
    write("ERP;PIM\nSTK;piece\n", "units.csv")
    columns = {"No": ["1", "2"], "U": ["STK", "KG"]}
    mapping = language.load(
        write(f"{HEAD}{FIELDS}  text: {{lookup: {{column: U, file: units.csv, from: ERP, to: PIM}}}}\n")
    )
    assert last(language.bind(mapping, header=tuple(columns), schema=schema).translate(frame(columns))) == [
        "piece",
        None,
    ]


def test_an_expression_cannot_leave_its_sandbox(translate: Callable[..., Payloads]) -> None:
    for text in ("row.A.__class__.__mro__", "'a' * 10 ** 9", "cycler.__init__.__globals__"):
        payloads = translate(f'{HEAD}{FIELDS}  text: {{expr: "{text}"}}\n', {"A": ["x"]})
        assert [one.code for one in payloads.problems] == ["expr_failed"]


def test_ids_of_what_the_instance_does_not_show_are_taken_as_they_stand(
    translate: Callable[..., Payloads],
) -> None:
    payloads = translate(f"{HEAD}{FIELDS}  scope: {{constant: Product, link: {{by: id}}}}\n", {"A": ["x"]})
    assert payloads.columns["scopeId"].to_pylist() == ["Product"]
    assert payloads.links == ()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("# Title #\nfirst\nsecond", "<h1>Title</h1><p>first<br>second</p>"),
        ("- a\n- **b**\n1. c\n\nd", "<ul><li>a</li><li><strong>b</strong></li></ul><ol><li>c</li></ol><p>d</p>"),
        ("*x* `a*b*<c>` 2 * 3 * 4", "<p><em>x</em> <code>a*b*&lt;c&gt;</code> 2 * 3 * 4</p>"),
        ("[go](https://x.example/a) [no](javascript:alert(1)) <b>", '<p><a href="https://x.example/a">go</a> [no](javascript:alert(1)) &lt;b&gt;</p>'),
        ("[no](data:text/html,x)", "<p>no</p>"),
        ('["q](/a"b)', '<p><a href="/a&quot;b">&quot;q</a></p>'),
    ],
)  # fmt: skip
def test_markdown_becomes_html_without_letting_tags_through(text: str, made: str) -> None:
    assert markdown_to_html(text) == made


def test_markdown_becomes_text(translate: Callable[..., Payloads]) -> None:
    field = "{column: A, markdown: to_text}"
    assert last(translate(f"{HEAD}{FIELDS}  text: {field}\n", {"A": ["# T\n\n- **a** & b"]})) == [
        "T\n- a & b"
    ]
