import http.client
import time

import pytest

from etl.sandbox.fault_specs import UnreadableFaults, read_faults, read_seconds
from tests.contract.calling import fresh, serving


@pytest.fixture(scope="module")
def running():
    with serving("2.2", seed=7) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.sandbox.faults.replace("")
    running.token = running.sign_in().body["authorizationToken"]


def switch_on(server, text):
    server.sandbox.faults.replace(text, 7)


def bulk(server, count=4):
    items = [(f"{fresh('item')}", number) for number in range(count)]
    return [name for name, _ in items], [("Brand", {"id": name, "name": name}) for name, _ in items]


def stored(server, ids):
    server.sandbox.faults.replace("")
    return [one for one in ids if server.read("Brand", one).status == 200]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_comes_instead_of_the_answer_and_nothing_is_stored(server, status):
    ids, items = bulk(server)
    switch_on(server, f"http{status}")
    reply = server.upsert(*items)
    assert (reply.status, reply.is_json) == (status, False)
    assert ("retry-after" in reply.headers) is (status in {429, 503})
    assert stored(server, ids) == []


def test_a_page_and_an_sql_error_come_with_status_200(server):
    switch_on(server, "page_html=1x,sql200=@2")
    page = server.listed("Brand")
    assert (page.status, page.is_json, page.reason) == (200, False, None)
    # The page was given before sql200 was asked, so its second request is the third.
    assert server.listed("Brand").is_json
    error = server.listed("Brand")
    assert (error.status, error.is_json, bool(error.reason)) == (200, False, True)


@pytest.mark.parametrize(("fault", "kept"), [("reset", 0), ("reset_after_commit", 4)])
def test_the_connection_is_cut_before_or_after_the_work(server, fault, kept):
    ids, items = bulk(server)
    switch_on(server, fault)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        server.upsert(*items)
    assert len(stored(server, ids)) == kept


def test_half_an_answer_comes_after_the_work(server):
    ids, items = bulk(server)
    switch_on(server, "truncate")
    with pytest.raises(http.client.IncompleteRead):
        server.upsert(*items)
    assert stored(server, ids) == ids


def test_an_answer_may_be_short_although_all_is_stored(server):
    ids, items = bulk(server)
    switch_on(server, "short_answer")
    assert len(server.upsert(*items).body) == 3
    assert stored(server, ids) == ids


def test_an_item_may_be_failed_although_it_is_stored(server):
    ids, items = bulk(server)
    switch_on(server, "failed_but_stored=@2")
    assert [item["status"] for item in server.upsert(*items).body] == [
        "Created",
        "Failed",
        "Created",
        "Created",
    ]
    assert stored(server, ids) == ids


def test_a_record_may_be_stored_without_its_relations(server):
    channel = server.create("Channel", name="c", code=fresh())
    switch_on(server, "half_stored")
    own = fresh("half")
    reply = server.upsert(("Product", {"id": own, "name": "p", "channelsIds": [channel["id"]]}))
    server.sandbox.faults.replace("")
    assert reply.body[0]["status"] == "Failed"
    assert server.read("Product", own).status == 200
    assert server.ask("GET", f"/Product/{own}/channels").body["total"] == 0


def test_a_batch_may_die_in_the_middle(server):
    ids, items = bulk(server)
    switch_on(server, "die_mid_batch")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        server.upsert(*items)
    assert stored(server, ids) == ids[:2]


def test_a_server_may_hang_after_the_work(server):
    ids, items = bulk(server)
    switch_on(server, "hang_after_commit")
    body = b'[{"entity": "Brand", "payload": {"id": "%s", "name": "x"}}]' % ids[0].encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.sandbox.port, timeout=0.3)
    headers = {"Authorization-Token": server.token, "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/MassActions/action/upsert", body=body, headers=headers)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    # On a slow machine the client may have left before the work was done.
    while not server.sandbox.faults.report()["fired"]["hang_after_commit"]:
        time.sleep(0.001)
    assert items
    assert stored(server, ids) == ids[:1]


