"""Conditions become exactly the brackets that AtroCore reads, and none that it would drop."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.api.where import (
    Condition,
    Operator,
    Shape,
    any_of,
    both,
    either,
    encode,
    encoded,
    equals,
    greater_than,
    linked_with,
    shape_of,
    split_texts,
    text_of,
    to_parameters,
)


def written(*conditions: Condition) -> list[tuple[str, str]]:
    return list(to_parameters(conditions))


def test_one_condition_is_three_parameters():
    assert written(equals("name", "Oak")) == [
        ("where[0][type]", "equals"),
        ("where[0][attribute]", "name"),
        ("where[0][value]", "Oak"),
    ]


def test_conditions_beside_each_other_are_numbered():
    names = [name for name, _ in written(equals("a", 1), greater_than("b", 2))]
    assert names[0] == "where[0][type]"
    assert names[3] == "where[1][type]"


def test_lists_are_sent_value_by_value():
    assert written(any_of("code", ["x", "y"]))[2:] == [
        ("where[0][value][]", "x"),
        ("where[0][value][]", "y"),
    ]


def test_groups_nest():
    nested = either(both(equals("a", 1), equals("b", 2)), linked_with("categories", ["c1"]))
    assert ("where[0][value][0][value][1][attribute]", "b") in written(nested)
    assert ("where[0][value][1][value][]", "c1") in written(nested)


def test_a_subquery_is_sent_as_one():
    condition = Condition(Operator.IN, "brandId", conditions=(equals("code", "acme"),))
    assert written(condition)[2:] == [
        ("where[0][subQuery][0][type]", "equals"),
        ("where[0][subQuery][0][attribute]", "code"),
        ("where[0][subQuery][0][value]", "acme"),
    ]


def test_true_false_and_nothing_become_operators_of_their_own():
    assert equals("isActive", True).operator is Operator.IS_TRUE  # noqa: FBT003  a value
    assert equals("isActive", False).operator is Operator.IS_FALSE  # noqa: FBT003  a value
    assert equals("ean", None).operator is Operator.IS_NULL


def test_is_attribute_is_said_only_where_it_is_true():
    assert not any("isAttribute" in name for name, _ in written(equals("name", "x")))
    condition = Condition(Operator.EQUALS, "a01", ("x",), is_attribute=True, language="de_DE")
    assert ("where[0][isAttribute]", "true") in written(condition)
    assert ("where[0][language]", "de_DE") in written(condition)


@pytest.mark.parametrize(
    ("operator", "attribute", "values", "conditions"),
    [
        (Operator.EQUALS, "a", (), ()),
        (Operator.EQUALS, "a", (1, 2), ()),
        (Operator.EQUALS, "", (1,), ()),
        (Operator.IN, "a", (), ()),
        (Operator.IN, "a", (1,), (equals("b", 1),)),
        (Operator.BETWEEN, "a", (1,), ()),
        (Operator.IS_NULL, "a", (1,), ()),
        (Operator.AND, "", (), ()),
        (Operator.AND, "a", (), (equals("b", 1),)),
        (Operator.EQUALS, "a", (True,), ()),
    ],
)
def test_what_the_server_would_drop_cannot_be_said(operator, attribute, values, conditions):
    with pytest.raises(ValueError, match=r"takes|said"):
        Condition(operator, attribute, values, conditions)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (1.5, "1.5"),
        (1e22, "1e+22"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29, 13, 14, 15), "2024-02-29 13:14:15"),  # noqa: DTZ001  means UTC
        (
            dt.datetime(2024, 2, 29, 13, 14, 15, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2024-02-29 11:14:15",
        ),
    ],
)
def test_values_are_written_as_the_server_compares_them(value, text):
    assert text_of(value) == text


def test_every_operator_has_a_shape():
    assert all(isinstance(shape_of(operator), Shape) for operator in Operator)


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
@settings(max_examples=50)
def test_a_query_decodes_to_what_was_encoded(pairs):
    assert parse_qsl(encode(pairs), keep_blank_values=True, strict_parsing=bool(pairs)) == pairs


def test_brackets_of_names_are_not_encoded():
    assert encode([("where[0][value][]", "ä [b] &=")]) == "where[0][value][]=%C3%A4%20%5Bb%5D%20%26%3D"


@given(
    st.lists(st.text(max_size=40), max_size=60),
    st.integers(min_value=1, max_value=20),
    st.integers(min_value=200, max_value=900),
)
@settings(max_examples=50)
def test_pieces_hold_every_value_in_order_and_fit(values, keys, query_bytes):
    texts = [encoded(value) for value in values]
    pieces = list(split_texts(texts, query_bytes=query_bytes, keys=keys, fixed_bytes=100, name_bytes=20))
    assert [text for piece in pieces for text in piece] == texts
    for piece in pieces:
        assert 1 <= len(piece) <= keys
        assert 100 + sum(20 + len(text) for text in piece) <= query_bytes or len(piece) == 1
