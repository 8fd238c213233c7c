"""What the server says about itself, and what headers ask for besides."""

from tests.contract.calling import fresh, serving

CATALOGUE = {
    "Classification",
    "Attribute",
    "AttributeGroup",
    "ExtensibleEnum",
    "ExtensibleEnumOption",
    "Measure",
    "Unit",
    "Folder",
    "Association",
    "AssociatedProduct",
    "ProductFile",
    "ProductCategory",
    "ProductAttributeValue",
}


def test_the_schema_is_served(server):
    path = "/metadata" if server.generation.renamed_routes else "/Metadata"
    body = server.ask("GET", path).body
    assert {"Product", "Brand", "Category", "Channel", "File", "Unit"} <= body["entityDefs"].keys()
    assert body["scopes"]["Product"]["type"] == "Hierarchy"


def test_what_each_generation_has(servers):
    names = {generation: server.sandbox.instance.schema.entities for generation, server in servers.items()}
    assert "Catalog" in names["1.10"]
    assert "Catalog" not in names["2.1"]
    assert names["2.2"]["Attribute"].has("code")
    assert names["2.3"]["Attribute"].has("systemName")
    for entities in names.values():
        assert entities.keys() >= CATALOGUE


def test_the_base_says_what_it_is(server):
    assert server.ask("GET", "/").status == 200


def test_settings_need_no_sign_in(server):
    assert server.ask("GET", "/Settings", signed=False).body["decimalMark"] == "."


def test_labels_are_told_in_the_language_of_a_locale(servers):
    for generation, server in servers.items():
        path = "/i18n" if server.generation.renamed_routes else "/I18n"

        def told(server=server, path=path, **query):
            return server.ask("GET", path, query=query, signed=False).body

        words = told()
        assert words["Product"]["fields"]["brand"] == words["Global"]["scopeNames"]["Brand"] == "Brand"
        assert words["Product"]["options"]["status"]["draft"] == "Draft"
        # What a number is called is told with its unit and without; a Locale's id is no language.
        numbers = [words["Product"]["fields"][one] for one in ("unitPrice", "price", "priceUnit")]
        assert numbers == ["Price", "Price (number)", "Price (unit)"]
        german = "de_DE"
        if generation != "1.10":
            assert told(locale=german) == words
            locales = server.listed("Locale").body["list"]
            german = next(one["id"] for one in locales if one["languageCode"] == "de_DE")
        assert told(locale=german)["Product"]["fields"]["unitPrice"] == "Preis"
        assert told(locale=german, default="true") == told(locale="none such") == words


def test_2_3_has_its_labels_at_another_address(v2_3):
    assert v2_3.ask("GET", "/I18n", signed=False).status == 404


def test_openapi_describes_what_is_served_at_the_root(server):
    body = server.ask("GET", "/openapi.json", at_root=True, signed=False).body
    assert body["servers"] == [{"url": server.base}]
    assert "/Product/{id}" in body["paths"]
    bulk = "/upsert" if server.generation.renamed_routes else "/MassActions/action/upsert"
    assert bulk in body["paths"]
    assert body["components"]["schemas"]["Product"]["properties"]["brandId"]["type"] == "string"
    assert ("put" in body["paths"]["/Product/{id}"]) is not server.generation.renamed_routes


def test_meta_says_what_may_be_done_and_the_whole_options(servers):
    for generation in ("2.2", "2.3"):
        server = servers[generation]
        listed = server.create("ExtensibleEnum", name="l", code=fresh())
        option = server.create(
            "ExtensibleEnumOption", name="o", code=fresh(), extensibleEnumsIds=[listed["id"]]
        )
        read = server.read("ExtensibleEnum", listed["id"], **{"With-Meta": "1"}).body
        assert read["_meta"]["permissions"] == {"edit": True, "delete": True, "stream": True}
        assert "_meta" not in server.read("ExtensibleEnum", listed["id"]).body
        rows = server.ask("GET", "/ExtensibleEnumOption", headers={"With-Meta": "true"}).body["list"]
        assert all(row["_meta"]["permissions"]["edit"] for row in rows)
        assert option["id"] in {row["id"] for row in rows}
    brand = servers["2.1"].create("Brand", name="b")
    assert "_meta" not in servers["2.1"].read("Brand", brand["id"], **{"With-Meta": "true"}).body


