import pytest

from tests.contract.calling import fresh


def test_a_new_record_comes_back_with_defaults_and_without_what_was_not_sent(server):
    record = server.create("Brand", name="Nord", code=fresh("nord"))
    assert record["isActive"] is False
    assert record["deleted"] is False
    assert record["createdById"] == "1"
    assert "description" not in record
    read = server.read("Brand", record["id"]).body
    assert read["description"] is None
    assert read["createdByName"] == "Admin"


def test_ids_look_like_those_of_the_generation(servers):
    assert len(servers["1.10"].create("Brand", name="a")["id"]) == 17
    ids = [servers["2.2"].create("Brand", name="a")["id"] for _ in range(3)]
    assert [len(one) for one in ids] == [27] * 3
    assert ids == sorted(ids)


def test_a_default_number_of_a_float_comes_as_text_when_created_and_as_a_number_when_read(server):
    product = server.product()
    assert product["quantity"] == "0"
    assert server.read("Product", product["id"]).body["quantity"] == 0


def test_unknown_keys_and_system_fields_are_dropped(server):
    record = server.create("Brand", name="a", nope=1, createdAt="2001-01-01 00:00:00", deleted=True)
    read = server.read("Brand", record["id"]).body
    assert "nope" not in read
    assert read["createdAt"] != "2001-01-01 00:00:00"
    assert read["deleted"] is False


@pytest.mark.parametrize("name", [None, ""])
def test_an_empty_required_field_is_400(server, name):
    reply = server.ask("POST", "/Brand", {"name": name})
    assert reply.status == 400
    assert not reply.is_json
    assert reply.reason


def test_a_patch_is_refused_for_another_required_field_that_is_cleared(server):
    record = server.create("Brand", name="a")
    assert server.change("Brand", record["id"], name=None).status == 400
    assert server.read("Brand", record["id"]).body["name"] == "a"


def test_a_change_that_changes_nothing_is_304(server):
    record = server.create("Brand", name="a", code=fresh())
    for values in ({"name": "a"}, {"nope": 1}, {"id": record["id"]}, {"modifiedAt": "x"}):
        reply = server.change("Brand", record["id"], **values)
        assert (reply.status, reply.body) == (304, "")


def test_put_is_patch_until_2_3(servers):
    for generation, status in (("1.10", 200), ("2.1", 200), ("2.2", 200), ("2.3", 404)):
        server = servers[generation]
        record = server.create("Brand", name="a", code=fresh())
        assert server.ask("PUT", f"/Brand/{record['id']}", {"name": "b"}).status == status


def test_unchanged_is_judged_by_json_type(server):
    product = server.product(quantity=3.0, isActive=True)
    assert server.change("Product", product["id"], quantity=3.0).status == 304
    assert server.change("Product", product["id"], quantity=3).status == 200
    assert server.change("Product", product["id"], isActive=1).status == 200


def test_null_clears_and_an_empty_text_is_not_null(server):
    record = server.create("Brand", name="a", description="words")
    assert server.change("Brand", record["id"], description=None).body["description"] is None
    assert server.change("Brand", record["id"], description="").status == 200
    assert server.read("Brand", record["id"]).body["description"] == ""


def test_a_wrong_previous_value_is_409_and_stores_nothing(server):
    record = server.create("Brand", name="old")
    stale = server.change("Brand", record["id"], name="new", _prev={"name": "older"})
    assert stale.status == 409
    assert server.read("Brand", record["id"]).body["name"] == "old"
    assert server.change("Brand", record["id"], name="new", _prev={"name": "old"}).status == 200


def test_the_conflict_check_can_be_skipped(server):
    record = server.create("Brand", name="old")
    reply = server.change(
        "Brand", record["id"], name="new", _prev={"name": "older"}, _skipCheckForConflicts=True
    )
    assert reply.status == 200


def test_missing_records_are_404_with_an_empty_reason(server):
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        reply = server.ask(method, "/Brand/nobody", body)
        assert (reply.status, reply.body, reply.reason) == (404, "", "")


def test_a_unique_value_may_be_taken_again_after_a_delete(server):
    code = fresh("code")
    first = server.create("Brand", name="a", code=code)
    assert server.ask("POST", "/Brand", {"name": "b", "code": code}).status == 400
    assert server.ask("DELETE", f"/Brand/{first['id']}").body is True
    assert server.create("Brand", name="b", code=code)["id"] != first["id"]


def test_the_id_of_a_deleted_record_may_be_used_again(server):
    own = fresh("own")
    server.create("Brand", id=own, name="a", description="before")
    assert server.ask("POST", "/Brand", {"id": own, "name": "b"}).status == 400
    server.ask("DELETE", f"/Brand/{own}")
    assert server.create("Brand", id=own, name="b")["id"] == own
    assert server.read("Brand", own).body["description"] is None


def test_an_id_that_is_a_number_is_echoed_as_one_and_stored_as_text(server):
    number = int(fresh("7").replace("7-", "7"))
    assert server.create("Brand", id=number, name="a")["id"] == number
    assert server.read("Brand", str(number)).body["id"] == str(number)


@pytest.mark.parametrize(
    ("generation", "length", "stored"),
    [("1.10", 24, True), ("1.10", 25, False), ("2.1", 36, True), ("2.1", 37, False)],
)
def test_an_id_has_a_longest_length_and_beyond_it_status_200_with_an_sql_error(
    servers, generation, length, stored
):
    server = servers[generation]
    reply = server.ask("POST", "/Brand", {"id": fresh("i").ljust(length, "x"), "name": "a"})
    assert reply.status == 200
    assert reply.is_json is stored
    assert bool(reply.reason) is not stored


def test_deleting_for_good_leaves_nothing_to_restore(v2_1):
    kept, gone = v2_1.create("Brand", name="a"), v2_1.create("Brand", name="b")
    v2_1.ask("DELETE", f"/Brand/{kept['id']}")
    v2_1.ask("DELETE", f"/Brand/{gone['id']}", headers={"permanently": "true"})
    assert v2_1.ask("POST", "/Brand/action/restore", {"id": kept["id"]}).body is True
    assert v2_1.ask("POST", "/Brand/action/restore", {"id": gone["id"]}).body is False
    assert v2_1.read("Brand", kept["id"]).status == 200


def test_restoring_came_after_1_10(v1_10):
    assert v1_10.ask("POST", "/Brand/action/restore", {"id": "x"}).status == 404


@pytest.mark.parametrize("raw", [b"", b"{", b'"text"', b"[1]", b"\xff"])
def test_a_body_that_is_no_object_is_an_empty_500(server, raw):
    reply = server.ask("POST", "/Brand", raw=raw)
    assert (reply.status, reply.body, reply.reason) == (500, "", None)


def test_routes_that_do_not_exist_are_404_with_a_page_or_a_sentence(server):
    assert "<html>" in server.ask("GET", "/Brand/1/2/3/4").body
    assert server.ask("GET", "/NoSuchThing").reason
    assert server.ask("PUT", "/Brand", {"name": "x"}).status == 404


def test_options_and_head_are_answered(server):
    assert server.ask("OPTIONS", "/Brand", signed=False).status == 200
    assert server.ask("HEAD", "/Brand").status == 200


def test_an_address_longer_than_8_kilobytes_is_414(server):
    reply = server.listed("Brand", [{"type": "in", "attribute": "id", "value": ["i" * 24] * 300}])
    assert reply.status == 414
