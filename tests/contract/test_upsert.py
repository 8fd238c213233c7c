import pytest

from tests.contract.calling import fresh


def statuses(reply):
    return [item["status"] for item in reply.body]


def unchanged(server):
    return "Failed" if server.generation.unchanged_item == "failed" else "NotModified"


def test_items_are_created_updated_or_left_alone(server):
    code = fresh("up")
    assert statuses(server.upsert(("Brand", {"name": "a", "code": code}))) == ["Created"]
    assert statuses(server.upsert(("Brand", {"name": "a", "code": code}))) == [unchanged(server)]
    assert statuses(server.upsert(("Brand", {"name": "b", "code": code}))) == ["Updated"]


def test_the_answer_echoes_the_record_until_2_2_and_names_it_in_2_3(servers):
    for server in servers.values():
        item = server.upsert(("Brand", {"name": "a", "code": fresh()})).body[0]
        assert item["stored"] is True
        if server.generation.item_answer == "id":
            assert item["entity"] == "Brand"
            assert server.read("Brand", item["id"]).status == 200
        else:
            assert item["entity"]["name"] == "a"


def test_unchanged_says_no_id_until_2_2(servers):
    for generation, keys in (
        ("1.10", {"status", "stored", "message"}),
        ("2.1", {"status", "stored"}),
        ("2.2", {"status", "stored"}),
        ("2.3", {"status", "stored", "entity", "id"}),
    ):
        code = fresh()
        servers[generation].upsert(("Brand", {"name": "a", "code": code}))
        item = servers[generation].upsert(("Brand", {"name": "a", "code": code})).body[0]
        assert item.keys() == keys
    assert servers["1.10"].upsert(("Brand", {"name": "a", "code": code})).body[0]["status"] == "Created"


def test_unchanged_reads_code_304_in_1_10(v1_10):
    code = fresh()
    v1_10.upsert(("Brand", {"name": "a", "code": code}))
    message = v1_10.upsert(("Brand", {"name": "a", "code": code})).body[0]["message"]
    assert message.startswith("Code: 304.")


def test_a_failed_item_says_its_code_and_the_others_go_on(server):
    reply = server.upsert(
        ("Brand", {"name": "a", "code": fresh()}),
        ("Brand", {"code": fresh()}),
        ("Brand", {"name": "b", "code": fresh()}),
    )
    assert statuses(reply) == ["Created", "Failed", "Created"]
    failed = reply.body[1]
    assert failed["stored"] is False
    if server.generation.item_answer == "id":
        assert failed["code"] == 400
    else:
        assert failed["message"].startswith("Code: 400.")


def test_an_unknown_entity_or_a_missing_part_fails_without_a_code(servers):
    for generation in ("1.10", "2.1", "2.2"):
        server = servers[generation]
        body = [
            {"entity": "Nope", "payload": {}},
            {"payload": {}},
            {"entity": "Brand"},
            {"entity": "brand", "payload": {}},
        ]
        reply = server.ask("POST", "/MassActions/action/upsert", body)
        assert statuses(reply) == ["Failed"] * 4
        assert not any(item["message"].startswith("Code:") for item in reply.body)


def test_an_own_id_creates_under_that_id_and_updates_the_next_time(server):
    own = fresh("own")
    assert statuses(server.upsert(("Product", {"id": own, "name": "a"}))) == ["Created"]
    assert statuses(server.upsert(("Product", {"id": own, "name": "a"}))) == [unchanged(server)]
    assert statuses(server.upsert(("Product", {"id": own, "name": "b"}))) == ["Updated"]
    assert server.read("Product", own).body["name"] == "b"


@pytest.mark.parametrize("given", [None, ""])
def test_an_empty_id_fails(server, given):
    item = server.upsert(("Brand", {"id": given, "name": "a"})).body[0]
    assert item["status"] == "Failed"


def test_an_unknown_id_beside_a_known_unique_value_says_updated_and_stores_nothing(server):
    code = fresh("lost")
    known = server.create("Brand", name="before", code=code)
    own = fresh("own")
    item = server.upsert(("Brand", {"id": own, "name": "after", "code": code})).body[0]
    assert item["status"] == "Updated"
    assert item.get("id", (item["entity"] if isinstance(item["entity"], dict) else {}).get("id")) in {
        own,
        known["id"],
    }
    assert server.read("Brand", own).status == 404
    assert server.read("Brand", known["id"]).body["name"] == "before"


def test_a_product_has_no_unique_field_so_its_number_never_finds_it(server):
    number = fresh("number")
    for _ in range(2):
        assert statuses(server.upsert(("Product", {"name": "a", server.sku: number}))) == ["Created"]
    assert (
        server.listed("Product", [{"type": "equals", "attribute": server.sku, "value": number}]).body["total"]
        == 2
    )


def test_an_empty_unique_value_finds_nothing_and_collides(server):
    server.upsert(("Country", {"name": "a", "code": ""})) if server.sandbox.instance.schema.entities.get(
        "Country"
    ) else None
    reply = server.upsert(
        ("ProductGroup", {"name": "a", "code": ""}), ("ProductGroup", {"name": "b", "code": ""})
    )
    assert statuses(reply)[-1] == "Failed"


def test_later_items_see_what_earlier_ones_did(v2_2):
    code = fresh()
    reply = v2_2.upsert(("Brand", {"name": "a", "code": code}), ("Brand", {"name": "b", "code": code}))
    assert statuses(reply) == ["Created", "Updated"]


