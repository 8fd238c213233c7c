"""Getting in, staying in, and saying why not. Against a server of our own over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from etl import errors
from etl.api import Secret, Target, connect
from etl.api.auth import LOCK_S, RENEWALS, Token
from tests.api.clock import Clock
from tests.api.stub import PASSWORD, USER, Stub, json, serving, text


async def nothing(_request):
    return json({"total": 0, "list": []})


async def test_a_password_becomes_a_token_and_the_server_tells_who_we_are():
    async with serving(Stub(nothing)) as server:
        async with connect(f"{server.url}/api/v1/", username=USER, password=PASSWORD) as client:
            assert client.user == USER
            assert client.url == server.url
            assert client.session.is_admin
            assert client.token == Secret("token-1")
            assert client.requests == 2
        first, second = server.seen
        assert first.headers["Authorization-Token-Lifetime"] == "0"
        assert first.headers["Authorization-Token-Only"] == "true"
        assert "Authorization" not in second.headers
        assert second.headers["Authorization-Token"] == "token-1"


async def test_a_token_that_works_needs_no_password():
    async with serving(Stub(nothing)) as server:
        async with connect(server.url, token="token-1") as client:
            assert client.requests == 1
        assert server.sign_ins == 0


async def test_an_old_token_is_renewed_with_the_password():
    async with serving(Stub(nothing)) as server:
        target = Target(server.url, USER, password=Secret(PASSWORD), token=Secret("token-0"))
        async with connect(target) as client:
            assert client.token == Secret("token-1")
        assert server.sign_ins == 1


@pytest.mark.parametrize("base", ["/api/v1", "/api"])
async def test_the_path_of_the_api_is_found_out(base):
    server = Stub(nothing)
    server.base, server.sign_in = base, "userSession" if base == "/api" else "App/user"
    async with serving(server), connect(server.url, username=USER, password=PASSWORD) as client:
        assert client.generation.base == base
        await client.list("Product")
        assert server.seen[-1].path == f"{base}/Product"


async def test_a_wrong_password_is_tried_once_and_named():
    async with serving(Stub(nothing)) as server:
        with pytest.raises(errors.SignInRefused, match="password was refused") as caught:
            async with connect(server.url, username=USER, password="wrong-one"):
                pass
        assert server.refused_sign_ins == 1
        assert "wrong-one" not in str(caught.value) + repr(caught.value)


async def test_a_wrong_token_without_a_password_is_named():
    async with serving(Stub(nothing)) as server:
        with pytest.raises(errors.SignInRefused, match="token was refused"):
            async with connect(server.url, token="token-9"):
                pass


@pytest.mark.parametrize("given", [{}, {"username": USER}, {"password": PASSWORD}])
async def test_nothing_to_sign_in_with_is_told_before_anything_is_sent(given):
    with pytest.raises(errors.ConfigurationInvalid, match="with what to sign in at pim"):
        async with connect("https://pim.example", **given):
            pass


async def test_a_lockout_is_told_from_a_wrong_password():
    class Locked(Stub):
        async def handle(self, _request):
            return text("", 403, **{"X-Status-Reason": "Too often."})

    async with serving(Locked(nothing)) as server:
        with pytest.raises(errors.SignInLocked, match="Wait a minute"):
            async with connect(server.url, username=USER, password=PASSWORD):
                pass


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: text("<html>It works!</html>", 200), "200, with text/html instead of JSON"),
        (lambda: text("<html>nothing here</html>", 404), "404"),
        (lambda: json({"hello": "world"}), "200, without an authorization token"),
        (
            lambda: text("", 301, Location="https://other.example/login?next=secret"),
            "redirect to https://other.example/login",
        ),
    ],
)
async def test_another_server_is_not_taken_for_atrocore(answer, said):
    class Other(Stub):
        async def handle(self, _request):
            return answer()

    clock = Clock()
    async with serving(Other(nothing)) as server:
        with pytest.raises(errors.NotAtroCore) as caught:
            async with connect(server.url, username=USER, password=PASSWORD, retry=clock.retry()):
                pass
    assert said in str(caught.value)
    assert "next=secret" not in str(caught.value)
    assert clock.pauses == []


async def test_a_server_that_fails_is_unreachable_after_three_tries():
    class Broken(Stub):
        async def handle(self, _request):
            self.seen.append(_request)
            return text("", 503)

    clock = Clock()
    async with serving(Broken(nothing)) as server:
        with pytest.raises(errors.ServerUnreachable, match="503"):
            async with connect(server.url, username=USER, password=PASSWORD, retry=clock.retry()):
                pass
        assert len(server.seen) == 3


async def test_a_closed_port_is_unreachable():
    async with serving(Stub(nothing)) as server:
        url = server.url
    clock = Clock()
    with pytest.raises(errors.ServerUnreachable, match="connection was refused"):
        async with connect(url, username=USER, password=PASSWORD, retry=clock.retry()):
            pass


async def test_a_token_that_dies_is_renewed_once_for_all_requests():
    async with (
        serving(Stub(nothing)) as server,
        connect(server.url, username=USER, password=PASSWORD) as client,
    ):
        server.valid = "token-2"
        pages = await asyncio.gather(*(client.list("Product") for _ in range(30)))
        assert len(pages) == 30
        assert server.sign_ins == 2


async def test_a_renewal_that_is_refused_is_not_tried_again():
    async with (
        serving(Stub(nothing)) as server,
        connect(server.url, username=USER, password=PASSWORD) as client,
    ):
        server.valid = "token-2"
        client._door.target = Target(server.url, USER, password=Secret("changed"))
        outcomes = await asyncio.gather(*(client.list("Product") for _ in range(30)), return_exceptions=True)
        assert all(isinstance(outcome, errors.SignInRefused) for outcome in outcomes)
        with pytest.raises(errors.SignInRefused):
            await client.upsert(b"[]", count=0)
        assert server.refused_sign_ins == 1


async def test_a_lockout_in_the_middle_of_a_run_is_waited_for():
    class Locking(Stub):
        is_locked = False

        async def handle(self, request):
            if self.is_locked and "Authorization" in request.headers:
                self.is_locked = False
                return text("", 403)
            return await super().handle(request)

    clock = Clock()
    async with (
        serving(Locking(nothing)) as server,
        connect(server.url, username=USER, password=PASSWORD, retry=clock.retry()) as client,
    ):
        server.is_locked, server.valid = True, "token-2"
        assert (await client.list("Product")).total == 0
        assert clock.pauses == [LOCK_S]


async def test_a_locked_address_is_left_alone_until_the_lock_is_over():
    clock, tries = Clock(), []

    async def locked():
        tries.append("locked")
        raise errors.SignInLocked("https://pim.example")

    async def works():
        tries.append("works")
        return Secret("token-2")

    token = Token(None, now=clock.now)
    for _ in range(5):
        with pytest.raises(errors.SignInLocked):
            await token.renewed(None, sign_in=locked)
    clock.time_s += LOCK_S
    assert await token.renewed(None, sign_in=works) == Secret("token-2")
    assert tries == ["locked", "works"]


async def test_new_tokens_that_are_refused_too_end_it():
    class Rejecting(Stub):
        async def handle(self, request):
            if "Authorization-Token" in request.headers and request.path.endswith("Product"):
                self.seen.append(request)
                return text("", 401)
            return await super().handle(request)

    async with serving(Rejecting(nothing)) as server:
        async with connect(server.url, username=USER, password=PASSWORD) as client:
            with pytest.raises(errors.SignInRefused):
                await client.list("Product")
        assert server.sign_ins == 1 + RENEWALS


async def test_logs_tell_of_sign_ins_and_hold_no_secret(caplog):
    caplog.set_level("DEBUG")
    async with serving(Stub(nothing)) as server:
        with pytest.raises(errors.SignInRefused):
            async with connect(server.url, username=USER, password="wrong-one"):
                pass
        async with connect(server.url, username=USER, password=PASSWORD) as client:
            server.valid = "token-2"
            await client.list("Product")
    assert [record.message for record in caplog.records if record.name == "etl.api.auth"] == ["signed in"] * 2
    written = "".join(str(record.__dict__) for record in caplog.records)
    assert not any(secret in written for secret in ("wrong-one", PASSWORD, "token-1", "token-2"))
