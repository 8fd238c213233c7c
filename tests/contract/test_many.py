"""Actions on many records, and jobs."""

import json

import pytest

from tests.contract.calling import fresh


@pytest.fixture
def brands(server):
    mark = fresh("mass")
    return (
        server,
        [server.create("Brand", name=mark, code=f"{mark}-{number}")["id"] for number in range(3)],
        mark,
    )


def update_many(server, ids, **values):
    if server.generation.renamed_routes:
        return server.ask("PATCH", "/entityMassUpdate", {"entityName": "Brand", "ids": ids, "values": values})
    return server.ask("PUT", "/Brand/action/massUpdate", {"ids": ids, "attributes": values})


def delete_many(server, ids):
    if server.generation.renamed_routes:
        return server.ask("POST", "/entityMassDelete", {"entityName": "Brand", "ids": ids})
    return server.ask("POST", "/Brand/action/massDelete", {"ids": ids})


SHAPES = {"1.10": {"count", "ids"}, "2.1": {"count", "sync", "errors"}, "2.2": {"count", "sync", "errors"}}


def test_many_are_changed_at_once(brands):
    server, ids, _ = brands
    reply = update_many(server, ids, description="same")
    assert reply.body.keys() == SHAPES.get(server.generation.name, {"updated", "errors"})
    assert {server.read("Brand", one).body["description"] for one in ids} == {"same"}
    assert update_many(server, ids).status == 400


def test_many_are_deleted_and_the_count_is_of_the_chosen(brands):
    server, ids, mark = brands
    reply = delete_many(server, [*ids, "nobody"])
    assert reply.body.keys() == SHAPES.get(server.generation.name, {"deleted", "errors"})
    assert reply.body.get("count", reply.body.get("deleted", 0) + 1) == 4
    assert server.listed("Brand", [{"type": "equals", "attribute": "name", "value": mark}]).body["total"] == 0


def test_by_where_counts_only_where_it_is_said(servers):
    server, mark = servers["2.2"], fresh("by-where")
    server.create("Brand", name=mark)
    where = [{"type": "equals", "attribute": "name", "value": mark}]
    assert server.ask("POST", "/Brand/action/massDelete", {"where": where}).body["count"] == 0
    assert (
        server.ask("POST", "/Brand/action/massDelete", {"where": where, "byWhere": True}).body["count"] == 1
    )


def test_more_than_200_wait_for_the_cron_or_are_refused_in_2_3(servers):
    for generation in ("2.2", "2.3"):
        server, mark = servers[generation], fresh("many")
        server.upsert(*[("Brand", {"id": f"{mark}-{number}", "name": mark}) for number in range(201)])
        ids = [f"{mark}-{number}" for number in range(201)]
        reply = update_many(server, ids, description="later")
        if generation == "2.3":
            assert reply.status == 400
            body = {"entityName": "Brand", "ids": ids, "values": {"description": "later"}}
            reply = server.ask("PATCH", "/entityMassUpdateAsync", body)
        assert server.read("Job", reply.body["jobId"]).body["status"] == "Pending"
        assert server.read("Brand", ids[0]).body["description"] is None
        assert server.sandbox.cron() >= 1
        assert server.read("Job", reply.body["jobId"]).body["status"] == "Success"
        assert server.read("Brand", ids[-1]).body["description"] == "later"


def test_the_queue_header_stores_a_job_and_answers_by_generation(servers):
    for generation, status in (("1.10", 200), ("2.1", 400), ("2.2", 400)):
        server, own = servers[generation], fresh("queued")
        reply = server.upsert(("Brand", {"id": own, "name": "q"}), **{"Use-Queue": "true"})
        assert reply.status == status
        queue = server.generation.queue
        newest = server.listed(
            queue, maxSize=1, sortBy="id" if queue == "Job" else "createdAt", asc="false"
        ).body["list"][0]
        assert newest["status"] == "Pending"
        assert server.read("Brand", own).status == 404
        server.sandbox.cron()
        assert server.read("Brand", own).status == 200


def test_a_finished_job_holds_the_answers_of_its_items(v2_3):
    body = [{"entity": "Brand", "payload": {"name": "a"}}, {"entity": "Brand", "payload": {}}]
    job_id = v2_3.ask("POST", "/upsertAsync", body).body["jobId"]
    v2_3.sandbox.cron()
    job = v2_3.read("Job", job_id).body
    assert job["status"] == "Success"
    assert [item["status"] for item in json.loads(job["message"])] == ["Created", "Failed"]