def test_meta_brings_the_whole_options_of_lists(v2_2):
    kind = v2_2.create(
        "ExtensibleEnumOption", name="k", code=fresh(), color="#f00", extensibleEnumsIds=["contentItemTypes"]
    )
    item = v2_2.create("ContentItem", name="c", typeId=kind["id"])
    options = v2_2.read("ContentItem", item["id"], **{"With-Meta": "true"}).body["_meta"]["options"]
    assert options == {
        "type": {"id": kind["id"], "code": kind["code"], "name": "k", "color": "#f00", "sortOrder": None}
    }
    tags = [
        v2_2.create("ExtensibleEnumOption", name=n, code=fresh(), extensibleEnumsIds=["fileTags"])["id"]
        for n in "ab"
    ]
    file = v2_2.create("File", name="a.txt", fileContents="data:text/plain;base64,eA==", tags=tags)
    read = v2_2.read("File", file["id"], **{"With-Meta": "true"}).body
    assert [option["name"] for option in read["_meta"]["options"]["tags"]] == ["a", "b"]
    assert read["tagsNames"] == {tags[0]: "a", tags[1]: "b"}


def test_meta_of_linked_records_says_whether_they_may_be_unlinked(v2_2):
    channel = v2_2.create("Channel", name="c", code=fresh())
    product = v2_2.product(channelsIds=[channel["id"]])
    rows = v2_2.ask("GET", f"/Product/{product['id']}/channels", headers={"With-Meta": "true"}).body["list"]
    assert rows[0]["_meta"]["permissions"]["unlink"] is True


def test_audit_stands_there_only_after_a_delegated_write(v2_2):
    brand = v2_2.create("Brand", name="b")
    meta = {"With-Meta": "true"}
    assert "audit" not in v2_2.read("Brand", brand["id"], **meta).body["_meta"]
    v2_2.ask("PATCH", f"/Brand/{brand['id']}", {"name": "c"}, headers={"Sandbox-Delegator": "Bob"})
    audit = v2_2.read("Brand", brand["id"], **meta).body["_meta"]["audit"]
    assert audit["modifiedBy"]["actor"]["name"] == "Admin"
    assert audit["modifiedBy"]["delegator"]["name"] == "Bob"


def test_languages_have_columns_and_a_header_that_shows_them_as_the_main_one():
    with serving("2.2", languages=("de_DE",)) as server:
        brand = server.create("Brand", name="Tools", nameDeDe="Werkzeug")
        read = server.read("Brand", brand["id"]).body
        assert (read["name"], read["nameDeDe"]) == ("Tools", "Werkzeug")
        assert server.read("Brand", brand["id"], Language="de_DE").body["name"] == "Werkzeug"
        assert (
            server.ask("GET", "/Brand", query={"select": "name"}, headers={"Language": "de_DE"}).body["list"][
                0
            ]["name"]
            == "Werkzeug"
        )
        assert server.read("Brand", brand["id"], Language="fr_FR").status == 400
        assert server.ask("GET", "/Settings").body["inputLanguageList"] == ["de_DE"]


def test_2_3_shows_the_links_that_were_asked_for(v2_3):
    channel = v2_3.create("Channel", name="c", code=fresh())
    product = v2_3.product()
    reply = v2_3.ask(
        "PATCH",
        f"/Product/{product['id']}",
        {"channelsIds": [channel["id"]]},
        query={"withRelationships": "channels"},
    )
    assert reply.body["channelsNames"] == {channel["id"]: "c"}


def test_every_entity_is_listed_searched_filtered_by_its_links_and_upserted(server):
    for name, entity in server.sandbox.instance.schema.entities.items():
        where = [{"type": "isLinked", "attribute": link} for link in entity.links]
        where += [{"type": "linkedWith", "attribute": link, "value": ["x"]} for link in entity.links]
        for condition in where:
            assert server.listed(name, [condition], maxSize=1).status == 200
        assert server.listed(name, textFilter="x").is_json
        assert server.listed(name, select=",".join(["id", *entity.links])).status == 200
        values = {column.name: "1" for column in entity.columns.values() if column.name != "id"}
        assert server.upsert((name, values)).status == 200
