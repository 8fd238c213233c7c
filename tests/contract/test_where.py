import json

import pytest

from tests.contract.calling import fresh, serving


@pytest.fixture(scope="module")
def shelf():
    """A small assortment in a 2.2 of its own, and a function from conditions to the numbers found."""
    now = [1_700_000_000.0]
    with serving("2.2", clock=lambda: now[0]) as server:
        brands = {
            name: server.create("Brand", name=name, code=name.lower())["id"] for name in ("Acme", "Öko")
        }
        channel = server.create("Channel", name="Web", code="web")["id"]
        rows = [
            {
                "number": "1",
                "name": "Apple",
                "price": 1.5,
                "quantity": 5.0,
                "tag": ["red", "new"],
                "brandId": brands["Acme"],
            },
            {
                "number": "2",
                "name": "Äpfel",
                "price": 2.5,
                "isActive": True,
                "brandId": brands["Öko"],
                "channelsIds": [channel],
            },
            {"number": "3", "name": "banana", "price": None, "mpn": "m_3", "tag": [], "brandId": "nowhere"},
            {"number": "4", "name": "100% juice", "price": 10.0, "mpn": None},
        ]
        for row in rows:
            server.create("Product", **row)
        now[0] += 3 * 86400
        server.create("Product", number="5", name="Late", price=7.0)

        def find(*where, **query):
            reply = server.listed("Product", where, select="number", sortBy="number", asc="true", **query)
            return [record["number"] for record in reply.body["list"]] if reply.is_json else reply

        yield find, brands, channel, server


CASES = [
    ("equals", "name", "Apple", "1"),
    ("equals", "name", "apple", ""),
    ("equals", "name", ["Apple", "banana"], "13"),
    ("notEquals", "name", "Apple", "2345"),
    ("like", "name", "APP%", "1"),
    ("like", "name", "äPF%", "2"),
    ("notLike", "name", "%a%", "24"),
    ("startsWith", "name", "ap", "1"),
    ("endsWith", "name", "NA", "3"),
    ("contains", "name", "a", "135"),
    ("contains", "name", "0%", "4"),
    ("notContains", "mpn", "x", "3"),
    ("in", "number", ["1", "5", "9"], "15"),
    ("notIn", "mpn", ["x"], "3"),
    ("in", "mpn", "", ""),
    ("isNull", "price", None, "3"),
    ("isNotNull", "price", None, "1245"),
    ("isTrue", "isActive", None, "2"),
    ("isFalse", "isActive", None, "1345"),
    ("greaterThan", "price", "2.5", "45"),
    ("greaterThanOrEquals", "price", "2.5", "245"),
    ("lessThan", "price", "2.5", "1"),
    ("lessThanOrEquals", "price", "2.5", "12"),
    ("between", "price", ["2", "7"], "25"),
    ("between", "price", "2", "12345"),
    ("arrayAnyOf", "tag", ["red", "blue"], "1"),
    ("arrayNoneOf", "tag", ["red"], "2345"),
    ("arrayIsEmpty", "tag", None, "2345"),
    ("arrayIsNotEmpty", "tag", None, "1"),
    ("today", "createdAt", None, "5"),
    ("past", "createdAt", None, "1234"),
    ("lastXDays", "createdAt", "2", "5"),
    ("olderThanXDays", "createdAt", "2", "1234"),
    ("currentYear", "createdAt", None, "12345"),
    ("lastYear", "createdAt", None, ""),
    ("on", "createdAt", "2023-11-14 00:00:00", "1234"),
    ("after", "createdAt", "2023-11-15 00:00:00", "5"),
    ("noSuchOperator", "name", "x", "12345"),
    ("equals", "noSuchAttribute", "x", ""),
    ("linkedWith", "name", ["x"], "12345"),
]


@pytest.mark.parametrize(("type_", "attribute", "value", "found"), CASES)
def test_an_operator_finds(shelf, type_, attribute, value, found):
    condition = {"type": type_, "attribute": attribute, **({} if value is None else {"value": value})}
    assert shelf[0](condition) == list(found)


