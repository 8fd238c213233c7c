import pytest

from tests.contract.calling import fresh


@pytest.fixture
def brands(server):
    """Five brands that no other test sees, and a condition that finds them alone."""
    mark = fresh("list")
    made = [server.create("Brand", name=f"{mark} {number}", code=f"{mark}-{number}") for number in range(5)]
    return server, made, {"type": "startsWith", "attribute": "code", "value": mark}


def codes(reply):
    return [record["code"] for record in reply.body["list"]]


def test_a_list_has_its_total_whatever_the_page(brands):
    server, made, mine = brands
    reply = server.listed("Brand", [mine], select="code", sortBy="code", asc="true", maxSize=2, offset=3)
    assert reply.body["total"] == 5
    assert codes(reply) == [made[3]["code"], made[4]["code"]]


def test_two_hundred_come_unless_more_are_asked_for_and_there_is_no_cap(v2_2):
    mark = fresh("many")
    v2_2.upsert(*[("Brand", {"name": mark, "code": f"{mark}-{number}"}) for number in range(260)])
    mine = [{"type": "equals", "attribute": "name", "value": mark}]
    for asked, come in (({}, 200), ({"maxSize": ""}, 200), ({"maxSize": "0"}, 200), ({"maxSize": 1000}, 260)):
        assert len(v2_2.listed("Brand", mine, select="id", **asked).body["list"]) == come


def test_a_word_as_page_size_gives_none_and_a_negative_one_an_sql_error(server):
    assert server.listed("Brand", maxSize="abc").body["list"] == []
    reply = server.listed("Brand", maxSize="-1")
    assert (reply.status, reply.is_json, bool(reply.reason)) == (200, False, True)


def test_only_the_word_true_sorts_upwards(brands):
    server, made, mine = brands
    up = [brand["code"] for brand in made]
    for word, expected in (("true", up), ("True", up[::-1]), ("1", up[::-1]), ("false", up[::-1])):
        assert codes(server.listed("Brand", [mine], sortBy="code", asc=word)) == expected


def test_an_unknown_sort_field_is_ignored(brands):
    server, made, mine = brands
    reply = server.listed("Brand", [mine], sortBy="nosuch")
    assert sorted(codes(reply)) == [brand["code"] for brand in made]


def test_without_an_order_an_updated_record_stands_last_until_2_1(brands):
    server, made, mine = brands
    server.change("Brand", made[0]["id"], description="touched")
    stored = codes(server.listed("Brand", [mine]))
    if server.generation.default_order == "stored":
        assert stored == [brand["code"] for brand in [*made[1:], made[0]]]
    else:
        assert stored == [brand["code"] for brand in sorted(made, key=lambda brand: brand["id"])]


def test_nulls_are_the_largest_values(server):
    mark = fresh("null")
    for code in (mark, None):
        server.create("Brand", name=mark, code=code)
    mine = [{"type": "equals", "attribute": "name", "value": mark}]
    assert codes(server.listed("Brand", mine, sortBy="code", asc="true")) == [mark, None]
    assert codes(server.listed("Brand", mine, sortBy="code", asc="false")) == [None, mark]


def test_a_link_is_sorted_by_the_name_behind_it(server):
    mark = fresh("sorted")
    for name in ("b", "a", "c"):
        brand = server.create("Brand", name=f"{mark}{name}")
        server.product(name=name, mpn=mark, brandId=brand["id"])
    reply = server.listed(
        "Product", [{"type": "equals", "attribute": "mpn", "value": mark}], sortBy="brand", asc="true"
    )
    assert [record["name"] for record in reply.body["list"]] == ["a", "b", "c"]


def test_select_narrows_but_some_columns_always_come(brands):
    server, _, mine = brands
    record = server.listed("Brand", [mine], select="code", maxSize=1).body["list"][0]
    assert {"id", "code", "createdById"} <= record.keys()
    assert "name" not in record
    assert ("assignedUserId" in record) is server.sandbox.instance.entity("Brand").has("assignedUserId")


def test_select_of_an_unknown_field_is_400(server):
    assert server.listed("Brand", select="name,nosuch").status == 400


def test_select_of_a_link_brings_the_name_or_the_whole_record(server):
    brand = server.create("Brand", name=fresh("whole"))
    product = server.product(brandId=brand["id"])
    mine = [{"type": "equals", "attribute": "id", "value": product["id"]}]
    named = server.listed("Product", mine, select="brandName,brandId").body["list"][0]
    assert (named["brandName"], named["brandId"]) == (brand["name"], brand["id"])
    assert server.listed("Product", mine, select="brand").body["list"][0]["brand"]["name"] == brand["name"]


def test_select_of_a_multi_link_brings_ids_names_or_records(server):
    channel = server.create("Channel", name=fresh("web"), code=fresh())
    product = server.product(channelsIds=[channel["id"]])
    mine = [{"type": "equals", "attribute": "id", "value": product["id"]}]
    record = server.listed("Product", mine, select="channelsIds,channels").body["list"][0]
    assert record["channelsIds"] == [channel["id"]]
    assert record["channelsNames"] == {channel["id"]: channel["name"]}
    assert record["channels"][0]["code"] == channel["code"]
    assert "channelsIds" not in server.listed("Product", mine).body["list"][0]


def test_total_only_and_collection_only_came_after_1_10(brands):
    server, _, mine = brands
    for word in ("totalOnly", "collectionOnly"):
        keys = set(server.listed("Brand", [mine], **{word: "true"}).body)
        known = {"totalOnly": {"total"}, "collectionOnly": {"list"}}[word]
        assert keys == (known if server.generation.list_shortcuts else {"total", "list"})
    assert set(server.listed("Brand", [mine], totalOnly="1").body) == {"total", "list"}


def test_text_search_finds_the_start_of_short_fields_and_stars_stand_for_anything(brands):
    server, made, _ = brands
    mark = made[0]["code"].rpartition("-")[0]
    assert server.listed("Brand", textFilter=mark).body["total"] == 5
    assert server.listed("Brand", q=mark.upper()).body["total"] == 5
    assert server.listed("Brand", textFilter=mark[1:]).body["total"] == 0
    assert server.listed("Brand", textFilter=f"*{mark[1:]}*").body["total"] == 5


def test_keyset_paging_by_id_sees_every_record_once(brands):
    server, made, mine = brands
    seen, last = [], ""
    while page := server.listed(
        "Brand",
        [mine, {"type": "greaterThan", "attribute": "id", "value": last}],
        sortBy="id",
        asc="true",
        maxSize=2,
    ).body["list"]:
        seen += [record["id"] for record in page]
        last = seen[-1]
    assert sorted(seen) == sorted(brand["id"] for brand in made)
    assert seen == sorted(seen)
