import pytest

from tests.contract.calling import fresh


@pytest.fixture
def pair(server):
    """A product and three channels."""
    return (
        server,
        server.product(),
        [server.create("Channel", name=fresh("c"), code=fresh())["id"] for _ in range(3)],
    )


def linked(server, product):
    return [record["id"] for record in linked_list(server, product).body["list"]]


def linked_list(server, product):
    if server.generation.renamed_routes:
        return server.ask(
            "GET", "/entityRelation", query={"entityName": "Product", "id": product["id"], "link": "channels"}
        )
    return server.ask("GET", f"/Product/{product['id']}/channels")


def link(server, product, ids):
    if server.generation.renamed_routes:
        body = {"entityName": "Product", "id": product["id"], "link": "channels", "foreignIds": ids}
        return server.ask("POST", "/entityRelation", body)
    return server.ask("POST", f"/Product/{product['id']}/channels", {"ids": ids})


def unlink(server, product, ids):
    if server.generation.renamed_routes:
        body = {"entityName": "Product", "id": product["id"], "link": "channels", "foreignIds": ids}
        return server.ask("DELETE", "/entityRelation", body)
    return server.ask("DELETE", f"/Product/{product['id']}/channels", query={"ids": ",".join(ids)})


def test_ids_replace_the_whole_set(pair):
    server, product, (one, two, three) = pair
    server.change("Product", product["id"], channelsIds=[one, two])
    assert sorted(linked(server, product)) == sorted([one, two])
    server.change("Product", product["id"], channelsIds=[three])
    assert linked(server, product) == [three]
    server.change("Product", product["id"], channelsIds=[])
    assert linked(server, product) == []


def test_ids_with_add_only_mode_are_added_on_create_too(pair):
    server, product, (one, two, _) = pair
    made = server.product(channelsIds=[one], channelsAddOnlyMode=1)
    assert linked(server, made) == [one]
    server.change("Product", made["id"], channelsIds=[two], channelsAddOnlyMode=1)
    assert linked(server, made) == [one, two]
    assert server.change("Product", made["id"], channelsIds=[one], channelsAddOnlyMode=1).status == 304
    assert linked(server, product) == []


def test_ids_are_compared_as_sets(pair):
    server, product, (one, two, _) = pair
    server.change("Product", product["id"], channelsIds=[one, two])
    assert server.change("Product", product["id"], channelsIds=[two, one, two]).status == 304


def test_an_unknown_id_is_linked_and_never_shows(pair):
    server, product, (one, *_) = pair
    assert server.change("Product", product["id"], channelsIds=[one, "nowhere"]).status == 200
    assert linked(server, product) == [one]
    assert server.product(brandId="nowhere")["brandId"] == "nowhere"


def test_linking_and_unlinking_do_not_move_modified_at(pair):
    server, product, (one, *_) = pair
    instance = server.sandbox.instance
    then, instance.clock = instance.clock, lambda: 4_000_000_000.0
    try:
        assert link(server, product, [one]).body is True
        assert unlink(server, product, [one]).body is True
        assert server.read("Product", product["id"]).body["modifiedAt"] == product["modifiedAt"]
        assert (
            server.change("Product", product["id"], channelsIds=[one]).body["modifiedAt"]
            > product["modifiedAt"]
        )
    finally:
        instance.clock = then


def test_linking_what_is_linked_is_400_an_unknown_record_404_and_nothing_500(pair):
    server, product, (one, *_) = pair
    assert link(server, product, [one]).status == 200
    assert link(server, product, [one]).status == 400
    assert link(server, product, ["nowhere"]).status == 404
    assert link(server, product, []).status == 500
    assert link(server, {"id": "nobody"}, [one]).status == 404


def test_unlinking_nothing_is_500(pair):
    server, product, (one, *_) = pair
    assert unlink(server, product, [one]).status == 500


def test_the_links_of_an_unknown_record_are_an_empty_list(pair):
    server, _, _ = pair
    assert linked_list(server, {"id": "nobody"}).body == {"total": 0, "list": []}


def test_an_unknown_link_is_500(servers):
    for generation in ("1.10", "2.1", "2.2"):
        server = servers[generation]
        assert server.ask("POST", f"/Product/{server.product()['id']}/nope", {"id": "x"}).status == 500


def test_a_deleted_record_leaves_the_lists_of_others(pair):
    server, product, (one, two, _) = pair
    server.change("Product", product["id"], channelsIds=[one, two])
    server.ask("DELETE", f"/Channel/{one}")
    assert linked(server, product) == [two]
    server.ask("DELETE", f"/Channel/{two}")
    mine = {"type": "equals", "attribute": "id", "value": product["id"]}
    assert server.listed("Product", [mine, {"type": "isLinked", "attribute": "channels"}]).body["total"] == 0


def test_records_that_link_here_are_listed_and_moved(servers):
    for generation in ("1.10", "2.1", "2.2"):
        server = servers[generation]
        brand, product = server.create("Brand", name="b", code=fresh()), server.product()
        assert server.ask("POST", f"/Brand/{brand['id']}/products", {"id": product["id"]}).body is True
        assert server.read("Product", product["id"]).body["brandId"] == brand["id"]
        assert server.ask("GET", f"/Brand/{brand['id']}/products").body["total"] == 1


def test_the_names_of_links_and_strings_in_them_are_ignored(server):
    brand = server.create("Brand", name=fresh("named"), code=fresh())
    product = server.product(brandName=brand["name"], brand=brand["id"])
    assert product["brand"] is None
    assert server.read("Product", product["id"]).body["brandId"] is None


def test_one_file_at_a_time_is_the_main_image(server):
    files = [
        server.create("File", name=fresh() + ".txt", fileContents="data:text/plain;base64,eA==")["id"]
        for _ in range(2)
    ]
    product = server.product()
    for file_id in files:
        server.create("ProductFile", productId=product["id"], fileId=file_id, isMainImage=True)
        assert server.read("Product", product["id"]).body["mainImageId"] == file_id
    where = [
        {"type": "equals", "attribute": "productId", "value": product["id"]},
        {"type": "isTrue", "attribute": "isMainImage"},
    ]
    assert server.listed("ProductFile", where).body["total"] == 1


def test_a_relation_record_to_a_missing_file_is_500_and_stored_in_1_10(servers):
    for generation, status in (("1.10", 500), ("2.1", 200)):
        server, product = servers[generation], servers[generation].product()
        reply = server.ask("POST", "/ProductFile", {"productId": product["id"], "fileId": "nowhere"})
        assert reply.status == status
        where = [{"type": "equals", "attribute": "productId", "value": product["id"]}]
        assert server.listed("ProductFile", where).body["total"] == 1


def test_a_category_of_another_tree_is_refused_in_1_10(v1_10):
    root = v1_10.create("Category", name="root", code=fresh())
    product = v1_10.product()
    assert v1_10.change("Product", product["id"], categoriesIds=[root["id"]]).status == 400
    catalog = v1_10.create("Catalog", name="c", code=fresh())
    v1_10.ask("PUT", f"/Catalog/{catalog['id']}", {"categoriesIds": [root["id"]]})
    inside = v1_10.product(catalogId=catalog["id"])
    assert v1_10.change("Product", inside["id"], categoriesIds=[root["id"]]).status == 200
