import pytest

from tests.contract.calling import fresh


@pytest.fixture(params=["2.2", "2.3"])
def server(request, servers):
    return servers[request.param]


def test_a_linked_record_is_found_or_created(server):
    name = fresh("brand")
    first = server.product(brand={"name": name})
    second = server.product(brand={"name": name})
    assert first["brandId"] == second["brandId"]
    assert server.read("Product", first["id"]).body["brandName"] == name


def test_every_given_value_is_searched_for(server):
    name = fresh("brand")
    known = server.create("Brand", name=name)
    other = server.product(brand={"name": name, "code": fresh()})
    assert other["brandId"] != known["id"]
    assert server.listed("Brand", [{"type": "equals", "attribute": "name", "value": name}]).body["total"] == 2


def test_several_are_found_or_created_each_for_itself(server):
    known = server.create("Channel", name=fresh("web"), code=fresh())
    product = server.product(channels=[{"name": known["name"]}, {"name": fresh("new")}])
    assert len(product["channelsIds"]) == 2
    assert known["id"] in product["channelsIds"]


def test_a_record_that_cannot_be_created_fails_the_whole(server):
    assert server.ask("POST", "/Product", {"name": "p", "brand": {"code": fresh()}}).status == 400


def test_an_object_within_an_object_is_400(server):
    assert (
        server.ask("POST", "/Product", {"name": "p", "brand": {"name": "b", "country": {"name": "c"}}}).status
        == 400
    )


def test_it_works_in_changes_and_in_the_bulk_call(server):
    product, name = server.product(), fresh("brand")
    assert server.change("Product", product["id"], brand={"name": name}).status == 200
    assert server.change("Product", product["id"], brand={"name": name}).status == 304
    own = fresh("own")
    server.upsert(("Product", {"id": own, "name": "p", "brand": {"name": name}}))
    assert server.read("Product", own).body["brandName"] == name


def test_options_are_searched_and_created_inside_their_list(server):
    name = fresh("kind")
    elsewhere = server.create("ExtensibleEnumOption", name=name, extensibleEnumsIds=["fileTags"])
    first = server.create("ContentItem", name="c", type={"name": name})
    assert first["typeId"] != elsewhere["id"]
    option = server.read("ExtensibleEnumOption", first["typeId"]).body
    assert option["extensibleEnumsIds"] == ["contentItemTypes"]
    assert server.create("ContentItem", name="d", type={"name": name})["typeId"] == first["typeId"]


def test_an_option_of_another_list_is_400(server):
    elsewhere = server.create("ExtensibleEnumOption", name=fresh("kind"), extensibleEnumsIds=["fileTags"])
    assert server.ask("POST", "/ContentItem", {"name": "c", "typeId": elsewhere["id"]}).status == 400
    assert server.ask("POST", "/ContentItem", {"name": "c", "typeId": "nowhere"}).status == 400


def test_earlier_generations_drop_the_object(servers):
    for generation in ("1.10", "2.1"):
        product = servers[generation].product(brand={"name": fresh("brand")})
        assert product["brand"] is None
        assert servers[generation].read("Product", product["id"]).body["brandId"] is None