def test_links_are_found_by_id_and_those_to_nowhere_are_not(shelf):
    find, brands, channel, _ = shelf
    acme = [brands["Acme"]]
    assert find({"type": "linkedWith", "attribute": "brand", "value": acme}) == ["1"]
    assert find({"type": "notLinkedWith", "attribute": "brand", "value": acme}) == ["2", "3"]
    assert find({"type": "isLinked", "attribute": "brand"}) == ["1", "2"]
    assert find({"type": "isNotLinked", "attribute": "brand"}) == ["3", "4", "5"]
    assert find({"type": "linkedWith", "attribute": "channels", "value": [channel]}) == ["2"]
    assert find({"type": "notLinkedWith", "attribute": "channels", "value": [channel]}) == [
        "1",
        "3",
        "4",
        "5",
    ]
    assert find({"type": "isNotLinked", "attribute": "channels"}) == ["1", "3", "4", "5"]


def test_a_subquery_looks_at_the_linked_records(shelf):
    find = shelf[0]
    code = [{"type": "equals", "attribute": "code", "value": "öko"}]
    assert find({"type": "in", "attribute": "brandId", "subQuery": code}) == ["2"]
    assert find({"type": "linkedWith", "attribute": "brand", "subQuery": code}) == ["2"]
    web = [{"type": "startsWith", "attribute": "code", "value": "we"}]
    assert find({"type": "linkedWith", "attribute": "channels", "subQuery": web}) == ["2"]
    assert find({"type": "notLinkedWith", "attribute": "channels", "subQuery": web}) == ["1", "3", "4", "5"]


def test_conditions_nest(shelf):
    find = shelf[0]
    first = {"type": "equals", "attribute": "number", "value": "1"}
    dear = {"type": "greaterThan", "attribute": "price", "value": "5"}
    late = {"type": "startsWith", "attribute": "name", "value": "L"}
    assert find({"type": "or", "value": [first, {"type": "and", "value": [dear, late]}]}) == ["1", "5"]
    assert find(dear, late) == ["5"]


def test_a_filter_that_says_nothing_finds_everything(shelf):
    find = shelf[0]
    everything = ["1", "2", "3", "4", "5"]
    assert find({"attribute": "name", "value": "x"}) == everything
    assert find({"type": "or", "value": []}) == everything
    assert find(where="[{broken") == everything


def test_a_filter_may_come_as_json(shelf):
    find = shelf[0]
    condition = {"type": "equals", "attribute": "number", "value": "1"}
    assert find(where=json.dumps([condition])) == ["1"]
    rules = [
        {"id": "number", "operator": "equal", "value": "4"},
        {"id": "name", "operator": "begins_with", "value": "Ap"},
    ]
    assert find(where=json.dumps({"condition": "OR", "rules": rules})) == ["1", "4"]


def test_values_that_a_column_cannot_hold_are_sql_errors_with_status_200(shelf):
    find = shelf[0]
    for attribute, value in (("price", "abc"), ("createdAt", "abc")):
        reply = find({"type": "equals", "attribute": attribute, "value": value})
        assert (reply.status, reply.is_json, bool(reply.reason)) == (200, False, True)


def test_quotes_in_values_are_values(shelf):
    assert shelf[0]({"type": "equals", "attribute": "name", "value": "x' OR '1'='1"}) == []


def test_named_filters(shelf):
    find = shelf[0]
    assert find({"type": "bool", "value": ["onlyActive"]}) == ["2"]
    assert find({"type": "bool", "value": ["onlyMy"]}) == ["1", "2", "3", "4", "5"]
    assert find({"type": "bool", "value": ["notActive"]}) == ["1", "3", "4", "5"]
    assert find({"type": "bool", "value": ["ownedByMe"]}) == ["1", "2", "3", "4", "5"]
    assert find({"type": "bool", "value": ["noSuchFilter"]}) == ["1", "2", "3", "4", "5"]


