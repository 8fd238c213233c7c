# ruff: noqa: E501  whole messages and tables of cells are read across
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.problems import say
from tests.mapping.conftest import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.mapping import Rules
    from etl.model import Payloads

TOOL = "entity: Tool\nkey: number\nfields:\n  number: No\n  name: {constant: Hammer}\n"


@pytest.fixture
def translate(rules: Callable[..., Rules]) -> Callable[[str, Mapping[str, list[object]]], Payloads]:
    def translated(more: str, columns: Mapping[str, list[object]]) -> Payloads:
        count = len(next(iter(columns.values())))
        columns = {"No": [str(n) for n in range(count)], **columns}
        text = (
            more if more.startswith("entity") else TOOL + "".join(f"  {line}\n" for line in more.splitlines())
        )
        return rules(text, columns).translate(frame(columns))

    return translated


Translate = "Callable[[str, Mapping[str, list[object]]], Payloads]"


@pytest.mark.parametrize(
    ("field", "cells", "values"),
    [
        ("text: A", ["a", " b ", "  ", None], ["a", " b ", None, None]),
        ("text: {column: A, trim: true}", [" b "], ["b"]),
        ("text: A", [4006381333931.0, 12.5, None], ["4006381333931", "12.5", None]),
        ("text: A", [7, None], ["7", None]),
        ("stock: A", ["5", " 6 ", "+7"], [5, 6, 7]),
        ("stock: A", [5.0, None], [5, None]),
        ("price: A", ["1234.56", ".5", "-1e3", " 2 "], [1234.56, 0.5, -1000.0, 2.0]),
        ("price: {column: A, number: {decimal: ',', thousands: '.'}}", ["1.234,56", "5", "1234,5"], [1234.56, 5.0, 1234.5]),
        ("price: {column: A, number: {decimal: ',', thousands: ' '}}", ["1\u00a0234,56", "1 234"], [1234.56, 1234.0]),
        ("isActive: A", ["true", "FALSE", "1", "0", None], [True, False, True, False, None]),
        ("isActive: {column: A, values: {ja: true, nein: false, '-': null}}", ["ja", " nein", "-"], [True, False, None]),
        ("isActive: {column: A, values: {ja: true}, else: skip}", ["ja", "what"], [True, None]),
        ("state: {column: A, values: {neu: draft}, else: keep}", ["neu", "ready"], ["draft", "ready"]),
        ("since: {column: A, date: DD.MM.YYYY}", ["31.12.2025"], ["2025-12-31"]),
        ("since: {column: A, date: D.M.YYYY}", ["1.2.2025", "31.12.2025"], ["2025-02-01", "2025-12-31"]),
        ("since: {column: A, date: [DD.MM.YYYY, YYYY-MM-DD]}", ["31.12.2025", "2025-01-02"], ["2025-12-31", "2025-01-02"]),
        ("moment: A", ["2025-12-31 10:00:00", "2025-12-31T10:00:00+02:00", "2025-12-31T10:00:00Z"],
         ["2025-12-31 10:00:00", "2025-12-31 08:00:00", "2025-12-31 10:00:00"]),
        ("moment: {column: A, date: {formats: 'DD.MM.YYYY HH:mm', zone: Europe/Berlin}}", ["01.07.2025 12:00"], ["2025-07-01 10:00:00"]),
        ("tags: {column: A, split: ','}", ["new, sale", " , ", "old"], [["new", "sale"], None, ["old"]]),
        ("labels: A", ["x", None], [["x"], None]),
        ("text: {column: A, default: none}", ["x", None], ["x", "none"]),
        ("price: {constant: 5}", ["x", None], [5.0, 5.0]),
        ("tags: {constant: new}", ["x", None], [["new"], ["new"]]),
        ("nameDeDe: A", ["Säge"], ["Säge"]),
        ("name@de_DE: A", ["Säge"], ["Säge"]),
        ("gone|text: A", ["x"], ["x"]),
    ],
)  # fmt: skip
def test_cells_become_values_of_the_fields_type(
    translate: Callable[..., Payloads], field: str, cells: list[object], values: list[object]
) -> None:
    payloads = translate(field, {"A": cells})
    assert payloads.problems == ()
    assert next(reversed(list(payloads.columns.values()))).to_pylist() == values


