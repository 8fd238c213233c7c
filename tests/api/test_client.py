"""The calls of the client, over HTTP against a server of our own that answers what each test says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import orjson
import pytest
from aiohttp import web

from etl import errors
from etl.api import Answer, ItemAnswer, ItemKind, Page, Target, connect, wire
from etl.api.where import equals
from etl.api.wire import FLATTENED
from etl.model import Limits
from tests.api.clock import Clock
from tests.api.stub import PASSWORD, USER, Stub, json, serving, text


@asynccontextmanager
async def signed_in(answer, *, clock=None, limits=None, **stub):
    server = Stub(answer)
    for name, value in stub.items():
        setattr(server, name, value)
    retry = (clock or Clock()).retry()
    async with (
        serving(server),
        connect(server.url, username=USER, password=PASSWORD, retry=retry, limits=limits) as client,
    ):
        server.seen.clear()
        yield client, server


def one_after_the_other(*answers):
    """The answers in their order, the last one for ever."""
    left = list(answers)

    async def answer(_request):
        return left.pop(0)() if len(left) > 1 else left[0]()

    return answer


def parameters(request):
    return parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True)


async def test_a_list_asks_in_brackets_and_returns_records():
    async with signed_in(one_after_the_other(lambda: json({"total": 1, "list": [{"id": "a"}]}))) as (
        client,
        server,
    ):
        page = await client.list("Product", select=("name",), where=[equals("number", "Ä 1&2")], max_size=5)
        assert page == Page(1, [{"id": "a"}])
        assert server.seen[0].raw_path == (
            "/api/v1/Product?select=name&maxSize=5&where[0][type]=equals&where[0][attribute]=number"
            "&where[0][value]=%C3%84%201%262"
        )


async def test_reads_are_repeated_until_they_are_answered():
    clock = Clock()
    answer = one_after_the_other(
        lambda: text("", 503, **{"Retry-After": "7"}),
        lambda: text("<html>gateway</html>", 502),
        lambda: web.Response(body=b'{"total": 1, "li', content_type="application/json"),
        lambda: json({"total": 0, "list": []}),
    )
    async with signed_in(answer, clock=clock) as (client, server):
        before = client.requests
        await client.list("Product")
        assert client.requests - before == len(server.seen) == 4
        assert client.retries == 3
        assert clock.pauses == [7.0, 1.0, 2.0]


async def test_a_read_that_the_database_refuses_is_not_repeated():
    answer = one_after_the_other(
        lambda: text("SQLSTATE[42P01]: no such table", 200, **{"X-Status-Reason": "^"})
    )
    async with signed_in(answer) as (client, server):
        with pytest.raises(errors.DatabaseRefused, match="no such table"):
            await client.list("Product")
        assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_writes_are_sent_once_whatever_comes_back(status):
    async with signed_in(one_after_the_other(lambda: text("", status, **{"Retry-After": "9"}))) as (
        client,
        server,
    ):
        with pytest.raises(errors.ServerFailed) as caught:
            await client.upsert(b"[]", count=0)
        assert caught.value.retry_after_s == 9.0
        for call in (
            client.create("Product", {}),
            client.patch("Product", "a", payload={}),
            client.delete("Product", "a"),
        ):
            with pytest.raises(errors.ServerFailed):
                await call
        assert len(server.seen) == 4


async def test_a_bulk_upsert_sends_its_bytes_and_returns_outcomes_in_order():
    body = orjson.dumps([{"entity": "Brand", "payload": {"id": "b1"}}])

    async def answer(request):
        assert request.headers["Content-Type"] == "application/json"
        assert await request.read() == body
        return json([{"status": "NotModified", "stored": True}])

    async with signed_in(answer) as (client, server):
        assert await client.upsert(body, count=1) == [ItemAnswer(ItemKind.UNCHANGED)]
        assert (server.seen[0].method, server.seen[0].path) == ("POST", "/api/v1/MassActions/action/upsert")


async def test_a_bulk_upsert_with_attribute_values_says_so_in_its_header():
    body = orjson.dumps([{"entity": "Brand", "payload": {"id": "b1"}}])

    async def answer(request):
        assert request.headers["Content-Type"] == "application/json"
        assert await request.read() == body
        return json([{"status": "NotModified", "stored": True}])

    async with signed_in(answer) as (client, server):
        assert await client.upsert(body, count=1, headers=FLATTENED) == [ItemAnswer(ItemKind.UNCHANGED)]
        assert server.seen[0].headers["Flatten-Attributes"] == "true"


async def test_a_bulk_upsert_of_2_3_goes_to_its_own_path():
    async with signed_in(one_after_the_other(lambda: json([])), base="/api", sign_in="userSession") as (
        client,
        server,
    ):
        await client.upsert(b"[]", count=0)
        assert server.seen[0].path == "/api/upsert"


async def test_an_answer_with_too_few_outcomes_is_unusable():
    async with signed_in(one_after_the_other(lambda: json([]))) as (client, _server):
        with pytest.raises(errors.AnswerUnusable, match="0 outcomes for 3 records") as caught:
            await client.upsert(b"[{},{},{}]", count=3)
        assert caught.value.may_be_done


async def test_a_cut_connection_is_no_answer():
    async def cut(request):
        request.transport.close()
        return json({})

    async with signed_in(cut) as (client, server):
        with pytest.raises(errors.NoAnswer) as caught:
            await client.upsert(b"[]", count=0)
        assert caught.value.may_be_done
        assert len(server.seen) == 1


async def test_an_answer_that_breaks_off_is_no_answer():
    async def broken(request):
        response = web.StreamResponse(headers={"Content-Length": "100", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"[")
        request.transport.close()
        return response

    async with signed_in(broken) as (client, _server):
        with pytest.raises(errors.NoAnswer):
            await client.upsert(b"[]", count=0)


async def test_every_wait_has_an_end():
    done = asyncio.Event()

    async def hang(_request):
        await done.wait()
        return json([])

    async with signed_in(hang) as (client, _server):
        client.limits = Limits(request_timeout_s=0.2)
        with pytest.raises(errors.NoAnswer, match=r"no answer within 0\.2 s") as caught:
            await client.upsert(b"[]", count=0)
        assert caught.value.may_be_done
        done.set()


async def test_a_server_that_is_not_reached_has_done_nothing():
    async with signed_in(one_after_the_other(lambda: json([]))) as (client, server):
        client._door._exchange = client._exchange
        object.__setattr__(client.target, "url", "http://127.0.0.1:1")
        with pytest.raises(errors.NotReached) as caught:
            await client.upsert(b"[]", count=0)
        assert not caught.value.may_be_done
        assert server.seen == []


async def test_a_redirect_takes_no_token_along():
    async with signed_in(
        one_after_the_other(lambda: text("", 307, Location="https://elsewhere.example/steal"))
    ) as (client, server):
        with pytest.raises(errors.Refused, match="redirect"):
            await client.list("Product")
        assert len(server.seen) == 1


async def test_a_missing_record_is_none_and_a_missing_entity_is_refused():
    async def answer(request):
        reason = "no controller" if "Nothing" in request.path else ""
        return text(reason, 404, **{"X-Status-Reason": reason})

    async with signed_in(answer) as (client, _server):
        assert await client.get("Product", "a01") is None
        assert await client.delete("Product", "a01") is False
        with pytest.raises(errors.Refused):
            await client.get("Nothing", "a01")
        with pytest.raises(errors.Refused):
            await client.patch("Product", "a01", payload={"name": "x"})


async def test_a_patch_that_changes_nothing_is_none():
    async with signed_in(one_after_the_other(lambda: web.Response(status=304))) as (client, server):
        assert await client.patch("Product", "a/b", payload={"name": "x"}) is None
        assert server.seen[0].method == "PATCH"
        assert server.seen[0].raw_path == "/api/v1/Product/a%2Fb"


async def test_a_delete_says_whether_there_was_something():
    async with signed_in(one_after_the_other(lambda: json(True))) as (client, _server):  # noqa: FBT003  its answer
        assert await client.delete("Product", "a01") is True


async def test_a_total_is_asked_for_without_records():
    async with signed_in(one_after_the_other(lambda: json({"total": 42}))) as (client, server):
        assert await client.total("Product") == 42
        assert dict(parameters(server.seen[0])) == {"select": "id", "maxSize": "1", "totalOnly": "true"}


def keyset(ids):
    """A server that holds these ids and pages by them."""

    async def answer(request):
        asked = dict(parameters(request))
        after = asked.get("where[0][value]", "")
        rest = sorted(one for one in ids if one > after)
        return json({"total": len(rest), "list": [{"id": one} for one in rest[: int(asked["maxSize"])]]})

    return answer


@pytest.mark.parametrize(("records", "requests"), [(0, 1), (4, 1), (5, 1), (6, 2), (23, 5)])
async def test_pages_go_on_by_the_last_id(records, requests):
    ids = [f"a{n:03}" for n in range(records)]
    async with signed_in(keyset(ids)) as (client, server):
        pages = [page async for page in client.pages("Product", select=("name",), page_records=5)]
        assert [record["id"] for page in pages for record in page.records] == ids
        assert len(server.seen) == requests
        assert dict(parameters(server.seen[0]))["select"] == "name,id"


async def test_pages_that_do_not_go_on_are_an_error_and_no_endless_loop():
    async with signed_in(one_after_the_other(lambda: json({"total": 9, "list": [{"id": "a"}]}))) as (
        client,
        _,
    ):
        with pytest.raises(errors.AnswerUnusable):
            [page async for page in client.pages("Product", page_records=1)]


async def test_a_big_look_up_finds_every_key_once_in_few_short_requests():
    under_way = most = 0

    async def answer(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(50):
            await asyncio.sleep(0)
        under_way -= 1
        asked = [value for name, value in parameters(request) if name == "where[0][value][]"]
        return json({"total": len(asked), "list": [{"id": f"id-{one}", "number": one} for one in asked]})

    keys = [f"Schrauben-größe {n:05} / ⌀{n % 12}" for n in range(2000)]
    async with signed_in(answer) as (client, server):
        records = await client.look_up("Product", "number", values=[*keys, *keys[:50]], select=("number",))
        assert sorted(record["number"] for record in records) == sorted(keys)
        assert all(len(server.url) + len(request.raw_path) <= 6000 for request in server.seen)
        assert len(server.seen) < 40
        assert 1 < most <= Limits().in_flight


async def test_a_look_up_reads_on_where_a_key_has_very_many_records():
    async def answer(request):
        offset = int(dict(parameters(request)).get("offset", "0"))
        records = [{"id": f"a{n:05}"} for n in range(2500)][offset : offset + 1000]
        return json({"total": 2500, "list": records})

    async with signed_in(answer) as (client, server):
        records = await client.look_up("Product", "number", values=["x"], select=("id",))
        assert len({record["id"] for record in records}) == 2500
        assert len(server.seen) == 3


async def test_a_look_up_of_nothing_asks_nothing():
    async with signed_in(one_after_the_other(lambda: json([]))) as (client, server):
        assert await client.look_up("Product", "number", values=[], select=("id",)) == []
        assert server.seen == []


async def test_a_look_up_fails_as_its_request_did():
    async with signed_in(one_after_the_other(lambda: text("bad field", 400))) as (client, _server):
        with pytest.raises(errors.Refused, match="bad field"):
            await client.look_up("Product", "number", values=[str(n) for n in range(300)], select=("id",))


async def test_metadata_tells_the_generation_where_the_server_does_not():
    answer = one_after_the_other(lambda: json({"entityDefs": {"QueueItem": {}}, "scopes": {}}))
    async with signed_in(answer) as (client, _server):
        await client.metadata()
        assert client.generation.name == "1.10"


async def test_no_secret_is_in_what_a_client_shows():
    async with signed_in(one_after_the_other(lambda: text("", 500))) as (client, _server):
        with pytest.raises(errors.ServerFailed) as caught:
            await client.upsert(b"[]", count=0)
        shown = "".join(map(repr, (client, client.target, client.token, client.session, caught.value)))
        assert PASSWORD not in shown
        assert "token-1" not in shown


async def test_a_client_outside_of_its_block_says_so():
    async with signed_in(one_after_the_other(lambda: json([]))) as (client, _server):
        pass
    client._transport._http = None
    with pytest.raises(RuntimeError):
        await client.list("Product")


async def test_a_body_of_megabytes_arrives_as_it_is():
    body = b"[" + b" " * 3_000_000 + b"]"

    async def answer(request):
        assert await request.read() == body
        assert request.headers["Content-Type"] == "application/json"
        assert "Content-Disposition" not in request.headers
        return json([])

    async with signed_in(answer) as (client, _server):
        assert await client.upsert(body, count=0) == []


async def test_a_retry_after_that_is_a_date_is_not_waited_for(answers):
    door = "https://pim.example/api/v1/App/user"
    answers.get(door, status=503, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})
    answers.get(door, payload={"user": {"userName": USER}})
    clock = Clock()
    async with connect("https://pim.example", token="t", retry=clock.retry()) as client:
        assert client.user == USER
    assert clock.pauses == [0.5]


async def test_a_record_that_only_has_the_id_as_its_code_is_none():
    async with signed_in(one_after_the_other(lambda: json({"id": "b2", "code": "b1"}))) as (client, _server):
        assert await client.get("Brand", "b1") is None
        assert await client.get("Brand", "b2") == {"id": "b2", "code": "b1"}


def test_requests_answers_and_targets_show_no_bodies_and_no_passwords():
    request = wire.sign_out("ZXRsOnNlY3JldC10b2tlbg==")
    assert request.body == b'{"token":"secret-token"}'
    answer = Answer(200, "application/json", b'{"authorizationToken": "secret-token"}')
    target = Target("https://pim.example", proxy="http://me:secret-token@proxy.example")
    assert "secret-token" not in f"{request!r}{request}{answer!r}{target!r}"