def test_filters_by_name_and_text_searches_count_only_beside_the_other_conditions(shelf):
    find = shelf[0]
    active = {"type": "bool", "value": ["onlyActive"]}
    search = {"type": "textFilter", "value": "Late"}
    dear = {"type": "greaterThan", "attribute": "price", "value": "5"}
    assert find(active, dear) == []
    assert find({"type": "and", "value": [active, dear]}) == ["4", "5"]
    assert find(search, dear) == ["5"]
    assert find({"type": "or", "value": [search, dear]}) == ["4", "5"]


def test_saved_searches_hold_and_those_that_are_not_there_say_nothing(shelf, servers):
    find, *_, server = shelf
    data = {"condition": "AND", "rules": [{"id": "price", "operator": "greater", "value": "5"}]}
    saved = server.create("SavedSearch", name="s", entityType="Product", data=data)["id"]
    first = {"type": "equals", "attribute": "number", "value": "1"}
    assert find({"type": "savedSearch", "value": [saved]}) == ["4", "5"]
    assert find({"type": "or", "value": [{"type": "savedSearch", "value": [saved]}, first]}) == [
        "1",
        "4",
        "5",
    ]
    assert find({"type": "savedSearch", "value": ["nowhere"]}) == ["1", "2", "3", "4", "5"]
    old = servers["1.10"]
    old.product()
    assert old.listed("Product", [{"type": "savedSearch", "value": ["nowhere"]}]).body["total"] > 0


def test_texts_that_are_alike_are_found_from_2_2_30_on(shelf, servers):
    find = shelf[0]
    assert find({"type": "similar", "attribute": "name", "value": "aple"}) == ["1"]
    assert find({"type": "wordSimilar", "attribute": "name", "value": "juce"}) == ["4"]
    assert find({"type": "similar", "attribute": "name", "value": ""}) == ["1", "2", "3", "4", "5"]
    before = servers["2.1"]
    before.create("Brand", name="z", code=fresh())
    unlike = [{"type": "similar", "attribute": "name", "value": "qqq"}]
    assert before.listed("Brand", unlike).body["total"] > 0


def test_a_column_of_a_relation_is_refused_where_no_field_shows_one_and_dropped_in_2_3(shelf, v2_3):
    where = {"type": "columnIn", "attribute": "categories", "value": ["x"]}
    reply = shelf[0](where)
    assert (reply.status, "does not know" in reply.body) == (400, True)
    v2_3.product()
    assert v2_3.listed("Product", [where]).body["total"] > 0


def test_amounts_are_compared_across_units():
    with serving("2.2") as server:
        measure = server.create("Measure", name="Length", code="length")["id"]
        units = {
            name: server.create("Unit", name=name, code=name, measureId=measure, multiplier=factor)["id"]
            for name, factor in (("m", 1.0), ("cm", 0.01))
        }
        server.sandbox.instance.writer.execute(
            'INSERT INTO "Product" (id, name, price, "priceUnitId") VALUES (?, ?, ?, ?)',
            ("long", "long", 150.0, units["cm"]),
        )
        nobody = [{"type": "greaterThan", "attribute": "rrp", "unitField": "1", "value": ["1", units["m"]]}]
        assert server.listed("Product", nobody).body["total"] == 1
        found = server.listed(
            "Product",
            [{"type": "greaterThan", "attribute": "price", "unitField": "1", "value": ["1", units["m"]]}],
        ).body["list"]
        assert [record["id"] for record in found] == ["long"]
        missed = [{"type": "greaterThan", "attribute": "price", "unitField": "1", "value": ["2", units["m"]]}]
        assert server.listed("Product", missed).body["list"] == []


def test_not_is_a_text_in_1_10_and_finds_nothing_later(servers):
    code = fresh("not")
    where = [{"type": "not", "value": [{"type": "equals", "attribute": "code", "value": "nobody"}]}]
    for server in servers.values():
        server.create("Brand", name="a", code=f"{code}{server.generation.name}")
    old = servers["1.10"].listed("Brand", where)
    assert (old.status, old.is_json, old.reason) == (200, False, None)
    for generation in ("2.1", "2.2", "2.3"):
        assert servers[generation].listed("Brand", where).body["total"] == 0
