import pytest

from tests.contract.calling import fresh


@pytest.fixture(params=["2.2", "2.3"])
def full(request, servers):
    """The generations in which everything about attributes works."""
    return servers[request.param]


def attribute(server, type_="varchar", **values):
    code = server.generation.attribute_code
    name = fresh("attr").replace("-", "")
    given = {
        "name": name,
        code: name,
        "type": type_,
        "entityId": "Product",
        "attributePanelId": "attributeValues",
        **values,
    }
    made = server.create("Attribute", **given)
    return made["id"], name


def flat(server, product_id):
    return server.read("Product", product_id, **{"Flatten-Attributes": "true"}).body


def patch(server, product_id, **values):
    return server.ask("PATCH", f"/Product/{product_id}", values, headers={"Flatten-Attributes": "true"})


def test_attributes_are_assigned_written_and_read_flattened(full):
    text, text_code = attribute(full)
    number, number_code = attribute(full, "float")
    product = full.product()
    assert (
        patch(
            full, product["id"], __attributes=[text, number], **{text_code: "red", number_code: 12.5}
        ).status
        == 200
    )
    read = flat(full, product["id"])
    assert (read[text_code], read[number_code]) == ("red", 12.5)
    assert read["attributesDefs"][number_code]["attributeId"] == number
    assert read["attributesDefs"][number_code]["type"] == "float"


def test_without_the_header_attributes_do_not_show(full):
    text, code = attribute(full)
    product = full.product(__attributes=[text], **{code: "red"})
    assert code not in full.read("Product", product["id"]).body
    assert flat(full, product["id"])[code] == "red"


def test_a_value_of_an_attribute_that_is_not_assigned_is_dropped(full):
    _, code = attribute(full)
    product = full.product()
    assert patch(full, product["id"], **{code: "red"}).status == 304


def test_assigning_always_counts_as_a_change(full):
    text, _ = attribute(full)
    product = full.product(__attributes=[text])
    assert patch(full, product["id"], __attributes=[text]).status == 200


def test_an_attribute_without_a_code_goes_by_its_id(v2_2):
    made = v2_2.create(
        "Attribute", name="n", type="bool", entityId="Product", attributePanelId="attributeValues"
    )
    product = v2_2.product(__attributes=[made["id"]], **{made["id"]: True})
    assert flat(v2_2, product["id"])[made["id"]] is True


def test_removing_goes_by_the_name_in_the_payload_until_2_2_and_by_the_id_too_in_2_3(servers):
    for generation, id_works in (("2.2", False), ("2.3", True)):
        server = servers[generation]
        text, code = attribute(server)
        product = server.product(__attributes=[text], **{code: "red"})
        patch(server, product["id"], __attributesToRemove=[text])
        assert (code in flat(server, product["id"])) is not id_works
        patch(server, product["id"], __attributesToRemove=[code])
        assert code not in flat(server, product["id"])


def test_lists_show_the_attributes_that_were_asked_for(full):
    one, one_code = attribute(full)
    two, two_code = attribute(full)
    product = full.product(__attributes=[one, two], **{one_code: "1", two_code: "2"})
    where = {
        "where[0][type]": "equals",
        "where[0][attribute]": "id",
        "where[0][value]": product["id"],
        "select": "name",
    }
    header = {"Flatten-Attributes": "true"}

    def listed(**query):
        return full.ask("GET", "/Product", query={**where, **query}, headers=header).body["list"][0]

    assert one_code not in listed()
    everything = listed(allAttributes="true")
    assert (everything[one_code], everything[two_code]) == ("1", "2")
    chosen = listed(attributes=one)
    assert one_code in chosen
    assert two_code not in chosen
    assert (
        chosen["attributesDefs"][one_code].keys()
        < flat(full, product["id"])["attributesDefs"][one_code].keys()
    )


def test_the_simple_endpoints(full):
    text, _ = attribute(full)
    number, _ = attribute(full, "float", measureId="currency", defaultUnit="EUR")
    product, path = full.product(), "/Product/{}/"
    base = path.format(product["id"])
    assert full.ask("POST", base + "addAttributes", {"attributeIds": [text, number, "nowhere"]}).body is True
    values = [
        {"attributeId": text, "value": "red"},
        {"attributeId": number, "value": 3.5, "valueUnitId": "USD"},
    ]
    assert full.ask("POST", base + "upsertAttributeValues", values).body is True
    assert full.ask("POST", base + "upsertAttributeValues", values).status == 304
    read = {one["attributeId"]: one for one in full.ask("GET", base + "attributeValues").body}
    assert read[text]["value"] == "red"
    assert (read[number]["value"], read[number]["valueUnitId"], read[number]["valueUnitName"]) == (
        3.5,
        "USD",
        "USD",
    )
    assert {"type", "required", "visible", "readOnly", "protected"} <= read[text].keys()
    gone = full.ask("DELETE", base + "attributeValues", {"attributeIds": [text, "nowhere"]})
    assert gone.body == {"count": 1, "errors": []}
    assert [one["attributeId"] for one in full.ask("GET", base + "attributeValues").body] == [number]


def test_values_of_attributes_that_are_not_assigned_are_skipped_until_2_2_and_assigned_in_2_3(servers):
    for generation, status in (("2.2", 304), ("2.3", 200)):
        server = servers[generation]
        text, _ = attribute(server)
        path = f"/Product/{server.product()['id']}/upsertAttributeValues"
        assert server.ask("POST", path, [{"attributeId": text, "value": "x"}]).status == status