@pytest.mark.parametrize(
    ("field", "cell", "text"),
    [
        ("stock: A", "1.5", '"1.5" is not a whole number. Write a whole number, or map to another field.'),
        ("stock: A", "x", '"x" is not a number. Correct the cell.'),
        ("stock: A", "-1", '"-1" is outside 0 to 2147483647. Correct the cell.'),
        ("stock: A", "99999999999", '"99999999999" is outside 0 to 2147483647. Correct the cell.'),
        ("stock: A", "99999999999999999999999", '"99999999999999999999999" is outside -2147483648 to 2147483647. Correct the cell.'),
        ("stock: A", "0x1F", '"0x1F" is not a number. Correct the cell.'),
        ("price: A", "1.234,56", '"1.234,56" is not a number without a rule. If it is written so on purpose, set number: {decimal: ",", thousands: "."} in source or field.'),
        ("price: A", "nan", '"nan" is not a number. Correct the cell.'),
        ("price: A", "12,5 kg", '"12,5 kg" is not a number. Write 12.5, or add "measure: {}" to the field.'),
        ("price: {column: A, number: {decimal: ',', thousands: '.'}}", "12.50", '"12.50" is not a number with the rule given. If it is written so on purpose, set number: {decimal: "."} in source or field.'),
        ("weight: A", "1000.5", '"1000.5" is outside at most 1000. Correct the cell.'),
        ("isActive: A", "yes", '"yes" is neither true nor false. Add "values: {yes: true}" to the field.'),
        ("since: A", "31.12.2025", '"31.12.2025" is not a date like YYYY-MM-DD. Correct the cell, or set source.date.'),
        ("since: {column: A, date: DD.MM.YYYY}", "31.02.2025", '"31.02.2025" is not a date like DD.MM.YYYY. Correct the cell, or set source.date.'),
        ("state: A", "redy", '"redy" is no option of state (did you mean "ready"?). Options are draft, ready. Correct it, or add "values:".'),
        ("tags: {column: A, split: ','}", "new,gone", '"gone" is no option of tags. Options are new, sale, old. Correct it, or add "values:".'),
        ("name@de_DE: {column: A, required: true}", None, "the cell is empty, but name@de_DE is required. Fill it in, or give the field a default."),
        ("ean: A", "12", r'"12" does not have the form that ean asks for (/^(\d{8}|\d{12,14})$/). Correct it.'),
        ("isActive: {column: A, values: {ja: true}}", "what", '"what" has no entry in values of isActive. Add it there, or set else.'),
        ("data: A", "{", '"{" is no JSON. Correct the cell.'),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_understood_is_a_problem_that_says_what_to_do(
    translate: Callable[..., Payloads], field: str, cell: object, text: str
) -> None:
    payloads = translate(field, {"A": [cell]})
    assert [say(one) for one in payloads.problems] == [text]
    assert payloads.invalid == {2}
    assert len(payloads) == 0


def test_only_the_rows_with_bad_cells_are_left_out(translate: Callable[..., Payloads]) -> None:
    payloads = translate("stock: A", {"A": ["1", "x", "3"]})
    assert payloads.columns["stock"].to_pylist() == [1, 3]
    assert payloads.numbers.to_pylist() == [2, 4]
    assert payloads.keys.to_pylist() == ["0", "2"]


def test_a_cell_left_out_does_not_stop_its_row(translate: Callable[..., Payloads]) -> None:
    payloads = translate("stock: {column: A, on_error: skip_field}", {"A": ["x"]})
    assert payloads.columns["stock"].to_pylist() == [None]
    assert [say(one) for one in payloads.problems] == [
        'the cell was left out: "x" is not a number. The rest of the row goes.'
    ]


def test_an_empty_cell_clears_only_where_the_mapping_says_so(translate: Callable[..., Payloads]) -> None:
    payloads = translate("text: {column: A, on_empty: clear}", {"A": ["x", None]})
    assert payloads.clears["text"].to_pylist() == [False, True]
    assert "text" not in translate("text: A", {"A": ["x", None]}).clears


def test_links_stay_texts_with_where_to_look_them_up(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        "brand: {column: A, link: {by: name, missing: create}}\n"
        "categories: {column: B, split: '|', link: {by: code}, links: replace}",
        {"A": ["Acme", None], "B": ["a| b", None]},
    )
    brand, categories = payloads.links
    assert (brand.target.key, brand.target.entity, brand.target.by) == ("brandId", "Maker", "name")
    assert brand.texts.to_pylist() == ["Acme", None]
    assert categories.target.replaces
    assert categories.texts.to_pylist() == [["a", "b"], None]


def test_composite_keys_are_typed_and_joined_by_the_unit_separator(rules: Callable[..., Rules]) -> None:
    columns = {"No": ["a\u0308", "b", None], "Stock": ["05", "x", "1"]}
    bound = rules("entity: Tool\nkey: [number, stock]\nfields: {number: No, stock: Stock, name: No}", columns)
    assert bound.keys(frame(columns)).to_pylist() == ["\u00e4\x1f5", None, None]
    assert bound.key_fields == ("number", "stock")
