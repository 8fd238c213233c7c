import pytest

from tests.contract.calling import fresh


def echo(server, **values):
    return server.product(**values)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("2.5", 2.5),
        ("1,5", 1),
        ("abc", 0),
        ("", 0),
        (3, 3),
        (None, None),
        ([1], 1),
        ({"a": 1}, 1),
        (True, 1),
        ("12 kg", 12),
    ],
)
def test_anything_becomes_a_float_silently(server, sent, taken):
    assert echo(server, price=sent)["price"] == taken


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("5", 5), ("abc", 0), (5.7, 5), ("5.7", 5), ("", 0), (None, None), ([], 0), ({"a": 1}, 1), (True, 1)],
)
def test_anything_becomes_an_int_silently(server, sent, taken):
    assert server.create("AttributeGroup", name="g", code=fresh(), sortOrder=sent)["sortOrder"] == taken


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (1, True),
        ("1", True),
        ("true", True),
        (True, True),
        (0, False),
        ("yes", False),
        ("True", False),
        ("on", False),
        ("", False),
    ],
)
def test_only_four_spellings_are_true(server, sent, taken):
    assert echo(server, isActive=sent)["isActive"] is taken


def test_a_text_in_a_list_field_becomes_null_and_repeats_are_dropped(server):
    product = echo(server, tag="a,b")
    assert product["tag"] is None
    assert server.change("Product", product["id"], tag=["a", "b", "a"]).body["tag"] == ["a", "b"]


def test_an_empty_enum_is_an_empty_text_and_a_wrong_option_is_400(server):
    field = "productStatus" if server.generation.recorded else "status"
    assert server.ask("POST", "/Product", {"name": "p", field: "nope"}).status == 400
    assert server.ask("POST", "/Product", {"name": "p", field: None}).status == 400
    channel = "Channel"
    assert server.create(channel, name="c", code=fresh(), type=None)["type"] == ""


@pytest.mark.parametrize("sent", ["29.02.2024", "2024-13-45", "2024-02-29T10:00:00Z", 20240229, "soon"])
def test_dates_in_another_form_are_refused_since_2_1(servers, sent):
    for generation in ("2.1", "2.2", "2.3"):
        reply = servers[generation].ask("POST", "/Sharing", {"fileId": "f", "validTill": sent})
        assert reply.status == 400


def test_dates_are_what_postgresql_takes_in_1_10(v1_10):
    made = v1_10.create("Sharing", fileId="f", validTill="2024-02-29T13:14:15+02:00")
    assert made["validTill"] == "2024-02-29T13:14:15+02:00"
    assert v1_10.read("Sharing", made["id"]).body["validTill"] == "2024-02-29 13:14:15"
    reply = v1_10.ask("POST", "/Sharing", {"fileId": "f", "validTill": "29.02.2024"})
    assert (reply.status, reply.is_json) == (200, False)


def test_min_and_max_count_since_2_1(servers):
    values = {
        "name": "a",
        "code": fresh(),
        "type": "int",
        "amountOfDigitsAfterComma": -1,
        "entityId": "Product",
    }
    values["attributePanelId"] = "attributeValues"
    assert servers["1.10"].ask("POST", "/Attribute", values).status == 200
    assert servers["2.1"].ask("POST", "/Attribute", values).status == 400


def test_an_int_beyond_32_bits_is_400_or_an_sql_error(servers):
    values = {"name": "g", "sortOrder": 99999999999}
    assert servers["2.1"].ask("POST", "/AttributeGroup", values).status == 400
    old = servers["1.10"].ask("POST", "/AttributeGroup", values)
    assert (old.status, old.is_json, bool(old.reason)) == (200, False, True)


def test_a_text_beyond_its_database_column_is_an_sql_error_with_status_200(server):
    assert server.ask("POST", "/Brand", {"name": "x" * 255}).is_json
    reply = server.ask("POST", "/Brand", {"name": "x" * 256})
    assert (reply.status, reply.is_json, bool(reply.reason)) == (200, False, True)


def test_a_pattern_is_checked_where_there_is_a_value(server):
    assert echo(server, ean="12345678")["ean"] == "12345678"
    assert echo(server, ean="")["ean"] == ""
    assert server.ask("POST", "/Product", {"name": "p", "ean": "12ab"}).status == 400


def test_texts_keep_spaces_quotes_and_other_scripts(server):
    name = "  <b>A&B</b> \"q\" 'a' \\ / \u0001 Ümläut 漢字 "
    brand = server.create("Brand", name=name)
    assert server.read("Brand", brand["id"]).body["name"] == name


def test_other_types_in_a_text_field_are_echoed_and_stored_as_text(server):
    brand = server.create("Brand", name=12, code=fresh())
    assert brand["name"] == 12
    assert server.read("Brand", brand["id"]).body["name"] == "12"


def test_a_unit_of_another_measure_is_400(server):
    assert server.ask("POST", "/Product", {"name": "p", "price": 3, "priceUnitId": "pixel"}).status == 400
    product = server.product(price=3, priceUnitId="EUR")
    read = server.read("Product", product["id"]).body
    assert (read["priceUnitId"], read["priceUnitName"], read["unitPrice"]) == ("EUR", "EUR", "3 EUR")


def test_a_unit_that_is_converted_changes_number_and_unit(server):
    kilo = server.create("Unit", name=fresh("k"), code=fresh(), measureId="currency", multiplier=1.0)
    # In 1.10 a kilo is a thousand grams, later a gram is a thousandth of a kilo.
    gram = server.create(
        "Unit",
        name=fresh("g"),
        code=fresh(),
        measureId="currency",
        multiplier=1000.0 if server.generation.name == "1.10" else 0.001,
        convertToId=kilo["id"],
    )
    product = server.product(price=2500.0, priceUnitId=gram["id"])
    read = server.read("Product", product["id"]).body
    assert (read["price"], read["priceUnitId"]) == (2.5, kilo["id"])
