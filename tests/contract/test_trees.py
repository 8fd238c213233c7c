import pytest

from tests.contract.calling import fresh


def category(server, **values):
    return server.create("Category", **{"name": fresh("cat"), "code": fresh(), **values})


def test_a_child_knows_its_way_from_the_root(servers):
    for generation in ("2.1", "2.2", "2.3"):
        server = servers[generation]
        root = category(server)
        middle = category(server, parentId=root["id"])
        leaf = category(server, parentsIds=[middle["id"]])
        read = server.read("Category", leaf["id"]).body
        assert read["parentId"] == middle["id"]
        assert read["parentName"] == middle["name"]
        assert read["routes"] == [f"|{root['id']}|{middle['id']}|"]
        assert [step["name"] for step in read["routesNames"][0]] == [root["name"], middle["name"]]
        assert read["isRoot"] is False
        assert server.read("Category", root["id"]).body["hasChildren"] is True


def test_in_1_10_only_parent_id_counts_on_create(v1_10):
    root = category(v1_10)
    assert v1_10.read("Category", category(v1_10, parentsIds=[root["id"]])["id"]).body["parentId"] is None
    child = v1_10.read("Category", category(v1_10, parentId=root["id"])["id"]).body
    assert child["parentId"] == root["id"]
    assert child["hierarchyRoute"] == {root["id"]: root["name"]}


def test_a_parent_may_be_changed_and_taken_away(server):
    first, second = category(server), category(server)
    child = category(server, parentId=first["id"])
    assert server.change("Category", child["id"], parentId=second["id"]).status == 200
    assert server.read("Category", child["id"]).body["parentId"] == second["id"]
    assert server.change("Category", child["id"], parentId=second["id"]).status == 304
    server.change("Category", child["id"], parentId=None)
    assert server.read("Category", child["id"]).body["isRoot"] is True


@pytest.fixture(params=["2.1", "2.2", "2.3"])
def newer(request, servers):
    return servers[request.param]


def test_a_new_child_takes_values_from_its_parent_and_loses_its_own_links(newer):
    mine, theirs = (newer.create("Channel", name=fresh(), code=fresh())["id"] for _ in range(2))
    parent = newer.product(description="long", mpn="m", channelsIds=[theirs])
    child = newer.product(parentsIds=[parent["id"]], channelsIds=[mine])
    read = newer.read("Product", child["id"]).body
    assert read["description"] == "long"
    assert read["mpn"] is None
    select = {
        "where[0][type]": "equals",
        "where[0][attribute]": "id",
        "where[0][value]": child["id"],
        "select": "channelsIds",
    }
    assert newer.ask("GET", "/Product", query=select).body["list"][0]["channelsIds"] == [theirs]


def test_links_of_a_new_child_are_lost_where_its_parent_has_none(newer):
    mine = newer.create("Channel", name=fresh(), code=fresh())["id"]
    child = newer.product(parentsIds=[newer.product()["id"]], channelsIds=[mine])
    where = [{"type": "linkedWith", "attribute": "channels", "value": [mine]}]
    assert child["id"] not in {record["id"] for record in newer.listed("Product", where).body["list"]}


def test_a_product_may_stand_in_a_leaf_only(newer):
    above = category(newer)
    leaf = category(newer, parentId=above["id"])
    product = newer.product()
    assert newer.change("Product", product["id"], categoriesIds=[above["id"]]).status == 400
    assert newer.change("Product", product["id"], categoriesIds=[leaf["id"]]).status == 200


def test_children_of_a_deleted_record_become_roots(server):
    root = category(server)
    child = category(server, parentId=root["id"])
    server.ask("DELETE", f"/Category/{root['id']}")
    assert server.read("Category", child["id"]).body["parentId"] is None


def test_a_changed_value_reaches_the_children_that_had_the_old_one_when_the_cron_runs(newer):
    parent = newer.product(note="old")
    same = newer.product(parentsIds=[parent["id"]])
    grandchild = newer.product(parentsIds=[same["id"]])
    own = newer.product(parentsIds=[parent["id"]], note="mine")
    newer.change("Product", parent["id"], note="new")
    assert newer.read("Product", same["id"]).body["note"] == "old"
    newer.sandbox.cron()
    notes = [newer.read("Product", one["id"]).body["note"] for one in (same, grandchild, own)]
    assert notes == ["new", "new", "mine"]