def test_a_canceled_job_does_not_run(v2_2):
    own = fresh("canceled")
    v2_2.upsert(("Brand", {"id": own, "name": "q"}), **{"Use-Queue": "1"})
    job = v2_2.listed("Job", [{"type": "equals", "attribute": "status", "value": "Pending"}]).body["list"][-1]
    assert v2_2.ask("GET", "/Job/action/massActionStatus", query={"id": job["id"]}).body["done"] is False
    v2_2.change("Job", job["id"], status="Canceled")
    v2_2.sandbox.cron()
    assert v2_2.read("Brand", own).status == 404


def test_jobs_cannot_be_created_by_hand(server):
    assert server.ask("POST", f"/{server.generation.queue}", {"name": "x"}).status == 404


def test_records_of_two_sets_are_linked_crosswise(servers):
    for generation in ("1.10", "2.1", "2.2"):
        server = servers[generation]
        products = [server.product()["id"] for _ in range(2)]
        channels = [server.create("Channel", name="c", code=fresh())["id"] for _ in range(2)]
        body = {"ids": [*products, "nobody"], "foreignIds": channels}
        reply = server.ask("POST", "/Product/channels/relation", body)
        assert "<" in reply.body["message"]
        assert server.ask("GET", f"/Product/{products[0]}/channels").body["total"] == 2
        server.ask("DELETE", "/Product/channels/relation", body)
        assert server.ask("GET", f"/Product/{products[0]}/channels").body["total"] == 0


def test_2_3_links_crosswise_under_another_address(v2_3):
    product, channel = v2_3.product()["id"], v2_3.create("Channel", name="c", code=fresh())["id"]
    body = {"entityName": "Product", "link": "channels", "ids": [product], "foreignIds": [channel]}
    assert v2_3.ask("POST", "/entityRelationBulk", body).body["related"] == 1
    assert v2_3.ask("DELETE", "/entityRelationBulk", body).body["unrelated"] == 1
    assert v2_3.ask("POST", "/Product/channels/relation", body).status == 404


def test_all_links_are_taken_away_twenty_now_and_the_rest_later(v2_2):
    channels = [v2_2.create("Channel", name="c", code=fresh())["id"] for _ in range(22)]
    product = v2_2.product(channelsIds=channels)
    assert (
        v2_2.ask("POST", "/Product/action/unlinkAll", {"id": product["id"], "link": "channels"}).body is True
    )
    assert v2_2.ask("GET", f"/Product/{product['id']}/channels").body["total"] == 2
    v2_2.sandbox.cron()
    assert v2_2.ask("GET", f"/Product/{product['id']}/channels").body["total"] == 0


def test_many_are_restored(servers):
    for generation in ("2.1", "2.2"):
        server = servers[generation]
        brand = server.create("Brand", name="b")
        server.ask("DELETE", f"/Brand/{brand['id']}")
        assert server.ask("POST", "/Brand/action/massRestore", {"ids": [brand["id"]]}).body["count"] == 1
        assert server.read("Brand", brand["id"]).status == 200
    brand = servers["2.3"].create("Brand", name="b")
    servers["2.3"].ask("DELETE", f"/Brand/{brand['id']}")
    body = {"entityName": "Brand", "ids": [brand["id"]]}
    assert servers["2.3"].ask("POST", "/entityRestore", body).body == {"restored": 1, "errors": []}


def test_products_are_associated_crosswise_with_an_association(v2_2):
    association = v2_2.create("Association", name="a", code=fresh())["id"]
    one, two = v2_2.product()["id"], v2_2.product()["id"]
    body = {"ids": [one], "foreignIds": [two]}
    assert "0 of 1" in v2_2.ask("POST", "/Product/associatedItems/relation", body).body["message"]
    body["data"] = {"associationId": association}
    assert "1 of 1" in v2_2.ask("POST", "/Product/associatedItems/relation", body).body["message"]
    where = [{"type": "equals", "attribute": "associatingItemId", "value": one}]
    assert v2_2.listed("AssociatedProduct", where).body["list"][0]["associatedItemId"] == two


def test_a_job_that_cannot_run_fails_and_is_never_done(v2_3):
    job_id = v2_3.ask(
        "PATCH", "/entityMassUpdateAsync", {"entityName": "NoSuchEntity", "ids": ["x"], "values": {"a": 1}}
    )
    v2_3.sandbox.cron()
    job = v2_3.read("Job", job_id.body["jobId"]).body
    assert job["status"] in {"Failed", "Success"}
    assert "NoSuchEntity" in job["message"]
