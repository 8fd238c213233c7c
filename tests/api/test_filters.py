"""The filter language: its form, what it refuses and where it points, and what it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.api.filters import check_filter, read_filter, read_json
from etl.api.filters.facts import Facts, Within
from etl.api.generations import GENERATIONS as CLIENT_GENERATIONS
from etl.api.generations import from_version
from etl.api.where import Operator, to_parameters
from etl.errors import FilterInvalid
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import read_metadata

METADATA = builtin_metadata(GENERATIONS["2.1"])
# A field that shows a column of a relation; the built-in schema has none.
METADATA["entityDefs"]["Product"]["fields"]["shelf"] = {
    "type": "varchar", "notStorable": True, "link": "categories", "column": "shelf",
}  # fmt: skip
SCHEMA = read_metadata(METADATA)
PRODUCT = SCHEMA.entity("Product")


KNOWN = Facts(
    units={Within("currency", "EUR"): "EUR"},
    saved={Within("Product", "Dear ones"): "s1", Within("Product", "x"): "x"},
)


def written(text: str) -> str:
    """Return the conditions of a filter in a short form: `isActive isTrue`, `or(…)`."""
    return ", ".join(short(one) for one in read_filter(text, PRODUCT, schema=SCHEMA, facts=KNOWN))


def short(condition) -> str:
    inner = ", ".join(short(one) for one in condition.conditions)
    values = " ".join(str(one) for one in condition.values)
    if not condition.attribute:
        return f"{condition.operator}({inner or values})"
    parts = [condition.attribute, str(condition.operator), values or (f"({inner})" if inner else "")]
    return " ".join(part for part in parts if part)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", ""),
        ("isActive", "isActive isTrue"),
        ("isActive = false", "isActive isFalse"),
        ("isActive is true", "isActive isTrue"),
        ("name = 'Oak'", "name equals Oak"),
        ('name == "Oak"', "name equals Oak"),
        ("name <> 'Oak'", "name notEquals Oak"),
        ("name = 'it''s 5\" wide'", "name equals it's 5\" wide"),
        ("price > 10 and price <= 12.5", "price greaterThan 10, price lessThanOrEquals 12.5"),
        ("quantity < -3", "quantity lessThan -3"),
        ("price between 10 and 20", "price between 10 20"),
        ("price between (10, 20)", "price between 10 20"),
        ("name like 'O_k%'", "name like O_k%"),
        ("name startsWith 'O'", "name startsWith O"),
        ("name STARTSWITH 'O' AND isActive", "name startsWith O, isActive isTrue"),
        ("name endsWith 'k'", "name endsWith k"),
        ("name contains '50%_\\'", "name contains 50\\%\\_\\\\"),
        ("name notContains 'x'", "name notContains x"),
        ("name similar 'oak'", "name similar oak"),
        ("name in ('a', 'b')", "name in a b"),
        ("name notIn ('a')", "name notIn a"),
        ("quantity = null", "quantity isNull"),
        ("quantity != null", "quantity isNotNull"),
        ("quantity is null", "quantity isNull"),
        ("quantity is not null", "quantity isNotNull"),
        ("name is empty", "or(name isNull, name equals)"),
        ("name is not empty", "name isNotNull, name notEquals"),
        ("tag is empty", "tag arrayIsEmpty"),
        ("tag arrayAnyOf ('a', 'b')", "tag arrayAnyOf a b"),
        ("categories is empty", "categories isNotLinked"),
        ("categories isLinked", "categories isLinked"),
        ("categories linkedWith ('c1')", "categories linkedWith c1"),
        ("brand is linked", "brand isLinked"),
        ("brandId in ('b1', 'b2')", "brandId in b1 b2"),
        ("brand.id = 'b1'", "brandId equals b1"),
        ("brand.name = 'Oak'", "brandId in (name equals Oak)"),
        ("categories.name = 'Saws'", "categories linkedWith (name equals Saws)"),
        ("categories.parents.code = 'k'", "categories linkedWith (parents linkedWith (code equals k))"),
        (
            "categories has (isActive and code startsWith 'k')",
            "categories linkedWith (isActive isTrue, code startsWith k)",
        ),
        ("createdAt today", "createdAt today"),
        ("createdAt lastXDays 7", "createdAt lastXDays 7"),
        ("createdAt = 2026-11-01", "createdAt on 2026-11-01"),
        ("createdAt > 2026-11-01", "createdAt greaterThan 2026-11-01 00:00:00+00:00"),
        ("createdAt >= '2026-11-01T08:30'", "createdAt greaterThanOrEquals 2026-11-01 08:30:00"),
        ("price.unit = 'EUR'", "priceUnitId equals EUR"),
        ("search 'oak saw'", "textFilter(oak saw)"),
        ("only onlyActive", "bool(onlyActive)"),
        (
            "(only onlyActive and search 'a') and price > 1",
            "bool(onlyActive), textFilter(a), price greaterThan 1",
        ),
        ("savedSearch ('Dear ones') or isActive", "or(savedSearch(s1), isActive isTrue)"),
        (
            "categories has (only onlyActive and code = 'k')",
            "categories linkedWith (bool(onlyActive), code equals k)",
        ),
        # Where no record has a unit, AtroCore drops the comparison.
        ("price > 5 EUR", "price greaterThan 5, priceUnitId isNotNull"),
        ("shelf columnLike 'a%' and shelf columnIsNull", "shelf columnLike a%, shelf columnIsNull"),
        ("isActive or quantity = 1", "or(isActive isTrue, quantity equals 1)"),
        (
            "isActive or quantity = 1 and price = 2",
            "or(isActive isTrue, and(quantity equals 1, price equals 2))",
        ),
        (
            "(isActive or quantity = 1) and price = 2",
            "or(isActive isTrue, quantity equals 1), price equals 2",
        ),
    ],
)
def test_a_filter_becomes_these_conditions(text: str, meant: str):
    assert written(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("not isActive", "or(isActive isFalse, isActive isNull)"),
        ("not name = 'a'", "or(name notEquals a, name isNull)"),
        ("name not in ('a')", "or(name notIn a, name isNull)"),
        ("name not startsWith '5%'", "or(name notLike 5\\%%, name isNull)"),
        ("not name endsWith 'a'", "or(name notLike %a, name isNull)"),
        ("not price between 1 and 2", "or(price lessThan 1, price greaterThan 2, price isNull)"),
        ("not price >= 1", "or(price lessThan 1, price isNull)"),
        ("not price < 1", "or(price greaterThanOrEquals 1, price isNull)"),
        ("not (isActive and price > 1)",
         "or(isActive isFalse, isActive isNull, price lessThanOrEquals 1, price isNull)"),
        ("not not isActive", "isActive isTrue"),
        ("not quantity is null", "quantity isNotNull"),
        ("not brand.name = 'a'", "or(brandId notIn (name equals a), brandId isNull)"),
        ("brand.name is not empty", "brandId in (name isNotNull, name notEquals)"),
        ("not price > 5 EUR", "or(price lessThanOrEquals 5, price isNull, priceUnitId isNull)"),
        ("not shelf columnIn ('a')", "or(shelf columnNotIn a, shelf columnIsNull)"),
        ("brand.name is empty", "or(brandId in (or(name isNull, name equals)), brandId isNull)"),
        ("not categories.name = 'a'", "categories notLinkedWith (name equals a)"),
        ("categories not has (isActive)", "categories notLinkedWith (isActive isTrue)"),
        ("not createdAt lastXDays 7",
         "or(createdAt olderThanXDays 7, createdAt future, createdAt isNull)"),
    ],
)  # fmt: skip
def test_not_holds_for_records_without_a_value_too(text: str, meant: str):
    assert written(text) == meant


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("pricee > 10", 1, 'Did you mean "price"?'),
        ("isActive and brand.nam = 'a'", 20, 'Did you mean "name"?'),
        ("name startWith 'a'", 6, 'Did you mean "startsWith"?'),
        ("isActive andd price > 1", 10, 'Did you mean "and"?'),
        ("price > 'ten'", 9, "Write numbers without quotes"),
        ("quantity > true", 12, "which is a number"),
        ("name = 5", 8, "Texts stand in quotes: '5'."),
        ("name = oak", 8, "Texts stand in quotes: 'oak'."),
        ("name = 'oak", 8, "never closed"),
        ("price > 1,5", 10, "expected"),
        ("price > 1.2.3", 9, "is no number"),
        ("createdAt > 2026-13-01", 13, "is no date"),
        ("createdAt lastXDays 'a'", 21, "a number of days"),
        ("isActive &&", 10, "Write and, or, not."),
        ("(isActive", 10, 'where ")" is expected'),
        ("isActive)", 9, "is expected"),
        ("and isActive", 1, "a condition"),
        ("productStatus = 'redy'", 17, 'Did you mean "ready"?'),
        ("brand = 'Oak'", 7, "brand.name = …"),
        ("categories = 'Oak'", 12, "categories.name"),
        ("brand", 1, "brand is not empty"),
        ("tag = 'a'", 5, "arrayAnyOf"),
        ("name.x = 'a'", 1, "no link"),
        ("name@xx_XX = 'a'", 1, 'not kept in "xx_XX"'),
        ("name#shop = 'a'", 1, "only attributes have channels"),
        ("price > 10 kg", 12, "is no unit of price"),
        ("name startsWith 'a' kg", 21, "expected"),
        ("only everything", 6, "no filter that is known"),
        ("only withoutActive", 6, "Did you mean"),
        ("only onlyActive or price > 1", 1, 'stands within "or", where AtroCore drops it'),
        ("price > 1 or (search 'a' and isActive)", 15, 'stands within "or", where AtroCore drops it'),
        ("not only onlyActive", 5, "cannot be negated"),
        ("not (isActive and primary 'x')", 19, "cannot be negated"),
        ("not createdAt currentMonth", 15, "cannot be negated"),
        ("savedSearch ('none')", 1, 'no search "none" was saved for Product'),
        ("categories columnIn ('a')", 12, "a field that shows a column of the relation"),
        ("name columnIn ('a')", 6, "does not fit name"),
        ("shelf = 'a'", 7, "columnIn"),
        ("name in ()", 10, "a value"),
        ("colour = 'red'", 1, "is no field or attribute of Product"),
        ("name has (isActive)", 1, "is no link of Product"),
    ],
)
def test_what_is_wrong_is_told_at_its_character(text: str, column: int, what: str):
    with pytest.raises(FilterInvalid) as raised:
        read_filter(text, PRODUCT, schema=SCHEMA)
    message = str(raised.value)
    assert what in message
    assert message.startswith(f"--where:1:{column}: ")
    assert message.splitlines()[-1].index("^") == column + 1


def test_the_mark_stands_below_the_line_that_is_wrong():
    with pytest.raises(FilterInvalid) as raised:
        read_filter("isActive and\n  pricee > 10", PRODUCT, schema=SCHEMA)
    assert str(raised.value) == (
        '--where:2:3: "pricee" is no field or attribute of Product. Did you mean "price"?\n'
        "    pricee > 10\n"
        "    ^^^^^^"
    )


@pytest.mark.parametrize(
    ("version", "text", "what"),
    [
        ("2.1.25", "name similar 'a'", 'does not know "similar"'),
        ("2.2.25", "name wordSimilar 'a'", 'does not know "wordSimilar"'),
        ("1.10.30", "savedSearch ('x')", 'does not know "savedSearch"'),
        ("2.2.25", "price > 5 EUR", "compares no units"),
    ],
)
def test_what_a_server_does_not_know_yet_or_no_more_is_refused(version: str, text: str, what: str):
    generation = from_version(version, answered=CLIENT_GENERATIONS["2.1"])
    with pytest.raises(FilterInvalid, match=what):
        read_filter(text, PRODUCT, schema=SCHEMA, facts=KNOWN, generation=generation)
    newer = from_version("2.2.30", answered=CLIENT_GENERATIONS["2.1"])
    assert read_filter(text, PRODUCT, schema=SCHEMA, facts=KNOWN, generation=newer)
    with pytest.raises(FilterInvalid, match='does not know "columnIn"'):
        read_filter("shelf columnIn ('a')", PRODUCT, schema=SCHEMA, generation=CLIENT_GENERATIONS["2.3"])


SAID = {
    "name {} 'a'": "equals notEquals like notLike startsWith endsWith contains notContains",
    "ean {} 'a'": "similar wordSimilar",
    "name {} ('a')": "in notIn",
    "shelf {} ('a')": "columnIn columnNotIn",
    "price {} 1": "greaterThan lessThan greaterThanOrEquals lessThanOrEquals",
    "price {} 1 and 2": "between",
    "createdAt {} 2026-11-01": "on notOn after before",
    "createdAt {}": "today past future lastSevenDays currentMonth lastMonth nextMonth currentQuarter "
    "lastQuarter currentYear lastYear ever isNull isNotNull",
    "createdAt {} 3": "lastXDays nextXDays olderThanXDays afterXDays",
    "tag {} ('a')": "arrayAnyOf arrayNoneOf",
    "tag {}": "arrayIsEmpty arrayIsNotEmpty",
    "categories {} ('a')": "linkedWith notLinkedWith",
    "categories {}": "isLinked isNotLinked",
    "shelf {}": "columnIsNull",
    "shelf {} 'x'": "columnLike",
    "isActive {}": "isTrue isFalse",
    "{} onlyMy": "bool",
    "{} 'x'": "primary textFilter",
    "{} ('x')": "savedSearch",
}


def test_every_operator_can_be_said_by_its_name():
    said = {
        condition.operator
        for shape, operators in SAID.items()
        for one in operators.split()
        for condition in read_filter(shape.format(one), PRODUCT, schema=SCHEMA, facts=KNOWN)
    }
    assert set(Operator) - said == {Operator.AND, Operator.OR}


def test_is_attribute_false_is_never_sent():
    names = [name for name, _ in to_parameters(read_filter("name = 'a'", PRODUCT, schema=SCHEMA))]
    assert not any("isAttribute" in name for name in names)


def test_brackets_within_brackets_end_somewhere():
    with pytest.raises(FilterInvalid, match="brackets"):
        check_filter("(" * 2000 + "isActive" + ")" * 2000)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1))
def test_any_text_arrives_as_it_is(text: str):
    quoted = text.replace("'", "''")
    (condition,) = read_filter(f"name = '{quoted}'", PRODUCT, schema=SCHEMA)
    assert condition.values == (text,)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab'\"()=<>!., 10-~#@`nots\n", max_size=30))
def test_no_text_does_anything_but_mean_something_or_be_refused(text: str):
    try:
        read_filter(text, PRODUCT, schema=SCHEMA)
    except FilterInvalid:
        return


def test_raw_conditions_are_checked_too():
    (condition,) = read_json(
        '[{"type": "linkedWith", "attribute": "categories", "subQuery": '
        '[{"type": "equals", "attribute": "code", "value": "k"}]}]',
        PRODUCT,
        schema=SCHEMA,
    )
    assert short(condition) == "categories linkedWith (code equals k)"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[{"type": "equal", "attribute": "name", "value": "a"}]', '$[0].type: "equal" is no operator.'),
        ('[{"type": "equals", "attribute": "nam", "value": "a"}]', '$[0].attribute: "nam" is no field'),
        ('[{"type": "equals", "atribute": "name", "value": "a"}]', 'Did you mean "attribute"?'),
        ('[{"type": "between", "attribute": "price", "value": 1}]', "two values, from and to"),
        (
            '[{"type": "linkedWith", "attribute": "categories", "subQuery": [{"type": "isTrue", "field": "x"}]}]',  # noqa: E501  one text
            '$[0].subQuery[0].attribute: "x" is no field of Category',
        ),
        ('[{"type": "equals", "attribute": "name", "value": true}]', "a text or a number"),
        ('[{"type": "not", "value": []}]', '"not" finds no record in any AtroCore'),
        ('[{"type": "or", "value": [{"type": "bool", "value": ["onlyMy"]}]}]',
         '$[0].value[0].type: "bool" stands within another condition'),
        ("[{", "this is no JSON"),
        ("3", "a list of conditions"),
    ],
)  # fmt: skip
def test_a_raw_condition_that_the_server_would_drop_is_refused(text: str, what: str):
    with pytest.raises(FilterInvalid) as raised:
        read_json(text, PRODUCT, schema=SCHEMA)
    assert what in str(raised.value)