def test_tokens_may_end_between_two_requests(server):
    switch_on(server, "expire_token=@2")
    assert [server.listed("Brand").status for _ in range(3)] == [200, 401, 401]
    server.token = server.sign_in().body["authorizationToken"]
    assert server.listed("Brand").status == 200


def test_signing_in_may_be_locked():
    with serving("2.2", faults="lockout=@3") as server:
        assert server.listed("Brand").status == 200
        assert server.sign_in().status == 403
        assert server.listed("Brand").status == 200


def test_bodies_and_addresses_may_be_too_large(server):
    switch_on(server, "max_body=1KB,max_uri=200")
    assert server.ask("POST", "/Brand", {"name": "x" * 2000}).status == 413
    assert server.listed("Brand", select="name," * 60).status == 414
    assert server.listed("Brand").status == 200


def test_somebody_else_creates_renames_and_deletes(server):
    switch_on(server, "other_writer")
    seen = {str(server.listed("Brand", maxSize=1000, select="name").body) for _ in range(40)}
    assert len(seen) > 3


def test_latency_makes_every_request_wait():
    with serving("2.2", faults="latency=60ms") as server:
        started = time.perf_counter()
        server.listed("Brand")
        assert time.perf_counter() - started >= 0.06


def test_a_slow_start_fades():
    with serving("2.2", faults="slow_start=50ms") as server:
        delays = [server.sandbox.faults.delay_s() for _ in range(12)]
        assert delays == sorted(delays, reverse=True)
        assert delays[-1] == 0


def test_chances_are_the_same_for_the_same_seed():
    def struck(seed):
        faults = read_faults("http502=0.3,reset=0.3", seed)
        return [(faults["http502"].strikes(), faults["reset"].strikes()) for _ in range(50)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 5 < sum(one for one, _ in struck(1)) < 25


def test_faults_are_shown_changed_and_ended_while_it_runs(server):
    use = {"signed": False, "at_root": True}
    reply = server.ask("POST", "/sandbox/faults", {"faults": "http503=2x,latency=1ms", "seed": 3}, **use)
    assert reply.body["faults"] == "http503=2x,latency=1ms"
    assert [server.listed("Brand").status for _ in range(3)] == [503, 503, 200]
    assert server.ask("GET", "/sandbox/faults", **use).body["fired"]["http503"] == 2
    assert server.ask("POST", "/sandbox/faults", {"faults": "nonsense"}, **use).status == 400
    assert server.ask("DELETE", "/sandbox/faults", **use).body["faults"] == ""
    assert server.ask("PUT", "/sandbox/faults", **use).status == 404


@pytest.mark.parametrize(
    "text", ["nonsense", "latency", "latency=80", "http502=2", "http502=x", "max_body=big", "http200"]
)
def test_what_cannot_be_read_is_refused_with_its_name(text):
    with pytest.raises(UnreadableFaults, match=text.partition("=")[0]) as refused:
        read_faults(text)
    assert refused.type is UnreadableFaults


def test_times_have_a_unit():
    assert read_seconds("80ms") == pytest.approx(0.08)
    assert read_seconds("1.5s") == pytest.approx(1.5)


def test_the_cron_route_runs_waiting_jobs(server):
    own = fresh("job")
    server.upsert(("Brand", {"id": own, "name": "q"}), **{"Use-Queue": "1"})
    assert server.ask("POST", "/sandbox/cron", signed=False, at_root=True).body == {"jobs": 1}
    assert server.read("Brand", own).status == 200


def test_requests_are_remembered_for_tests_that_count(server):
    server.sandbox.requests.clear()
    server.listed("Brand", maxSize=1)
    seen = server.sandbox.requests[-1]
    assert (seen.method, seen.path, seen.status) == ("GET", "/api/v1/Brand?maxSize=1", 200)