def test_the_simple_endpoints_are_there_but_not_ready_in_2_1(v2_1):
    base = f"/Product/{v2_1.product()['id']}/"
    assert v2_1.ask("GET", base + "attributeValues").status == 403
    assert v2_1.ask("POST", base + "addAttributes", {"attributeIds": []}).status == 500


def test_2_1_writes_attributes_without_a_header_and_shows_them_only_in_the_answer(v2_1):
    text, code = attribute(v2_1)
    product = v2_1.product(__attributes=[text], **{code: "red"})
    assert code not in flat(v2_1, product["id"])
    where = [{"type": "equals", "attribute": text, "isAttribute": "true", "value": "red"}]
    assert v2_1.listed("Product", where).body["total"] == 1
    changed = v2_1.upsert(("Product", {"id": product["id"], code: "green"})).body[0]
    assert changed["entity"][code] == "green"
    assert v2_1.upsert(("Product", {"id": product["id"], code: "green"})).body[0]["status"] == "NotModified"


def test_attributes_can_be_filtered_by(full):
    number, code = attribute(full, "int")
    for value in (1, 5):
        full.product(__attributes=[number], **{code: value})
    full.product()
    condition = {"type": "greaterThan", "attribute": number, "isAttribute": "true", "value": "2"}
    assert full.listed("Product", [condition]).body["total"] == 1
    assert full.listed("Product", [{**condition, "type": "isLinked"}]).body["total"] == 2
    # Every text but "" and "0" is true for PHP, "false" too: then the field's name is no attribute.
    assert (
        full.listed(
            "Product", [{"type": "equals", "attribute": "name", "isAttribute": "false", "value": "x"}]
        ).status
        == 400
    )


def test_a_classification_brings_its_attributes(full):
    text, code = attribute(full)
    classification = full.create("Classification", name="c", code=fresh(), entityId="Product")
    full.create("ClassificationAttribute", classificationId=classification["id"], attributeId=text)
    product = full.product(classificationsIds=[classification["id"]])
    assert patch(full, product["id"], **{code: "red"}).status == 200


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text", {"": "long"}),
        ("bool", {"": True}),
        ("date", {"": "2024-02-29"}),
        ("datetime", {"": "2024-02-29 12:00:00"}),
        ("int", {"": 5}),
        ("rangeFloat", {"From": 1.5, "To": 2.5}),
        ("rangeInt", {"From": 1, "To": 2}),
        ("array", {"": ["a", "b"]}),
        ("link", {"Id": "some-id"}),
        ("linkMultiple", {"Ids": ["a", "b"]}),
        ("markdown", {"": "*x*"}),
    ],
)
def test_each_type_has_its_keys(full, type_, values):
    made, code = attribute(full, type_)
    given = {f"{code}{suffix}": value for suffix, value in values.items()}
    product = full.product(__attributes=[made], **given)
    read = flat(full, product["id"])
    assert {key: read[key] for key in given} == given
    assert patch(full, product["id"], **given).status == 304


def test_a_range_the_wrong_way_round_and_an_option_of_no_list_are_400(full):
    numbers, code = attribute(full, "rangeInt")
    product = full.product(__attributes=[numbers])
    assert patch(full, product["id"], **{f"{code}From": 5, f"{code}To": 1}).status == 400
    colours = full.create("ExtensibleEnum", name="colours", code=fresh())
    red = full.create("ExtensibleEnumOption", name="red", code=fresh(), extensibleEnumsIds=[colours["id"]])
    option, key = attribute(full, "extensibleEnum", extensibleEnumId=colours["id"])
    assert patch(full, product["id"], __attributes=[option], **{key: "red"}).status == 400
    assert patch(full, product["id"], __attributes=[option], **{key: red["id"]}).status == 200
    assert flat(full, product["id"])[f"{key}Name"] == "red"


def test_an_attribute_of_another_entity_is_400(full):
    made, _ = attribute(full, entityId="Brand")
    reply = full.ask("POST", f"/Product/{full.product()['id']}/addAttributes", {"attributeIds": [made]})
    assert reply.status == 400


def test_an_entity_without_attributes_is_400(full):
    brand = full.create("Brand", name="b", code=fresh())
    assert full.ask("GET", f"/Brand/{brand['id']}/attributeValues").status == 400


def test_values_are_records_in_1_10(v1_10):
    made = v1_10.create("Attribute", name="colour", code=fresh(), type="varchar")
    product = v1_10.product()
    value = v1_10.create(
        "ProductAttributeValue", productId=product["id"], attributeId=made["id"], value="red"
    )
    assert (value["value"], value["attributeType"], value["language"]) == ("red", "varchar", "main")
    again = v1_10.ask(
        "POST",
        "/ProductAttributeValue",
        {"productId": product["id"], "attributeId": made["id"], "value": "b"},
    )
    assert again.status == 400
    item = v1_10.upsert(("ProductAttributeValue", {"id": value["id"], "value": "green"})).body[0]
    assert item["entity"]["value"] == "green"
    unchanged = v1_10.upsert(("ProductAttributeValue", {"id": value["id"], "value": "green"})).body[0]
    assert unchanged["message"].startswith("Code: 304.")
    listed = v1_10.ask("GET", f"/Product/{product['id']}/productAttributeValues").body["list"]
    assert [one["value"] for one in listed] == ["green"]
    assert (
        v1_10.upsert(("Product", {"id": product["id"], made["code"]: "blue"})).body[0]["status"] == "Failed"
    )