def test_a_record_found_for_one_item_is_used_for_the_next_without_an_id_in_1_10(v1_10):
    first = v1_10.create("Brand", name="first", code=fresh())
    reply = v1_10.upsert(
        ("Brand", {"id": first["id"], "name": "changed"}),
        ("Brand", {"name": "meant as new", "code": fresh()}),
    )
    assert statuses(reply) == ["Updated", "Updated"]
    assert v1_10.read("Brand", first["id"]).body["name"] == "meant as new"
    own = fresh("own")
    reply = v1_10.upsert(
        ("Brand", {"id": first["id"], "name": "again"}),
        ("Brand", {"id": own, "name": "new", "code": fresh()}),
    )
    assert statuses(reply) == ["Updated", "Created"]


def test_that_does_not_happen_since_2_1(servers):
    for generation in ("2.1", "2.2", "2.3"):
        server = servers[generation]
        first = server.create("Brand", name="first", code=fresh())
        reply = server.upsert(
            ("Brand", {"id": first["id"], "name": "x"}), ("Brand", {"name": "new", "code": fresh()})
        )
        assert statuses(reply) == ["Updated", "Created"]


def test_a_relation_record_is_found_by_its_two_ends_since_2_1(server):
    product, channel = server.product(), server.create("Channel", name="c", code=fresh())
    pair = ("ProductChannel", {"productId": product["id"], "channelId": channel["id"]})
    assert statuses(server.upsert(pair)) == ["Created"]
    again = server.upsert(pair).body[0]
    assert again["status"] == ("Failed" if server.generation.name == "1.10" else "NotModified")


def test_a_unit_is_found_by_its_code_and_not_by_measure_and_name(v2_2):
    measure = v2_2.create("Measure", name="m", code=fresh())["id"]
    unit = {"name": "kg", "measureId": measure}
    assert statuses(v2_2.upsert(("Unit", unit))) == ["Created"]
    # There is a unique index over both, but an entity with a unique field is never looked up by an index.
    assert statuses(v2_2.upsert(("Unit", {**unit, "symbol": "k"}))) == ["Failed"]


def test_two_unique_fields_that_disagree_find_nothing_and_collide(v2_2):
    user = {"name": "u", "userName": fresh("u")}
    assert statuses(v2_2.upsert(("User", user))) == ["Created"]
    assert statuses(v2_2.upsert(("User", {**user, "name": "v"}))) == ["Updated"]


def test_a_previous_value_works_in_items(server):
    brand = server.create("Brand", name="old", code=fresh())
    wrong = server.upsert(("Brand", {"id": brand["id"], "name": "new", "_prev": {"name": "other"}})).body[0]
    assert wrong["status"] == "Failed"
    assert wrong.get("code", 409) == 409
    assert "409" in wrong["message"] or server.generation.item_answer == "id"
    right = server.upsert(("Brand", {"id": brand["id"], "name": "new", "_prev": {"name": "old"}}))
    assert statuses(right) == ["Updated"]


def test_a_product_refused_for_its_category_is_stored_all_the_same(servers):
    for generation in ("2.1", "2.2", "2.3"):
        server = servers[generation]
        above = server.create("Category", name="above", code=fresh())
        server.create("Category", name="below", code=fresh(), parentId=above["id"])
        own = fresh("half")
        assert statuses(
            server.upsert(("Product", {"id": own, "name": "p", "categoriesIds": [above["id"]]}))
        ) == ["Failed"]
        assert server.read("Product", own).status == 200


def test_a_file_through_the_bulk_call_is_failed_and_stored(servers):
    for generation in ("2.1", "2.2"):
        name = fresh("file") + ".txt"
        item = (
            servers[generation]
            .upsert(("File", {"name": name, "fileContents": "data:text/plain;base64,aGk="}))
            .body[0]
        )
        assert item["status"] == "Failed"
        found = servers[generation].listed("File", [{"type": "equals", "attribute": "name", "value": name}])
        assert found.body["total"] == 1


@pytest.mark.parametrize(
    ("raw", "old", "new"),
    [
        (b"[{", (200, []), 400),
        (b"", (200, ["Failed"]), 400),
        (b"123", (500, None), 400),
        (b"[null]", (500, None), 400),
        (b'["text"]', (200, ["Failed"]), 400),
        (b'{"entity": "Brand", "payload": {}}', (200, ["Failed", "Failed"]), 400),
        (b"[]", (200, []), 200),
    ],
)
def test_bodies_that_do_not_fit(servers, raw, old, new):
    path = "/MassActions/action/upsert"
    reply = servers["1.10"].ask("POST", path, raw=raw)
    assert reply.status == old[0]
    if old[1] is not None:
        items = reply.body.values() if isinstance(reply.body, dict) else reply.body
        assert [item["status"] for item in items] == old[1]
    assert servers["2.1"].ask("POST", path, raw=raw).status == new
    assert servers["2.3"].ask("POST", "/upsert", raw=raw).status == new


def test_a_list_as_payload_ends_the_call_and_keeps_what_came_before(servers):
    for generation in ("1.10", "2.1", "2.2"):
        server, own = servers[generation], fresh("kept")
        body = [{"entity": "Brand", "payload": {"id": own, "name": "a"}}, {"entity": "Brand", "payload": []}]
        assert server.ask("POST", "/MassActions/action/upsert", body).status == 500
        assert server.read("Brand", own).status == 200


def test_2_3_wants_entity_and_payload_in_every_item(v2_3):
    assert v2_3.ask("POST", "/upsert", [{"entity": "Brand"}]).status == 400
    assert v2_3.ask("POST", "/MassActions/action/upsert", []).status == 404


def test_another_content_type_is_400_since_2_1(servers):
    call = {"raw": b"[]", "headers": {"Content-Type": "text/plain"}}
    assert servers["2.1"].ask("POST", "/MassActions/action/upsert", **call).status == 400
    assert servers["1.10"].ask("POST", "/MassActions/action/upsert", **call).body[0]["status"] == "Failed"
