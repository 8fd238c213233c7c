# ruff: noqa: E501  whole messages and tables of cells are read across
"""Which rows count and which belong together."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from etl.problems import say
from tests.mapping.conftest import frame
from tests.mapping.test_language import FIELDS, HEAD, last

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.mapping import Rules
    from etl.model import Payloads

SHOP = {
    "No": ["a", None, None, "b", "c", None],
    "Title": ["Apple", None, None, "Bear", "Cat", None],
    "Tag": ["x", "y", None, "z", "u", "v"],
    "Pos": ["2", "1", None, "1", "1", "2"],
    "Stock": ["1", None, "2", "3", "4", "oops"],
}


def test_several_rows_make_one_record(rules: Callable[..., Rules]) -> None:
    text = (
        "entity: Tool\nkey: number\nrows: {group: No}\nfields:\n  number: No\n  name: Title\n  stock: Stock\n"
        "  labels: {column: Tag}\n"
    )
    bound = rules(text, SHOP)
    payloads = bound.translate(frame(SHOP))
    assert payloads.columns["labels"].to_pylist() == [["x", "y"], ["z"], ["u", "v"]]
    assert payloads.numbers.to_pylist() == [2, 5, 6]
    assert payloads.members == {2: (2, 3, 4), 6: (6, 7)}
    assert payloads.columns["stock"].to_pylist() == [1, 3, 4]
    assert bound.keys(frame(SHOP)).to_pylist() == ["a", None, None, "b", "c", None]
    assert bound.heads(frame(SHOP)).to_pylist() == [2, 2, 2, 5, 6, 6]


def test_a_bad_row_of_a_group_brings_its_whole_group(rules: Callable[..., Rules]) -> None:
    text = "entity: Tool\nkey: number\nrows: {group: No}\nfields: {number: No, name: Title, labels: Tag, tags: {column: Tag}}\n"
    columns = {**SHOP, "Tag": ["new", "new", None, "sale", "old", "oops"]}
    payloads = rules(text, columns).translate(frame(columns))
    assert payloads.invalid == {6, 7}
    assert [(one.row, one.value) for one in payloads.problems] == [(7, "oops")]
    assert payloads.keys.to_pylist() == ["a", "b"]


def test_frames_are_cut_where_records_end(rules: Callable[..., Rules]) -> None:
    bound = rules("entity: Tool\nkey: number\nrows: {group: No}\nfields: {number: No, name: Title}\n", SHOP)
    whole = frame(SHOP)
    parts = [
        type(whole)(whole.data.iloc[at : at + 2], whole.numbers[at : at + 2], whole.file) for at in (0, 2, 4)
    ]
    cut = list(bound.whole_records(parts))
    assert [one.numbers.to_pylist() for one in cut] == [[2, 3, 4], [5], [6, 7]]


def test_cells_are_filled_down_within_a_group(translate: Callable[..., Payloads]) -> None:
    payloads = translate(
        "entity: Tool\nkey: number\nrows: {fill_down: {within: G, columns: [A]}}\nfields: {number: No, name: {constant: x}, text: A}\n",
        {"G": ["1", "1", "2", "2"], "A": ["x", None, None, "y"]},
    )
    assert last(payloads) == ["x", "x", None, "y"]


def test_rows_are_skipped_where_the_mapping_says_so(translate: Callable[..., Payloads]) -> None:
    text = f"{HEAD}rows: {{where: \"row.A != 'gone'\", command: {{column: C, values: {{x: delete}}}}}}\n{FIELDS}  text: A\n"
    payloads = translate(text, {"A": ["a", "gone", "c", "d"], "C": [None, None, "IGNORE", "x"]})
    assert payloads.skipped == {3, 4}
    assert payloads.columns["text"].to_pylist() == ["a", "d"]
    assert payloads.commands.to_pylist() == [None, "delete"]
    wrong = translate(text, {"A": ["a"], "C": ["shred"]})
    assert [say(one) for one in wrong.problems] == [
        '"shred" is no command. Commands are create, update, delete, ignore; name others in rows.command.values.'
    ]


def test_relation_records_follow_the_rows_of_a_group(rules: Callable[..., Rules]) -> None:
    bound = rules(
        "entity: Tool\nkey: number\nrows: {group: No}\nfields:\n  number: No\n  name: Title\n  categories:\n"
        "    each: {column: Tag, order_by: Pos}\n    link: {by: code}\n    with: {sorting: Pos}\n",
        SHOP,
    )
    (records,) = bound.translate(frame(SHOP)).relations
    assert records.owners.to_pylist() == [0, 0, 1, 2, 2]
    assert records.links[0].texts.to_pylist() == ["y", "x", "z", "u", "v"]
    assert records.columns["sorting"].to_pylist() == [1, 2, 1, 1, 2]


def test_a_group_over_two_frames_keeps_its_numbers_whatever_their_types(rules: Callable[..., Rules]) -> None:
    text = "entity: Tool\nkey: number\nrows: {group: No}\nsource: {number: {decimal: ',', thousands: '.'}}\nfields: {number: No, name: Title, price: P, text: T}\n"
    first = {"No": ["a", "b"], "Title": ["A", "B"], "P": [1.5, None], "T": [1, 2]}
    second = {"No": ["b", "c"], "Title": [None, "C"], "P": ["1,234", None], "T": [0.5, 1.25]}
    bound = rules(text, first)
    made = [bound.translate(one) for one in bound.whole_records([frame(first), frame(second, first_row=4)])]
    assert [say(problem) for one in made for problem in one.problems] == []
    assert [value for one in made for value in one.columns["price"].to_pylist()] == [1.5, 1.234, None]
    assert [value for one in made for value in one.columns["text"].to_pylist()] == ["1", "2", "1.25"]
    clash = bound.whole_records(
        [frame({**first, "P": [1.0, 1.234]}), frame({**second, "P": ["x", None]}, first_row=4)]
    )
    problems = [problem for one in clash for problem in bound.translate(one).problems]
    assert [one.value for one in problems] == ["1.2340"]


def test_typed_numbers_need_no_rule(rules: Callable[..., Rules]) -> None:
    text = "entity: Tool\nkey: number\nsource: {number: {decimal: ','}}\nfields: {number: No, name: No, price: P, stock: S}\n"
    columns = {"No": ["1", "2", "3"], "P": [Decimal("1.50"), Decimal("2.25"), None], "S": [1.0, 2.5, None]}
    payloads = rules(text, columns).translate(frame(columns))
    assert payloads.columns["price"].to_pylist() == [1.5, None]
    assert [say(one) for one in payloads.problems] == [
        '"2.5" is not a whole number. Write a whole number, or map to another field.'
    ]


def test_of_a_row_that_deletes_nothing_but_its_key_matters(rules: Callable[..., Rules]) -> None:
    text = "entity: Tool\nkey: number\nrows: {command: Do}\nfields: {number: No, name: Title, stock: S}\n"
    columns = {
        "No": ["1", "2", None],
        "Title": [None, None, "x"],
        "S": ["bad", "bad", "1"],
        "Do": ["delete", None, "delete"],
    }
    payloads = rules(text, columns).translate(frame(columns))
    assert payloads.commands.to_pylist() == ["delete"]
    assert payloads.numbers.to_pylist() == [2]
    assert [(one.row, one.code) for one in payloads.problems] == [
        (3, "required_empty"),
        (3, "not_a_number"),
        (4, "key_empty"),
    ]
