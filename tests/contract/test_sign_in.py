import base64

import pytest

from tests.contract.calling import serving


def shown(name, secret):
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


def secret_of(token):
    return base64.b64decode(token).decode().partition(":")[2]


def test_a_password_gives_a_new_token_each_time(server):
    first, second = server.sign_in().body, server.sign_in().body
    assert first["authorizationToken"] != second["authorizationToken"]
    assert secret_of(first["authorizationToken"]).isalnum()


def test_without_token_only_the_whole_session_comes(server):
    body = server.sign_in(**{"Authorization-Token-Only": "no"}).body
    assert {"user", "acl", "preferences", "settings", "appParams", "authorizationToken"} <= body.keys()
    assert body["user"]["userName"] == "admin"


def test_a_wrong_password_is_401_without_a_reason(servers):
    reply = servers["2.1"].sign_in(password="wrong")
    assert (reply.status, reply.body, reply.reason) == (401, "", None)
    assert servers["2.3"].sign_in(password="wrong").body == "Unauthorized"


def test_no_credentials_ask_for_some_unless_a_script_asks(server):
    reply = server.ask("GET", "/Brand", signed=False)
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == 'Basic realm=""'
    quiet = server.ask("GET", "/Brand", signed=False, headers={"X-Requested-With": "XMLHttpRequest"})
    assert "www-authenticate" not in quiet.headers


def test_a_password_works_only_for_signing_in(server):
    reply = server.ask(
        "GET", "/Brand", signed=False, headers={"Authorization": f"Basic {shown('admin', 'admin')}"}
    )
    assert reply.status == 401


def test_a_token_works_as_basic_and_under_any_name(server):
    secret = secret_of(server.token)
    basic = {"Authorization": f"Basic {shown('admin', secret)}"}
    assert server.ask("GET", "/Brand", signed=False, headers=basic).status == 200
    other = {"Authorization-Token": shown("somebody", secret)}
    assert server.ask("GET", "/Brand", signed=False, headers=other).status == 200


@pytest.mark.parametrize("header", ["Bearer abc", "Basic !!!", "Basic YWRtaW4="])
def test_other_ways_to_sign_are_401(v2_1, header):
    assert v2_1.ask("GET", "/Brand", signed=False, headers={"Authorization": header}).status == 401


def test_a_destroyed_token_is_401(v2_1):
    token = v2_1.sign_in().body["authorizationToken"]
    assert v2_1.ask("POST", "/App/action/destroyAuthToken", {"token": secret_of(token)}).body is True
    reply = v2_1.ask("GET", "/Brand", signed=False, headers={"Authorization-Token": token})
    assert reply.status == 401
    assert v2_1.ask("POST", "/App/action/destroyAuthToken", {"token": secret_of(token)}).body is False


def test_the_twelfth_failure_within_a_minute_locks_sign_ins_but_not_tokens():
    now = [1_700_000_000.0]
    with serving("2.1", clock=lambda: now[0]) as server:
        statuses = [server.sign_in(password=f"wrong{number}").status for number in range(12)]
        assert statuses == [401] * 11 + [403]
        assert server.sign_in().status == 403
        assert server.listed("Brand").status == 200
        now[0] += 61
        assert server.sign_in().status == 200


def test_a_token_outlives_its_lifetime_until_the_cron_notices():
    now = [1_700_000_000.0]
    with serving("2.2", clock=lambda: now[0]) as server:
        short = server.sign_in(**{"Authorization-Token-Lifetime": "1"}).body["authorizationToken"]
        now[0] += 2 * 3600
        use = {"signed": False, "headers": {"Authorization-Token": short}}
        assert server.ask("GET", "/Brand", **use).status == 200
        server.sandbox.cron()
        assert server.ask("GET", "/Brand", **use).status == 401
        assert server.listed("Brand").status == 200
